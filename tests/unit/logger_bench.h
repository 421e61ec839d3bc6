/* SPDX-License-Identifier: Apache-2.0 */
/* A spool with a real kukeon-log at it, and what a container would print. */
#pragma once

#include <sys/types.h>

#include "core/logs/log_names.h"

struct bench {
	char dir[128], spool[160], state[160], logs[160];
	pid_t logger;
	const char *journal; /* its socket, NULL: the host's */
};

/* A run of a container: FIFOs that are held open, as a shim does. */
struct source {
	char entry[LOG_NAME_MAX_BYTES];
	struct log_conf conf;
	int fds[2];
};

int bench_setup(void **state);
int bench_teardown(void **state);

void bench_start(struct bench *b);
void bench_kill(struct bench *b, int signal); /* returns when it is gone */
int bench_stop(struct bench *b);              /* SIGTERM; what it ended with */

/* Makes FIFOs and .conf; @conf.dir is set when it is NULL. */
void source_open(struct bench *b, struct source *source, int number, uint64_t run);
void source_write_conf(struct bench *b, const struct source *source);
void source_print(struct source *source, int stream, const void *data, size_t len);
void source_end(struct bench *b, struct source *source); /* .done */
void source_close(struct source *source);

/* Waits until the file is there, or gone; fails after half a minute. */
void bench_wait_file(struct bench *b, const struct source *source, enum log_suffix suffix,
		     bool is_there);

/* All that is in the log of the run, oldest first. */
void source_read(const struct source *source, struct buf *ret);

/* The text of a stream, as it was printed; fails when a record is no record. */
void source_text(const struct source *source, int stream, struct buf *ret);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kukeond and kukeon-log agree on: a directory, the spool, is the whole protocol between them,
 * so that each may be killed at any moment.
 *
 * The spool is <runPath>/.log (0700). A run of a container, which is one task of it, is an entry
 * named <namespace>+<containerd id>+<run>:
 *   - <entry>.out, <entry>.err: FIFOs (0600) that the task writes to; with a terminal only .out.
 *   - <entry>.conf: struct log_conf, put there by rename and last: whoever sees it finds the FIFOs.
 *     One that is written anew is read anew.
 *   - <entry>.done: .conf under another name, for the task is gone. kukeon-log writes what is still
 *     in the FIFOs, and unlinks all of the entry, .done last.
 *   - <entry>.stat: struct log_stat, by rename: lines were dropped.
 * FIFOs without .conf or .done are of a task that is about to be, and left alone: whoever made them
 * takes them away.
 *
 * Whether kukeon-log still reads is asked by whoever wants to know: it writes a token into .ping
 * (or renames a file to it), and finds the same token in .pulse, which is put there by rename, at
 * once. When to ask, so that nobody wakes while nothing is written: drivers/logs/fifo_watch.h; not
 * every kernel makes a write to a FIFO an event of its directory. kukeon-log holds a lock on .lock,
 * where its pid stands.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"

enum {
	LOG_CONF_MAX_BYTES = 8 * 1024,
	LOG_NAME_MAX_BYTES = 256, /* of a file in the spool, with its NUL */
	LOG_PART_MAX_BYTES =
		16 * 1024, /* text of a line of a log file; what is longer is in parts */
	LOG_FILES_MAX = 1000,
	LOG_DEFAULT_FILES = 3,
};
#define LOG_DEFAULT_BYTES (10LL * 1024 * 1024)
#define LOG_MIN_BYTES (64LL * 1024) /* a rotated file holds some lines at least */

#define LOG_SPOOL_NAME ".log" /* below the run path */
#define LOG_PING_NAME ".ping"
#define LOG_PULSE_NAME ".pulse"
#define LOG_LOCK_NAME ".lock"

enum log_driver { LOG_DRIVER_FILE, LOG_DRIVER_JOURNALD };

/* What a file of the spool is, by the end of its name. */
enum log_suffix {
	LOG_SPOOL_OUT,
	LOG_SPOOL_ERR,
	LOG_SPOOL_CONF,
	LOG_SPOOL_DONE,
	LOG_SPOOL_STAT,
	LOG_SPOOL_N
};

/* Where the lines of an entry go. Lines "key=value" on disk; unknown keys are passed over. */
struct log_conf {
	char *dir; /* of the log files: absolute,
		      <logDir>/<realm>/<space>/<stack>/<cell>/<container> */
	uint64_t run;
	enum log_driver driver;
	int64_t max_bytes; /* of one file */
	uint32_t max_files;
	bool compress; /* the old ones */
	/* Fields of a line in the journal; NULL or none is not said. */
	char *realm, *space, *stack, *cell, *container;
};

struct log_stat {
	uint64_t dropped_lines, dropped_bytes;
};

void log_conf_fini(struct log_conf *conf);

/* A zeroed @ret receives all, with defaults for what is not said; -EINVAL: @text is none, and @ret
 * is to be freed all the same. Bounds are clamped, not refused. */
int log_conf_parse(const char *text, size_t len, struct log_conf *ret, struct error *err);

/* The same back. A value with a line break or NUL in it is not written. */
void log_conf_format(const struct log_conf *conf, struct buf *ret);

/* "file", "journald"; false: another word. */
bool log_driver_parse(const char *word, enum log_driver *ret);
const char *log_driver_name(enum log_driver driver);

void log_stat_format(const struct log_stat *stat, struct buf *ret);
void log_stat_parse(const char *text, size_t len, struct log_stat *ret);

/* <namespace>+<id>+<run>; false: it does not fit, or a name has a character that none may have. */
bool log_entry_format(const char *namespace, const char *id, uint64_t run,
		      char ret[LOG_NAME_MAX_BYTES]);

/* The parts of an entry's name; @ret_namespace and @ret_id, of LOG_NAME_MAX_BYTES each, and
 * @ret_run may be NULL. */
bool log_entry_parse(const char *entry, char *ret_namespace, char *ret_id, uint64_t *ret_run);

/* <entry>.<suffix>; false: too long. */
bool log_spool_format(const char *entry, enum log_suffix suffix, char ret[LOG_NAME_MAX_BYTES]);

/* What a file of the spool is; false: nothing of an entry's. */
bool log_spool_parse(const char *name, char ret_entry[LOG_NAME_MAX_BYTES],
		     enum log_suffix *ret_suffix);

/* <dir>/<run>.log, or the @old-th of the old ones: <run>.log.1 is the newest. Free with free(). */
char *log_file_path(const char *dir, uint64_t run, unsigned int old, bool compressed);

/* The same the other way round: whether @name is a log file, of which run, which of them (0: the
 * one that is written), and whether it is compressed. */
bool log_file_parse(const char *name, uint64_t *ret_run, unsigned int *ret_old,
		    bool *ret_compressed);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads logs in a process of its own, which packs the lines into messages and writes these into a
 * pipe. A directory that does not answer holds that process and nothing else; who takes nothing
 * lets the pipe fill, and the process waits; and it is killed when nobody listens any more.
 */
#pragma once

#include "core/logread/log_read.h"
#include "core/loop/loop.h"

enum {
	LOG_FRAME_MAX = 512 * 1024, /* bytes of one message */
	/* For the directory of the logs to answer, and to go on when not all has been read. */
	LOG_SILENCE_MS = 10000,
};

struct log_feed {
	/* set by the owner, and stay while it is open */
	struct loop *loop;
	struct log_query query;
	const char *const *dirs;
	const char *const *names; /* of the containers, for the messages */
	size_t n_dirs;
	/* @data: a packed LogLines, gone when this returns. False: no more until
	 * log_feed_resume(). */
	bool (*on_lines)(struct log_feed *feed, const uint8_t *data, size_t len);
	/* Once, unless it was closed before. NULL: all has been read. */
	void (*on_end)(struct log_feed *feed, const struct error *err);

	struct {
		pid_t pid;
		int pidfd, fd;
		uv_poll_t out, gone;
		unsigned n_handles;
		struct timer silence;
		char *data;
		size_t len;
		bool paused, heard, ended, closing;
		void (*closed)(struct log_feed *feed);
	} own;
};

/* 0 or -errno, and then nothing has to be closed. */
int log_feed_open(struct log_feed *feed, struct error *err);
void log_feed_resume(struct log_feed *feed);

/* Kills the process; @closed runs once, later. One that cannot end is left behind. */
void log_feed_close(struct log_feed *feed, void (*closed)(struct log_feed *feed));

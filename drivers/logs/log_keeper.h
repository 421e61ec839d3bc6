/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps kukeon-log running, without which what containers print stays in their FIFOs, and they
 * stand still when those are full.
 *
 * Whoever holds the lock of the spool reads it, whatever started it: its end is seen by a pidfd,
 * and one is started in its place. Killing it at any moment loses nothing, so one that does not
 * answer is killed too. It is asked only while something is written: the first write after a
 * question was answered leads to the next one, some seconds later. While nothing is written nothing
 * wakes us.
 *
 * It outlives the daemon: cells go on printing.
 */
#pragma once

#include "core/loop/inotify.h"
#include "core/loop/loop.h"

struct log_keeper;

struct log_keeper_options {
	const char *program; /* of kukeon-log */
	const char *spool;
	const char *state;  /* its directory on a tmpfs */
	const char *group;  /* of log files; NULL: the spool's */
	const char *cgroup; /* directory of a cgroup of its own; NULL: none */
	/* How long somebody else (systemd) may take to start it before we do. */
	uint64_t patience_ms;
};

/* The strings are copied. */
void log_keeper_open(struct log_keeper **ret_keeper, struct loop *loop,
		     const struct log_keeper_options *options);

/* kukeon-log goes on. The memory is gone when @closed runs. */
void log_keeper_close(struct log_keeper *keeper, void (*closed)(void *ctx), void *ctx);

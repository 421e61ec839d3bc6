/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes to a command while its output comes: standard input, signals, the size of the terminal,
 * each as soon as the message before has left. On a thread of its own.
 */
#pragma once

#include <signal.h>

#include "cli/client/client_exec.h"

struct exec_feeder {
	struct rpc_feed *feed;
	bool input, tty;
	int signal_fd;
	volatile sig_atomic_t ended_by; /* the signal that made it give up; 0: none */
};

/* Blocks the signals that go to the command, or end it: before any other thread is there. */
struct exec_feeder *exec_feeder_new(bool input, bool tty);

/* It goes on until the stream ends, and keeps @feeder for ever. */
void exec_feeder_start(struct exec_feeder *feeder);

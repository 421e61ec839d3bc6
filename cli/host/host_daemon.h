/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting the daemon from kuke. Where systemd runs the host and has kukeond's units, these; else
 * the program itself, detached from kuke and its terminal, with its messages in
 * <run-path>/kukeond.log.
 */
#pragma once

#include "core/config/options.h"

/*
 * Returns when it can be connected to. @settings: what the command line gave, handed on.
 * @ret_started: false when it ran already. A daemon that ends at once is a failure with its last
 * words.
 */
int host_daemon_start(const struct options *settings, const Api__Config *config, bool *ret_started,
		      struct error *err);

/* The same for a verb that has no settings and found nobody on @socket. */
int host_daemon_start_at(const char *socket, struct error *err);

/* Whether somebody listens on the daemon's socket: kukeond, or the service manager for it. */
bool host_daemon_reachable(const char *socket);

/* Ends what starts it by itself: the units, where they are. */
int host_daemon_disable(const struct options *settings, const Api__Config *config,
			struct error *err);

/* Waits for the end of a process; false when it still runs then. */
bool host_daemon_wait_end(int pid, unsigned limit_ms);

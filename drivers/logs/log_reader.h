/* SPDX-License-Identifier: Apache-2.0 */
/* Starting kukeon-log, and asking it. Private to log_keeper.c; everything here blocks. */
#pragma once

#include <sys/types.h>

#include "core/base/error.h"
#include "drivers/logs/log_keeper.h"

/* Whoever the strings belong to keeps them. In a session and cgroup of its own. */
int log_reader_start(const struct log_keeper_options *options, pid_t *ret_pid, struct error *err);

/* Puts @token where kukeon-log answers it. */
int log_reader_ask(const char *spool, const char *token, struct error *err);

/* Whether it has answered that. */
bool log_reader_answered(const char *spool, const char *token);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The external acts of kukeond_faults: their numbers, their log, and what is made to happen to
 * them.
 *
 * Every act has a number, from 1 on in the order in which they begin.
 *	KUKEON_FAULT=kill-before:<n>	the process dies by SIGKILL instead of act n
 *	KUKEON_FAULT=kill-after:<n>	it dies when act n is done, before anything learns of it
 *	KUKEON_FAULT=kill-during:<n>	it dies while act n, a call to containerd, is under way
 *	KUKEON_FAULT=fail:<n>:<errno>	act n is not done and fails so
 *	KUKEON_FAULT=random:<seed>:<per thousand>	each act fails with that chance: with an
 *					error that it can have, and where that can be (calls to
 *					containerd, plugins) half of the times with its effect
 *	KUKEON_FAULT_LOG=<file>		what was done; appended to, also by the next daemon:
 *		<pid> daemon			it begins; what had not ended has died
 *		<pid> <n> begin <what> [detail...]
 *		<pid> <n> end <ok|errno|exit:code> [what was seen...]
 *		hand <kind> <id>		written by others: they are about to change it
 */
#pragma once

#include "core/base/buf.h"

struct fault {
	unsigned long n;
	int code;   /* a positive errno: fail so. 0: do it */
	bool after; /* fail so, but do it first */
};

/* @codes: what it can fail with, ends with 0. @can_lose: it may be done and fail all the same. */
struct fault fault_begin(const char *what, const char *detail, const int *codes, bool can_lose);

/* @code: a positive errno, or 0; errno stays as it is. */
void fault_end(const struct fault *fault, int code, const char *seen);
void fault_end_exit(const struct fault *fault, int exit_code);

/* For an act that has just begun and ends later: the daemon dies meanwhile, if it is to. */
void fault_is_under_way(const struct fault *fault);

/* Whether the daemon is to die when this act is done; fault_end() sees to it by itself. */
bool fault_kills_after(const struct fault *fault);
void fault_die(void) __attribute__((noreturn));

int fault_log_fd(void);

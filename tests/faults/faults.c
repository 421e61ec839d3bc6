/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

enum kind {
	FAULT_NONE,
	FAULT_KILL_BEFORE,
	FAULT_KILL_DURING,
	FAULT_KILL_AFTER,
	FAULT_FAIL,
	FAULT_RANDOM
};

/* A call to containerd takes from 1 ms to some tens; which part of it is met differs by act. */
enum { DURING_MIN_US = 200, DURING_MAX_US = 8000, DURING_STRIDE_US = 1931 };

static struct {
	pthread_once_t once;
	pthread_mutex_t mutex;
	enum kind kind;
	unsigned long at, n;
	int code; /* a positive errno */
	uint64_t random;
	unsigned per_thousand;
	int log;
} faults = { .once = PTHREAD_ONCE_INIT, .mutex = PTHREAD_MUTEX_INITIALIZER, .log = -1 };

/* One write per line to a file that is appended to: a death loses nothing. */
static void write_line(struct buf *line)
{
	buf_add_str(line, "\n");
	if (faults.log >= 0 && write(faults.log, line->data, line->len) < 0)
		faults.log = -1;
}

static void read_fault(const char *text)
{
	static const char *const names[] = {
		[FAULT_KILL_BEFORE] = "kill-before", [FAULT_KILL_DURING] = "kill-during",
		[FAULT_KILL_AFTER] = "kill-after",   [FAULT_FAIL] = "fail",
		[FAULT_RANDOM] = "random",
	};
	char name[16];
	int second = 0;

	if (sscanf(text, "%15[^:]:%lu:%d", name, &faults.at, &second) < 2)
		return;
	for (size_t i = 1; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			faults.kind = (enum kind)i;
	faults.code = second;
	if (faults.kind != FAULT_RANDOM)
		return;
	faults.random = faults.at * 0x9e3779b97f4a7c15u + 1;
	faults.per_thousand = (unsigned)second;
	fprintf(stderr, "faults: seed %lu, %d of 1000 acts fail\n", faults.at, second);
}

static void read_environment(void)
{
	const char *text = getenv("KUKEON_FAULT"), *log = getenv("KUKEON_FAULT_LOG");
	AUTO_BUF struct buf line = { 0 };

	if (text)
		read_fault(text);
	if (log)
		faults.log = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	buf_printf(&line, "%d daemon", getpid());
	write_line(&line);
}

/* ---- chance: the same seed and the same order of acts, the same failures ---- */

static unsigned chance(unsigned n)
{
	faults.random ^= faults.random << 13;
	faults.random ^= faults.random >> 7;
	faults.random ^= faults.random << 17;
	return (unsigned)((faults.random >> 11) % n);
}

static void choose_failure(struct fault *fault, const int *codes, bool can_lose)
{
	unsigned n = 0;

	while (codes[n])
		n++;
	if (chance(1000) >= faults.per_thousand)
		return;
	fault->code = codes[chance(n)];
	fault->after = can_lose && chance(2);
}

/* ---- acts ---- */

struct fault fault_begin(const char *what, const char *detail, const int *codes, bool can_lose)
{
	AUTO_BUF struct buf line = { 0 };
	struct fault fault = { 0 };

	pthread_once(&faults.once, read_environment);
	pthread_mutex_lock(&faults.mutex);
	fault.n = ++faults.n;
	if (faults.kind == FAULT_RANDOM)
		choose_failure(&fault, codes, can_lose);
	buf_printf(&line, "%d %lu begin %s %s", getpid(), fault.n, what, detail ? detail : "");
	write_line(&line);
	pthread_mutex_unlock(&faults.mutex);
	if (fault.n == faults.at && faults.kind == FAULT_KILL_BEFORE)
		fault_die();
	if (fault.n == faults.at && faults.kind == FAULT_FAIL)
		fault.code = faults.code;
	return fault;
}

static void end(const struct fault *fault, const char *how, const char *seen)
{
	AUTO_BUF struct buf line = { 0 };
	int saved = errno;

	buf_printf(&line, "%d %lu end %s%s", getpid(), fault->n, how, seen ? seen : "");
	pthread_mutex_lock(&faults.mutex);
	write_line(&line);
	pthread_mutex_unlock(&faults.mutex);
	errno = saved;
}

void fault_end(const struct fault *fault, int code, const char *seen)
{
	if (fault_kills_after(fault))
		fault_die();
	end(fault, code ? strerrorname_np(code) : "ok", seen);
}

void fault_end_exit(const struct fault *fault, int exit_code)
{
	char how[32];

	snprintf(how, sizeof(how), "exit:%d", exit_code);
	end(fault, exit_code ? how : "ok", NULL);
}

static void *die_soon(void *arg UNUSED)
{
	usleep((useconds_t)(DURING_MIN_US +
			    faults.at * DURING_STRIDE_US % (DURING_MAX_US - DURING_MIN_US)));
	fault_die();
}

void fault_is_under_way(const struct fault *fault)
{
	pthread_t thread;

	if (fault->n == faults.at && faults.kind == FAULT_KILL_DURING)
		check(pthread_create(&thread, NULL, die_soon, NULL) == 0);
}

bool fault_kills_after(const struct fault *fault)
{
	return fault->n == faults.at && faults.kind == FAULT_KILL_AFTER;
}

void fault_die(void)
{
	raise(SIGKILL);
	abort();
}

int fault_log_fd(void)
{
	return faults.log;
}

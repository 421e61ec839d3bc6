/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench: the floor and the daemon turn by turn, then the daemon idle. Runs in a test host beside a
 * kukeond that is up; scripts/bench sees to both. Prints the tables in Markdown, and on standard
 * error where it is.
 */
#include "tests/bench/bench.h"

#include <err.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "tests/bench/crash.h"
#include "tests/bench/floor.h"
#include "tests/bench/report.h"
#include "tests/bench/subject.h"

enum {
	SETTLE_MS = 100, /* between two measures: shims, disk and plugins of the one before come to
			    rest */
	IDLE_SETTLE_MS = 3000, /* what is written behind a change has been written */
	FEW_CELLS = 10,
};

enum { UP_ONE, KILL_ROOT, KILL_SIDE, UP_MANY, MEASURE_COUNT };

/* Of UP_ONE; the plugins are the same ones for both. */
enum { PART_ADD, PART_WAITED, PART_COUNT };

struct bench {
	struct floor_options floor_options;
	struct subject_options subject_options;
	unsigned rounds, many_rounds, n_many, idle_seconds, crash_seconds;
	pid_t pid; /* of the daemon */
	struct floor *floor;
	struct subject *subject;
	struct part parts[PART_COUNT];
};

/* ---- what every part uses ---- */

void bench_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vwarnx(fmt, args);
	va_end(args);
	_exit(1); /* other threads are in the middle of something */
}

uint64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void bench_pause_ms(unsigned ms)
{
	const struct timespec pause = { .tv_sec = ms / 1000,
					.tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&pause, NULL);
}

pthread_t bench_thread(void *(*fn)(void *), void *ctx)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, fn, ctx);

	if (r)
		bench_fail("cannot start a thread: %s", strerror(r));
	return thread;
}

/* ---- rounds ---- */

static void note_parts(struct bench *bench)
{
	struct floor_network network = floor_network(bench->floor);

	samples_add(&bench->parts[PART_ADD].samples, network.add_ms);
	samples_add(&bench->parts[PART_WAITED].samples, network.waited_ms);
}

/* One cell comes up, loses its root, comes back and goes. */
static void round_of_one(struct bench *bench, struct comparison *comparisons)
{
	bench_pause_ms(SETTLE_MS);
	samples_add(&comparisons[UP_ONE].floor, floor_up(bench->floor, 1, 0));
	note_parts(bench);
	bench_pause_ms(SETTLE_MS);
	samples_add(&comparisons[KILL_ROOT].floor, floor_kill_root(bench->floor));
	floor_down(bench->floor);
	bench_pause_ms(SETTLE_MS);
	samples_add(&comparisons[UP_ONE].daemon, subject_drop(bench->subject, 0, 1, 0));
	bench_pause_ms(SETTLE_MS);
	samples_add(&comparisons[KILL_ROOT].daemon, subject_kill(bench->subject, true));
	subject_remove(bench->subject, 0, 1);
}

/* A cell of two containers loses the one that is not the root. */
static void round_of_two(struct bench *bench, struct comparison *comparisons)
{
	floor_up(bench->floor, 1, 1);
	bench_pause_ms(SETTLE_MS);
	samples_add(&comparisons[KILL_SIDE].floor, floor_kill_side(bench->floor));
	floor_down(bench->floor);
	subject_drop(bench->subject, 0, 1, 1);
	bench_pause_ms(SETTLE_MS);
	samples_add(&comparisons[KILL_SIDE].daemon, subject_kill(bench->subject, false));
	subject_remove(bench->subject, 0, 1);
}

static void round_of_many(struct bench *bench, struct comparison *comparisons)
{
	bench_pause_ms(SETTLE_MS);
	samples_add(&comparisons[UP_MANY].floor, floor_up(bench->floor, bench->n_many, 0));
	floor_down(bench->floor);
	bench_pause_ms(SETTLE_MS);
	samples_add(&comparisons[UP_MANY].daemon,
		    subject_drop(bench->subject, 0, bench->n_many, 0));
	subject_remove(bench->subject, 0, bench->n_many);
}

static void repeat(struct bench *bench, struct comparison *comparisons, unsigned n,
		   const char *what, void (*round)(struct bench *, struct comparison *))
{
	for (unsigned i = 0; i < n; i++) {
		fprintf(stderr, "%s: round %u of %u\n", what, i + 1, n);
		round(bench, comparisons);
	}
}

/* The first cell of both pays for what is made once: bridge, page cache, the daemon's look at the
 * image. */
static void warm_up(struct bench *bench)
{
	floor_up(bench->floor, 1, 0);
	floor_down(bench->floor);
	subject_drop(bench->subject, 0, 1, 0);
	subject_remove(bench->subject, 0, 1);
}

static void compare(struct bench *bench)
{
	AUTO_FREE char *many =
		xasprintf("%u cells dropped at once, to the last one Ready", bench->n_many);
	struct comparison *comparisons = xcalloc(MEASURE_COUNT, sizeof(*comparisons));

	comparisons[UP_ONE].what = "a cell dropped, to Ready";
	comparisons[UP_ONE].max_ratio = 1.3;
	comparisons[UP_ONE].max_share_ms = 15;
	comparisons[KILL_ROOT].what = "root container killed, to its successor running";
	comparisons[KILL_ROOT].max_ratio = 1.3;
	comparisons[KILL_SIDE].what = "other container killed, to its successor running";
	comparisons[KILL_SIDE].max_ratio = 1.3;
	comparisons[UP_MANY].what = many;
	warm_up(bench);
	repeat(bench, comparisons, bench->rounds, "one cell", round_of_one);
	repeat(bench, comparisons, bench->rounds, "two containers", round_of_two);
	repeat(bench, comparisons, bench->many_rounds, "many cells", round_of_many);
	report_comparisons(comparisons, MEASURE_COUNT);
	printf("\n");
	report_parts(comparisons[UP_ONE].what, &comparisons[UP_ONE].daemon, bench->parts,
		     PART_COUNT);
	free(comparisons);
}

static struct idle_row idle_with(struct bench *bench, unsigned n_cells, bool judged)
{
	fprintf(stderr, "idle with %u cells\n", n_cells);
	bench_pause_ms(IDLE_SETTLE_MS);
	return (struct idle_row){ n_cells, judged, idle_measure(bench->pid, bench->idle_seconds) };
}

static void idle(struct bench *bench)
{
	unsigned few = bench->n_many < FEW_CELLS ? 1 : FEW_CELLS;
	struct idle_row rows[3];

	rows[0] = idle_with(bench, 0, false);
	subject_drop(bench->subject, 0, few, 0);
	rows[1] = idle_with(bench, few, false);
	subject_drop(bench->subject, few, bench->n_many - few, 0);
	rows[2] = idle_with(bench, bench->n_many, true);
	subject_remove(bench->subject, 0, bench->n_many);
	printf("\n");
	report_idle(rows, ARRAY_SIZE(rows), bench->idle_seconds);
}

static void crash(struct bench *bench)
{
	printf("\n");
	crash_measure(&(struct crash_options){ .subject = bench->subject,
					       .image = bench->subject_options.image,
					       .pid = bench->pid,
					       .seconds = bench->crash_seconds });
}

/* ---- options ---- */

static unsigned number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value > INT32_MAX)
		bench_fail("\"%s\" is not a number", text);
	return (unsigned)value;
}

static const struct option options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "containerd-socket", required_argument, NULL, 'c' },
	{ "manifests-dir", required_argument, NULL, 'm' },
	{ "dir", required_argument, NULL, 'd' },
	{ "cni-bin-dir", required_argument, NULL, 'b' },
	{ "image", required_argument, NULL, 'i' },
	{ "pid", required_argument, NULL, 'p' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "many-rounds", required_argument, NULL, 'R' },
	{ "cells", required_argument, NULL, 'n' },
	{ "idle", required_argument, NULL, 'S' },
	{ "crash", required_argument, NULL, 'C' },
	{ "width", required_argument, NULL, 'w' },
	{ 0 },
};

static bool read_option(struct bench *bench, int option, char *value)
{
	switch (option) {
	case 's':
		bench->subject_options.socket = value;
		break;
	case 'c':
		bench->floor_options.containerd_socket = value;
		break;
	case 'm':
		bench->subject_options.manifests_dir = value;
		break;
	case 'd':
		bench->floor_options.dir = bench->subject_options.dir = value;
		break;
	case 'b':
		bench->floor_options.bin_dirs = value;
		break;
	case 'i':
		bench->floor_options.image = bench->subject_options.image = value;
		break;
	case 'p':
		bench->pid = (pid_t)number(value);
		break;
	case 'r':
		bench->rounds = number(value);
		break;
	case 'R':
		bench->many_rounds = number(value);
		break;
	case 'n':
		bench->n_many = number(value);
		break;
	case 'S':
		bench->idle_seconds = number(value);
		break;
	case 'C':
		bench->crash_seconds = number(value);
		break;
	case 'w':
		bench->floor_options.width = number(value);
		break;
	default:
		return false;
	}
	return true;
}

static bool complete(const struct bench *bench)
{
	const struct floor_options *floor = &bench->floor_options;
	const struct subject_options *subject = &bench->subject_options;

	return subject->socket && floor->containerd_socket && subject->manifests_dir &&
	       floor->dir && floor->bin_dirs && floor->image && bench->pid > 0 &&
	       bench->rounds > 0 && bench->rounds <= SAMPLES_MAX && bench->many_rounds > 0 &&
	       bench->many_rounds <= SAMPLES_MAX && bench->n_many > 1 &&
	       bench->n_many <= FLOOR_CELLS_MAX && bench->n_many <= SUBJECT_CELLS_MAX &&
	       floor->width > 0;
}

int main(int argc, char **argv)
{
	struct bench bench = { .rounds = 30,
			       .many_rounds = 5,
			       .n_many = 50,
			       .idle_seconds = 30,
			       .crash_seconds = 60,
			       .floor_options.width = 4,
			       .parts = {
				       [PART_ADD].what = "the CNI plugins' ADD",
				       [PART_WAITED].what = "of that, what the process still waits "
							    "for when containerd has made it",
			       } };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!read_option(&bench, option, optarg))
			return 2;
	if (optind < argc || !complete(&bench))
		bench_fail("run it with scripts/bench");
	bench.floor = floor_open(&bench.floor_options);
	bench.subject = subject_open(&bench.subject_options);
	compare(&bench);
	floor_close(bench.floor);
	idle(&bench);
	crash(&bench);
	fflush(stdout);
	_exit(0); /* Watch goes on until the process ends */
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_client: whole runs of kuke, from fork to exit, against a real core on a host of plain data
 * (tests/fake/kukeond_fake.c), turn by turn with the smallest gRPC client. Prints tables in
 * Markdown. scripts/bench runs it.
 *
 *	bench_client --bin DIR --dir DIR [--rounds N] [--cells N]
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/bench/stats.h"

extern char **environ;

#define CELLS_1000_MAX_MS 30.0
#define CLIENT_MAX_RATIO 1.3

enum { ARGUMENTS_MAX = 8, SIZES = 3, DEFAULT_ROUNDS = 50, WARM_UP = 3, PATH_BYTES = 256 };

struct daemon {
	unsigned n_cells;
	pid_t pid;
	char socket[PATH_BYTES];
};

struct bench {
	const char *bin, *dir;
	unsigned rounds, max_cells;
	struct daemon daemons[SIZES];
	struct samples floor, version, status, cells[SIZES];
};

/* ---- processes ---- */

static pid_t spawn(const char *bin, char *const arguments[], int out)
{
	AUTO_FREE char *program = xasprintf("%s/%s", bin, arguments[0]);
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	r = posix_spawn(&pid, program, &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r)
		errx(1, "cannot run %s: %s", program, strerror(r));
	return pid;
}

static void await(pid_t pid, const char *what)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status != 0)
		errx(1, "%s failed", what);
}

/* In milliseconds, from fork to exit. */
static double run(const struct bench *bench, char *const arguments[])
{
	static int nowhere = -1;
	struct timespec begin, end;

	if (nowhere < 0)
		nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	await(spawn(bench->bin, arguments, nowhere), arguments[0]);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (double)(end.tv_sec - begin.tv_sec) * 1e3 +
	       (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
}

static double kuke(const struct bench *bench, const struct daemon *daemon, const char *verb,
		   const char *kind)
{
	char *arguments[ARGUMENTS_MAX] = { (char *)"kuke", (char *)"--socket",
					   (char *)daemon->socket, (char *)verb, (char *)kind };

	return run(bench, arguments);
}

static double floor_client(const struct bench *bench, const struct daemon *daemon)
{
	AUTO_FREE char *target = xasprintf("unix:%s", daemon->socket);
	char *arguments[ARGUMENTS_MAX] = { (char *)"floor_client", target };

	return run(bench, arguments);
}

/* ---- daemons ---- */

/* Returns when all its cells are Ready. */
static void daemon_start(const struct bench *bench, struct daemon *daemon)
{
	AUTO_FREE char *cells = xasprintf("%u", daemon->n_cells);
	char *arguments[ARGUMENTS_MAX] = { (char *)"kukeond_fake", (char *)"--socket",
					   daemon->socket, (char *)"--cells", cells };
	char said[64];
	int fds[2];

	snprintf(daemon->socket, sizeof(daemon->socket), "%s/%u.sock", bench->dir, daemon->n_cells);
	if (pipe2(fds, O_CLOEXEC) < 0)
		err(1, "pipe");
	daemon->pid = spawn(bench->bin, arguments, fds[1]);
	close(fds[1]);
	if (read(fds[0], said, sizeof(said)) <= 0)
		errx(1, "kukeond_fake with %u cells did not become ready", daemon->n_cells);
	close(fds[0]);
}

static void daemon_stop(const struct daemon *daemon)
{
	kill(daemon->pid, SIGTERM);
	await(daemon->pid, "kukeond_fake");
}

/* ---- rounds and tables ---- */

static void round_of_all(struct bench *bench, bool kept)
{
	struct daemon *small = &bench->daemons[0];
	double floor = floor_client(bench, small), version = kuke(bench, small, "version", NULL),
	       status = kuke(bench, small, "status", NULL);

	if (kept) {
		samples_add(&bench->floor, floor);
		samples_add(&bench->version, version);
		samples_add(&bench->status, status);
	}
	for (int i = 0; i < SIZES; i++) {
		double cells = kuke(bench, &bench->daemons[i], "get", "cells");

		if (kept)
			samples_add(&bench->cells[i], cells);
	}
}

static void print_client(const char *what, const struct samples *samples, double floor_ms)
{
	struct quartiles q = samples_quartiles(samples);
	double ratio = q.median / floor_ms;

	printf("| %s | %zu | %.2f (%.2f - %.2f) | %.2f | %s |\n", what, samples->n, q.median, q.low,
	       q.high, ratio,
	       samples->n && ratio == 1    ? "-"
	       : ratio <= CLIENT_MAX_RATIO ? "at most 1.3 x: met"
					   : "at most 1.3 x: **missed**");
}

static void print_cells(const struct bench *bench, int i)
{
	struct quartiles q = samples_quartiles(&bench->cells[i]);
	double floor_ms = samples_quartiles(&bench->floor).median;
	unsigned n = bench->daemons[i].n_cells;
	const char *target = "-";

	if (n == 1000)
		target = q.median <= CELLS_1000_MAX_MS ? "at most 30 ms: met"
						       : "at most 30 ms: **missed**";
	printf("| %u | %zu | %.2f (%.2f - %.2f) | %.1f | %s |\n", n, bench->cells[i].n, q.median,
	       q.low, q.high, (q.median - floor_ms) * 1e3 / n, target);
}

static void print_tables(const struct bench *bench)
{
	double floor_ms = samples_quartiles(&bench->floor).median;

	printf("| a whole run of | rounds | ms: median (quartiles) | ratio | target |\n"
	       "|---|---|---|---|---|\n");
	print_client("the smallest client", &bench->floor, floor_ms);
	print_client("kuke version", &bench->version, floor_ms);
	print_client("kuke status", &bench->status, floor_ms);
	printf("\n| kuke get cells, of | rounds | ms: median (quartiles) "
	       "| over the smallest client, us per cell | target |\n|---|---|---|---|---|\n");
	for (int i = 0; i < SIZES; i++)
		print_cells(bench, i);
}

/* ---- options ---- */

static unsigned number(const char *text, unsigned max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value == 0 || value > max)
		errx(2, "\"%s\" is not a number from 1 to %u", text, max);
	return (unsigned)value;
}

static void read_options(struct bench *bench, int argc, char **argv)
{
	static const struct option options[] = {
		{ "bin", required_argument, NULL, 'b' },
		{ "dir", required_argument, NULL, 'd' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "cells", required_argument, NULL, 'n' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'b')
			bench->bin = optarg;
		else if (option == 'd')
			bench->dir = optarg;
		else if (option == 'r')
			bench->rounds = number(optarg, SAMPLES_MAX);
		else if (option == 'n')
			bench->max_cells = number(optarg, 100000);
		else
			exit(2);
	}
	if (!bench->bin || !bench->dir || optind < argc)
		errx(2, "run it with scripts/bench");
}

int main(int argc, char **argv)
{
	struct bench *bench = xnew(struct bench);

	bench->rounds = DEFAULT_ROUNDS;
	bench->max_cells = 10000;
	read_options(bench, argc, argv);
	for (int i = 0; i < SIZES; i++) {
		static const unsigned parts[SIZES] = { 100, 10, 1 };

		bench->daemons[i].n_cells = (bench->max_cells + parts[i] - 1) / parts[i];
		daemon_start(bench, &bench->daemons[i]);
	}
	for (unsigned i = 0; i < WARM_UP; i++)
		round_of_all(bench, false);
	for (unsigned i = 0; i < bench->rounds; i++)
		round_of_all(bench, true);
	print_tables(bench);
	for (int i = 0; i < SIZES; i++)
		daemon_stop(&bench->daemons[i]);
	free(bench);
	return 0;
}

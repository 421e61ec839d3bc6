/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/idle.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "core/base/str.h"
#include "tests/bench/bench.h"

/* How gRPC names the threads that it starts for itself. */
static const char *const grpc_threads[] = { "grpc_global_tim", "event_engine", "default-executo",
					    "resolver-execut", "timer_manager" };

struct counters {
	uint64_t our_switches, grpc_switches, cpu_ns;
	unsigned n_threads;
};

/* NULL: the thread has ended meanwhile. */
static FILE *open_of(pid_t pid, const char *name)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/%s", pid, name);
	FILE *file = fopen(path, "re");

	if (!file && !(str_starts_with(name, "task/") && (errno == ENOENT || errno == ESRCH)))
		bench_fail("%s: %m", path);
	return file;
}

/* The sum of the numbers behind the keys "<key>:". */
static uint64_t sum_fields(pid_t pid, const char *name, const char *const keys[], size_t n_keys)
{
	FILE *file = open_of(pid, name);
	unsigned long long value;
	uint64_t sum = 0;
	char line[256];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		if (!colon || sscanf(colon + 1, "%llu", &value) != 1)
			continue;
		*colon = '\0';
		for (size_t i = 0; i < n_keys; i++)
			if (str_equal(line, keys[i]))
				sum += value;
	}
	fclose(file);
	return sum;
}

static bool is_grpc_thread(pid_t pid, const char *tid)
{
	AUTO_FREE char *name = xasprintf("task/%s/comm", tid);
	FILE *file = open_of(pid, name);
	char comm[32] = "";
	bool found = false;

	if (!file)
		return false;
	if (fgets(comm, sizeof(comm), file))
		comm[strcspn(comm, "\n")] = '\0';
	fclose(file);
	for (size_t i = 0; i < ARRAY_SIZE(grpc_threads); i++)
		found |= str_equal(comm, grpc_threads[i]);
	return found;
}

/* Of all its threads, those that have ended too. */
static uint64_t read_cpu_ns(pid_t pid)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
		bench_fail("the processor's time of process %d cannot be read", pid);
	return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

static void add_thread(pid_t pid, const char *tid, struct counters *counters)
{
	static const char *const keys[] = { "voluntary_ctxt_switches",
					    "nonvoluntary_ctxt_switches" };
	AUTO_FREE char *status = xasprintf("task/%s/status", tid);
	uint64_t switches = sum_fields(pid, status, keys, ARRAY_SIZE(keys));

	if (is_grpc_thread(pid, tid))
		counters->grpc_switches += switches;
	else
		counters->our_switches += switches;
	counters->n_threads++;
}

static struct counters read_counters(pid_t pid)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/task", pid);
	struct counters counters = { .cpu_ns = read_cpu_ns(pid) };
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		bench_fail("%s: %m", path);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			add_thread(pid, entry->d_name, &counters);
	closedir(dir);
	return counters;
}

struct idle idle_measure(pid_t pid, unsigned seconds)
{
	static const char *const rss[] = { "Rss" }, *const pss[] = { "Pss" };
	struct counters before = read_counters(pid), after;

	bench_pause_ms(seconds * 1000);
	after = read_counters(pid);
	return (struct idle){
		.our_wakeups = after.our_switches - before.our_switches,
		.grpc_wakeups = after.grpc_switches - before.grpc_switches,
		.cpu_ms = (double)(after.cpu_ns - before.cpu_ns) / 1e6,
		.n_threads = after.n_threads,
		.rss_mb = (double)sum_fields(pid, "smaps_rollup", rss, 1) * 1024 / 1e6,
		.pss_mb = (double)sum_fields(pid, "smaps_rollup", pss, 1) * 1024 / 1e6,
	};
}

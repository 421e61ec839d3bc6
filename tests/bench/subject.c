/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/subject.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "api/kukeon.pb-c.h"
#include "core/base/str.h"
#include "core/rpc/wire/blocking.h"
#include "tests/bench/bench.h"

enum { LIMIT_SECONDS = 120, CONTAINERS_MAX = 2 };

/* What Watch said last of a cell. */
struct seen {
	bool there, ready;
	uint32_t pids[CONTAINERS_MAX]; /* the root's first; 0: none */
	uint32_t restarts;             /* of all containers */
	uint64_t since_ns;             /* since when it is like that */
	char *message;
};

struct subject {
	struct subject_options options;
	struct rpc_client *client;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct seen cells[SUBJECT_CELLS_MAX];
};

/* ---- Watch ---- */

static struct seen read_cell(const Api__Cell *cell, bool there)
{
	const Api__CellStatus *status = cell->status;
	struct seen seen = { .there = there, .since_ns = bench_now_ns() };

	if (!status || !there)
		return seen;
	seen.ready = status->state == API__STATE__STATE_READY;
	for (size_t i = 0; i < status->n_containers; i++) {
		seen.pids[status->containers[i]->root ? 0 : 1] = status->containers[i]->pid;
		seen.restarts += status->containers[i]->restart_count;
	}
	return seen;
}

static void note(struct seen *known, struct seen now, const Api__CellStatus *status)
{
	bool same = known->there == now.there && known->ready == now.ready &&
		    memcmp(known->pids, now.pids, sizeof(now.pids)) == 0;

	if (same)
		now.since_ns = known->since_ns;
	free(known->message);
	now.message = xstrdup(status && status->message ? status->message : "");
	*known = now;
}

static bool on_event(const ProtobufCMessage *message, void *ctx)
{
	const Api__WatchEvent *event = (const Api__WatchEvent *)message;
	const Api__Cell *cell = event->object ? event->object->cell : NULL;
	struct subject *subject = ctx;
	unsigned number;

	pthread_mutex_lock(&subject->mutex);
	if (cell && sscanf(cell->metadata->name, "cell%u", &number) == 1 &&
	    number < SUBJECT_CELLS_MAX)
		note(&subject->cells[number],
		     read_cell(cell, event->type != API__WATCH_EVENT__TYPE__TYPE_DELETED),
		     cell->status);
	pthread_cond_broadcast(&subject->changed);
	pthread_mutex_unlock(&subject->mutex);
	return true;
}

static void *run_watch(void *ctx)
{
	struct subject *subject = ctx;
	Api__Selector selector = API__SELECTOR__INIT;
	Api__WatchRequest request = API__WATCH_REQUEST__INIT;
	const struct rpc_client_stream_options options = {
		.method = "/kukeon.v1beta1.Kukeon/Watch",
		.request = &request.base,
		.reply_type = &api__watch_event__descriptor,
		.on_message = on_event,
		.ctx = subject,
	};
	struct error err;

	selector.has_kind = true;
	selector.kind = API__KIND__KIND_CELL;
	request.selector = &selector;
	if (rpc_client_stream(subject->client, &options, &err) < 0)
		bench_fail("Watch: %s", err.msg);
	return NULL;
}

/* With the mutex held. */
static void await_change(struct subject *subject, const struct timespec *end, unsigned number)
{
	const struct seen *seen = &subject->cells[number];

	if (pthread_cond_timedwait(&subject->changed, &subject->mutex, end) == ETIMEDOUT)
		bench_fail("cell%u: nothing happens for %d s: there=%d ready=%d %s", number,
			   LIMIT_SECONDS, seen->there, seen->ready,
			   seen->message ? seen->message : "");
}

static struct timespec limit(void)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += LIMIT_SECONDS;
	return end;
}

/* Until all are there and Ready, or none is there. Returns when the last became so. */
static uint64_t await_cells(struct subject *subject, unsigned first, unsigned n, bool there)
{
	struct timespec end = limit();
	uint64_t last_ns = 0;

	pthread_mutex_lock(&subject->mutex);
	for (unsigned i = first; i < first + n; i++) {
		const struct seen *seen = &subject->cells[i];

		while (there ? !(seen->there && seen->ready) : seen->there)
			await_change(subject, &end, i);
		if (seen->since_ns > last_ns)
			last_ns = seen->since_ns;
	}
	pthread_mutex_unlock(&subject->mutex);
	return last_ns;
}

/* ---- manifests ---- */

static void write_head(FILE *file, unsigned number)
{
	fprintf(file,
		"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: cell%u}\n"
		"spec:\n  realmId: default\n  spaceId: default\n  stackId: default\n  containers:\n",
		number);
}

static void write_cell(FILE *file, const struct subject *subject, unsigned number,
		       unsigned n_containers)
{
	write_head(file, number);
	for (unsigned i = 0; i < n_containers; i++)
		fprintf(file,
			"    - id: %s\n      image: %s\n      command: /bin/sh\n      args: [\"-c\", \"%s\"]\n"
			"      restartBackoffSeconds: 0\n      stopGracePeriodSeconds: 1\n",
			i ? "side" : "root", subject->options.image, BENCH_WORKLOAD);
}

static FILE *open_new(const char *path)
{
	FILE *file = fopen(path, "we");

	if (!file)
		bench_fail("%s: %m", path);
	return file;
}

static char *new_path(const struct subject *subject, const char *name)
{
	return xasprintf("%s/%s.new", subject->options.dir, name);
}

static void put_in_place(const struct subject *subject, const char *name)
{
	AUTO_FREE char *from = new_path(subject, name);
	AUTO_FREE char *to = xasprintf("%s/%s.yaml", subject->options.manifests_dir, name);

	if (rename(from, to) < 0)
		bench_fail("cannot rename %s to %s: %m", from, to);
}

static char *cell_name(unsigned number)
{
	return xasprintf("cell%u", number);
}

double subject_drop(struct subject *subject, unsigned first, unsigned n, unsigned n_sides)
{
	uint64_t start_ns;

	check(first + n <= SUBJECT_CELLS_MAX && n_sides < CONTAINERS_MAX);
	for (unsigned i = first; i < first + n; i++) {
		AUTO_FREE char *name = cell_name(i);
		AUTO_FREE char *path = new_path(subject, name);
		FILE *file = open_new(path);

		write_cell(file, subject, i, 1 + n_sides);
		fclose(file);
	}
	start_ns = bench_now_ns();
	for (unsigned i = first; i < first + n; i++) {
		AUTO_FREE char *name = cell_name(i);

		put_in_place(subject, name);
	}
	return (double)(await_cells(subject, first, n, true) - start_ns) / 1e6;
}

void subject_put(struct subject *subject, unsigned number, const char *containers)
{
	AUTO_FREE char *name = cell_name(number);
	AUTO_FREE char *path = new_path(subject, name);
	FILE *file = open_new(path);

	write_head(file, number);
	fputs(containers, file);
	fclose(file);
	put_in_place(subject, name);
}

uint32_t subject_restarts(struct subject *subject, unsigned number)
{
	uint32_t restarts;

	pthread_mutex_lock(&subject->mutex);
	restarts = subject->cells[number].restarts;
	pthread_mutex_unlock(&subject->mutex);
	return restarts;
}

void subject_remove(struct subject *subject, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		AUTO_FREE char *path =
			xasprintf("%s/cell%u.yaml", subject->options.manifests_dir, i);

		if (unlink(path) < 0)
			bench_fail("cannot remove %s: %m", path);
	}
	await_cells(subject, first, n, false);
}

double subject_kill(struct subject *subject, bool root)
{
	const struct seen *seen = &subject->cells[0];
	struct timespec end = limit();
	uint64_t start_ns;
	double ms;
	uint32_t pid;
	int i = root ? 0 : 1;

	pthread_mutex_lock(&subject->mutex);
	check(seen->ready && seen->pids[i]);
	pid = seen->pids[i];
	start_ns = bench_now_ns();
	kill((pid_t)pid, SIGKILL);
	while (!seen->ready || !seen->pids[i] || seen->pids[i] == pid)
		await_change(subject, &end, 0);
	ms = (double)(seen->since_ns - start_ns) / 1e6;
	pthread_mutex_unlock(&subject->mutex);
	return ms;
}

/* ---- life ---- */

/* Only cells come and go: a directory that is never empty, parents that are there. */
static void put_parents(struct subject *subject)
{
	AUTO_FREE char *path = new_path(subject, "parents");
	FILE *file = open_new(path);

	fputs("apiVersion: v1beta1\nkind: Realm\nmetadata: {name: default}\n---\n"
	      "apiVersion: v1beta1\nkind: Space\nmetadata: {name: default}\nspec: {realmId: default}\n---\n"
	      "apiVersion: v1beta1\nkind: Stack\nmetadata: {name: default}\n"
	      "spec: {realmId: default, spaceId: default}\n",
	      file);
	fclose(file);
	put_in_place(subject, "parents");
}

struct subject *subject_open(const struct subject_options *options)
{
	AUTO_FREE char *target = xasprintf("unix:%s", options->socket);
	struct subject *subject = xnew(struct subject);
	pthread_condattr_t attributes;

	subject->options = *options;
	pthread_mutex_init(&subject->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&subject->changed, &attributes);
	subject->client = rpc_client_open(target);
	subject->thread = bench_thread(run_watch, subject);
	put_parents(subject);
	return subject;
}

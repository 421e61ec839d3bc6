/* SPDX-License-Identifier: Apache-2.0 */
/* Logs: what a process of its own reads goes on to the client, one message at a time. */
#include <errno.h>

#include "core/api/api_internal.h"
#include "core/api/logs/log_feed.h"
#include "core/model/model.h"

enum {
	LOG_STREAMS_MAX = 128,    /* at once, of all clients: each is a process */
	LOG_CONTAINERS_MAX = 256, /* of one */
};

struct logs {
	struct pending_reply reply;
	struct api *api;
	struct engine_watcher watcher;
	char *cell; /* its key */
	struct log_feed feed;
	struct strv dirs, names;
};

static void logs_free(struct logs *logs)
{
	strv_fini(&logs->dirs);
	strv_fini(&logs->names);
	free(logs->cell);
	free(logs);
}

/* ---- what is asked for ---- */

static void add_container(struct logs *logs, const char *name)
{
	AUTO_FREE char *dir = xasprintf("%s/%s/%s", logs->api->options.log_dir, logs->cell, name);

	strv_add(&logs->dirs, dir);
	strv_add(&logs->names, name);
}

static void add_containers(struct logs *logs, const struct object *cell)
{
	const struct container *c;

	list_for_each(c, &cell->cell.containers, link)
		if (c->spec && !strv_has(&logs->names, c->name))
			add_container(logs, c->name);
}

static int find_cell(struct api *api, const char *key, const struct object **ret_cell,
		     struct error *err)
{
	*ret_cell = engine_find(api->options.engine, key);
	if (!*ret_cell || !(*ret_cell)->spec)
		return error_set(err, -ENOENT, "cell %s is not there", key);
	return 0;
}

/* Fills in whose logs. */
static int choose(struct logs *logs, const Api__Selector *selector, struct error *err)
{
	AUTO_FREE char *key = selector ? api_selector_key(selector, err) : NULL;
	const struct object *cell;

	if (!selector)
		return error_set(err, -EINVAL, "whose logs? a selector is missing");
	if (!key)
		return err->code;
	if (key_kind(key) != KIND_CELL && key_kind(key) != KIND_CONTAINER)
		return error_set(err, -EINVAL, "logs are those of a cell or a container");
	logs->cell = xstrdup(key);
	if (key_kind(key) == KIND_CONTAINER)
		*strrchr(logs->cell, '/') = '\0';
	if (find_cell(logs->api, logs->cell, &cell, err) < 0)
		return err->code;
	if (key_kind(key) == KIND_CELL)
		add_containers(logs, cell);
	else if (api_find_container(cell, key_name(key)))
		add_container(logs, key_name(key));
	else
		return error_set(err, -ENOENT, "container %s is not there", key);
	if (logs->names.n > LOG_CONTAINERS_MAX)
		return error_set(err, -EINVAL, "cell %s has more than %d containers: ask for one",
				 logs->cell, LOG_CONTAINERS_MAX);
	return 0;
}

static enum log_runs runs_of(const Api__LogsRequest *request)
{
	if (request->runs == API__LOG_RUNS__LOG_RUNS_PREVIOUS)
		return LOG_RUNS_PREVIOUS;
	return request->runs == API__LOG_RUNS__LOG_RUNS_ALL ? LOG_RUNS_ALL : LOG_RUNS_LAST;
}

static int64_t time_of(uint64_t ns)
{
	return ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
}

static struct log_query query_of(const Api__LogsRequest *request)
{
	return (struct log_query){
		.runs = runs_of(request),
		.follow = request->follow && runs_of(request) == LOG_RUNS_LAST,
		.tail = request->has_tail ? (int64_t)request->tail : LOG_TAIL_ALL,
		.since_ns = time_of(request->since_ns),
		.until_ns = time_of(request->until_ns),
	};
}

/* ---- the stream ---- */

static bool on_lines(struct log_feed *feed, const uint8_t *data, size_t len)
{
	struct logs *logs = container_of(feed, struct logs, feed);
	Api__LogLines *lines;

	/* A stream too many of its connection never becomes writable. */
	if (logs->reply.held || !rpc_server_call_writable(logs->reply.call))
		return false;
	lines = api__log_lines__unpack(NULL, len, data);
	check(lines);
	rpc_server_send(logs->reply.call, &lines->base);
	api__log_lines__free_unpacked(lines, NULL);
	return false; /* until it has left */
}

static void on_end(struct log_feed *feed, const struct error *err)
{
	struct logs *logs = container_of(feed, struct logs, feed);

	if (err)
		reply_fail_stream(&logs->reply, err);
	else
		reply_end_stream(&logs->reply);
}

static void on_writable(struct rpc_server_call *call UNUSED, void *owner)
{
	struct logs *logs = owner;

	if (!logs->reply.held)
		log_feed_resume(&logs->feed);
}

static void on_closed(struct rpc_server_call *call UNUSED, void *owner)
{
	reply_closed(&((struct logs *)owner)->reply);
}

/* Of a cell that is gone nothing will come; what it printed goes with it. */
static void on_change(struct engine_watcher *watcher, const struct object *object, bool gone)
{
	struct logs *logs = container_of(watcher, struct logs, watcher);

	if (gone && str_equal(object->key, logs->cell))
		reply_end_stream(&logs->reply);
}

static void on_feed_closed(struct log_feed *feed)
{
	struct logs *logs = container_of(feed, struct logs, feed);
	struct pending *under_way = &logs->api->replies.under_way;

	logs->api->n_logs--;
	logs_free(logs);
	pending_end(under_way);
}

static void on_ended(struct pending_reply *reply)
{
	struct logs *logs = container_of(reply, struct logs, reply);

	list_remove(&logs->watcher.link);
	pending_begin(&logs->api->replies.under_way);
	log_feed_close(&logs->feed, on_feed_closed);
}

static int open_feed(struct logs *logs, struct error *err)
{
	struct log_feed *feed = &logs->feed;

	if (logs->api->n_logs >= LOG_STREAMS_MAX)
		return error_set(err, -ENOSPC, "%d logs are being read already", LOG_STREAMS_MAX);
	feed->loop = logs->api->options.engine->loop;
	feed->dirs = (const char *const *)logs->dirs.items;
	feed->names = (const char *const *)logs->names.items;
	feed->n_dirs = logs->dirs.n;
	feed->on_lines = on_lines;
	feed->on_end = on_end;
	return log_feed_open(feed, err);
}

static void begin(struct logs *logs, struct rpc_server_call *call)
{
	static const struct rpc_stream_handler handler = { .on_writable = on_writable,
							   .on_closed = on_closed };
	/* It matters whether these were all: who follows comes again after a restart of ours. */
	static const struct reply_kind kind = { .ended = on_ended, .stream = true, .whole = true };

	logs->api->n_logs++;
	logs->watcher.on_change = on_change;
	list_append(&logs->api->options.engine->watchers, &logs->watcher.link);
	reply_begin(&logs->reply, &logs->api->replies, &kind, call, NULL);
	rpc_server_stream(call, &handler, logs);
}

void api_on_logs(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	const Api__LogsRequest *request = (const Api__LogsRequest *)message;
	struct logs *logs = xnew(struct logs);
	struct error err;
	int r;

	logs->api = ctx;
	r = logs->api->options.log_dir
		    ? choose(logs, request->selector, &err)
		    : error_set(&err, -ENOSYS, "what containers print is not kept here");
	logs->feed.query = query_of(request);
	if (r == 0)
		r = open_feed(logs, &err);
	if (r < 0) {
		logs_free(logs);
		return rpc_server_fail(call, err.code, &err);
	}
	begin(logs, call);
}

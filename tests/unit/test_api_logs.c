/* SPDX-License-Identifier: Apache-2.0 */
/* Logs through a real socket, on a real loop, over the fake world and files that the test writes:
 * who gets what, how a stream ends, and that nobody holds more than he takes. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/api_fixture.h"

#include "core/api/logs/log_feed.h"

#define WEB "default/default/default/web"
#define CELL                                                                                       \
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"                          \
	"  containers: [{id: a, image: img, stopGracePeriodSeconds: 1}, {id: b, image: img}]\n"
#define NOON UINT64_C(1772366400000000000) /* 2026-03-01T12:00:00Z */

struct fixture {
	struct served served;
	bool ended;
	int status;
	struct error err;

	struct rpc_stream stream;
	struct buf got; /* "container text", one a line */
	uint64_t bytes;
	const char *awaited;

	struct log_feed feed;
	unsigned n_frames;
	bool takes, feed_ended, feed_closed;
};

static struct fixture *fixture_of(struct sim *sim)
{
	return container_of(served_of(sim), struct fixture, served);
}

static void make_dirs(struct fixture *f)
{
	AUTO_FREE char *a = xasprintf("%s/" WEB "/a", f->served.log_dir);
	AUTO_FREE char *b = xasprintf("%s/" WEB "/b", f->served.log_dir);

	assert_int_equal(fs_make_dirs(a, 0700, NULL), 0);
	assert_int_equal(fs_make_dirs(b, 0700, NULL), 0);
}

static bool web_is_ready(struct sim *sim)
{
	return sim_state(sim, WEB) == API__STATE__STATE_READY;
}

static bool web_is_gone(struct sim *sim)
{
	return !engine_find(&sim->engine, WEB);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	served_init(&f->served, false);
	make_dirs(f);
	sim_file(&f->served.sim, "a.yaml", CELL);
	sim_scanned(&f->served.sim);
	assert_true(sim_run_until(&f->served.sim, web_is_ready, WAIT_MS));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	served_fini(&f->served);
	buf_fini(&f->got);
	free(f);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no process is left, dead or alive */
	assert_int_equal(errno, ECHILD);
	return 0;
}

/* ---- files ---- */

static void append(struct fixture *f, const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/" WEB "/%s", f->served.log_dir, name);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void write_line(struct fixture *f, const char *name, int second, const char *text)
{
	AUTO_FREE char *line =
		xasprintf("2026-03-01T12:00:%02d.000000001Z stdout F %s\n", second, text);

	append(f, name, line);
}

enum { MANY_LINES = 40000, MANY_BYTES = 200 };

static void write_many(struct fixture *f)
{
	AUTO_BUF struct buf text = { 0 };

	for (int i = 0; i < MANY_LINES; i++)
		buf_printf(&text, "2026-03-01T12:00:00Z stdout F %0*d\n", MANY_BYTES, i);
	append(f, "a/1.log", text.data);
}

/* ---- asking ---- */

static void on_message(struct rpc_stream *stream, const ProtobufCMessage *message)
{
	struct fixture *f = container_of(stream, struct fixture, stream);
	const Api__LogLines *lines = (const Api__LogLines *)message;

	for (size_t i = 0; i < lines->n_lines; i++) {
		const Api__LogLine *line = lines->lines[i];

		f->bytes += line->text.len;
		if (f->got.len < 4096)
			buf_printf(&f->got, "%s %.*s%s\n", line->container, (int)line->text.len,
				   (const char *)line->text.data, line->partial ? "…" : "");
	}
}

static void on_end(struct rpc_stream *stream, int status, const struct error *err)
{
	struct fixture *f = container_of(stream, struct fixture, stream);

	f->ended = true;
	f->status = status;
	if (err)
		f->err = *err;
}

static bool has_ended(struct sim *sim)
{
	return fixture_of(sim)->ended;
}

static Api__Selector selector_of(const char *name)
{
	Api__Selector selector = API__SELECTOR__INIT;

	selector.has_kind = true;
	selector.kind = str_equal(name, "web") ? API__KIND__KIND_CELL : API__KIND__KIND_CONTAINER;
	selector.realm = selector.space = selector.stack = (char *)"default";
	selector.cell = (char *)(str_equal(name, "web") ? NULL : "web");
	selector.name = (char *)name;
	return selector;
}

static void begin(struct fixture *f, Api__LogsRequest *request, Api__Selector *selector)
{
	request->selector = selector;
	f->got.len = 0;
	buf_add_str(&f->got, "");
	f->bytes = 0;
	f->ended = false;
	f->stream = (struct rpc_stream){
		.method = "/kukeon.v1beta1.Kukeon/Logs",
		.request = &request->base,
		.reply_type = &api__log_lines__descriptor,
		.on_message = on_message,
		.on_end = on_end,
	};
	rpc_stream_start(f->served.channel, &f->stream);
}

static void await_end(struct fixture *f)
{
	assert_true(sim_run_until(&f->served.sim, has_ended, WAIT_MS));
}

static void expect(struct fixture *f, Api__LogsRequest *request, const char *name,
		   const char *expected)
{
	Api__Selector selector = selector_of(name);

	begin(f, request, &selector);
	await_end(f);
	assert_int_equal(f->status, 0);
	assert_string_equal(f->got.data, expected);
}

static void expect_refused(struct fixture *f, const char *name, int status)
{
	Api__LogsRequest request = API__LOGS_REQUEST__INIT;
	Api__Selector selector = selector_of(name);

	begin(f, &request, name ? &selector : NULL);
	await_end(f);
	assert_int_equal(f->status, status);
}

static bool is_awaited(struct sim *sim)
{
	struct fixture *f = fixture_of(sim);

	return f->ended || strstr(f->got.data, f->awaited);
}

static void await_text(struct fixture *f, const char *text)
{
	f->awaited = text;
	assert_true(sim_run_until(&f->served.sim, is_awaited, WAIT_MS));
	assert_non_null(strstr(f->got.data, text));
}

/* ---- what is given ---- */

static void test_windows(void **state)
{
	struct fixture *f = *state;
	Api__LogsRequest request = API__LOGS_REQUEST__INIT;

	expect(f, &request, "web", "");
	write_line(f, "a/1.log", 1, "earlier");
	write_line(f, "a/2.log", 2, "one");
	write_line(f, "b/2.log", 3, "two");
	write_line(f, "a/2.log", 4, "three");
	expect(f, &request, "web", "a one\nb two\na three\n");
	expect(f, &request, "a", "a one\na three\n");
	request.has_tail = true;
	request.tail = 1;
	expect(f, &request, "web", "b two\na three\n");
	request.has_tail = false;
	request.has_runs = true;
	request.runs = API__LOG_RUNS__LOG_RUNS_PREVIOUS;
	expect(f, &request, "a", "a earlier\n");
	request.runs = API__LOG_RUNS__LOG_RUNS_ALL;
	request.has_since_ns = request.has_until_ns = true;
	request.until_ns = NOON + UINT64_C(4000000000);
	expect(f, &request, "web", "a earlier\na one\nb two\n");
	request.since_ns = NOON + UINT64_C(2000000000);
	expect(f, &request, "web", "a one\nb two\n");
}

static void test_refused(void **state)
{
	struct fixture *f = *state;

	expect_refused(f, "c", -ENOENT);
	expect_refused(f, "..", -EINVAL);
	expect_refused(f, NULL, -EINVAL);
}

static void test_follow_until_the_cell_is_gone(void **state)
{
	struct fixture *f = *state;
	Api__LogsRequest request = API__LOGS_REQUEST__INIT;
	Api__Selector selector = selector_of("web");

	request.has_follow = request.follow = true;
	write_line(f, "a/1.log", 1, "one");
	begin(f, &request, &selector);
	await_text(f, "a one\n");
	write_line(f, "b/1.log", 2, "two");
	await_text(f, "b two\n");
	write_line(f, "a/2.log", 3, "three");
	await_text(f, "a three\n");
	assert_false(f->ended);
	sim_file_gone(&f->served.sim, "a.yaml");
	sim_scanned(&f->served.sim);
	assert_true(sim_run_until(&f->served.sim, web_is_gone, WAIT_MS));
	await_end(f);
	assert_int_equal(f->status, 0);
}

static void test_client_goes(void **state)
{
	struct fixture *f = *state;
	Api__LogsRequest request = API__LOGS_REQUEST__INIT;
	Api__Selector selector = selector_of("web");

	request.has_follow = request.follow = true;
	write_many(f);
	begin(f, &request, &selector);
	await_text(f, "a 0");
	rpc_stream_cancel(&f->stream);
	await_end(f);
}

static void test_daemon_stops(void **state)
{
	struct fixture *f = *state;
	Api__LogsRequest request = API__LOGS_REQUEST__INIT;
	Api__Selector selector = selector_of("web");

	request.has_follow = request.follow = true;
	write_line(f, "a/1.log", 1, "one");
	begin(f, &request, &selector);
	await_text(f, "a one\n");
	served_stop(&f->served);
	assert_true(f->ended);
	served_start(&f->served);
}

static void test_much(void **state)
{
	struct fixture *f = *state;
	Api__LogsRequest request = API__LOGS_REQUEST__INIT;
	Api__Selector selector = selector_of("a");

	write_many(f);
	begin(f, &request, &selector);
	await_end(f);
	assert_int_equal(f->status, 0);
	assert_int_equal(f->bytes, (uint64_t)MANY_LINES * MANY_BYTES);
}

static void test_file_that_cannot_be_read(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *dir = xasprintf("%s/" WEB "/a", f->served.log_dir);
	Api__LogsRequest request = API__LOGS_REQUEST__INIT;
	Api__Selector selector = selector_of("a");

	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(symlink("/etc", dir), 0);
	begin(f, &request, &selector);
	await_end(f);
	assert_int_equal(f->status, -EIO);
	assert_non_null(strstr(f->err.msg, dir));
}

/* ---- the feed itself ---- */

static bool on_lines(struct log_feed *feed, const uint8_t *data, size_t len)
{
	struct fixture *f = container_of(feed, struct fixture, feed);

	assert_non_null(data);
	assert_true(len <= LOG_FRAME_MAX);
	f->n_frames++;
	f->bytes += len;
	return f->takes;
}

static void on_feed_end(struct log_feed *feed, const struct error *err)
{
	struct fixture *f = container_of(feed, struct fixture, feed);

	f->feed_ended = true;
	f->status = err ? err->code : 0;
}

static void on_feed_closed(struct log_feed *feed)
{
	container_of(feed, struct fixture, feed)->feed_closed = true;
}

static bool feed_has_ended(struct sim *sim)
{
	return fixture_of(sim)->feed_ended;
}

static bool feed_is_closed(struct sim *sim)
{
	return fixture_of(sim)->feed_closed;
}

static bool has_a_frame(struct sim *sim)
{
	return fixture_of(sim)->n_frames > 0;
}

/* Who takes nothing gets no second message, and the process waits. */
static void test_no_more_than_is_taken(void **state)
{
	static const char *const names[] = { "a" };
	struct fixture *f = *state;
	AUTO_FREE char *dir = xasprintf("%s/" WEB "/a", f->served.log_dir);
	const char *const dirs[] = { dir };

	write_many(f);
	f->feed.loop = &f->served.sim.loop;
	f->feed.query.tail = LOG_TAIL_ALL;
	f->feed.dirs = dirs;
	f->feed.names = names;
	f->feed.n_dirs = 1;
	f->feed.on_lines = on_lines;
	f->feed.on_end = on_feed_end;
	f->bytes = 0;
	assert_int_equal(log_feed_open(&f->feed, NULL), 0);
	assert_true(sim_run_until(&f->served.sim, has_a_frame, WAIT_MS));
	sim_run(&f->served.sim, 300);
	assert_int_equal(f->n_frames, 1);
	assert_int_equal(kill(f->feed.own.pid, 0), 0);
	f->takes = true;
	log_feed_resume(&f->feed);
	assert_true(sim_run_until(&f->served.sim, feed_has_ended, WAIT_MS));
	assert_int_equal(f->status, 0);
	assert_true(f->bytes > (uint64_t)MANY_LINES * MANY_BYTES);
	log_feed_close(&f->feed, on_feed_closed);
	assert_true(sim_run_until(&f->served.sim, feed_is_closed, WAIT_MS));
}

/* It was not all that there is to read. */
static void test_process_is_killed(void **state)
{
	const char *const dirs[] = { "/nonexistent" };
	struct fixture *f = *state;

	f->feed.loop = &f->served.sim.loop;
	f->feed.query = (struct log_query){ .tail = LOG_TAIL_ALL, .follow = true };
	f->feed.dirs = f->feed.names = dirs;
	f->feed.n_dirs = 1;
	f->feed.on_lines = on_lines;
	f->feed.on_end = on_feed_end;
	assert_int_equal(log_feed_open(&f->feed, NULL), 0);
	assert_int_equal(kill(f->feed.own.pid, SIGKILL), 0);
	assert_true(sim_run_until(&f->served.sim, feed_has_ended, WAIT_MS));
	assert_int_equal(f->status, -EIO);
	log_feed_close(&f->feed, on_feed_closed);
	assert_true(sim_run_until(&f->served.sim, feed_is_closed, WAIT_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_windows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_until_the_cell_is_gone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_client_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_daemon_stops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_much, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_that_cannot_be_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_more_than_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_process_is_killed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

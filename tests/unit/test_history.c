/* SPDX-License-Identifier: Apache-2.0 */
/* The history in memory and its file. */
#include "core/events/history_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/loop/loop_test.h"
#include "core/model/names.h"
#include "tests/unit/scratch.h"

#define WEB "default/default/default/web"

enum { NOW_MS = 1700000000, MINUTE_MS = 60 * 1000, SETTLED_MS = 1000, LONG_MS = 60 * 1000 };

static const int64_t begin_ms = (int64_t)NOW_MS * 1000;

static void add_at(struct history *history, int64_t now_ms, const char *key, const char *message)
{
	history_add(history, &(struct event_source){
				     .key = key,
				     .reason = "Test",
				     .message = message,
				     .now_ms = now_ms,
			     });
}

static void add(struct history *history, const char *key, const char *message)
{
	add_at(history, begin_ms, key, message);
}

/* "key message xCOUNT" of each event, one a line. */
static char *text_of(const struct event_ring *ring)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < ring->n; i++) {
		const struct event *event = event_ring_at(ring, i);

		buf_printf(&text, "%s %s x%u\n", event->key, event->message, event->count);
	}
	return buf_take(&text);
}

static void expect(const struct history *history, const char *expected)
{
	AUTO_FREE char *text = text_of(&history->ring);

	assert_string_equal(text, expected);
}

/* ---- in memory ---- */

static void test_order(void **state UNUSED)
{
	struct history history;

	history_init(&history, begin_ms);
	add(&history, "", "begins");
	add(&history, WEB, "one");
	add(&history, WEB "/app", "one");
	expect(&history, " begins x1\n" WEB " one x1\n" WEB "/app one x1\n");
	for (size_t i = 1; i < history.ring.n; i++)
		assert_true(event_ring_at(&history.ring, i)->sequence >
			    event_ring_at(&history.ring, i - 1)->sequence);
	history_fini(&history);
}

/* The same within two minutes is one event at its latest place. */
static void test_repeats(void **state UNUSED)
{
	struct history history;
	uint64_t sequence;

	history_init(&history, begin_ms);
	add(&history, WEB, "ends");
	sequence = event_ring_last(&history.ring);
	add(&history, "other", "ends");
	add_at(&history, begin_ms + MINUTE_MS, WEB, "ends");
	expect(&history, "other ends x1\n" WEB " ends x2\n");
	assert_true(event_ring_last(&history.ring) > sequence + 1);
	assert_int_equal(event_ring_at(&history.ring, 1)->first_ms, begin_ms);
	assert_int_equal(event_ring_at(&history.ring, 1)->last_ms, begin_ms + MINUTE_MS);
	add_at(&history, begin_ms + 4 * MINUTE_MS, WEB, "ends");
	add_at(&history, begin_ms - 4 * MINUTE_MS, WEB, "ends"); /* the clock was set back */
	add(&history, WEB, "ends otherwise");
	expect(&history, "other ends x1\n" WEB " ends x2\n" WEB " ends x1\n" WEB " ends x1\n" WEB
			 " ends otherwise x1\n");
	history_fini(&history);
}

static void add_act(struct history *history, const char *key)
{
	history_add(history, &(struct event_source){ .key = key,
						     .reason = "Test",
						     .message = "asked",
						     .begins = true,
						     .now_ms = begin_ms });
}

/* After somebody did something to an object, or above or below it, nothing is a repetition. */
static void test_begins(void **state UNUSED)
{
	static const struct {
		const char *asked;
		bool apart;
	} cases[] = {
		{ WEB, true },      { "default/default", true }, { WEB "/app", true }, { "", true },
		{ WEB "2", false }, { "default/other", false },  { WEB "/ap", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *key = str_starts_with(cases[i].asked, WEB "/") ? WEB "/app" : WEB;
		struct history history;

		history_init(&history, begin_ms);
		add(&history, key, "ready");
		add_act(&history, cases[i].asked);
		add(&history, key, "ready");
		assert_int_equal(history.ring.n, cases[i].apart ? 3 : 2);
		add_act(&history, cases[i].asked);
		add_act(&history, cases[i].asked);
		assert_int_equal(history.ring.n, cases[i].apart ? 5 : 4);
		history_fini(&history);
	}
}

/* What a daemon before us has told already. */
static void test_again(void **state UNUSED)
{
	struct event_source again = {
		.key = WEB, .reason = "Test", .message = "ready", .again = true, .now_ms = begin_ms
	};
	struct history history;

	history_init(&history, begin_ms);
	add(&history, WEB, "ready");
	add(&history, "other", "ready");
	history_add(&history, &again);
	expect(&history, WEB " ready x1\nother ready x1\n");
	add(&history, WEB, "stopped");
	history_add(&history, &again);
	expect(&history, "other ready x1\n" WEB " stopped x1\n" WEB " ready x2\n");
	history_fini(&history);
}

static void add_numbered(struct history *history, unsigned from, unsigned n, const char *tail)
{
	for (unsigned i = from; i < from + n; i++) {
		AUTO_FREE char *message = xasprintf("%u%s", i, tail);

		add(history, WEB, message);
	}
}

static void test_bounds(void **state UNUSED)
{
	char long_text[2 * EVENT_MESSAGE_MAX_BYTES];
	struct history history;

	history_init(&history, begin_ms);
	add_numbered(&history, 0, EVENT_RING_MAX + 10, "");
	assert_int_equal(history.ring.n, EVENT_RING_MAX);
	assert_string_equal(event_ring_at(&history.ring, 0)->message, "10");
	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	add_numbered(&history, 0, EVENT_RING_MAX, long_text);
	assert_true(history.ring.n < EVENT_RING_MAX && history.ring.n > 100);
	assert_true(history.ring.text_bytes <= EVENT_RING_TEXT_MAX_BYTES);
	assert_int_equal(strlen(event_ring_at(&history.ring, 0)->message), EVENT_MESSAGE_MAX_BYTES);
	history_fini(&history);
}

static bool wants_odd(const struct history_reader *reader UNUSED, const struct event *event)
{
	return (event->message[strlen(event->message) - 1] - '0') % 2;
}

static void on_event(struct history_reader *reader UNUSED)
{
}

/* A reader holds a number; what went before it was read is counted. */
static void test_reader(void **state UNUSED)
{
	struct history_reader reader = { .wants = wants_odd, .on_event = on_event };
	struct history history;
	const struct event *event;

	history_init(&history, begin_ms);
	list_append(&history.readers, &reader.link);
	add_numbered(&history, 0, 3, "");
	event = history_next(&history, &reader);
	assert_string_equal(event->message, "0");
	reader.sequence = event->sequence;
	assert_string_equal(history_next(&history, &reader)->message, "1");
	reader.sequence = event_ring_last(&history.ring);
	assert_null(history_next(&history, &reader));
	add_numbered(&history, 3, EVENT_RING_MAX + 20, "");
	assert_int_equal(reader.missed, 10);
	assert_string_equal(history_next(&history, &reader)->message, "23");
	list_remove(&reader.link);
	history_fini(&history);
}

/* ---- lines ---- */

static void test_line(void **state UNUSED)
{
	const struct event_source source = {
		.key = WEB "/app",
		.reason = "Exited",
		.message = "says \"so\" and\n\x01 \xff more",
		.warning = true,
		.now_ms = begin_ms + 7,
	};
	struct event *event = event_new(&source), *again;
	AUTO_BUF struct buf line = { 0 };

	event->sequence = 5;
	event->count = 3;
	event->first_ms = begin_ms;
	event_add_line(event, &line);
	assert_int_equal(line.data[line.len - 1], '\n');
	assert_ptr_equal(memchr(line.data, '\n', line.len), line.data + line.len - 1);
	again = event_parse_line(line.data, line.len - 1);
	assert_non_null(again);
	assert_true(event_is_same(event, again));
	assert_string_equal(again->message, "says \"so\" and?? ? more");
	assert_int_equal(again->sequence, 5);
	assert_int_equal(again->count, 3);
	assert_int_equal(again->first_ms, begin_ms);
	assert_int_equal(again->last_ms, begin_ms + 7);
	free(event);
	free(again);
}

#define LINE(n, message)                                                                           \
	"{\"sequence\": " n ", \"time\": \"2026-03-01T12:00:00.000Z\", \"key\": \"" WEB            \
	"\", \"reason\": \"R\", \"message\": \"" message "\"}\n"
#define REPEATED(n, count)                                                                         \
	"{\"sequence\": " n ", \"time\": \"2026-03-01T12:00:09.000Z\", \"count\": " count          \
	", \"firstTime\": \"2026-03-01T12:00:00.000Z\", \"key\": \"" WEB                           \
	"\", \"reason\": \"R\", \"message\": \"a\"}\n"

/* The longest there can be, of whatever text: each line is one that is read back. */
static void test_longest_line(void **state UNUSED)
{
	static const char *const texts[] = {
		"\"", "\\", "\x01", "\x7f", "\xff", "\xc3\xa4", "\xe2\x80\xa8", "\xf0\x9f\x98\x80",
		"a",
	};
	AUTO_BUF struct buf key = { 0 };

	for (int part = 0; part < KIND_COUNT; part++) {
		buf_add_str(&key, part ? "/" : "");
		for (int i = 0; i < NAME_MAX_BYTES; i++)
			buf_add_str(&key, "k");
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO_BUF struct buf text = { 0 }, line = { 0 };
		AUTO_FREE struct event *event = NULL, *again = NULL;

		while (text.len < 2 * EVENT_MESSAGE_MAX_BYTES)
			buf_add_str(&text, texts[i]);
		event = event_new(&(struct event_source){ .key = key.data,
							  .reason = text.data,
							  .message = text.data,
							  .now_ms = 1000 });
		event->sequence = 1;
		event_add_line(event, &line);
		assert_true(line.len <= EVENT_LINE_MAX_BYTES);
		again = event_parse_line(line.data, line.len - 1);
		assert_non_null(again);
		assert_true(event_is_same(event, again));
	}
}

static void test_parse(void **state UNUSED)
{
	static const struct {
		const char *text, *expected;
		size_t damaged;
		bool torn;
	} cases[] = {
		{ "", "", 0, false },
		{ LINE("1", "a") LINE("3", "b"), WEB " a x1\n" WEB " b x1\n", 0, false },
		{ LINE("1", "a") "{\"sequence\": 2, \"ti", WEB " a x1\n", 0, true },
		{ LINE("1", "a") "{\"sequence\": 2, \"ti\n" LINE("3", "b"),
		  WEB " a x1\n" WEB " b x1\n", 1, false },
		{ LINE("2", "a") LINE("2", "b") LINE("1", "c"), WEB " a x1\n", 2, false },
		{ LINE("0", "a") "\n\n{}\n[]\nnull\n", "", 6, false },
		{ LINE("1", "a") LINE("2", "b") REPEATED("3", "2") REPEATED("5", "4"),
		  WEB " b x1\n" WEB " a x4\n", 0, false },
		/* not the same run of repetitions */
		{ REPEATED("3", "5") REPEATED("4", "2"), WEB " a x5\n" WEB " a x2\n", 0, false },
		{ "{\"sequence\": 1, \"time\": \"2026-03-01T12:00:00Z\", \"reason\": \"R\"}\n",
		  "  x1\n", 0, false },
		{ "{\"sequence\": 1, \"time\": \"2026-03-01T12:00:00Z\", \"reason\": \"R\", "
		  "\"key\": \"../x\"}\n",
		  "", 1, false },
		{ LINE("9007199254740992", "a") LINE("18446744073709551615", "b"), "", 2, false },
		{ "{\"sequence\": 1, \"time\": \"1969-12-31T12:00:00Z\", \"reason\": \"R\"}\n", "",
		  1, false },
		{ "{\"sequence\": 1, \"time\": \"noon\", \"reason\": \"R\"}\n", "", 1, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event_ring ring = { 0 };
		struct history_parsed parsed =
			history_parse(cases[i].text, strlen(cases[i].text), &ring);
		AUTO_FREE char *text = text_of(&ring);

		assert_string_equal(text, cases[i].expected);
		assert_int_equal(parsed.damaged, cases[i].damaged);
		assert_int_equal(parsed.torn, cases[i].torn);
		event_ring_fini(&ring);
	}
}

/* ---- the file ---- */

struct fixture {
	struct loop loop;
	struct history history;
	struct history_file *file;
	char dir[32], path[64];
	bool closed;
};

static void on_closed(void *ctx)
{
	((struct fixture *)ctx)->closed = true;
}

static void run(struct fixture *f, uint64_t ms)
{
	loop_run_virtual(&f->loop, loop_now_ms(&f->loop) + ms);
}

/* A daemon begins; it ends in order, or is killed: what has not been written then is lost. */
static void begin(struct fixture *f)
{
	history_init(&f->history, begin_ms);
	history_file_open(&f->file, &f->history, &f->loop, f->path);
	assert_true(f->history.loading);
}

static void end(struct fixture *f)
{
	f->closed = false;
	history_file_close(f->file, on_closed, f);
	run(f, SETTLED_MS);
	assert_true(f->closed);
	history_fini(&f->history);
}

static void begin_again(struct fixture *f)
{
	end(f);
	begin(f);
	run(f, 1);
	assert_false(f->history.loading);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	log_set_level(LOG_ERROR);
	snprintf(f->dir, sizeof(f->dir), "%s/test-history-XXXXXX", SCRATCH);
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/events", f->dir);
	assert_int_equal(loop_open(&f->loop, LOOP_CLOCK_VIRTUAL, NULL), 0);
	begin(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	end(f);
	loop_close(&f->loop);
	fs_remove_tree(AT_FDCWD, f->dir, NULL);
	free(f);
	return 0;
}

static size_t file_size(const struct fixture *f)
{
	AUTO_BUF struct buf text = { 0 };

	fs_read_file(AT_FDCWD, f->path, HISTORY_FILE_MAX_BYTES, &text, NULL);
	return text.len;
}

static void append_text(const struct fixture *f, const char *text)
{
	FILE *file = fopen(f->path, "ae");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* What happens while the file is read comes after what is in it. */
static void test_kept(void **state)
{
	struct fixture *f = *state;
	uint64_t sequence;

	add(&f->history, WEB, "one");
	run(f, SETTLED_MS);
	assert_true(file_size(f) > 0);
	add(&f->history, WEB, "two"); /* written by the end */
	sequence = event_ring_last(&f->history.ring);
	end(f);
	begin(f);
	add(&f->history, WEB, "three");
	assert_null(history_next(&f->history, &(struct history_reader){ 0 }));
	run(f, SETTLED_MS);
	expect(&f->history, WEB " one x1\n" WEB " two x1\n" WEB " three x1\n");
	assert_true(event_ring_last(&f->history.ring) > sequence); /* on the same clock */
	begin_again(f);
	expect(&f->history, WEB " one x1\n" WEB " two x1\n" WEB " three x1\n");
}

/* Nothing is told twice because a daemon was killed before it had noted that it told it. */
static void test_told_before(void **state)
{
	struct fixture *f = *state;

	add(&f->history, WEB, "ready");
	add(&f->history, "other", "ready");
	end(f);
	begin(f);
	add(&f->history, WEB, "ready");
	add(&f->history, WEB, "stopped");
	run(f, SETTLED_MS);
	expect(&f->history, WEB " ready x1\nother ready x1\n" WEB " stopped x1\n");
}

static void test_torn(void **state)
{
	struct fixture *f = *state;

	add(&f->history, WEB, "one");
	end(f);
	append_text(f, "{\"sequence\": 17000000");
	begin(f);
	run(f, SETTLED_MS);
	expect(&f->history, WEB " one x1\n");
	add(&f->history, WEB, "two"); /* the file is whole again */
	begin_again(f);
	expect(&f->history, WEB " one x1\n" WEB " two x1\n");
}

/* Idle, nothing is due; a burst is one write. */
static void test_quiet(void **state)
{
	struct fixture *f = *state;
	size_t size;

	run(f, SETTLED_MS);
	assert_true(list_empty(&f->loop.timers));
	add_numbered(&f->history, 0, 100, "");
	assert_int_equal(file_size(f), 0);
	run(f, SETTLED_MS);
	size = file_size(f);
	assert_true(size > 0 && list_empty(&f->loop.timers));
	run(f, LONG_MS);
	assert_int_equal(file_size(f), size);
}

/* However much happens, the file stays within its bounds and keeps the latest. */
static void test_file_is_bounded(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *before = NULL, *after = NULL;

	for (unsigned i = 0; i < 20; i++) {
		add_numbered(&f->history, i * 2000, 2000, " of many");
		run(f, SETTLED_MS);
		assert_true(file_size(f) < 4 * HISTORY_FILE_GROWTH_BYTES);
	}
	before = text_of(&f->history.ring);
	begin_again(f);
	after = text_of(&f->history.ring);
	assert_string_equal(before, after);
	assert_int_equal(f->history.ring.n, EVENT_RING_MAX);
}

/* A container that fails all the time does not push the others out of the file. */
static void test_repeats_in_file(void **state)
{
	struct fixture *f = *state;

	add(&f->history, WEB, "once");
	for (int i = 0; i < 20000; i++) {
		add_at(&f->history, begin_ms + i * 1000, WEB, "again");
		run(f, i % 100 ? 1 : SETTLED_MS);
	}
	begin_again(f);
	expect(&f->history, WEB " once x1\n" WEB " again x20000\n");
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The disk is full in the middle of a line: all of it is there when there is room again. */
static void test_disk_full(void **state)
{
	struct fixture *f = *state;
	size_t whole;

	signal(SIGXFSZ, SIG_IGN);
	add(&f->history, WEB, "one");
	run(f, SETTLED_MS);
	whole = file_size(f);
	limit_files(whole + 20);
	add(&f->history, WEB, "two");
	run(f, SETTLED_MS);
	add(&f->history, WEB, "three");
	run(f, SETTLED_MS);
	assert_false(list_empty(&f->loop.timers)); /* not at once */
	run(f, LONG_MS);
	assert_int_equal(file_size(f), whole);     /* no half a line */
	assert_false(list_empty(&f->loop.timers)); /* by itself, when there is room */
	limit_files(RLIM_INFINITY);
	run(f, LONG_MS);
	assert_true(list_empty(&f->loop.timers)); /* and then no more */
	assert_true(file_size(f) > whole);
	add(&f->history, WEB, "four");
	begin_again(f);
	expect(&f->history, WEB " one x1\n" WEB " two x1\n" WEB " three x1\n" WEB " four x1\n");
}

/* The daemon ends while it cannot write; it tries once more. */
static void test_full_at_the_end(void **state)
{
	struct fixture *f = *state;

	signal(SIGXFSZ, SIG_IGN);
	limit_files(20);
	add(&f->history, WEB, "one");
	run(f, SETTLED_MS);
	limit_files(RLIM_INFINITY);
	begin_again(f);
	expect(&f->history, WEB " one x1\n");
}

/* One that cannot be read: the history begins anew, beside it. */
static void test_too_large(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *aside = xasprintf("%s.damaged", f->path);

	end(f);
	append_text(f, "");
	assert_int_equal(truncate(f->path, HISTORY_FILE_MAX_BYTES + 1), 0);
	begin(f);
	run(f, SETTLED_MS);
	expect(&f->history, "");
	add(&f->history, WEB, "one");
	begin_again(f);
	expect(&f->history, WEB " one x1\n");
	assert_true(file_size(f) < 1024);
	assert_int_equal(unlink(aside), 0);
}

/* The clock went back a year while the daemon was away: numbers still go up. */
static void test_clock_back(void **state)
{
	struct fixture *f = *state;
	uint64_t sequence;

	add(&f->history, WEB, "one");
	sequence = event_ring_last(&f->history.ring);
	end(f);
	history_init(&f->history, 1000);
	history_file_open(&f->file, &f->history, &f->loop, f->path);
	add_at(&f->history, 1000, WEB, "two");
	run(f, SETTLED_MS);
	add_at(&f->history, 2000, WEB, "three");
	expect(&f->history, WEB " one x1\n" WEB " two x1\n" WEB " three x1\n");
	assert_true(event_ring_at(&f->history.ring, 1)->sequence > sequence);
	begin_again(f);
	expect(&f->history, WEB " one x1\n" WEB " two x1\n" WEB " three x1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_begins),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_parse),
		cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told_before, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quiet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repeats_in_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_at_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clock_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

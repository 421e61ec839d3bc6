/* SPDX-License-Identifier: Apache-2.0 */
/* Log files read by lines, tails and times, while they are turned, packed, torn or full of rubbish;
 * and several of them in the order of time. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/str.h"
#include "core/logread/log_read.h"
#include "tests/unit/scratch.h"

#define NOON INT64_C(1772366400000000000) /* 2026-03-01T12:00:00Z */
#define SECOND INT64_C(1000000000)

struct fixture {
	char dir[64];
	struct log_query query;
	struct log_source source;
	struct buf got; /* entries as text, "…" behind a partial one, each with a newline */
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "%s/test-logread-XXXXXX", SCRATCH);
	assert_non_null(mkdtemp(f->dir));
	f->query.tail = LOG_TAIL_ALL;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	log_source_fini(&f->source);
	buf_fini(&f->got);
	fs_remove_tree(AT_FDCWD, f->dir, NULL);
	free(f);
	return 0;
}

/* ---- writing ---- */

static void append_bytes(struct fixture *f, const char *name, const void *data, size_t len)
{
	AUTO_FREE char *path = xasprintf("%s/%s", f->dir, name);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
}

static void append(struct fixture *f, const char *name, const char *text)
{
	append_bytes(f, name, text, strlen(text));
}

/* A line of the second @second after noon. */
static void add_line(struct buf *out, int second, const char *rest)
{
	char time[LOG_TIME_BYTES];

	log_time_print(NOON + second * SECOND, time);
	buf_printf(out, "%s %s\n", time, rest);
}

static void write_line(struct fixture *f, const char *name, int second, const char *rest)
{
	AUTO_BUF struct buf text = { 0 };

	add_line(&text, second, rest);
	append(f, name, text.data);
}

/* Lines "from" to "to", with their numbers as text and second. */
static void write_numbers(struct fixture *f, const char *name, int from, int to)
{
	AUTO_BUF struct buf text = { 0 };

	for (int i = from; i <= to; i++) {
		char rest[32];

		snprintf(rest, sizeof(rest), "stdout F %d", i);
		add_line(&text, i, rest);
	}
	append(f, name, text.data);
}

static void turn(struct fixture *f, const char *from, const char *to)
{
	AUTO_FREE char *old = xasprintf("%s/%s", f->dir, from);
	AUTO_FREE char *new = xasprintf("%s/%s", f->dir, to);

	assert_int_equal(rename(old, new), 0);
}

static void pack(struct fixture *f, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", f->dir, name);
	AUTO_FREE char *packed = xasprintf("%s.zst", path);
	AUTO_BUF struct buf text = { 0 };
	struct archive *archive = archive_write_new();
	struct archive_entry *entry = archive_entry_new();

	assert_int_equal(fs_read_file(AT_FDCWD, path, 1 << 24, &text, NULL), 0);
	assert_int_equal(archive_write_add_filter_zstd(archive), ARCHIVE_OK);
	assert_int_equal(archive_write_set_format_raw(archive), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(archive, packed), ARCHIVE_OK);
	archive_entry_set_filetype(entry, AE_IFREG);
	assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(archive, text.data, text.len), text.len);
	archive_entry_free(entry);
	assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
	assert_int_equal(unlink(path), 0);
}

/* ---- reading ---- */

static void note(struct fixture *f, const struct log_entry *entry)
{
	buf_add(&f->got, entry->text, entry->len);
	buf_add_str(&f->got, entry->partial ? "…\n" : "\n");
}

static void start(struct fixture *f)
{
	log_source_fini(&f->source);
	log_source_init(&f->source, &f->query, f->dir);
}

/* What there is now. */
static void read_on(struct fixture *f)
{
	struct log_entry entry;
	struct error err;
	int r;

	f->got.len = 0;
	buf_add_str(&f->got, "");
	while ((r = log_source_next(&f->source, &entry, &err)) > 0)
		note(f, &entry);
	assert_int_equal(r, 0);
	while (log_source_flush(&f->source, &entry))
		note(f, &entry);
}

static void expect_text(struct fixture *f, const char *expected)
{
	read_on(f);
	assert_string_equal(f->got.data, expected);
}

/* Numbers from @from to @to, each once, in order. */
static void expect_numbers(struct fixture *f, int from, int to)
{
	AUTO_BUF struct buf expected = { 0 };

	buf_add_str(&expected, "");
	for (int i = from; i <= to; i++)
		buf_printf(&expected, "%d\n", i);
	expect_text(f, expected.data);
}

static void expect_all(struct fixture *f, int from, int to)
{
	start(f);
	expect_numbers(f, from, to);
}

/* ---- lines ---- */

static void test_lines(void **state)
{
	static const struct {
		const char *line;
		bool ok, partial;
		enum log_stream stream;
		int64_t ns;
		const char *text;
	} rows[] = {
		{ "2026-03-01T12:00:00.123456789Z stdout F hi there", true, false, LOG_STDOUT,
		  NOON + 123456789, "hi there" },
		{ "2026-03-01T12:00:00Z stderr P x", true, true, LOG_STDERR, NOON, "x" },
		{ "2026-03-01T13:00:00.5+01:00 stdout F ", true, false, LOG_STDOUT,
		  NOON + SECOND / 2, "" },
		{ "2026-03-01T12:00:00Z stdout F", true, false, LOG_STDOUT, NOON, "" },
		{ "1970-01-01T00:00:00Z stdout F a", true, false, LOG_STDOUT, 0, "a" },
		{ "2000-02-29T00:00:00Z stdout F a", true, false, LOG_STDOUT,
		  INT64_C(951782400) * SECOND, "a" },
		{ "2100-03-01T00:00:00Z stdout F a", true, false, LOG_STDOUT,
		  INT64_C(4107542400) * SECOND, "a" },
		{ "2026-03-01T12:00:00Z stdout X a", .ok = false },
		{ "2026-03-01T12:00:00Z stdin F a", .ok = false },
		{ "2026-13-01T12:00:00Z stdout F a", .ok = false },
		{ "2026-03-01 12:00:00Z stdout F a", .ok = false },
		{ "9999-03-01T12:00:00Z stdout F a", .ok = false },
		{ "2026-03-01T12:00:00.Z stdout F a", .ok = false },
		{ "{\"log\": \"hi\"}", .ok = false },
		{ "", .ok = false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct log_line line;
		bool ok = log_line_parse(rows[i].line, strlen(rows[i].line), &line);

		if (ok != rows[i].ok)
			fail_msg("%s: %d", rows[i].line, ok);
		if (!ok)
			continue;
		assert_int_equal(line.partial, rows[i].partial);
		assert_int_equal(line.stream, rows[i].stream);
		assert_int_equal(line.time_ns, rows[i].ns);
		assert_int_equal(line.len, strlen(rows[i].text));
		assert_memory_equal(line.text, rows[i].text, line.len);
	}
}

static void test_times_there_and_back(void **state)
{
	(void)state;
	for (int64_t ns = 0; ns < INT64_MAX / 2; ns += 86400 * SECOND * 27 + 12345678901) {
		char text[LOG_TIME_BYTES];
		int64_t back;

		log_time_print(ns, text);
		assert_true(log_time_parse(text, strlen(text), &back));
		assert_int_equal(back, ns);
	}
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		bool ok, packed;
		uint64_t run;
		unsigned number;
	} rows[] = {
		{ "17.log", true, false, 17, 0 },
		{ "17.log.1", true, false, 17, 1 },
		{ "17.log.12.zst", true, true, 17, 12 },
		{ "17.log.zst", .ok = false },
		{ "17.log.0", .ok = false },
		{ "17.log.1.tmp", .ok = false },
		{ "x.log", .ok = false },
		{ ".log", .ok = false },
		{ "17.log.99999", .ok = false },
		{ "99999999999999999999999.log", .ok = false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct log_file file;

		assert_int_equal(log_file_name_parse(rows[i].name, &file), rows[i].ok);
		if (!rows[i].ok)
			continue;
		assert_int_equal(file.run, rows[i].run);
		assert_int_equal(file.number, rows[i].number);
		assert_int_equal(file.packed, rows[i].packed);
	}
}

/* ---- one container ---- */

static void test_nothing(void **state)
{
	struct fixture *f = *state;

	start(f);
	expect_text(f, "");
	assert_true(f->source.ended);
	append(f, "1.log", "");
	start(f);
	expect_text(f, "");
}

static void write_three_files(struct fixture *f, bool packed)
{
	write_numbers(f, "5.log.2", 1, 3000);
	write_numbers(f, "5.log.1", 3001, 6000);
	write_numbers(f, "5.log", 6001, 7000);
	if (packed) {
		pack(f, "5.log.2");
		pack(f, "5.log.1");
	}
}

static void check_windows(struct fixture *f)
{
	static const int tails[] = { 0, 1, 7, 999, 1000, 1001, 4000, 4001, 6999, 7000, 9000 };
	static const int times[] = { 1, 2, 2999, 3000, 3001, 3500, 6000, 6001, 6999, 7000 };

	expect_all(f, 1, 7000);
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		f->query.tail = tails[i];
		expect_all(f, tails[i] > 7000 ? 1 : 7001 - tails[i], 7000);
	}
	f->query.tail = LOG_TAIL_ALL;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		f->query.since_ns = NOON + times[i] * SECOND;
		expect_all(f, times[i], 7000);
		f->query.since_ns -= SECOND / 2;
		expect_all(f, times[i], 7000);
	}
	f->query.since_ns = 0;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		f->query.until_ns = NOON + times[i] * SECOND;
		expect_all(f, 1, times[i] - 1);
		f->query.tail = 10;
		expect_all(f, times[i] > 10 ? times[i] - 10 : 1, times[i] - 1);
		f->query.tail = LOG_TAIL_ALL;
	}
	f->query.since_ns = NOON + 2990 * SECOND;
	f->query.until_ns = NOON + 6010 * SECOND;
	expect_all(f, 2990, 6009);
	f->query.tail = 5;
	expect_all(f, 6005, 6009);
}

static void test_windows(void **state)
{
	write_three_files(*state, false);
	check_windows(*state);
}

static void test_windows_packed(void **state)
{
	write_three_files(*state, true);
	check_windows(*state);
}

static void test_parts_are_joined(void **state)
{
	struct fixture *f = *state;

	write_line(f, "1.log.1", 1, "stdout F before");
	write_line(f, "1.log.1", 2, "stdout P one ");
	write_line(f, "1.log", 3, "stderr F between");
	write_line(f, "1.log", 4, "stdout P two ");
	write_line(f, "1.log", 5, "stdout F three");
	write_line(f, "1.log", 6, "stdout P asks: ");
	start(f);
	expect_text(f, "before\nbetween\none two three\nasks: …\n");
	f->query.tail = 2;
	start(f);
	expect_text(f, "between\none two three\nasks: …\n");
}

static void test_joined_parts_are_bounded(void **state)
{
	struct fixture *f = *state;
	AUTO_BUF struct buf part = { 0 };
	size_t total = 0;
	struct log_entry entry;
	bool last_partial = true;

	buf_add_str(&part, "stdout P ");
	for (int i = 0; i < 16 * 1024; i++)
		buf_add_str(&part, "x");
	for (int i = 0; i < 100; i++)
		write_line(f, "1.log", i, part.data);
	write_line(f, "1.log", 101, "stdout F end");
	start(f);
	while (log_source_next(&f->source, &entry, NULL) > 0) {
		assert_true(entry.len <= LOG_JOIN_MAX + 16);
		total += entry.len;
		last_partial = entry.partial;
	}
	assert_int_equal(total, 100 * 16 * 1024 + strlen("end"));
	assert_false(last_partial);
}

static void test_a_line_without_end(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *many = xcalloc(1, 1 << 20);
	struct log_entry entry;
	size_t total = 0;

	memset(many, 'y', 1 << 20);
	append(f, "1.log", "2026-03-01T12:00:00Z stderr F ");
	for (int i = 0; i < 8; i++)
		append_bytes(f, "1.log", many, 1 << 20);
	append(f, "1.log", "\n");
	write_line(f, "1.log", 1, "stdout F after");
	start(f);
	while (log_source_next(&f->source, &entry, NULL) > 0 && entry.stream == LOG_STDERR)
		total += entry.len;
	assert_int_equal(total, 8 << 20);
	assert_memory_equal(entry.text, "after", entry.len);
	f->query.tail = 1;
	start(f);
	expect_text(f, "after\n");
	f->query.tail = LOG_TAIL_ALL;
	f->query.since_ns = NOON + 1;
	start(f);
	expect_text(f, "after\n");
}

/* Half a line at the end is not shown before it is whole; what is no line is shown as it is. */
static void test_torn_and_foreign_lines(void **state)
{
	struct fixture *f = *state;

	f->query.follow = true;
	append(f, "1.log", "what is this\n");
	write_line(f, "1.log", 1, "stdout F a");
	append_bytes(f, "1.log", "\0\0\0\n", 4);
	append(f, "1.log", "2026-03-01T12:00:02Z stdo");
	start(f);
	read_on(f);
	assert_int_equal(f->got.len, strlen("what is this\na\n") + 4);
	append(f, "1.log", "ut F b\n");
	expect_text(f, "b\n");
	append(f, "1.log", "2026-03-01T12:00:03Z stdout F half");
	expect_text(f, "");
	turn(f, "1.log", "1.log.1");
	write_line(f, "1.log", 4, "stdout F c");
	expect_text(f, "half\nc\n");
}

/* ---- following ---- */

static void test_follow_through_turns_and_runs(void **state)
{
	struct fixture *f = *state;

	f->query.follow = true;
	start(f);
	expect_text(f, "");
	write_numbers(f, "7.log", 1, 10);
	expect_numbers(f, 1, 10);
	write_numbers(f, "7.log", 11, 12);
	turn(f, "7.log", "7.log.1");
	write_numbers(f, "7.log", 13, 15);
	expect_numbers(f, 11, 15);
	write_numbers(f, "7.log", 16, 16);
	turn(f, "7.log.1", "7.log.2");
	turn(f, "7.log", "7.log.1");
	write_numbers(f, "7.log", 17, 18);
	turn(f, "7.log.2", "7.log.3");
	turn(f, "7.log.1", "7.log.2");
	turn(f, "7.log", "7.log.1");
	write_numbers(f, "7.log", 19, 20);
	expect_numbers(f, 16, 20);
	write_numbers(f, "7.log", 21, 21);
	write_numbers(f, "8.log", 22, 30);
	expect_numbers(f, 21, 30);
}

/* Who reads slowly finds the file that it was in packed, and the next ones too; or gone. */
static void test_follow_over_packed_and_lost_files(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *lost = xasprintf("%s/7.log.3", f->dir);

	f->query.follow = true;
	write_numbers(f, "7.log", 1, 10);
	start(f);
	expect_numbers(f, 1, 10);
	write_numbers(f, "7.log", 11, 12);
	turn(f, "7.log", "7.log.1");
	pack(f, "7.log.1");
	write_numbers(f, "7.log", 13, 15);
	expect_numbers(f, 11, 15);
	turn(f, "7.log.1.zst", "7.log.3");
	assert_int_equal(unlink(lost), 0);
	turn(f, "7.log", "7.log.1");
	pack(f, "7.log.1");
	write_numbers(f, "7.log", 16, 17);
	expect_numbers(f, 16, 17);
}

/* A file whose name is none of ours for a moment is not lost; lines of one time are told apart. */
static void test_follow_a_file_without_a_name(void **state)
{
	struct fixture *f = *state;

	f->query.follow = true;
	write_line(f, "7.log.1", 1, "stdout F a");
	write_line(f, "7.log", 1, "stdout F b");
	start(f);
	expect_text(f, "a\nb\n");
	turn(f, "7.log", "moved");
	expect_text(f, "");
	turn(f, "7.log.1", "7.log.2");
	turn(f, "moved", "7.log.1");
	write_line(f, "7.log.1", 1, "stdout F third");
	write_line(f, "7.log", 1, "stdout F fourth");
	expect_text(f, "third\nfourth\n");
}

static void test_follow_only_what_is_new(void **state)
{
	struct fixture *f = *state;

	f->query.follow = true;
	f->query.tail = 0;
	write_numbers(f, "7.log", 1, 10);
	start(f);
	expect_text(f, "");
	write_numbers(f, "7.log", 11, 12);
	expect_numbers(f, 11, 12);
}

static void test_runs(void **state)
{
	struct fixture *f = *state;

	write_numbers(f, "1760000000001.log", 1, 2);
	write_numbers(f, "1760000000002.log.1", 3, 4);
	write_numbers(f, "1760000000002.log", 5, 6);
	write_numbers(f, "1760000000003.log", 7, 8);
	expect_all(f, 7, 8);
	f->query.runs = LOG_RUNS_PREVIOUS;
	expect_all(f, 3, 6);
	f->query.tail = 1;
	expect_all(f, 6, 6);
	f->query.runs = LOG_RUNS_ALL;
	f->query.tail = 5;
	expect_all(f, 4, 8);
}

static void test_no_previous_run(void **state)
{
	struct fixture *f = *state;

	write_numbers(f, "1.log", 1, 2);
	f->query.runs = LOG_RUNS_PREVIOUS;
	start(f);
	expect_text(f, "");
}

/* It ends where the file was when it began to read. */
static void test_what_is_written_meanwhile_is_not_waited_for(void **state)
{
	struct fixture *f = *state;
	struct log_entry entry;

	write_numbers(f, "1.log", 1, 2);
	start(f);
	assert_int_equal(log_source_next(&f->source, &entry, NULL), 1);
	write_numbers(f, "1.log", 3, 4);
	expect_text(f, "2\n");
	assert_true(f->source.ended);
}

static void test_what_is_no_file(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *fifo = xasprintf("%s/2.log", f->dir);
	AUTO_FREE char *link = xasprintf("%s/3.log", f->dir);

	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	append(f, "4.log.1.zst", "this is not packed");
	write_line(f, "4.log", 1, "stdout F a");
	start(f);
	expect_text(f, "a\n");
}

/* ---- several ---- */

struct merged {
	struct buf text;
	size_t idle, enough;
};

static bool on_entry(void *ctx, size_t number, const struct log_entry *entry)
{
	struct merged *merged = ctx;

	buf_printf(&merged->text, "%zu:%.*s ", number, (int)entry->len, entry->text);
	return --merged->enough > 0;
}

static bool on_idle(void *ctx)
{
	((struct merged *)ctx)->idle++;
	return true;
}

static void test_merged_by_time(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *a = xasprintf("%s/a", f->dir), *b = xasprintf("%s/b", f->dir);
	AUTO_FREE char *none = xasprintf("%s/none", f->dir);
	const char *dirs[] = { a, b, none };
	struct merged merged = { .enough = SIZE_MAX };
	struct log_reading reading = { .query = f->query,
				       .dirs = dirs,
				       .n_dirs = ARRAY_SIZE(dirs),
				       .peer_fd = -1,
				       .on_entry = on_entry,
				       .on_idle = on_idle,
				       .ctx = &merged };

	assert_int_equal(mkdir(a, 0700), 0);
	assert_int_equal(mkdir(b, 0700), 0);
	for (int i = 1; i <= 6; i++)
		write_numbers(f, i % 3 ? "a/1.log" : "b/1.log", i, i);
	assert_int_equal(log_read(&reading, NULL), 0);
	assert_string_equal(merged.text.data, "0:1 0:2 1:3 0:4 0:5 1:6 ");
	assert_int_equal(merged.idle, 1);
	merged.text.len = 0;
	merged.enough = 2;
	assert_int_equal(log_read(&reading, NULL), 0);
	assert_string_equal(merged.text.data, "0:1 0:2 ");
	buf_fini(&merged.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_times_there_and_back),
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_windows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_windows_packed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parts_are_joined, setup, teardown),
		cmocka_unit_test_setup_teardown(test_joined_parts_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_line_without_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn_and_foreign_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_through_turns_and_runs, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_follow_over_packed_and_lost_files, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_follow_a_file_without_a_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow_only_what_is_new, setup, teardown),
		cmocka_unit_test_setup_teardown(test_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_previous_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_written_meanwhile_is_not_waited_for,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_merged_by_time, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

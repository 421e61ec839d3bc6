/* SPDX-License-Identifier: Apache-2.0 */
#include "core/journal/journal_test.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/journal/journal_file.h"
#include "tests/unit/scratch.h"
#include "tests/unit/small_fs.h"

struct fixture {
	struct loop loop;
	struct journal *journal;
	char dir[64], path[96];
	int done, failed;
	bool closed;
};

struct counted {
	struct call call;
	struct fixture *f;
};

static void on_done(struct call *call)
{
	struct counted *counted = container_of(call, struct counted, call);

	counted->f->done++;
	if (call->status < 0)
		counted->f->failed = call->status;
	free(counted);
}

static struct call *counted_call(struct fixture *f)
{
	struct counted *counted = xnew(struct counted);

	counted->f = f;
	call_init(&counted->call, &f->loop, on_done);
	return &counted->call;
}

static void put(struct fixture *f, const char *key, const char *value, bool sync)
{
	journal_put(f->journal, key, value, strlen(value), sync, counted_call(f));
}

static void del(struct fixture *f, const char *key)
{
	journal_remove(f->journal, key, false, counted_call(f));
}

static void wait_done(struct fixture *f, int n)
{
	while (f->done < n)
		uv_run(&f->loop.uv, UV_RUN_ONCE);
	assert_int_equal(f->done, n);
}

static void open_journal(struct fixture *f)
{
	struct error err = { 0 };

	if (journal_open(&f->journal, &f->loop, f->path, &err) < 0)
		fail_msg("%s", err.msg);
}

static void on_closed(void *ctx)
{
	((struct fixture *)ctx)->closed = true;
}

static void close_journal(struct fixture *f)
{
	f->closed = false;
	journal_close(f->journal, on_closed, f);
	assert_false(f->closed);
	while (!f->closed)
		uv_run(&f->loop.uv, UV_RUN_ONCE);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "%s/test-journal-XXXXXX", SCRATCH);
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/journal", f->dir);
	assert_int_equal(loop_open(&f->loop, LOOP_CLOCK_BOOTTIME, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	loop_close(&f->loop);
	fs_remove_tree(AT_FDCWD, f->dir, NULL);
	free(f);
	return 0;
}

static void assert_value(struct fixture *f, const char *key, const char *want)
{
	const struct journal_record *record = journal_find(f->journal, key);

	if (!want) {
		assert_null(record);
		return;
	}
	assert_non_null(record);
	assert_int_equal(record->value_len, strlen(want));
	assert_memory_equal(record->value, want, record->value_len);
}

static void test_put_remove_reopen(void **state)
{
	struct fixture *f = *state;

	open_journal(f);
	put(f, "a/1", "one", true);
	put(f, "a/2", "two", false);
	put(f, "b", "", false);
	put(f, "a/1", "uno", false);
	del(f, "a/2");
	del(f, "never");
	assert_value(f, "a/1", "uno");
	assert_int_equal(f->done, 0);
	wait_done(f, 6);
	close_journal(f);
	open_journal(f);
	assert_value(f, "a/1", "uno");
	assert_value(f, "a/2", NULL);
	assert_value(f, "b", "");
	assert_string_equal(journal_first(f->journal, "a/")->key, "a/1");
	assert_null(journal_next(journal_first(f->journal, "a/"), "a/"));
	close_journal(f);
	assert_int_equal(f->failed, 0);
}

static void write_raw(struct fixture *f, const char *data, size_t len)
{
	assert_int_equal(fs_write_file_atomic(f->path, data, len, 0600, NULL), 0);
}

static void read_raw(struct fixture *f, struct buf *out)
{
	assert_int_equal(fs_read_file(AT_FDCWD, f->path, 1 << 20, out, NULL), 0);
}

/* What a log of these operations must hold after each complete record. */
static const struct {
	const char *key, *value; /* NULL value: remove */
} script[] = {
	{ "a", "1" }, { "b", "22" }, { "a", "333" },  { "b", NULL },
	{ "c", "" },  { "a", NULL }, { "b", "back" },
};

static void assert_script_state(struct fixture *f, size_t n)
{
	static const char *const keys[] = { "a", "b", "c" };

	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		const char *want = NULL;

		for (size_t i = 0; i < n; i++)
			if (strcmp(script[i].key, keys[k]) == 0)
				want = script[i].value;
		assert_value(f, keys[k], want);
	}
}

static void test_every_prefix(void **state)
{
	struct fixture *f = *state;
	size_t ends[ARRAY_SIZE(script) + 1] = { JOURNAL_MAGIC_BYTES };
	AUTO_BUF struct buf log = { 0 };

	buf_add(&log, JOURNAL_MAGIC, JOURNAL_MAGIC_BYTES);
	for (size_t i = 0; i < ARRAY_SIZE(script); i++) {
		const char *value = script[i].value;

		journal_encode(&log, value ? JOURNAL_PUT : JOURNAL_REMOVE, script[i].key, value,
			       value ? strlen(value) : 0);
		ends[i + 1] = log.len;
	}
	for (size_t len = 0; len <= log.len; len++) {
		size_t whole = 0;

		while (whole < ARRAY_SIZE(script) && ends[whole + 1] <= len)
			whole++;
		write_raw(f, log.data, len);
		open_journal(f);
		assert_script_state(f, whole);
		/* What is appended after the cut is read back too. */
		put(f, "after", "cut", false);
		wait_done(f, 1);
		f->done = 0;
		close_journal(f);
		open_journal(f);
		assert_script_state(f, whole);
		assert_value(f, "after", "cut");
		close_journal(f);
	}
}

static void test_zero_tail(void **state)
{
	struct fixture *f = *state;
	char zeros[300] = { 0 };
	AUTO_BUF struct buf log = { 0 };

	buf_add(&log, JOURNAL_MAGIC, JOURNAL_MAGIC_BYTES);
	journal_encode(&log, JOURNAL_PUT, "a", "1", 1);
	buf_add(&log, zeros, sizeof(zeros));
	write_raw(f, log.data, log.len);
	open_journal(f);
	assert_value(f, "a", "1");
	close_journal(f);
}

static void test_damage_in_the_middle(void **state)
{
	struct fixture *f = *state;
	AUTO_BUF struct buf log = { 0 };
	AUTO_FREE char *kept = xasprintf("%s.damaged", f->path);
	size_t second;
	struct stat st;

	buf_add(&log, JOURNAL_MAGIC, JOURNAL_MAGIC_BYTES);
	journal_encode(&log, JOURNAL_PUT, "a", "1", 1);
	second = log.len;
	journal_encode(&log, JOURNAL_PUT, "b", "2", 1);
	journal_encode(&log, JOURNAL_PUT, "c", "3", 1);
	for (size_t i = 0; i < 25; i += 3) {
		log.data[second + i] ^= 0x10;
		write_raw(f, log.data, log.len);
		log.data[second + i] ^= 0x10;
		open_journal(f);
		assert_value(f, "a", "1");
		assert_value(f, "b", NULL);
		assert_value(f, "c", "3");
		close_journal(f);
		assert_int_equal(stat(kept, &st), 0);
		assert_int_equal(st.st_size, log.len);
		assert_int_equal(unlink(kept), 0);
		open_journal(f); /* it is whole again */
		assert_value(f, "c", "3");
		close_journal(f);
		assert_int_equal(stat(kept, &st), -1);
	}
}

/* One that leads beyond the end, one that is none, one that ends in the middle of the next. */
static void test_wrong_length(void **state)
{
	static const uint32_t lengths[] = { 0, 2, 9, 60, 1000, 1 << 20, 1 << 30, UINT32_MAX };
	struct fixture *f = *state;
	AUTO_BUF struct buf log = { 0 };
	AUTO_FREE char *kept = xasprintf("%s.damaged", f->path);
	AUTO_FREE char *tail = xasprintf("%s.tail", f->path);
	size_t second, last;
	struct stat st;

	buf_add(&log, JOURNAL_MAGIC, JOURNAL_MAGIC_BYTES);
	journal_encode(&log, JOURNAL_PUT, "a", "1", 1);
	second = log.len;
	journal_encode(&log, JOURNAL_PUT, "b", "2", 1);
	last = log.len;
	journal_encode(&log, JOURNAL_PUT, "c", "3", 1);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		uint32_t was, length = htole32(lengths[i]);

		memcpy(&was, log.data + second, sizeof(was));
		memcpy(log.data + second, &length, sizeof(length));
		write_raw(f, log.data, log.len);
		memcpy(log.data + second, &was, sizeof(was));
		open_journal(f);
		assert_value(f, "a", "1");
		assert_value(f, "c", "3");
		close_journal(f);
		assert_int_equal(stat(kept, &st), 0);
		assert_int_equal(st.st_size, log.len);
		assert_int_equal(unlink(kept), 0);
	}

	/* In the last record it cannot be told from a write that did not finish: it is kept. */
	log.data[last + 1] ^= 0x10;
	write_raw(f, log.data, log.len);
	open_journal(f);
	assert_value(f, "b", "2");
	assert_value(f, "c", NULL);
	close_journal(f);
	assert_int_equal(stat(tail, &st), 0);
	assert_int_equal(st.st_size, log.len - last);
}

static void test_foreign_file_is_refused(void **state)
{
	struct fixture *f = *state;
	struct error err = { 0 };
	AUTO_BUF struct buf raw = { 0 };

	write_raw(f, "kukeon journal 9\nfuture", 23);
	assert_int_equal(journal_open(&f->journal, &f->loop, f->path, &err), -EINVAL);
	assert_non_null(strstr(err.msg, f->path));
	read_raw(f, &raw);
	assert_string_equal(raw.data, "kukeon journal 9\nfuture");
	uv_run(&f->loop.uv, UV_RUN_NOWAIT);
}

static void test_group_commit(void **state)
{
	struct fixture *f = *state;
	struct journal_stats stats;
	char key[16];

	open_journal(f);
	for (int i = 0; i < 50; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		put(f, key, "v", true);
	}
	wait_done(f, 50);
	journal_get_stats(f->journal, &stats);
	/* The first goes alone, the other 49 wait for it and go together. */
	assert_true(stats.syncs <= 3);
	assert_true(stats.writes <= 3);
	for (int i = 0; i < 10; i++)
		put(f, "unsynced", "v", false);
	wait_done(f, 60);
	uint64_t syncs = stats.syncs;
	journal_get_stats(f->journal, &stats);
	assert_int_equal(stats.syncs, syncs);
	close_journal(f);
}

static void test_compaction(void **state)
{
	struct fixture *f = *state;
	struct journal_stats stats;
	char value[1024];
	struct stat st;

	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	open_journal(f);
	put(f, "keep", "me", true);
	for (int i = 0; i < 400; i++) {
		put(f, "churn", value, i % 7 == 0);
		wait_done(f, i + 2);
	}
	put(f, "last", "one", true);
	wait_done(f, 402);
	journal_get_stats(f->journal, &stats);
	assert_true(stats.compactions >= 4);
	assert_int_equal(stat(f->path, &st), 0);
	assert_true(st.st_size < 2 * 66 * 1024);
	close_journal(f);
	open_journal(f);
	assert_value(f, "keep", "me");
	assert_value(f, "churn", value);
	assert_value(f, "last", "one");
	close_journal(f);
	assert_int_equal(f->failed, 0);
}

static void test_bounds(void **state)
{
	struct fixture *f = *state;
	char *big = xcalloc(1, JOURNAL_VALUE_MAX_BYTES + 1);

	open_journal(f);
	journal_put(f->journal, "big", big, JOURNAL_VALUE_MAX_BYTES + 1, true, counted_call(f));
	wait_done(f, 1);
	assert_int_equal(f->failed, -EMSGSIZE);
	for (int i = 0; i < 33; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		journal_put(f->journal, key, big, JOURNAL_VALUE_MAX_BYTES, false, counted_call(f));
	}
	wait_done(f, 34);
	assert_int_equal(f->failed, -ENOSPC);
	free(big);
	close_journal(f);
}

static void test_close_with_pending_work(void **state)
{
	struct fixture *f = *state;

	open_journal(f);
	put(f, "a", "1", true);
	put(f, "b", "2", true);
	put(f, "c", "3", false);
	close_journal(f);
	assert_int_equal(f->done, 3);
	open_journal(f);
	assert_value(f, "b", "2");
	assert_value(f, "c", "3");
	close_journal(f);
}

/* Shortening the file is not worth a failure: what is asked for goes to its end. */
static void test_failed_compaction_is_none(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *spare = xasprintf("%s" JOURNAL_SPARE, f->path);
	struct journal_stats stats;
	char value[1024] = "";
	struct stat st;

	memset(value, 'x', sizeof(value) - 1);
	open_journal(f);
	assert_int_equal(unlink(spare), 0);
	assert_int_equal(mkdir(spare, 0700), 0); /* where the new file goes */
	for (int i = 0; i < 200; i++) {
		put(f, "churn", value, i % 7 == 0);
		wait_done(f, i + 1);
	}
	put(f, "churn", "final", true);
	wait_done(f, 201);
	assert_int_equal(f->failed, 0);
	journal_get_stats(f->journal, &stats);
	assert_in_range(stats.compactions, 1, 5); /* not at each put */
	assert_int_equal(rmdir(spare), 0);
	for (int i = 0; i < 100; i++) {
		put(f, "other", value, false);
		wait_done(f, 202 + i);
	}
	assert_int_equal(f->failed, 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_true(st.st_size < 100 * 1024); /* made up for */
	close_journal(f);
	open_journal(f);
	assert_value(f, "churn", "final");
	assert_value(f, "other", value);
	close_journal(f);
}

static void limit_file_size(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* What cannot be appended is written anew, with all else. */
static void test_failed_append_is_rewritten(void **state)
{
	struct fixture *f = *state;
	char value[1024] = "";

	memset(value, 'x', sizeof(value) - 1);
	open_journal(f);
	for (int i = 0; i < 40; i++)
		put(f, "churn", value, false);
	wait_done(f, 40);
	limit_file_size(16 * 1024);
	put(f, "churn", "final", true);
	wait_done(f, 41);
	limit_file_size(RLIM_INFINITY);
	assert_int_equal(f->failed, 0);
	close_journal(f);
	open_journal(f);
	assert_value(f, "churn", "final");
	close_journal(f);
}

/* After a failed write the next one brings the file in order again. */
static void test_failed_write_heals(void **state)
{
	struct fixture *f = *state;

	open_journal(f);
	put(f, "churn", "first", true);
	wait_done(f, 1);
	limit_file_size(JOURNAL_MAGIC_BYTES + 10);
	put(f, "churn", "final", true);
	put(f, "gone", "never", false);
	del(f, "gone");
	wait_done(f, 4);
	assert_int_equal(f->failed, -EFBIG);
	limit_file_size(RLIM_INFINITY);
	f->failed = 0;
	put(f, "more", "1", true);
	wait_done(f, 5);
	assert_int_equal(f->failed, 0);
	close_journal(f);
	open_journal(f);
	assert_value(f, "churn", "final");
	assert_value(f, "gone", NULL);
	assert_value(f, "more", "1");
	close_journal(f);
}

/* ---- a full filesystem ---- */

static void churn(struct fixture *f, int n)
{
	char value[1024] = "", key[16];

	memset(value, 'x', sizeof(value) - 1);
	f->done = f->failed = 0;
	for (int i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "k%d", i % 20);
		put(f, key, value, i % 5 == 0);
		wait_done(f, i + 1);
	}
}

static void test_full_filesystem(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *first = xasprintf("%s/inode0", f->dir);
	int torn;

	small_fs_mount(f->dir);
	open_journal(f);
	put(f, "before", "1", true);
	wait_done(f, 1);
	small_fs_use_up_inodes(f->dir);
	small_fs_fill(first);
	churn(f, 3000); /* more than the filesystem holds */
	put(f, "last", "one", true);
	wait_done(f, 3001);
	assert_int_equal(f->failed, 0);
	close_journal(f);

	/* The next daemon on the same filesystem; its predecessor was cut off in a write. */
	torn = open(f->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(torn, "torn", 4), 4);
	close(torn);
	open_journal(f);
	assert_value(f, "before", "1");
	assert_value(f, "last", "one");
	churn(f, 300);
	assert_int_equal(f->failed, 0);
	close_journal(f);
	small_fs_unmount(f->dir);
}

/* Without its reserves it fails, with a word on what to do, and goes on when there is space. */
static void test_full_without_reserve(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *filler = xasprintf("%s/filler", f->dir);
	AUTO_FREE char *spare = xasprintf("%s" JOURNAL_SPARE, f->path);
	struct stat st;

	small_fs_mount(f->dir);
	open_journal(f);
	put(f, "before", "1", true);
	wait_done(f, 1);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(truncate(f->path, st.st_size + 1), 0);
	assert_int_equal(truncate(f->path, st.st_size), 0); /* takes the blocks behind the end */
	assert_int_equal(unlink(spare), 0);
	small_fs_fill(filler);
	churn(f, 8);
	assert_int_equal(f->failed, -ENOSPC);
	assert_int_equal(unlink(filler), 0);
	churn(f, 8);
	assert_int_equal(f->failed, 0);
	close_journal(f);
	open_journal(f);
	assert_value(f, "before", "1");
	close_journal(f);
	small_fs_unmount(f->dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_put_remove_reopen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_prefix, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zero_tail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_length, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_file_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_group_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_compaction, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_with_pending_work, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_compaction_is_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_append_is_rewritten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_write_heals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_filesystem, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_without_reserve, setup, teardown),
	};

	small_fs_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

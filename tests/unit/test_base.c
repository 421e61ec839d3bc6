/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h> /* needs the headers above */

#include "core/base/error.h"
#include "core/base/fs.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "tests/unit/bad_dirs.h"

enum { MAP_KEYS = 200, MAP_STEPS = 20000 };

struct item {
	struct map_node node;
	struct list link;
	char key[16];
	bool in;
};

/* What a slot of the table must look like from the map; the table is sorted by key. */
static void check_map(const struct map *map, const struct item *items)
{
	const struct map_node *node = map_first(map);
	size_t count = 0;

	for (int i = 0; i < MAP_KEYS; i++) {
		if (!items[i].in)
			continue;
		assert_ptr_equal(node, &items[i].node);
		node = map_next(node);
		count++;
	}
	assert_null(node);
	assert_int_equal(map->count, count);
}

static void check_find(const struct map *map, const struct item *items, int i)
{
	int from = i;

	assert_ptr_equal(map_find(map, items[i].key), items[i].in ? &items[i].node : NULL);
	while (from < MAP_KEYS && !items[from].in)
		from++;
	assert_ptr_equal(map_find_from(map, items[i].key),
			 from < MAP_KEYS ? &items[from].node : NULL);
}

static void test_map_against_sorted_table(void **state UNUSED)
{
	struct item *items = xcalloc(MAP_KEYS, sizeof(*items)), twin = { 0 };
	struct map map = { 0 };

	for (int i = 0; i < MAP_KEYS; i++)
		snprintf(items[i].key, sizeof(items[i].key), "k%03d", i);
	srand(1);
	for (int step = 0; step < MAP_STEPS; step++) {
		struct item *item = &items[rand() % MAP_KEYS];

		if (item->in)
			map_remove(&map, &item->node);
		else
			assert_true(map_insert(&map, &item->node, item->key));
		item->in = !item->in;
		assert_int_equal(map_insert(&map, &twin.node, item->key), !item->in);
		if (!item->in)
			map_remove(&map, &twin.node);
		check_find(&map, items, rand() % MAP_KEYS);
		if (step % 100 == 0)
			check_map(&map, items);
	}
	free(items);
}

static void test_map_remove_while_walking(void **state UNUSED)
{
	struct item items[10] = { 0 }, *item;
	struct map map = { 0 };
	int seen = 0;

	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		snprintf(items[i].key, sizeof(items[i].key), "%zu", i);
		map_insert(&map, &items[i].node, items[i].key);
	}
	map_for_each(item, &map, node) {
		assert_ptr_equal(item, &items[seen++]);
		map_remove(&map, &item->node);
	}
	assert_int_equal(seen, ARRAY_SIZE(items));
	assert_int_equal(map.count, 0);
}

static void test_list(void **state UNUSED)
{
	struct item items[3] = { 0 }, *item;
	struct list head, other;
	int seen = 0;

	list_init(&head);
	assert_null(list_pop(&head));
	for (int i = 0; i < 3; i++)
		list_append(&head, &items[i].link);
	list_swap_out(&head, &other);
	assert_true(list_empty(&head));
	list_for_each(item, &other, link) {
		assert_ptr_equal(item, &items[seen++]);
		if (seen == 2)
			list_remove(&item->link);
	}
	assert_int_equal(seen, 3);
	list_remove(&items[1].link); /* in no list: nothing happens */
	assert_ptr_equal(list_pop(&other), &items[0].link);
	assert_ptr_equal(list_pop(&other), &items[2].link);
	assert_true(list_empty(&other));
	list_swap_out(&other, &head);
	assert_true(list_empty(&head));
}

static void test_buf(void **state UNUSED)
{
	struct buf buf = { 0 };
	AUTO_FREE char *empty = buf_take(&buf);
	AUTO_FREE char *taken = NULL;

	assert_string_equal(empty, "");
	for (int i = 0; i < 1000; i++)
		buf_printf(&buf, "%d,", i % 10);
	buf_add(&buf, "x\0y", 3);
	assert_int_equal(buf.len, 2003);
	assert_memory_equal(buf.data + 2000, "x\0y", 4);
	buf_fini(&buf);
	buf_add_str(&buf, "again");
	taken = buf_take(&buf);
	assert_string_equal(taken, "again");
	assert_null(buf.data);
}

static void test_nearest(void **state UNUSED)
{
	static const char *const names[] = { "image", "command", "args", "restartPolicy" };
	static const struct {
		const char *slip, *expected;
	} rows[] = {
		{ "imgae", "image" },
		{ "imag", "image" },
		{ "arg", "args" },
		{ "restart_policy", "restartPolicy" },
		{ "comand", "command" },
		{ "volumes", NULL },
		{ "x", NULL },
		{ "agrs", "args" },
		{ "arms", "args" },
		{ "bras", NULL },
		{ "comamdn", "command" },
		{ "cmmannd", "command" },
		{ "restrtplicy", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *nearest = str_nearest(rows[i].slip, names, ARRAY_SIZE(names));

		if (!str_equal(nearest, rows[i].expected))
			fail_msg("%s: expected %s, got %s", rows[i].slip,
				 rows[i].expected ? rows[i].expected : "none",
				 nearest ? nearest : "none");
	}
	assert_null(str_nearest("a", NULL, 0));
}

static void test_sha256(void **state UNUSED)
{
	char hex[SHA256_HEX_BYTES];

	sha256_hex("abc", 3, hex);
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_error_keeps_origin(void **state UNUSED)
{
	AUTO_FREE char *name = xcalloc(4000, 1);
	struct error err = { 0 };

	memset(name, 'x', 3999);
	assert_int_equal(error_set(&err, -ENOENT, "no file"), -ENOENT);
	assert_int_equal(error_wrap(&err, -ENOENT, "cell %s", "web"), -ENOENT);
	assert_string_equal(err.msg, "cell web: no file");
	error_wrap(&err, -EIO, "%s", name);
	assert_true(str_ends_with(err.msg, "x: cell web: no file"));
	assert_int_equal(err.code, -EIO);
	error_set(&err, -EIO, "%s", name);
	error_wrap(&err, -EIO, "cell web");
	assert_true(str_starts_with(err.msg, "cell web: xxx"));
	assert_true(strlen(err.msg) < ERROR_MSG_MAX_BYTES);
	assert_int_equal(error_wrap(NULL, -EIO, "x"), -EIO);
}

/* ---- files: each test in a directory of its own ---- */

static int make_directory(void **state)
{
	char *path = xstrdup("/tmp/kukeon-test.XXXXXX");

	*state = path;
	return mkdtemp(path) ? chdir(path) : -1;
}

static int remove_directory(void **state)
{
	struct error err;
	int r = chdir("/") < 0 ? -1 : fs_remove_tree(AT_FDCWD, *state, &err);

	free(*state);
	return r;
}

static void test_fs_read(void **state UNUSED)
{
	AUTO_BUF struct buf content = { 0 };
	struct error err;

	assert_int_equal(fs_write_file_atomic("file", "12345", 5, 0640, &err), 0);
	assert_int_equal(fs_read_file(AT_FDCWD, "file", 5, &content, &err), 0);
	assert_string_equal(content.data, "12345");
	assert_int_equal(fs_read_file(AT_FDCWD, "file", 4, &content, &err), -EFBIG);
	assert_string_equal(err.msg, "file has 5 bytes, at most 4 are allowed");
	assert_int_equal(fs_read_file(AT_FDCWD, "none", 4, &content, &err), -ENOENT);
	assert_int_equal(fs_read_file(AT_FDCWD, ".", 4, &content, &err), -EISDIR);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(fs_read_file(AT_FDCWD, "fifo", 4, &content, &err), -EINVAL);
}

/* In pieces, as a pipe gives it; what is too much is told, and some of it read. */
static void test_fs_read_rest(void **state UNUSED)
{
	AUTO_BUF struct buf content = { 0 };
	int fds[2];

	for (size_t max = 3; max < 6; max++) {
		content.len = 0;
		buf_add_str(&content, "a");
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		assert_int_equal(write(fds[1], "bcde", 4), 4);
		close(fds[1]);
		assert_int_equal(fs_read_rest(fds[0], max, &content), max < 4 ? -EFBIG : 0);
		assert_string_equal(content.data, "abcde");
		close(fds[0]);
	}
	assert_int_equal(fs_read_rest(-1, 1, &content), -EBADF);
}

static void test_fs_write(void **state UNUSED)
{
	AUTO_BUF struct buf content = { 0 };
	struct error err;
	struct stat st;

	assert_int_equal(fs_write_file_atomic("a", "old", 3, 0600, &err), 0);
	assert_int_equal(fs_write_file_atomic("a", "new!", 4, 0600, &err), 0);
	assert_int_equal(fs_read_file(AT_FDCWD, "a", 100, &content, &err), 0);
	assert_string_equal(content.data, "new!");
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(access("a.tmp", F_OK), -1);
	assert_int_equal(fs_write_file_atomic("none/a", "x", 1, 0600, &err), -ENOENT);
	assert_int_equal(symlink("a", "b.tmp"), 0); /* a trap: what it points to stays */
	assert_int_equal(fs_write_file_atomic("b", "x", 1, 0600, &err), -ELOOP);
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_size, 4);
}

static void expect_file(const char *name, const char *expected)
{
	AUTO_BUF struct buf content = { 0 };
	struct error err;

	assert_int_equal(fs_read_file(AT_FDCWD, name, 100, &content, &err), 0);
	assert_string_equal(content.data, expected);
}

static void expect_mode(const char *name, mode_t expected)
{
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & ALLPERMS, expected);
}

/* Also where somebody's umask, of now or of an earlier run, would have it otherwise. */
static void test_fs_modes(void **state UNUSED)
{
	struct error err;

	umask(077);
	assert_int_equal(fs_make_dirs("d/e/f", 0755, &err), 0);
	assert_int_equal(fs_write_file_atomic("d/a", "x", 1, 0644, &err), 0);
	assert_int_equal(fs_update_file(AT_FDCWD, "d/b", "x", 1, 0644, &err), 0);
	umask(022);
	expect_mode("d", 0755);
	expect_mode("d/e", 0755);
	expect_mode("d/e/f", 0755);
	expect_mode("d/a", 0644);
	expect_mode("d/b", 0644);
	assert_int_equal(chmod("d/b", 0600), 0);
	assert_int_equal(fs_update_file(AT_FDCWD, "d/b", "x", 1, 0, &err), 0);
	expect_mode("d/b", 0600);
	assert_int_equal(fs_update_file(AT_FDCWD, "d/b", "x", 1, 0644, &err), 0);
	expect_mode("d/b", 0644);
	assert_int_equal(chmod("d", 0700), 0);
	assert_int_equal(fs_make_dirs("d/e", 0755, &err), 0);
	expect_mode("d", 0700);
}

static void test_fs_update(void **state UNUSED)
{
	struct stat before, after;
	struct error err;
	char events[256];
	int tell_fd;

	assert_int_equal(fs_update_file(AT_FDCWD, "a", "x\n", 2, 0, &err), -ENOENT);
	assert_int_equal(access("a", F_OK), -1);
	assert_int_equal(fs_update_file(AT_FDCWD, "a", "one\n", 4, 0640, &err), 0);
	tell_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	assert_true(inotify_add_watch(tell_fd, "a", IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB) >= 0);
	assert_int_equal(fs_update_file(AT_FDCWD, "a", "one\n", 4, 0640, &err), 0);
	assert_int_equal(read(tell_fd, events, sizeof(events)), -1); /* nobody is woken up */
	close(tell_fd);
	assert_int_equal(stat("a", &before), 0);
	assert_int_equal(before.st_mode & 0777, 0640);
	assert_int_equal(fs_update_file(AT_FDCWD, "a", "one\ntwo\n", 8, 0, &err), 0);
	expect_file("a", "one\ntwo\n");
	assert_int_equal(fs_update_file(AT_FDCWD, "a", "2\n", 2, 0, &err), 0);
	expect_file("a", "2\n");
	assert_int_equal(fs_update_file(AT_FDCWD, "a", "", 0, 0, &err), 0);
	expect_file("a", "");
	assert_int_equal(stat("a", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(symlink("a", "link"), 0);
	assert_int_equal(fs_update_file(AT_FDCWD, "link", "x", 1, 0600, &err), -ELOOP);
	assert_int_equal(fs_update_file(AT_FDCWD, ".", "x", 1, 0600, &err), -EISDIR);
	assert_non_null(strstr(err.msg, "cannot open .: "));
}

enum { UPDATES = 2000, SHORT_BYTES = 40, LONG_BYTES = 400 };

/* Shared with the reader; it ends when this is set. */
static atomic_bool updates_done;

/* Whoever looks while the file changes finds the size of one of the two contents, never less. */
static void *read_all_the_time(void *smallest)
{
	struct stat st;

	while (!atomic_load(&updates_done))
		if (stat("file", &st) == 0 && st.st_size < *(off_t *)smallest)
			*(off_t *)smallest = st.st_size;
	return NULL;
}

static void test_fs_update_is_never_empty(void **state UNUSED)
{
	char text[LONG_BYTES];
	off_t smallest = LONG_BYTES;
	struct error err;
	pthread_t reader;

	memset(text, 'x', sizeof(text));
	assert_int_equal(fs_update_file(AT_FDCWD, "file", text, LONG_BYTES, 0600, &err), 0);
	atomic_store(&updates_done, false);
	assert_int_equal(pthread_create(&reader, NULL, read_all_the_time, &smallest), 0);
	for (int i = 0; i < UPDATES; i++)
		assert_int_equal(fs_update_file(AT_FDCWD, "file", text,
						i % 2 ? LONG_BYTES : SHORT_BYTES, 0, &err),
				 0);
	atomic_store(&updates_done, true);
	pthread_join(reader, NULL);
	assert_true(smallest >= SHORT_BYTES);
}

static void test_fs_remove_tree(void **state UNUSED)
{
	struct error err;

	assert_int_equal(fs_make_dirs("keep", 0755, &err), 0);
	assert_int_equal(fs_write_file_atomic("keep/file", "x", 1, 0600, &err), 0);
	assert_int_equal(fs_make_dirs("tree/a/b/c", 0755, &err), 0);
	assert_int_equal(fs_make_dirs("tree/a/b/c", 0755, &err), 0);
	assert_int_equal(fs_write_file_atomic("tree/a/file", "x", 1, 0600, &err), 0);
	assert_int_equal(symlink("../../keep", "tree/a/link"), 0);
	assert_int_equal(symlink("keep", "top"), 0);
	assert_int_equal(fs_remove_tree(AT_FDCWD, "tree", &err), 0);
	assert_int_equal(access("tree", F_OK), -1);
	assert_int_equal(fs_remove_tree(AT_FDCWD, "top", &err), 0);
	assert_int_equal(access("keep/file", F_OK), 0);
	assert_int_equal(fs_remove_tree(AT_FDCWD, "tree", &err), 0);
}

/* Deeper than the bound: refused with words, nothing loops. */
static size_t count_entries(const char *path, unsigned char type, int expected_end)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t n = 0;
	int r;

	assert_non_null(dir);
	while ((r = fs_next_entry(dir, &entry)) > 0)
		n += entry->d_type == type;
	closedir(dir);
	assert_int_equal(r, expected_end);
	return n;
}

static void test_fs_entries(void **state UNUSED)
{
	struct error err = { 0 };

	assert_int_equal(fs_make_dirs("all/a", 0755, &err), 0);
	assert_int_equal(fs_make_dirs("all/b", 0755, &err), 0);
	assert_int_equal(fs_write_file_atomic("all/file", "x", 1, 0600, &err), 0);
	assert_int_equal(symlink("a", "all/link"), 0);
	assert_int_equal(count_entries("all", DT_DIR, 0), 2);
	bad_dirs.no_types = true;
	assert_int_equal(count_entries("all", DT_DIR, 0), 2);
	assert_int_equal(count_entries("all", DT_LNK, 0), 1);
	bad_dirs = (struct bad_dirs){ .cut_after = "file", .code = EIO };
	count_entries("all", DT_REG, -EIO);
	bad_dirs = (struct bad_dirs){ .cut_after = "a", .code = EIO };
	assert_int_equal(fs_remove_tree(AT_FDCWD, "all", &err), -EIO);
	bad_dirs = (struct bad_dirs){ 0 };
	assert_int_equal(fs_remove_tree(AT_FDCWD, "all", &err), 0);
}

static void test_fs_remove_tree_bound(void **state UNUSED)
{
	AUTO_BUF struct buf path = { 0 };
	struct error err;

	buf_add_str(&path, "deep");
	for (int i = 0; i < 100; i++)
		buf_add_str(&path, "/d");
	assert_int_equal(fs_make_dirs(path.data, 0755, &err), 0);
	assert_int_equal(fs_remove_tree(AT_FDCWD, "deep", &err), -ELOOP);
	while (path.len > 4) { /* shorten it, so that the teardown can remove the rest */
		assert_int_equal(rmdir(path.data), 0);
		path.len -= 2;
		path.data[path.len] = '\0';
	}
}

#define FS_TEST(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)

static void test_copy(void **state UNUSED)
{
	char to[4] = "old";

	assert_false(str_copy(to, sizeof(to), "long"));
	assert_string_equal(to, "old");
	assert_true(str_copy(to, sizeof(to), "new"));
	assert_string_equal(to, "new");
	assert_true(str_copy(to, sizeof(to), ""));
	assert_string_equal(to, "");
	assert_false(str_copy(to, 0, ""));
}

/* What does not fit keeps both ends, in whole characters. */
static void test_fit(void **state UNUSED)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
		{ "", "" },
		{ "0123456789abcdefghi", "0123456789abcdefghi" },
		{ "0123456789abcdefghij", "0123456 \xe2\x80\xa6 defghij" },
		{ "012345\xc3\xa4xxxxxxxxxxxxxx\xc3\xa4"
		  "fghijk",
		  "012345 \xe2\x80\xa6 fghijk" },
		{ "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80",
		  "\x80\x80\x80 \xe2\x80\xa6 \x80\x80\x80" },
	};
	char to[20];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		str_fit(to, sizeof(to), rows[i].from);
		assert_string_equal(to, rows[i].to);
	}
}

static void test_error_keeps_its_ends(void **state UNUSED)
{
	AUTO_BUF struct buf text = { 0 };
	struct error err;

	while (text.len < 3000)
		buf_printf(&text, "layer %zu: ", text.len);
	buf_add_str(&text, "the cause");
	error_set(&err, -EIO, "begins: %s", text.data);
	for (int i = 0; i < 3; i++)
		error_wrap(&err, -EIO, "cell %d", i);
	assert_true(str_starts_with(err.msg, "cell 2: cell 1: cell 0: begins: layer 0: "));
	assert_true(str_ends_with(err.msg, ": the cause"));
	error_wrap(&err, -EIO, "%s", text.data);
	assert_true(str_starts_with(err.msg, "layer 0: "));
	assert_true(str_ends_with(err.msg, ": the cause"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_error_keeps_its_ends),
		cmocka_unit_test(test_map_against_sorted_table),
		cmocka_unit_test(test_map_remove_while_walking),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_buf),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_error_keeps_origin),
		FS_TEST(test_fs_read),
		cmocka_unit_test(test_fs_read_rest),
		FS_TEST(test_fs_write),
		FS_TEST(test_fs_modes),
		FS_TEST(test_fs_update),
		FS_TEST(test_fs_update_is_never_empty),
		FS_TEST(test_fs_entries),
		FS_TEST(test_fs_remove_tree),
		FS_TEST(test_fs_remove_tree_bound),
	};

	umask(022); /* modes are asserted */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h> /* needs the headers above */

#include "core/base/error.h"
#include "core/base/fs.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/str.h"

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
		{ "imgae", "image" },    { "imag", "image" },
		{ "arg", "args" },       { "restart_policy", "restartPolicy" },
		{ "comand", "command" }, { "volumes", NULL },
		{ "x", NULL },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_against_sorted_table),
		cmocka_unit_test(test_map_remove_while_walking),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_buf),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_error_keeps_origin),
		FS_TEST(test_fs_read),
		FS_TEST(test_fs_write),
		FS_TEST(test_fs_remove_tree),
		FS_TEST(test_fs_remove_tree_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

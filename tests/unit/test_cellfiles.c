/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>

#include "core/base/fs.h"
#include "core/base/str.h"
#include "core/cellfiles.h"

#define KEY "r/s/t/web"
#define LOCALHOST "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

static char dir[64];

static int setup(void **state UNUSED)
{
	snprintf(dir, sizeof(dir), "/tmp/kukeon-cellfiles-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state UNUSED)
{
	fs_remove_tree(AT_FDCWD, dir, NULL);
	return 0;
}

static void expect(const char *role, enum cellfile file, const char *expected)
{
	AUTO_FREE char *path = cellfiles_path(dir, KEY, role, file);
	AUTO_BUF struct buf content = { 0 };
	struct error err;

	if (fs_read_file(AT_FDCWD, path, 4096, &content, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(content.data, expected);
}

static void write_cell(const char *ip)
{
	struct error err;

	if (cellfiles_write(dir, KEY, ip, &err) < 0)
		fail_msg("%s", err.msg);
}

static void write_container(const char *role, const char *hostname)
{
	struct error err;

	if (cellfiles_write_container(dir, KEY, role, hostname, &err) < 0)
		fail_msg("%s", err.msg);
}

static void test_cell(void **state UNUSED)
{
	write_cell(NULL);
	expect(NULL, CELLFILE_HOSTS, LOCALHOST);
	expect(NULL, CELLFILE_HOSTNAME, "web\n");
	write_cell("10.88.0.123");
	expect(NULL, CELLFILE_HOSTS, LOCALHOST "10.88.0.123\tweb\n");
	write_cell("10.88.0.4"); /* shorter: nothing of the old content stays */
	expect(NULL, CELLFILE_HOSTS, LOCALHOST "10.88.0.4\tweb\n");
	write_cell(NULL);
	expect(NULL, CELLFILE_HOSTS, LOCALHOST);
}

/* Whichever comes first, its files or the address. */
static void test_container(void **state UNUSED)
{
	write_container("hosts", "db.example.org");
	expect("hosts", CELLFILE_HOSTS, LOCALHOST);
	expect("hosts", CELLFILE_HOSTNAME, "db.example.org\n");
	write_cell("10.88.0.5");
	expect("hosts", CELLFILE_HOSTS, LOCALHOST "10.88.0.5\tdb.example.org web\n");
	write_container("late", "later");
	expect("late", CELLFILE_HOSTS, LOCALHOST "10.88.0.5\tlater web\n");
	write_container("late", "l");
	expect("late", CELLFILE_HOSTNAME, "l\n");
	write_container("same", "web");
	expect("same", CELLFILE_HOSTS, LOCALHOST "10.88.0.5\tweb\n");
	write_cell("10.88.0.6");
	expect("late", CELLFILE_HOSTS, LOCALHOST "10.88.0.6\tl web\n");
	expect(NULL, CELLFILE_HOSTS, LOCALHOST "10.88.0.6\tweb\n");
	expect(NULL, CELLFILE_HOSTNAME, "web\n");
}

static void test_without_a_run_path(void **state UNUSED)
{
	AUTO_FREE char *path = cellfiles_path(NULL, KEY, "a", CELLFILE_HOSTS);

	assert_string_equal(path, "");
	assert_int_equal(cellfiles_write(NULL, KEY, NULL, NULL), 0);
	assert_int_equal(cellfiles_write_container(NULL, KEY, "a", "b", NULL), 0);
}

static void test_trouble(void **state UNUSED)
{
	struct error err;
	AUTO_FREE char *in_the_way = xasprintf("%s/file", dir);

	assert_int_equal(fs_write_file_atomic(in_the_way, "", 0, 0644, NULL), 0);
	assert_true(cellfiles_write(in_the_way, KEY, NULL, &err) < 0);
	assert_non_null(strstr(err.msg, in_the_way));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cell),
		TEST(test_container),
		cmocka_unit_test(test_without_a_run_path),
		TEST(test_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/base/fs.h"
#include "core/base/str.h"
#include "core/hosts/cellfiles.h"

#define KEY "r/s/t/web"
#define NEIGHBOURS "10.88.0.9\tdb db.t\n"
#define HEADING "# found by name:\n"
#define LOCALHOST "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

static const struct cellfiles_hosts nothing;
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

static void write_cell(const char *ip, const char *names)
{
	const struct cellfiles_hosts hosts = { { ip, NULL }, names };
	struct error err;

	if (cellfiles_write(dir, KEY, &hosts, &err) < 0)
		fail_msg("%s", err.msg);
}

static struct cellfiles_written written;

static void update_cell(const char *ip, const char *names)
{
	const struct cellfiles_hosts hosts = { { ip, NULL }, names };
	struct error err;

	cellfiles_written_fini(&written);
	if (cellfiles_update(dir, KEY, &hosts, &written, &err) < 0)
		fail_msg("%s", err.msg);
}

static void write_container(const char *role, const char *hostname)
{
	const struct cellfiles_hosts hosts = { { 0 }, NEIGHBOURS };
	struct error err;

	if (cellfiles_write_container(dir, KEY, role, hostname, &hosts, &err) < 0)
		fail_msg("%s", err.msg);
}

static ino_t inode_of(const char *role)
{
	AUTO_FREE char *path = cellfiles_path(dir, KEY, role, CELLFILE_HOSTS);
	struct stat st;

	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static void test_cell(void **state UNUSED)
{
	ino_t inode;

	write_cell(NULL, "");
	inode = inode_of(NULL);
	expect(NULL, CELLFILE_HOSTS, LOCALHOST);
	expect(NULL, CELLFILE_HOSTNAME, "web\n");
	write_cell("10.88.0.123", NEIGHBOURS);
	expect(NULL, CELLFILE_HOSTS, LOCALHOST "10.88.0.123\tweb web.t\n" HEADING NEIGHBOURS);
	write_cell("10.88.0.4", NULL); /* shorter: nothing of the old content stays */
	expect(NULL, CELLFILE_HOSTS, LOCALHOST "10.88.0.4\tweb web.t\n");
	write_cell(NULL, NULL);
	expect(NULL, CELLFILE_HOSTS, LOCALHOST);
	assert_int_equal(inode_of(NULL), inode);
}

/* Whichever comes first, its files or the address. */
static void test_container(void **state UNUSED)
{
	write_container("hosts", "db.example.org");
	expect("hosts", CELLFILE_HOSTS, LOCALHOST HEADING NEIGHBOURS);
	expect("hosts", CELLFILE_HOSTNAME, "db.example.org\n");
	write_cell("10.88.0.5", "");
	expect("hosts", CELLFILE_HOSTS, LOCALHOST "10.88.0.5\tdb.example.org web web.t\n");
	write_container("late", "later");
	expect("late", CELLFILE_HOSTS, LOCALHOST "10.88.0.5\tlater web web.t\n" HEADING NEIGHBOURS);
	write_container("late", "l");
	expect("late", CELLFILE_HOSTNAME, "l\n");
	write_container("same", "web");
	expect("same", CELLFILE_HOSTS, LOCALHOST "10.88.0.5\tweb web.t\n" HEADING NEIGHBOURS);
	write_cell("10.88.0.6", "");
	expect("late", CELLFILE_HOSTS, LOCALHOST "10.88.0.6\tl web web.t\n");
	expect(NULL, CELLFILE_HOSTS, LOCALHOST "10.88.0.6\tweb web.t\n");
	expect(NULL, CELLFILE_HOSTNAME, "web\n");
	write_cell(NULL, NEIGHBOURS); /* no address to be taken from the lines of others */
	write_container("late", "l");
	expect("late", CELLFILE_HOSTS, LOCALHOST HEADING NEIGHBOURS);
}

/* A few bytes of all of the cell's files, as long as nobody else has changed one. */
static void test_patch(void **state UNUSED)
{
	AUTO_FREE char *path = cellfiles_path(dir, KEY, NULL, CELLFILE_HOSTS);
	AUTO_BUF struct buf read = { 0 };
	struct hosts_lines lines = { 0 };

	write_cell("10.88.0.5", "1\ta\n2\tb\n");
	write_container("patched", "p");
	update_cell("10.88.0.5", "1\ta\n2\tb\n");
	cellfiles_read_names(dir, KEY, &read);
	assert_string_equal(read.data, "1\ta\n2\tb\n");
	hosts_lines_update(&lines, "1\ta\n2\tb\n");
	hosts_lines_update(&lines, "2\tb\n3\tc\n");
	assert_int_equal(cellfiles_patch(dir, KEY, &written, &lines), 0);
	expect(NULL, CELLFILE_HOSTS,
	       LOCALHOST "10.88.0.5\tweb web.t\n" HEADING "#  \n2\tb\n3\tc\n");
	expect("patched", CELLFILE_HOSTS,
	       LOCALHOST "10.88.0.5\tp web web.t\n" HEADING "#  \n2\tb\n3\tc\n");
	assert_int_equal(cellfiles_patch(dir, KEY, &written, &lines), -ESTALE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(cellfiles_patch(dir, KEY, &written, &lines), -ESTALE);
	hosts_lines_fini(&lines);
	cellfiles_written_fini(&written);
}

static void test_dual_stack(void **state UNUSED)
{
	static const struct cellfiles_hosts both = { { "10.88.0.7", "fd00::7" }, NEIGHBOURS };
	static const struct cellfiles_hosts unknown = { { 0 }, "" };
	struct error err;

	assert_int_equal(cellfiles_write(dir, KEY, &both, &err), 0);
	expect(NULL, CELLFILE_HOSTS,
	       LOCALHOST "10.88.0.7\tweb web.t\nfd00::7\tweb web.t\n" HEADING NEIGHBOURS);
	assert_int_equal(cellfiles_update(dir, KEY, &unknown, &written, &err), 0); /* both stay */
	expect(NULL, CELLFILE_HOSTS, LOCALHOST "10.88.0.7\tweb web.t\nfd00::7\tweb web.t\n");
	write_container("dual", "d");
	expect("dual", CELLFILE_HOSTS,
	       LOCALHOST "10.88.0.7\td web web.t\nfd00::7\td web web.t\n" HEADING NEIGHBOURS);
}

static void test_update(void **state UNUSED)
{
	AUTO_FREE char *etc = xasprintf("%s/" KEY "/etc", dir);
	ino_t inode;

	update_cell("10.88.0.5", NEIGHBOURS); /* nothing is there: nothing is made */
	assert_int_equal(access(etc, F_OK), -1);
	write_cell("10.88.0.5", "");
	write_container("late", "l");
	inode = inode_of("late");
	update_cell(NULL, "10.88.0.7\tx\n"); /* its own address stays */
	expect(NULL, CELLFILE_HOSTS, LOCALHOST "10.88.0.5\tweb web.t\n" HEADING "10.88.0.7\tx\n");
	update_cell("10.88.0.6", NEIGHBOURS);
	expect("late", CELLFILE_HOSTS, LOCALHOST "10.88.0.6\tl web web.t\n" HEADING NEIGHBOURS);
	assert_int_equal(inode_of("late"), inode);
	assert_int_equal(fs_remove_tree(AT_FDCWD, etc, NULL), 0);
	update_cell("10.88.0.5", NEIGHBOURS);
	assert_int_equal(access(etc, F_OK), -1);
}

/* What does not change is not written: nobody who watches the file is woken. */
static void test_unchanged(void **state UNUSED)
{
	AUTO_FREE char *path = cellfiles_path(dir, KEY, NULL, CELLFILE_HOSTS);
	const struct timespec past[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct stat st;

	write_cell("10.88.0.5", NEIGHBOURS);
	assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
	update_cell("10.88.0.5", NEIGHBOURS);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	update_cell("10.88.0.6", NEIGHBOURS);
	assert_int_equal(stat(path, &st), 0);
	assert_int_not_equal(st.st_mtim.tv_sec, 1000);
}

static void replace_by_dir(const char *role, enum cellfile file)
{
	AUTO_FREE char *path = cellfiles_path(dir, KEY, role, file);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
}

/* Another hand took them away, or put something else there. */
static void test_damage(void **state UNUSED)
{
	AUTO_FREE char *hosts = cellfiles_path(dir, KEY, NULL, CELLFILE_HOSTS);
	AUTO_FREE char *hostname = cellfiles_path(dir, KEY, "late", CELLFILE_HOSTNAME);

	assert_false(cellfiles_are_there(dir, KEY, NULL));
	write_cell("10.88.0.5", "");
	write_container("late", "l");
	assert_true(cellfiles_are_there(dir, KEY, NULL));
	assert_true(cellfiles_are_there(dir, KEY, "late"));
	assert_int_equal(truncate(hosts, 0), 0);
	assert_false(cellfiles_are_there(dir, KEY, NULL));
	replace_by_dir(NULL, CELLFILE_HOSTS);
	assert_false(cellfiles_are_there(dir, KEY, NULL));
	assert_int_equal(unlink(hostname), 0);
	assert_int_equal(symlink("/dev/null", hostname), 0);
	assert_false(cellfiles_are_there(dir, KEY, "late"));
	write_cell("10.88.0.5", "");
	write_container("late", "l");
	expect(NULL, CELLFILE_HOSTS, LOCALHOST "10.88.0.5\tweb web.t\n");
	expect("late", CELLFILE_HOSTNAME, "l\n");
	assert_true(cellfiles_are_there(dir, KEY, "late"));
}

static void test_without_a_run_path(void **state UNUSED)
{
	AUTO_FREE char *path = cellfiles_path(NULL, KEY, "a", CELLFILE_HOSTS);

	assert_string_equal(path, "");
	assert_int_equal(cellfiles_write(NULL, KEY, &nothing, NULL), 0);
	assert_int_equal(cellfiles_update(NULL, KEY, &nothing, NULL, NULL), 0);
	assert_true(cellfiles_are_there(NULL, KEY, NULL));
	assert_int_equal(cellfiles_write_container(NULL, KEY, "a", "b", &nothing, NULL), 0);
}

static void test_trouble(void **state UNUSED)
{
	struct error err;
	AUTO_FREE char *in_the_way = xasprintf("%s/file", dir);

	assert_int_equal(fs_write_file_atomic(in_the_way, "", 0, 0644, NULL), 0);
	assert_true(cellfiles_write(in_the_way, KEY, &nothing, &err) < 0);
	assert_non_null(strstr(err.msg, in_the_way));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cell),
		TEST(test_container),
		TEST(test_dual_stack),
		TEST(test_patch),
		TEST(test_update),
		TEST(test_unchanged),
		cmocka_unit_test(test_without_a_run_path),
		TEST(test_trouble),
		TEST(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

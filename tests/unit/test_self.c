/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/self.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/str.h"

static void test_key(void **state UNUSED)
{
	assert_true(self_is_key("kukeon-system/kukeon/kukeon/kukeond"));
	assert_false(self_is_key("kukeon-system/kukeon/kukeon"));
	assert_false(self_is_key("kukeon-system/kukeon/kukeon/kukeond/kukeond"));
	assert_false(self_is_key("default/kukeon/kukeon/kukeond"));
	assert_false(self_is_key(NULL));
}

static void test_below(void **state UNUSED)
{
	assert_true(self_is_below("kukeon-system"));
	assert_true(self_is_below("kukeon-system/kukeon/kukeon"));
	assert_false(self_is_below("kukeon-system/kukeon/kukeon/kukeond"));
	assert_false(self_is_below("kukeon"));
	assert_false(self_is_below("default"));
	assert_false(self_is_below("kukeon-system/other"));
}

static const struct {
	const char *text, *path;
} rows[] = {
	{ "0::/system.slice/kukeond.service\n", "/system.slice/kukeond.service" },
	{ "0::/\n", "/" },
	{ "0::/a b/c", "/a b/c" },
	{ "5:cpu,cpuacct:/x\n1:name=systemd:/y\n0::/z\n", "/z" },
	{ "10::/x\n", NULL },
	{ "5:cpu:/0::/x\n", NULL },
	{ "", NULL },
	{ NULL, NULL },
};

static void test_cgroup(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *path = self_parse_cgroup(rows[i].text);

		if (!str_equal(path, rows[i].path) || !path != !rows[i].path)
			fail_msg("%s: %s, expected %s", rows[i].text, path, rows[i].path);
	}
}

static bool kernel_tells_cgroup(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[4096];
	bool found = false;

	while (file && fgets(line, sizeof(line), file))
		found |= str_starts_with(line, "0::");
	if (file)
		fclose(file);
	return found;
}

static void test_read(void **state UNUSED)
{
	AUTO(self_fini) struct self first = { 0 }, second = { 0 };
	const int64_t now_ms = (int64_t)time(NULL) * 1000;

	self_read(&first);
	self_read(&second);
	assert_int_equal(first.pid, getpid());
	assert_true(first.started_ms >= now_ms && first.started_ms < now_ms + 60000);
	assert_int_equal(first.started_ms, second.started_ms);
	assert_int_equal(first.cgroup != NULL, kernel_tells_cgroup());
	assert_true(!first.cgroup || first.cgroup[0] == '/');
}

/* ---- the program is executed anew ---- */

enum { EXECUTED = 42, REPLACED = 43, SAME_PROCESS = 1 };

static void copy_program(const char *path)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
	    to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	struct stat st;

	assert_true(from >= 0 && to >= 0 && fstat(from, &st) == 0);
	while (sendfile(to, from, NULL, (size_t)st.st_size) > 0)
		;
	close(from);
	close(to);
}

static int status_of(const char *path, const char *how)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl(path, path, how, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* In the copy: what happens to its file before it executes itself. */
static int execute_anew(const char *path, const char *how)
{
	char *argv[] = { (char *)path, (char[]){ "executed" }, NULL };

	if (strcmp(how, "executed") == 0)
		return EXECUTED;
	if (strcmp(how, "keep") != 0)
		unlink(path);
	if (strcmp(how, "replace") == 0) {
		FILE *file = fopen(path, "we");

		fprintf(file, "#!/bin/sh\nexit %d\n", REPLACED);
		fchmod(fileno(file), 0700);
		fclose(file);
	}
	self_execute(argv, NULL);
	return SAME_PROCESS;
}

static void test_execute(void **state UNUSED)
{
	static const struct {
		const char *how;
		int status;
	} ways[] = {
		{ "keep", EXECUTED },
		{ "replace", REPLACED }, /* by an upgrade: the new file */
		{ "remove", EXECUTED },  /* what runs */
	};
	char dir[] = "/tmp/kukeon-self-XXXXXX";
	AUTO_FREE char *path = NULL;

	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/program", dir);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		copy_program(path);
		if (status_of(path, ways[i].how) != ways[i].status)
			fail_msg("%s", ways[i].how);
		unlink(path);
	}
	rmdir(dir);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),     cmocka_unit_test(test_below),
		cmocka_unit_test(test_execute), cmocka_unit_test(test_cgroup),
		cmocka_unit_test(test_read),
	};

	if (argc == 2)
		return execute_anew(argv[0], argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What kuke init and uninstall do to a host, as far as it needs no root: programs, directories,
 * processes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "cli/args/host_args.h"
#include "cli/host/host_daemon.h"
#include "cli/host/host_run.h"
#include "cli/host/host_setup.h"
#include "core/base/fs.h"

static char dir[64];
static struct io io;
static char *said;
static size_t said_len;

static int setup(void **state UNUSED)
{
	strcpy(dir, "/tmp/test-cli-host-XXXXXX");
	assert_non_null(mkdtemp(dir));
	io = (struct io){ .out = open_memstream(&said, &said_len), .err = stderr };
	return 0;
}

static int teardown(void **state UNUSED)
{
	fs_remove_tree(AT_FDCWD, dir, NULL);
	fclose(io.out);
	free(said);
	return 0;
}

static void make_file(const char *name, mode_t mode)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(fs_write_file_atomic(path, "", 0, mode, NULL), 0);
}

static void test_find(void **state UNUSED)
{
	AUTO_FREE char *dirs = xasprintf("/nonexistent::%s:/bin", dir);
	AUTO_FREE char *expected = xasprintf("%s/ours", dir);
	AUTO_FREE char *ours = NULL, *shell = NULL;

	make_file("ours", 0755);
	make_file("plain", 0644);
	ours = host_find_in(dirs, "ours");
	shell = host_find_in(dirs, "sh");
	assert_string_equal(ours, expected);
	assert_string_equal(shell, "/bin/sh");
	assert_null(host_find_in(dirs, "plain"));
	assert_null(host_find_in(dirs, "nothing"));
	assert_null(host_find_in(NULL, "sh"));
	assert_null(host_find_in("", "sh"));
}

static const struct {
	const char *argv[4];
	int r;
	const char *error;
} runs[] = {
	{ { "/bin/true" }, 0, "" },
	{ { "/bin/false" }, -EIO, "/bin/false ended with code 1" },
	{ { "/bin/sh", "-c", "kill -KILL $$" }, -EIO, "/bin/sh ended with signal 9" },
	{ { "/nonexistent/x" }, -ENOENT, "cannot run /nonexistent/x: No such file or directory" },
};

static void test_run(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct error err = { 0 };

		assert_int_equal(host_run(runs[i].argv, true, &err), runs[i].r);
		assert_string_equal(err.msg, runs[i].error);
	}
}

static void test_end(void **state UNUSED)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_false(host_daemon_wait_end(pid, 10));
	kill(pid, SIGKILL);
	assert_true(host_daemon_wait_end(pid, 5000));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(host_daemon_wait_end(pid, 10));
}

/* Settings in a directory of our own. */
static void settings(Api__Config *ret_config)
{
	api__config__init(ret_config);
	ret_config->run_path = xasprintf("%s/run-path", dir);
	ret_config->runtime_dir = xasprintf("%s/runtime", dir);
	ret_config->manifests_dir = xasprintf("%s/manifests", dir);
	ret_config->cni_conf_dir = xasprintf("%s/cni", dir);
	ret_config->cgroup_mount = dir;
	ret_config->cgroup_root = (char *)"/cgroup";
}

static void settings_fini(Api__Config *config)
{
	free(config->run_path);
	free(config->runtime_dir);
	free(config->manifests_dir);
	free(config->cni_conf_dir);
}

static bool there(const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);

	return access(path, F_OK) == 0;
}

/* What the daemon leaves goes; what it did not make stays, and its directory with it. */
static void test_directories(void **state UNUSED)
{
	AUTO_FREE char *foreign = NULL, *link = NULL;
	AUTO(settings_fini) Api__Config config;
	struct error err = { 0 };

	settings(&config);
	assert_int_equal(host_make_directories(&config, &io, &err), 0);
	assert_true(there("run-path") && there("runtime") && there("manifests") && there("cni"));
	make_file("run-path/kukeond.lock", 0600);
	make_file("run-path/journal", 0600);
	make_file("runtime/kukeond.lock", 0600);
	make_file("outside", 0600);
	foreign = xasprintf("%s/runtime/ipam", dir);
	link = xasprintf("%s/ipam/link", config.runtime_dir);
	assert_int_equal(mkdir(foreign, 0755), 0);
	assert_int_equal(symlink("../../outside", link), 0);
	make_file("run-path/mine", 0600);

	assert_int_equal(host_remove_directories(&config, &io, &err), 0);
	fflush(io.out);
	assert_true(there("outside") && there("manifests") && there("cni"));
	assert_true(there("run-path/mine") && !there("run-path/journal") && !there("runtime"));
	assert_non_null(strstr(said, "run-path: not empty, left as it is\n"));
	assert_non_null(strstr(said, "runtime: removed\n"));

	/* Again: nothing to do. */
	assert_int_equal(host_remove_directories(&config, &io, &err), 0);
}

static void test_relative(void **state UNUSED)
{
	struct options options = { 0 };
	Api__Config *config = NULL;
	struct error err = { 0 };

	setenv("KUKEON_RUN_PATH", "here", 1);
	assert_int_equal(host_args_load(&options, &config, &err), -EINVAL);
	unsetenv("KUKEON_RUN_PATH");
	assert_null(config);
	assert_string_equal(err.msg, "run-path \"here\": expected an absolute path below /");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_find),        TEST(test_run),      TEST(test_end),
		TEST(test_directories), TEST(test_relative),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

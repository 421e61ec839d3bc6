/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "core/base/util.h"
#include "drivers/plugins/earlier.h"

static const char NETNS_DIR[] = "/tmp/test-cni-earlier/netns";

/* A process with this in its environment; returns when it has it. */
static pid_t start(const char *variable)
{
	char *const argv[] = { (char *)"cat", NULL };
	char *const envp[] = { (char *)"A=b", (char *)variable, NULL };
	int in[2], out[2];
	char byte = 'x';
	pid_t pid;

	assert_true(pipe(in) == 0 && pipe(out) == 0);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execve("/bin/cat", argv, envp);
		_exit(127);
	}
	assert_int_equal(write(in[1], &byte, 1), 1);
	assert_int_equal(read(out[0], &byte, 1), 1);
	return pid;
}

static bool has_ended(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == pid;
}

static void test_ends_ours_alone(void **state UNUSED)
{
	pid_t ours = start("CNI_NETNS=/tmp/test-cni-earlier/netns/r_s_t_c");
	pid_t others[] = {
		start("CNI_NETNS=/tmp/test-cni-earlier/netns-of-another/r_s_t_c"),
		start("CNI_NETNS="),
		start("X=CNI_NETNS=/tmp/test-cni-earlier/netns/r_s_t_c"),
	};

	earlier_plugins_end(NETNS_DIR);
	assert_true(has_ended(ours));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_false(has_ended(others[i]));
		kill(others[i], SIGKILL);
		waitpid(others[i], NULL, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_ends_ours_alone) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

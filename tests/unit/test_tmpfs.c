/* SPDX-License-Identifier: Apache-2.0 */
/* Modes of a container's filesystems in memory are set in the process that is the container's, and
 * in no other that has its number. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "core/base/str.h"
#include "drivers/oci/tmpfs.h"

#define TARGET "/dev/shm"

struct fixture {
	pid_t pid;
	int told; /* by the child: its tmpfs is there; closed: it has none */
	char leaf[4096];
};

static mode_t mode_inside(const struct fixture *f)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/root" TARGET, (int)f->pid);
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & ALLPERMS : 0;
}

/* The last part of its cgroup's path. */
static void read_leaf(struct fixture *f)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/cgroup", (int)f->pid);
	FILE *file = fopen(path, "re");
	char line[sizeof(f->leaf)];

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		snprintf(f->leaf, sizeof(f->leaf), "%s", strrchr(line, '/'));
	}
	if (file)
		fclose(file);
}

static void be_a_task(int tell)
{
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("tmpfs", TARGET, "tmpfs", 0, "mode=0700") == 0 && write(tell, "+", 1) == 1)
		pause();
	_exit(0);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	int pipes[2];
	char byte;

	*state = f;
	assert_int_equal(pipe(pipes), 0);
	f->pid = fork();
	if (f->pid == 0) {
		close(pipes[0]);
		be_a_task(pipes[1]);
	}
	close(pipes[1]);
	f->told = (int)read(pipes[0], &byte, 1);
	close(pipes[0]);
	read_leaf(f);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	free(f);
	return 0;
}

static int set_modes(const struct fixture *f, const char *leaf)
{
	Api__Tmpfs tmpfs = API__TMPFS__INIT;
	Api__Tmpfs *all[] = { &tmpfs };
	Api__ContainerSpec spec = API__CONTAINER_SPEC__INIT;
	struct error err;

	tmpfs.target = (char *)TARGET;
	tmpfs.mode = (char *)"1750";
	spec.tmpfs = all;
	spec.n_tmpfs = 1;
	return tmpfs_set_modes((uint32_t)f->pid, leaf, &spec, &err);
}

static void test_sets_modes_of_the_task(void **state)
{
	const struct fixture *f = *state;

	if (f->told != 1)
		skip();
	assert_int_equal(set_modes(f, f->leaf), 0);
	assert_int_equal(mode_inside(f), 01750);
}

static void test_leaves_another_process_alone(void **state)
{
	const struct fixture *f = *state;
	AUTO_FREE char *longer = xasprintf("/x%s", f->leaf);

	if (f->told != 1)
		skip();
	assert_int_equal(set_modes(f, "/main/web/shop/front/front_root"), -ESRCH);
	assert_int_equal(set_modes(f, longer), -ESRCH);
	assert_int_equal(mode_inside(f), 0700);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sets_modes_of_the_task, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaves_another_process_alone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

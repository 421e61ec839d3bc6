/* SPDX-License-Identifier: Apache-2.0 */
/* Who may speak to the daemon, as the kernel tells of processes of other users. Root only. */
#include "core/host/peers.h"

#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "core/base/str.h"

enum { OUR_GROUP = 4711, THE_SOCKETS_GROUP = 4712, NOBODY = 65534 };

static const struct peers peers = { .groups = { OUR_GROUP, THE_SOCKETS_GROUP }, .n_groups = 2 };

static char directory[32], path[64];

static int setup(void **state UNUSED)
{
	snprintf(directory, sizeof(directory), "/tmp/test-peers-XXXXXX");
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chmod(directory, 0755), 0);
	snprintf(path, sizeof(path), "%s/it", directory);
	return 0;
}

static int teardown(void **state UNUSED)
{
	unlink(path);
	rmdir(directory);
	return 0;
}

static _Noreturn void connect_as(uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char byte;

	strcpy(address.sun_path, path);
	if (setgroups(n_groups, groups) < 0 || setgid(gid) < 0 || setuid(uid) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		_exit(1);
	_exit(read(fd, &byte, 1) == 0 ? 0 : 1);
}

static bool admitted(uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), peer, status;
	struct ucred credentials;
	socklen_t len = sizeof(credentials);
	bool may;
	pid_t pid;

	strcpy(address.sun_path, path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(listen(fd, 1), 0);
	pid = fork();
	if (pid == 0)
		connect_as(uid, gid, groups, n_groups);
	peer = accept(fd, NULL, NULL);
	assert_int_equal(getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &credentials, &len), 0);
	may = peers_admit(&peers, peer, credentials.uid, credentials.gid);
	close(peer);
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return may;
}

static void test_admit(void **state UNUSED)
{
	gid_t many[300];

	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (gid_t)(10000 + i);
	assert_true(admitted(0, 0, NULL, 0));
	assert_false(admitted(NOBODY, NOBODY, NULL, 0));
	assert_false(admitted(NOBODY, 0, NULL, 0));
	assert_true(admitted(NOBODY, OUR_GROUP, NULL, 0));
	assert_true(admitted(NOBODY, THE_SOCKETS_GROUP, NULL, 0));
	assert_true(admitted(NOBODY, NOBODY, (gid_t[]){ 1, OUR_GROUP }, 2));
	assert_false(admitted(NOBODY, NOBODY, (gid_t[]){ 0, 1 }, 2));
	assert_false(admitted(NOBODY, NOBODY, many, ARRAY_SIZE(many)));
	many[ARRAY_SIZE(many) - 1] = OUR_GROUP;
	assert_true(admitted(NOBODY, NOBODY, many, ARRAY_SIZE(many)));
}

/* The group of a socket that was passed counts when its mode is for a group, whatever it is later.
 */
static void test_read(void **state UNUSED)
{
	AUTO_CLOSE int fd = -1;
	struct peers own, passed;

	if (geteuid() != 0)
		skip();
	peers_read(&own, NULL);
	fd = creat(path, 0600);
	assert_int_equal(chown(path, 0, 4713), 0);
	peers_read(&passed, path);
	assert_int_equal(passed.n_groups, own.n_groups);
	assert_int_equal(chmod(path, 0660), 0);
	peers_read(&passed, path);
	assert_int_equal(passed.n_groups, own.n_groups + 1);
	assert_int_equal(passed.groups[own.n_groups], 4713);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_admit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The network driver: what crashes, reboots and other hands leave. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "drivers/hostnet/hostnet.h"
#include "drivers/netns/netns.h"
#include "tests/e2e/network_fixture.h"

/* What crashes and reboots leave. */
static void test_leftovers(void **state)
{
	struct fixture *f = *state;
	struct attachment_fact fact = { 0 };
	struct network_facts facts = { 0 };

	ensure_space(f, SPACE);
	write_text(TEST_DIR "/netns/main_web_app_stale", "");
	list(f, &facts);
	assert_int_equal(facts.n_attachments, 1);
	assert_true(facts.attachments[0].pinned && facts.attachments[0].intent &&
		    !facts.attachments[0].attached);
	network_facts_fini(&facts);
	assert_int_equal(detach(f, "main/web/app/stale"), 0);

	/* The pin and the conflist are gone: DEL works from the journal. */
	assert_int_equal(create_netns(f, CELL), 0);
	assert_int_equal(attach(f, CELL, NULL, &fact), 0);
	assert_int_equal(umount2(TEST_DIR "/netns/main_web_app_one", MNT_DETACH), 0);
	assert_int_equal(unlink(TEST_DIR "/netns/main_web_app_one"), 0);
	assert_int_equal(unlink(TEST_DIR "/net.d/main-web.conflist"), 0);
	reopen(f);
	list(f, &facts);
	assert_int_equal(facts.n_attachments, 1);
	assert_true(facts.attachments[0].intent && !facts.attachments[0].pinned &&
		    !facts.attachments[0].attached);
	network_facts_fini(&facts);
	ensure_space(f, SPACE); /* as the attached cell knows it */
	assert_int_equal(detach(f, CELL), 0);
	assert_false(exists(TEST_DIR "/ipam/main-web/10.88.0.2"));
	attachment_fact_fini(&fact);

	/* The daemon's own namespace as a pin: nothing may touch it. */
	write_text(TEST_DIR "/netns/main_web_app_one", "");
	assert_int_equal(
		mount("/proc/self/ns/net", TEST_DIR "/netns/main_web_app_one", NULL, MS_BIND, NULL),
		0);
	assert_int_equal(create_netns(f, CELL), -EPERM);
	assert_int_equal(attach(f, CELL, NULL, &fact), -EPERM);
	assert_int_equal(detach(f, CELL), -EPERM);
	assert_int_equal(umount2(TEST_DIR "/netns/main_web_app_one", MNT_DETACH), 0);
	assert_int_equal(detach(f, CELL), 0);
	assert_int_equal(remove_space(f, SPACE), 0);
	for (int i = 0; i < 100 && count_links("veth"); i++)
		usleep(20000); /* the kernel takes a dead namespace down in the background */
	assert_nothing_left(f);
}

/* ---- what another hand changed ---- */

static const char CGROUP[] = "/sys/fs/cgroup/cni-test";
static const char PIN[] = TEST_DIR "/netns/main_web_app_one";

/* A process in the namespace at @pin and in a leaf below CGROUP. */
static pid_t live_in(const char *pin)
{
	pid_t pid;
	int fd = open(pin, O_RDONLY | O_CLOEXEC), ready[2];
	char byte;

	assert_true(fd >= 0 && pipe2(ready, O_CLOEXEC) == 0);
	mkdir(CGROUP, 0755);
	mkdir("/sys/fs/cgroup/cni-test/leaf", 0755);
	pid = fork();
	if (pid == 0) {
		if (setns(fd, CLONE_NEWNET) < 0 ||
		    fs_write_existing(AT_FDCWD, "/sys/fs/cgroup/cni-test/leaf/cgroup.procs", "0",
				      NULL) < 0 ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(fd);
	return pid;
}

static void end_process(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 100 && rmdir("/sys/fs/cgroup/cni-test/leaf") < 0 && errno == EBUSY; i++)
		usleep(10000);
	rmdir(CGROUP);
}

static int repair(struct fixture *f, pid_t pid, const char *cgroup, struct attachment_fact *ret)
{
	struct waited w;

	f->network->ops->repair(f->network,
				&(struct repair_request){ .cell_key = CELL,
							  .wanted_ip = "10.88.0.2",
							  .pid = (uint32_t)pid,
							  .cgroup_path = cgroup },
				ret, waited_init(&w, f));
	return wait_for(&w, f);
}

/* What list() says of the cell; "" for nothing. Free with free(). */
static char *drift_of_cell(struct fixture *f)
{
	struct network_facts facts = { 0 };
	char *drift = NULL;

	list(f, &facts);
	for (size_t i = 0; i < facts.n_attachments; i++) {
		const struct attachment_fact *fact = &facts.attachments[i];

		if (!str_equal(fact->cell_key, CELL))
			continue;
		drift = xstrdup(fact->drift ? fact->drift : "");
		assert_int_equal(fact->attached, *drift == '\0');
	}
	network_facts_fini(&facts);
	assert_non_null(drift);
	return drift;
}

static void assert_drift(struct fixture *f, const char *words)
{
	AUTO_FREE char *drift = drift_of_cell(f);

	if (*words ? !strstr(drift, words) : *drift)
		fail_msg("drift is \"%s\", expected \"%s\"", drift, words);
}

static void assert_repaired(struct fixture *f, pid_t pid)
{
	struct attachment_fact fact = { 0 };

	assert_int_equal(repair(f, pid, "/cni-test", &fact), 0);
	assert_true(fact.attached && fact.pinned);
	assert_string_equal(fact.ip, "10.88.0.2");
	attachment_fact_fini(&fact);
	assert_drift(f, "");
}

/* The pin comes back from the process and from no other, whatever its number. */
static void check_pin_repair(struct fixture *f, pid_t pid)
{
	struct attachment_fact fact = { 0 };
	uint64_t inode = netns_inode(PIN);
	pid_t stranger;

	assert_int_equal(create_netns(f, "main/web/app/two"), 0);
	stranger = live_in(TEST_DIR "/netns/main_web_app_two");
	assert_int_equal(umount2(PIN, MNT_DETACH), 0);
	assert_drift(f, "not pinned");
	assert_int_equal(repair(f, stranger, "/cni-test", &fact), -ESTALE);
	assert_int_equal(repair(f, getpid(), "/cni-test", &fact), -ESTALE);
	assert_int_equal(repair(f, pid, "/another", &fact), -ESTALE);
	assert_int_equal(repair(f, 0, "/cni-test", &fact), -EAGAIN);
	assert_int_equal(netns_inode(PIN), 0);
	assert_repaired(f, pid);
	assert_true(netns_inode(PIN) == inode);
	kill(stranger, SIGKILL);
	waitpid(stranger, NULL, 0);
	assert_int_equal(detach(f, "main/web/app/two"), 0);
}

static void test_repair(void **state)
{
	struct fixture *f = *state;
	struct attachment_fact fact = { 0 };
	AUTO_FREE char *link = NULL;
	pid_t pid;

	ensure_space(f, SPACE);
	assert_int_equal(create_netns(f, CELL), 0);
	assert_int_equal(attach(f, CELL, NULL, &fact), 0);
	link = xstrdup(fact.link);
	attachment_fact_fini(&fact);
	pid = live_in(PIN);
	assert_drift(f, "");
	check_pin_repair(f, pid);

	assert_int_equal(unlink(TEST_DIR "/ipam/main-web/10.88.0.2"), 0);
	assert_drift(f, "reservation");
	assert_repaired(f, pid);
	assert_true(if_nametoindex(link) > 0); /* and nothing else was done */

	assert_int_equal(hostnet_remove_bridge(link, NULL), -EEXIST);
	delete_link(link);
	assert_drift(f, link);
	assert_repaired(f, pid);

	reopen(f);
	assert_drift(f, "");
	end_process(pid);
	assert_int_equal(detach(f, CELL), 0);
	assert_int_equal(remove_space(f, SPACE), 0);
	for (int i = 0; i < 100 && count_links("veth"); i++)
		usleep(20000);
	assert_nothing_left(f);
}

/* In the namespace at PIN. */
static void inside(const char *command)
{
	AUTO_FREE char *line = xasprintf("nsenter --net=%s %s", PIN, command);

	assert_int_equal(system(line), 0);
}

static void end_and_check(struct fixture *f, pid_t pid)
{
	end_process(pid);
	assert_int_equal(detach(f, CELL), 0);
	assert_int_equal(remove_space(f, SPACE), 0);
	for (int i = 0; i < 100 && count_links("veth"); i++)
		usleep(20000);
	assert_nothing_left(f);
}

/* Each is seen, and put back without another interface. */
static void test_inside(void **state)
{
	static const struct {
		const char *command, *drift;
	} damages[] = {
		{ "ip addr flush dev eth0", "eth0 has lost address 10.88.0.2/16" },
		{ "ip link set eth0 down", "eth0 is down" },
		{ "ip link set lo down", "lo is down" },
		{ "ip route del default", "the default route is gone" },
	};
	struct fixture *f = *state;
	struct attachment_fact fact = { 0 };
	AUTO_FREE char *link = NULL;
	pid_t pid;

	ensure_space(f, SPACE);
	assert_int_equal(create_netns(f, CELL), 0);
	assert_int_equal(attach(f, CELL, NULL, &fact), 0);
	link = xstrdup(fact.link);
	attachment_fact_fini(&fact);
	pid = live_in(PIN);
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		inside(damages[i].command);
		assert_drift(f, damages[i].drift);
		assert_repaired(f, pid);
		inside("ip route get 192.0.2.1 >/dev/null");
		assert_true(if_nametoindex(link) > 0);
	}
	end_and_check(f, pid);
}

static void lose_journal(struct fixture *f)
{
	close_driver(f);
	assert_int_equal(unlink(TEST_DIR "/journal"), 0);
	open_driver(f);
	ensure_space(f, SPACE);
}

/* What the journal does not tell of is recognized; what is another's by now is not. */
static void test_adopt(void **state)
{
	static const char reservation[] = TEST_DIR "/ipam/main-web/10.88.0.2";
	struct fixture *f = *state;
	struct attachment_fact fact = { 0 };
	AUTO_FREE char *link = NULL;
	pid_t pid;

	ensure_space(f, SPACE);
	assert_int_equal(create_netns(f, CELL), 0);
	assert_int_equal(attach(f, CELL, NULL, &fact), 0);
	link = xstrdup(fact.link);
	attachment_fact_fini(&fact);
	pid = live_in(PIN);
	lose_journal(f);
	assert_repaired(f, pid);
	assert_true(if_nametoindex(link) > 0);
	lose_journal(f);
	assert_int_equal(unlink(reservation), 0);
	assert_repaired(f, pid);
	assert_true(if_nametoindex(link) > 0 && exists(reservation));

	/* The record is of an earlier attachment, in a namespace that had the same number. */
	write_text(reservation, "main_web_app_one.999\r\neth0");
	assert_drift(f, "reserved for another");
	assert_repaired(f, pid);
	assert_true(if_nametoindex(link) > 0);

	lose_journal(f);
	write_text(reservation, "stranger\r\neth0");
	assert_int_equal(repair(f, pid, "/cni-test", &fact), 0);
	assert_string_not_equal(fact.ip, "10.88.0.2");
	attachment_fact_fini(&fact);
	assert_int_equal(unlink(reservation), 0);
	end_and_check(f, pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_leftovers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repair, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_adopt, setup, teardown),
	};

	return run_network_tests(tests, ARRAY_SIZE(tests));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network driver against the real plugins and kernel. As root in namespaces of its own:
 *   unshare -m -n --propagation private sh -c 'mount -t tmpfs run /run &&
 * build/dev/cni_driver_test'
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "drivers/cni/cni.h"
#include "drivers/cni/hostnet.h"
#include "drivers/cni/netns.h"
#include "drivers/cni/nl.h"

enum { SKIPPED = 77, MANY_CELLS = 20 };

static const char ROOT[] = "/run/cni-test";
static const char SPACE[] = "main/web";
static const char CELL[] = "main/web/app/one";

struct fixture {
	struct loop loop;
	struct journal *journal;
	struct network *network;
	bool closed;
};

struct waited {
	struct call call;
	bool done;
};

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static void on_done(struct call *call)
{
	container_of(call, struct waited, call)->done = true;
}

static struct call *waited_init(struct waited *waited, struct fixture *f)
{
	*waited = (struct waited){ 0 };
	call_init(&waited->call, &f->loop, on_done);
	return &waited->call;
}

static int wait_for(struct waited *waited, struct fixture *f)
{
	while (!waited->done)
		uv_run(&f->loop.uv, UV_RUN_ONCE);
	if (waited->call.status < 0)
		print_message("  (%s)\n", waited->call.err.msg);
	return waited->call.status;
}

static void on_closed(void *ctx)
{
	((struct fixture *)ctx)->closed = true;
}

static void wait_closed(struct fixture *f)
{
	while (!f->closed)
		uv_run(&f->loop.uv, UV_RUN_ONCE);
	f->closed = false;
}

static void open_driver(struct fixture *f)
{
	struct error err = { 0 };
	const char *bin_dirs = getenv("CNI_PATH");
	struct cni_options options = { .conf_dir = "/run/cni-test/net.d",
				       .bin_dirs = bin_dirs ? bin_dirs : "/nowhere:/usr/lib/cni",
				       .netns_dir = "/run/cni-test/netns",
				       .subnet_pool_first = "10.88.0.0/16" };

	if (loop_open(&f->loop, LOOP_CLOCK_BOOTTIME, &err) < 0 ||
	    fs_make_dirs(ROOT, 0755, &err) < 0 ||
	    journal_open(&f->journal, &f->loop, "/run/cni-test/journal", &err) < 0)
		fail_msg("%s", err.msg);
	options.journal = f->journal;
	if (cni_open(&f->network, &f->loop, &options, &err) < 0)
		fail_msg("%s", err.msg);
}

static void close_driver(struct fixture *f)
{
	f->network->ops->close(f->network, on_closed, f);
	wait_closed(f);
	journal_close(f->journal, on_closed, f);
	wait_closed(f);
	loop_close(&f->loop);
}

static void reopen(struct fixture *f)
{
	close_driver(f);
	open_driver(f);
}

static int setup(void **state)
{
	fs_remove_tree(AT_FDCWD, ROOT, NULL);
	*state = xnew(struct fixture);
	open_driver(*state);
	return 0;
}

static int teardown(void **state)
{
	close_driver(*state);
	free(*state);
	return 0;
}

/* ---- the methods, waited for ---- */

static int ensure(struct fixture *f, const struct space_request *request, struct space_fact *ret)
{
	struct waited w;

	f->network->ops->ensure_space(f->network, request, ret, waited_init(&w, f));
	return wait_for(&w, f);
}

static void ensure_space(struct fixture *f, const char *key)
{
	struct space_fact fact = { 0 };

	assert_int_equal(ensure(f, &(struct space_request){ .space_key = key }, &fact), 0);
	space_fact_fini(&fact);
}

static int remove_space(struct fixture *f, const char *key)
{
	struct waited w;

	f->network->ops->remove_space(f->network, key, waited_init(&w, f));
	return wait_for(&w, f);
}

static int create_netns(struct fixture *f, const char *key)
{
	struct waited w;

	f->network->ops->create_netns(f->network, key, waited_init(&w, f));
	return wait_for(&w, f);
}

static int attach(struct fixture *f, const char *key, const char *ip, struct attachment_fact *ret)
{
	struct waited w;

	f->network->ops->attach(f->network,
				&(struct attach_request){ .cell_key = key, .wanted_ip = ip }, ret,
				waited_init(&w, f));
	return wait_for(&w, f);
}

static int detach(struct fixture *f, const char *key)
{
	struct waited w;

	f->network->ops->detach(f->network, key, waited_init(&w, f));
	return wait_for(&w, f);
}

static int join(struct fixture *f, const char *key, const char *space, struct join_fact *ret)
{
	struct waited w;

	f->network->ops->join(f->network,
			      &(struct join_request){ .cell_key = key, .space_key = space }, ret,
			      waited_init(&w, f));
	return wait_for(&w, f);
}

static int leave(struct fixture *f, const char *key, const char *space)
{
	struct waited w;

	f->network->ops->leave(f->network, key, space, waited_init(&w, f));
	return wait_for(&w, f);
}

static void list(struct fixture *f, struct network_facts *ret)
{
	struct waited w;

	f->network->ops->list(f->network, ret, waited_init(&w, f));
	assert_int_equal(wait_for(&w, f), 0);
}

/* ---- looking at the host ---- */

static size_t count_links(const char *prefix)
{
	struct if_nameindex *links = if_nameindex();
	size_t n = 0;

	for (size_t i = 0; links[i].if_index; i++)
		n += str_starts_with(links[i].if_name, prefix);
	if_freenameindex(links);
	return n;
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void delete_link(const char *name)
{
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	AUTO(nl_auto_link) struct rtnl_link *link = NULL;

	assert_int_equal(nl_open(&sock, NULL), 0);
	assert_int_equal(rtnl_link_get_kernel(sock, 0, name, &link), 0);
	assert_int_equal(rtnl_link_delete(sock, link), 0);
}

static void assert_nothing_left(struct fixture *f)
{
	struct network_facts facts = { 0 };
	struct journal_stats stats;

	list(f, &facts);
	assert_int_equal(facts.n_spaces, 0);
	assert_int_equal(facts.n_attachments, 0);
	network_facts_fini(&facts);
	assert_null(journal_first(f->journal, "attachment/"));
	assert_null(journal_first(f->journal, "confdir/"));
	assert_null(journal_first(f->journal, "conflist/"));
	journal_get_stats(f->journal, &stats);
	assert_int_equal(count_links("veth"), 0);
	assert_int_equal(count_links("kuke-"), 0);
	assert_int_equal(rmdir("/run/cni-test/netns"), 0);
	if (exists("/run/cni-test/ipam"))
		assert_int_equal(rmdir("/run/cni-test/ipam"), 0);
	assert_int_equal(mkdir("/run/cni-test/netns", 0755), 0);
}

static void test_one_cell(void **state)
{
	struct fixture *f = *state;
	struct space_fact space = { 0 }, again = { 0 };
	struct attachment_fact first = { 0 }, second = { 0 };
	struct network_facts facts = { 0 };

	assert_int_equal(ensure(f, &(struct space_request){ .space_key = SPACE }, &space), 0);
	assert_string_equal(space.conflist, "/run/cni-test/net.d/main-web.conflist");
	assert_string_equal(space.bridge, "kuke-main-web");
	assert_string_equal(space.subnet, "10.88.0.0/16");
	reopen(f);
	assert_int_equal(ensure(f, &(struct space_request){ .space_key = SPACE }, &again), 0);
	assert_string_equal(again.subnet, space.subnet);

	assert_int_equal(attach(f, CELL, NULL, &first), -ENOENT);
	assert_int_equal(create_netns(f, CELL), 0);
	assert_int_equal(create_netns(f, CELL), 0);
	assert_int_equal(attach(f, CELL, NULL, &first), 0);
	assert_true(first.attached && first.pinned && first.intent);
	assert_string_equal(first.bridge, "kuke-main-web");
	assert_string_equal(first.ip, "10.88.0.2");
	assert_int_equal(attach(f, CELL, NULL, &second), -EBUSY);

	reopen(f);
	list(f, &facts);
	assert_int_equal(facts.n_spaces, 1);
	assert_string_equal(facts.spaces[0].space_key, SPACE);
	assert_int_equal(facts.n_attachments, 1);
	assert_string_equal(facts.attachments[0].cell_key, CELL);
	assert_true(facts.attachments[0].attached);
	assert_string_equal(facts.attachments[0].ip, first.ip);
	assert_string_equal(facts.attachments[0].bridge, "kuke-main-web");

	/* The next free address would be .3; the one asked for is .2. */
	assert_int_equal(detach(f, CELL), 0);
	assert_int_equal(count_links("veth"), 0);
	assert_int_equal(create_netns(f, CELL), 0);
	assert_int_equal(attach(f, CELL, first.ip, &second), 0);
	assert_string_equal(second.ip, first.ip);
	assert_int_equal(detach(f, CELL), 0);
	assert_int_equal(detach(f, CELL), 0);
	assert_int_equal(remove_space(f, SPACE), 0);
	assert_int_equal(remove_space(f, SPACE), 0);
	assert_nothing_left(f);
	space_fact_fini(&space);
	space_fact_fini(&again);
	attachment_fact_fini(&first);
	attachment_fact_fini(&second);
	network_facts_fini(&facts);
}

static void test_refused_address_falls_back(void **state)
{
	struct fixture *f = *state;
	struct attachment_fact one = { 0 }, two = { 0 }, three = { 0 };
	static const char *const other = "main/web/app/two", *const third = "main/web/app/three";

	ensure_space(f, SPACE);
	assert_int_equal(create_netns(f, CELL), 0);
	assert_int_equal(create_netns(f, other), 0);
	assert_int_equal(create_netns(f, third), 0);
	assert_int_equal(attach(f, CELL, NULL, &one), 0);
	assert_int_equal(attach(f, other, one.ip, &two), 0);
	assert_string_not_equal(one.ip, two.ip);
	assert_int_equal(attach(f, third, "192.168.77.1", &three), 0);
	assert_int_equal(count_links("veth"), 3);
	assert_int_equal(detach(f, CELL), 0);
	assert_int_equal(detach(f, other), 0);
	assert_int_equal(detach(f, third), 0);
	assert_int_equal(remove_space(f, SPACE), 0);
	assert_nothing_left(f);
	attachment_fact_fini(&one);
	attachment_fact_fini(&two);
	attachment_fact_fini(&three);
}

static void write_text(const char *path, const char *text)
{
	struct error err = { 0 };

	if (fs_write_file_atomic(path, text, strlen(text), 0644, &err) < 0)
		fail_msg("%s", err.msg);
}

static void test_spaces(void **state)
{
	struct fixture *f = *state;
	struct space_fact fact = { 0 };

	ensure_space(f, "main/web");
	/* Another space whose network has the same name, a foreign file, a foreign range. */
	write_text(
		"/run/cni-test/net.d/a-b-c.conflist",
		"{\"name\":\"a-b-c\",\"kukeon\":{\"space\":\"a-b/c\"},\"plugins\":[{\"type\":\"bridge\"}]}");
	assert_int_equal(ensure(f, &(struct space_request){ .space_key = "a/b-c" }, &fact),
			 -EEXIST);
	write_text("/run/cni-test/net.d/x-y.conflist",
		   "{\"name\":\"x-y\",\"plugins\":[{\"type\":\"bridge\"}]}");
	assert_int_equal(ensure(f, &(struct space_request){ .space_key = "x/y" }, &fact), -EEXIST);
	write_text(
		"/run/cni-test/net.d/87-podman.conflist",
		"{\"name\":\"podman\",\"plugins\":[{\"type\":\"bridge\",\"bridge\":\"kuke-long-name-\",\"ipam\":"
		"{\"ranges\":[[{\"subnet\":\"10.89.0.0/16\"}]]}}]}");
	assert_int_equal(
		ensure(f, &(struct space_request){ .space_key = "m/o", .subnet = "10.89.4.0/24" },
		       &fact),
		-EADDRINUSE);
	assert_int_equal(
		ensure(f, &(struct space_request){ .space_key = "m/o", .subnet = "10.88.4.0/24" },
		       &fact),
		-EADDRINUSE);
	assert_int_equal(
		ensure(f, &(struct space_request){ .space_key = "m/o", .subnet = "fd00::/64" },
		       &fact),
		-EINVAL);
	/* The short bridge name is taken by podman's file; the next range is 10.90. */
	assert_int_equal(
		ensure(f, &(struct space_request){ .space_key = "long/name-of-it" }, &fact), 0);
	assert_string_not_equal(fact.bridge, "kuke-long-name-");
	assert_int_equal(strlen(fact.bridge), 15);
	assert_string_equal(fact.subnet, "10.90.0.0/16");
	space_fact_fini(&fact);
	/* A directory of its own is found again after a restart. */
	assert_int_equal(ensure(f,
				&(struct space_request){ .space_key = "m/o",
							 .conf_dir = "/run/cni-test/own.d",
							 .subnet = "10.200.0.0/24" },
				&fact),
			 0);
	assert_string_equal(fact.conflist, "/run/cni-test/own.d/m-o.conflist");
	space_fact_fini(&fact);
	reopen(f);
	assert_int_equal(
		ensure(f, &(struct space_request){ .space_key = "m/o", .subnet = "10.201.0.0/24" },
		       &fact),
		0);
	assert_string_equal(fact.conflist, "/run/cni-test/own.d/m-o.conflist");
	assert_string_equal(fact.subnet, "10.201.0.0/24");
	space_fact_fini(&fact);
	assert_int_equal(remove_space(f, "m/o"), 0);
	assert_int_equal(remove_space(f, "long/name-of-it"), 0);
	assert_int_equal(remove_space(f, "main/web"), 0);
	assert_int_equal(remove_space(f, "x/y"), 0);
	assert_true(exists("/run/cni-test/net.d/x-y.conflist"));
	assert_int_equal(unlink("/run/cni-test/net.d/a-b-c.conflist"), 0);
	assert_nothing_left(f);
}

/* What crashes and reboots leave. */
static void test_leftovers(void **state)
{
	struct fixture *f = *state;
	struct attachment_fact fact = { 0 };
	struct network_facts facts = { 0 };

	ensure_space(f, SPACE);
	write_text("/run/cni-test/netns/main_web_app_stale", "");
	list(f, &facts);
	assert_int_equal(facts.n_attachments, 1);
	assert_true(facts.attachments[0].pinned && facts.attachments[0].intent &&
		    !facts.attachments[0].attached);
	network_facts_fini(&facts);
	assert_int_equal(detach(f, "main/web/app/stale"), 0);

	/* The pin and the conflist are gone: DEL works from the journal. */
	assert_int_equal(create_netns(f, CELL), 0);
	assert_int_equal(attach(f, CELL, NULL, &fact), 0);
	assert_int_equal(umount2("/run/cni-test/netns/main_web_app_one", MNT_DETACH), 0);
	assert_int_equal(unlink("/run/cni-test/netns/main_web_app_one"), 0);
	assert_int_equal(unlink("/run/cni-test/net.d/main-web.conflist"), 0);
	reopen(f);
	list(f, &facts);
	assert_int_equal(facts.n_attachments, 1);
	assert_true(facts.attachments[0].intent && !facts.attachments[0].pinned &&
		    !facts.attachments[0].attached);
	network_facts_fini(&facts);
	ensure_space(f, SPACE); /* as the attached cell knows it */
	assert_int_equal(detach(f, CELL), 0);
	assert_false(exists("/run/cni-test/ipam/main-web/10.88.0.2"));
	attachment_fact_fini(&fact);

	/* The daemon's own namespace as a pin: nothing may touch it. */
	write_text("/run/cni-test/netns/main_web_app_one", "");
	assert_int_equal(mount("/proc/self/ns/net", "/run/cni-test/netns/main_web_app_one", NULL,
			       MS_BIND, NULL),
			 0);
	assert_int_equal(create_netns(f, CELL), -EPERM);
	assert_int_equal(attach(f, CELL, NULL, &fact), -EPERM);
	assert_int_equal(detach(f, CELL), -EPERM);
	assert_int_equal(umount2("/run/cni-test/netns/main_web_app_one", MNT_DETACH), 0);
	assert_int_equal(detach(f, CELL), 0);
	assert_int_equal(remove_space(f, SPACE), 0);
	for (int i = 0; i < 100 && count_links("veth"); i++)
		usleep(20000); /* the kernel takes a dead namespace down in the background */
	assert_nothing_left(f);
}

/* ---- what another hand changed ---- */

static const char CGROUP[] = "/sys/fs/cgroup/cni-test";
static const char PIN[] = "/run/cni-test/netns/main_web_app_one";

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
	stranger = live_in("/run/cni-test/netns/main_web_app_two");
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

	assert_int_equal(unlink("/run/cni-test/ipam/main-web/10.88.0.2"), 0);
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

/* ---- further spaces ---- */

static const char OTHER_SPACE[] = "main/db", THIRD_SPACE[] = "other/web";

static void assert_joined(struct fixture *f, const char *space, const char *interface,
			  const char *ip)
{
	struct join_fact fact = { 0 };

	assert_int_equal(join(f, CELL, space, &fact), 0);
	assert_true(fact.attached);
	assert_string_equal(fact.space_key, space);
	assert_string_equal(fact.interface, interface);
	assert_string_equal(fact.ip, ip);
	join_fact_fini(&fact);
}

/* What list() says of the cell's joins, each "space interface ip drift;". Free with free(). */
static char *joins_of_cell(struct fixture *f)
{
	struct network_facts facts = { 0 };
	char *text = xstrdup("");

	list(f, &facts);
	assert_int_equal(facts.n_attachments, 1);
	assert_true(facts.attachments[0].attached);
	assert_string_equal(facts.attachments[0].bridge, "kuke-main-web");
	for (size_t i = 0; i < facts.attachments[0].n_joins; i++) {
		const struct join_fact *fact = &facts.attachments[0].joins[i];
		AUTO_FREE char *before = text;

		assert_int_equal(fact->attached, !fact->drift);
		text = xasprintf("%s%s %s %s;", before, fact->space_key, fact->interface,
				 fact->attached ? fact->ip : "lost");
	}
	network_facts_fini(&facts);
	return text;
}

static void assert_joins(struct fixture *f, const char *expected)
{
	AUTO_FREE char *text = joins_of_cell(f);

	assert_string_equal(text, expected);
}

/* Reads a file of the cell's own namespace; the calling thread goes there and comes back. */
static char *read_inside(const char *path)
{
	int back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int pin = open(PIN, O_RDONLY | O_CLOEXEC);
	AUTO_BUF struct buf text = { 0 };

	assert_true(back >= 0 && pin >= 0 && setns(pin, CLONE_NEWNET) == 0);
	assert_int_equal(fs_read_file(AT_FDCWD, path, 64 * 1024, &text, NULL), 0);
	assert_int_equal(setns(back, CLONE_NEWNET), 0);
	close(back);
	close(pin);
	return buf_take(&text);
}

/* One default route, through the cell's own space; of each other one the addresses beside it. */
static void assert_routes(void)
{
	AUTO_FREE char *routes = read_inside("/proc/thread-self/net/route");
	AUTO_FREE char *forward = read_inside("/proc/sys/net/ipv4/ip_forward");
	unsigned defaults = 0, own = 0, joined = 0;
	char *rest = routes, *line;

	while ((line = strsep(&rest, "\n"))) {
		defaults += strstr(line, "\t00000000\t") && strstr(line, "\t0003\t");
		own += str_starts_with(line, "eth0\t");
		joined += str_starts_with(line, "eth1\t");
	}
	assert_int_equal(defaults, 1);
	assert_int_equal(own, 2);
	assert_int_equal(joined, 1);
	assert_string_equal(forward, "0\n");
}

static void check_join_drift(struct fixture *f)
{
	struct network_facts facts = { 0 };
	unsigned number;

	assert_int_equal(unlink("/run/cni-test/ipam/main-db/10.89.0.2"), 0);
	assert_joins(f, "main/db eth1 lost;other/web eth2 10.90.0.2;");
	assert_joined(f, OTHER_SPACE, "eth1", "10.89.0.2");
	list(f, &facts);
	number = if_nametoindex(facts.attachments[0].joins[0].link);
	assert_true(number > 0);
	assert_joined(f, OTHER_SPACE, "eth1", "10.89.0.2");
	assert_int_equal(if_nametoindex(facts.attachments[0].joins[0].link), number);
	delete_link(facts.attachments[0].joins[0].link);
	network_facts_fini(&facts);
	assert_joins(f, "main/db eth1 lost;other/web eth2 10.90.0.2;");
	assert_joined(f, OTHER_SPACE, "eth1", "10.89.0.2");

	/* A bridge that only cells from elsewhere are on is theirs all the same. */
	assert_int_equal(hostnet_remove_bridge("kuke-main-db", NULL), 0);
	list(f, &facts);
	for (size_t i = 0; i < facts.n_spaces; i++)
		assert_int_equal(facts.spaces[i].drift != NULL,
				 str_equal(facts.spaces[i].space_key, OTHER_SPACE));
	network_facts_fini(&facts);
	ensure_space(f, OTHER_SPACE);
	assert_true(count_links("kuke-main-db") == 1);
}

static void assert_inventory_owned(struct fixture *f)
{
	struct host_things things = { 0 };
	struct waited w;
	unsigned veths = 0;

	f->network->ops->inventory(f->network, &things, waited_init(&w, f));
	assert_int_equal(wait_for(&w, f), 0);
	for (size_t i = 0; i < things.n; i++) {
		if (!things.items[i].owner && !things.items[i].in_use)
			fail_msg("%s has no owner", things.items[i].name);
		veths +=
			things.items[i].kind == HOST_VETH && str_equal(things.items[i].owner, CELL);
	}
	assert_int_equal(veths, 3);
	host_things_fini(&things);
}

static void test_joins(void **state)
{
	struct fixture *f = *state;
	struct attachment_fact fact = { 0 };
	struct join_fact none = { 0 };

	ensure_space(f, SPACE);
	ensure_space(f, OTHER_SPACE);
	ensure_space(f, THIRD_SPACE);
	assert_int_equal(join(f, CELL, OTHER_SPACE, &none), -ENOENT);
	assert_int_equal(create_netns(f, CELL), 0);
	assert_int_equal(attach(f, CELL, NULL, &fact), 0);
	attachment_fact_fini(&fact);
	assert_joined(f, OTHER_SPACE, "eth1", "10.89.0.2");
	assert_joined(f, OTHER_SPACE, "eth1", "10.89.0.2");
	assert_joined(f, THIRD_SPACE, "eth2", "10.90.0.2");
	assert_routes();
	assert_int_equal(join(f, CELL, "main/none", &none), -ENOENT);
	reopen(f);
	assert_joins(f, "main/db eth1 10.89.0.2;other/web eth2 10.90.0.2;");
	assert_inventory_owned(f);
	check_join_drift(f);

	/* What stays keeps its number; the next one gets the one that is free. */
	assert_int_equal(leave(f, CELL, OTHER_SPACE), 0);
	assert_int_equal(leave(f, CELL, OTHER_SPACE), 0);
	assert_joins(f, "other/web eth2 10.90.0.2;");
	assert_false(exists("/run/cni-test/ipam/main-db/10.89.0.2"));
	assert_int_equal(count_links("veth"), 2);
	assert_joined(f, OTHER_SPACE, "eth1", "10.89.0.3");
	assert_int_equal(detach(f, CELL), 0);
	assert_int_equal(remove_space(f, SPACE), 0);
	assert_int_equal(remove_space(f, OTHER_SPACE), 0);
	assert_int_equal(remove_space(f, THIRD_SPACE), 0);
	assert_nothing_left(f);
}

/* Whatever the namespace it comes from does: this one is its own, so it may be told to. */
static void test_no_forwarding(void **state UNUSED)
{
	static const char forward[] = "/proc/sys/net/ipv4/ip_forward";
	AUTO_BUF struct buf text = { 0 };

	assert_int_equal(fs_write_existing(AT_FDCWD, forward, "1", NULL), 0);
	assert_int_equal(netns_stop_forwarding(NULL), 0);
	assert_int_equal(fs_read_file(AT_FDCWD, forward, 16, &text, NULL), 0);
	assert_string_equal(text.data, "0\n");
}

/* All at once, and closed in the middle the second time. */
static void test_many_cells(void **state)
{
	struct fixture *f = *state;
	struct waited waited[MANY_CELLS];
	struct attachment_fact facts[MANY_CELLS] = { 0 };
	char keys[MANY_CELLS][64];
	double start_ms;

	ensure_space(f, SPACE);
	for (int i = 0; i < MANY_CELLS; i++) {
		snprintf(keys[i], sizeof(keys[i]), "main/web/app/c%d", i);
		f->network->ops->create_netns(f->network, keys[i], waited_init(&waited[i], f));
	}
	start_ms = now_ms();
	for (int i = 0; i < MANY_CELLS; i++)
		assert_int_equal(wait_for(&waited[i], f), 0);
	print_message("  %d namespaces: %.1f ms\n", MANY_CELLS, now_ms() - start_ms);
	start_ms = now_ms();
	for (int i = 0; i < MANY_CELLS; i++)
		f->network->ops->attach(f->network, &(struct attach_request){ .cell_key = keys[i] },
					&facts[i], waited_init(&waited[i], f));
	for (int i = 0; i < MANY_CELLS; i++)
		assert_int_equal(wait_for(&waited[i], f), 0);
	print_message("  %d attaches at once: %.1f ms\n", MANY_CELLS, now_ms() - start_ms);
	for (int i = 0; i < MANY_CELLS; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(facts[i].ip, facts[k].ip);
	start_ms = now_ms();
	for (int i = 0; i < MANY_CELLS; i++)
		f->network->ops->detach(f->network, keys[i], waited_init(&waited[i], f));
	for (int i = 0; i < MANY_CELLS; i++)
		assert_int_equal(wait_for(&waited[i], f), 0);
	print_message("  %d detaches at once: %.1f ms\n", MANY_CELLS, now_ms() - start_ms);
	for (int i = 0; i < MANY_CELLS; i++)
		attachment_fact_fini(&facts[i]);

	for (int i = 0; i < MANY_CELLS; i++)
		assert_int_equal(create_netns(f, keys[i]), 0);
	for (int i = 0; i < MANY_CELLS; i++)
		f->network->ops->attach(f->network, &(struct attach_request){ .cell_key = keys[i] },
					&facts[i], waited_init(&waited[i], f));
	while (!waited[0].done)
		uv_run(&f->loop.uv, UV_RUN_ONCE);
	reopen(f);
	for (int i = 0; i < MANY_CELLS; i++) {
		assert_true(waited[i].done);
		assert_int_equal(detach(f, keys[i]), 0);
		attachment_fact_fini(&facts[i]);
	}
	assert_int_equal(remove_space(f, SPACE), 0);
	assert_nothing_left(f);
}

static void test_time_of_one(void **state)
{
	struct fixture *f = *state;
	double netns_ms = 0, attach_ms = 0, detach_ms = 0;
	enum { ROUNDS = 10 };

	ensure_space(f, SPACE);
	for (int i = 0; i < ROUNDS; i++) {
		struct attachment_fact fact = { 0 };
		double start_ms = now_ms();

		assert_int_equal(create_netns(f, CELL), 0);
		netns_ms += now_ms() - start_ms;
		start_ms = now_ms();
		assert_int_equal(attach(f, CELL, NULL, &fact), 0);
		attach_ms += now_ms() - start_ms;
		start_ms = now_ms();
		assert_int_equal(detach(f, CELL), 0);
		detach_ms += now_ms() - start_ms;
		attachment_fact_fini(&fact);
	}
	print_message("  one cell: namespace %.1f ms, attach %.1f ms, detach %.1f ms\n",
		      netns_ms / ROUNDS, attach_ms / ROUNDS, detach_ms / ROUNDS);
	assert_int_equal(remove_space(f, SPACE), 0);
	assert_nothing_left(f);
}

/* /run is a tmpfs, and no network but lo is here: not the machine's own. */
static bool in_own_namespaces(void)
{
	struct statfs fs;
	struct if_nameindex *links = if_nameindex();
	size_t n = 0;

	while (links && links[n].if_index)
		n++;
	if_freenameindex(links);
	return geteuid() == 0 && n == 1 && statfs("/run", &fs) == 0 &&
	       fs.f_type == 0x01021994 /* TMPFS_MAGIC */;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_cell, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_address_falls_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spaces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leftovers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repair, setup, teardown),
		cmocka_unit_test_setup_teardown(test_joins, setup, teardown),
		cmocka_unit_test(test_no_forwarding),
		cmocka_unit_test_setup_teardown(test_many_cells, setup, teardown),
		cmocka_unit_test_setup_teardown(test_time_of_one, setup, teardown),
	};

	if (!in_own_namespaces()) {
		puts("skipped: needs root and mount and network namespaces of its own (see the top of this file)");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

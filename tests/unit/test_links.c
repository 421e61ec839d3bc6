/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the kernel's messages about links call for a look. In a network of its own. */
#include "core/network/ways.h"
#include "core/passage/passage.h"
#include "watchers/links.h"

#include <errno.h>
#include <net/if.h>
#include <netlink/route/addr.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/veth.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/network/bridges.h"
#include "core/network/joins.h"
#include "drivers/hostnet/hostlinks.h"
#include "drivers/netlink/nl.h"

enum { SKIPPED = 77, FDS_MAX = 64 };

static struct {
	struct loop loop;
	struct engine engine;
	struct object *cell;
	struct links *links;
	struct nl_sock *sock;
	unsigned looks;
	bool busy;
	bool closed;
} f;

static void on_look(void *ctx UNUSED, bool busy)
{
	f.looks++;
	f.busy = busy;
}

static void on_closed(void *ctx UNUSED)
{
	f.closed = true;
}

/* ---- another hand ---- */

static void add_bridge(const char *name)
{
	assert_int_equal(rtnl_link_bridge_add(f.sock, name), 0);
}

static struct rtnl_link *get_link(const char *name)
{
	struct rtnl_link *link;

	assert_int_equal(rtnl_link_get_kernel(f.sock, 0, name, &link), 0);
	return link;
}

static void delete_link(const char *name)
{
	AUTO(nl_auto_link) struct rtnl_link *link = get_link(name);

	assert_int_equal(rtnl_link_delete(f.sock, link), 0);
}

static void set_up(const char *name, bool up)
{
	AUTO(nl_auto_link) struct rtnl_link *link = get_link(name), *change = rtnl_link_alloc();

	if (up)
		rtnl_link_set_flags(change, IFF_UP);
	else
		rtnl_link_unset_flags(change, IFF_UP);
	assert_int_equal(rtnl_link_change(f.sock, link, change, 0), 0);
}

static void set_master(const char *name, int master)
{
	AUTO(nl_auto_link) struct rtnl_link *link = get_link(name), *change = rtnl_link_alloc();

	rtnl_link_set_master(change, master);
	assert_int_equal(rtnl_link_change(f.sock, link, change, 0), 0);
}

static void delete_address(const char *name, const char *text)
{
	struct rtnl_addr *address = rtnl_addr_alloc();
	struct nl_addr *local;

	assert_int_equal(nl_addr_parse(text, AF_INET, &local), 0);
	rtnl_addr_set_ifindex(address, (int)if_nametoindex(name));
	rtnl_addr_set_local(address, local);
	assert_int_equal(rtnl_addr_delete(f.sock, address, 0), 0);
	nl_addr_put(local);
	rtnl_addr_put(address);
}

static void mend(void)
{
	struct bridge_wish wish = { .name = xstrdup("kuke-t"), .address = xstrdup("10.9.0.1/24") };

	strv_add(&wish.ports, "vethT");
	assert_int_equal(hostlinks_mend_bridge(&wish, NULL), 0);
	bridge_wish_fini(&wish);
}

/* Messages are in the socket by the time the kernel has answered. */
static void assert_looked(const char *what, bool expected)
{
	f.looks = 0;
	uv_run(&f.loop.uv, UV_RUN_NOWAIT);
	if ((f.looks > 0) != expected)
		fail_msg("%s: %u looks", what, f.looks);
	assert_false(expected && f.busy);
}

/* A look now would say nothing of it. */
static void assert_looked_later(const char *what)
{
	f.looks = 0;
	uv_run(&f.loop.uv, UV_RUN_NOWAIT);
	if (f.looks == 0 || !f.busy)
		fail_msg("%s: %u looks", what, f.looks);
}

static int setup(void **state UNUSED)
{
	memset(&f, 0, sizeof(f));
	assert_int_equal(nl_open(&f.sock, NULL), 0);
	assert_int_equal(rtnl_link_veth_add(f.sock, "vethT", "peerT", getpid()), 0);
	set_up("peerT", true);
	mend();
	assert_int_equal(loop_open(&f.loop, LOOP_CLOCK_BOOTTIME, NULL), 0);
	f.engine.loop = &f.loop;
	ways_init(&f.engine, false);
	passage_init(&f.engine);
	f.cell = object_new("r/s/t/web");
	map_insert(&f.engine.objects, &f.cell->node, f.cell->key);
	engine_set_link(&f.engine, &f.cell->cell.link, f.cell, "vethT");
	bridges_use(&f.engine, &f.cell->cell.on_bridge, "kuke-t");
	f.cell->cell.attached = true;
	assert_int_equal(links_open(&f.links, &f.engine, on_look, NULL, NULL), 0);
	return 0;
}

static int teardown(void **state UNUSED)
{
	links_close(f.links, on_closed, NULL);
	while (!f.closed)
		uv_run(&f.loop.uv, UV_RUN_ONCE);
	loop_close(&f.loop);
	engine_set_link(&f.engine, &f.cell->cell.link, NULL, NULL);
	bridges_use(&f.engine, &f.cell->cell.on_bridge, NULL);
	ways_fini(&f.engine);
	passage_fini(&f.engine);
	map_remove(&f.engine.objects, &f.cell->node);
	object_free(f.cell);
	if (if_nametoindex("vethT"))
		delete_link("vethT");
	if (if_nametoindex("kuke-t"))
		delete_link("kuke-t");
	nl_socket_free(f.sock);
	return 0;
}

/* ---- tests ---- */

static void test_what_matters(void **state UNUSED)
{
	assert_looked("nothing", false);
	set_master("vethT", 0);
	assert_looked("link taken off its bridge", true);
	mend();
	assert_looked("link put back", false);
	set_up("vethT", false);
	assert_looked("link down", true);
	mend();
	assert_looked("link up", false);
	delete_address("kuke-t", "10.9.0.1/24");
	assert_looked("address removed", true);
	mend();
	assert_looked("address given back", false);
	set_up("kuke-t", false);
	assert_looked("bridge down", true);
	mend();
	assert_looked("bridge up", false);
	delete_link("kuke-t");
	assert_looked("bridge deleted", true);
	mend();
	assert_looked("bridge made anew", false);
	set_up("peerT", false); /* told of a moment later */
	for (f.looks = 0; f.looks == 0;)
		uv_run(&f.loop.uv, UV_RUN_ONCE);
	set_up("peerT", true);
	uv_run(&f.loop.uv, UV_RUN_NOWAIT);
	delete_link("vethT");
	assert_looked("link deleted", true);
}

static void test_what_does_not(void **state UNUSED)
{
	add_bridge("other");
	set_up("other", true);
	set_up("other", false);
	delete_link("other");
	assert_looked("a bridge of somebody else", false);
	set_up("peerT", true); /* as it is */
	assert_looked("the other end of our link", false);
	f.cell->cell.network.busy = true;
	set_master("vethT", 0);
	delete_link("vethT");
	assert_looked_later("a link that we are at");
	assert_int_equal(rtnl_link_veth_add(f.sock, "vethT", "peerT", getpid()), 0);
	mend();
	assert_looked_later("made anew");
	f.cell->cell.network.action = ACTION_NETWORK_DETACH;
	delete_link("vethT");
	assert_looked("a link that we take away", false);
	f.cell->cell.network.busy = f.cell->cell.attached = false;
	bridges_use(&f.engine, &f.cell->cell.on_bridge, NULL);
	delete_link("kuke-t");
	assert_looked("a bridge with nobody attached", false);
}

/* The links and bridges of a space that a cell has joined are as much its own. */
static void test_joined(void **state UNUSED)
{
	struct join *join = joins_get(&f.engine, f.cell, "r/x");

	assert_int_equal(rtnl_link_veth_add(f.sock, "vethJ", "peerJ", getpid()), 0);
	add_bridge("kuke-j");
	set_up("kuke-j", true);
	assert_looked("a bridge and a link of somebody else", false);
	join->attached = true;
	bridges_use(&f.engine, &join->on_bridge, "kuke-j");
	engine_set_link(&f.engine, &join->link_on_host, f.cell, "vethJ");
	join->slot.busy = true;
	set_up("vethJ", true);
	set_up("vethJ", false);
	assert_looked_later("a link that we are at");
	join->slot.busy = false;
	delete_link("vethJ");
	assert_looked("the link of a join deleted", true);
	delete_link("kuke-j");
	assert_looked("the bridge of a joined space deleted", true);
	joins_forget(&f.engine, f.cell);
	assert_null(engine_find_link(&f.engine, "vethJ"));
}

/* As small as they may be, of every netlink socket but ours. */
static void make_buffers_small(void)
{
	int domain, bytes = 1, n = 0;

	for (int fd = 0; fd < FDS_MAX; fd++) {
		socklen_t len = sizeof(domain);

		if (fd != nl_socket_get_fd(f.sock) &&
		    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
		    domain == AF_NETLINK &&
		    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) == 0)
			n++;
	}
	assert_true(n > 0);
}

static void test_overrun(void **state UNUSED)
{
	make_buffers_small();
	for (int i = 0; i < 50; i++) {
		add_bridge("other");
		delete_link("other");
	}
	assert_looked("messages were lost", true);
	assert_looked("nothing more", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_matters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_does_not, setup, teardown),
		cmocka_unit_test_setup_teardown(test_joined, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overrun, setup, teardown),
	};

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		print_message("skipped: no network of its own: %s\n", strerror(errno));
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

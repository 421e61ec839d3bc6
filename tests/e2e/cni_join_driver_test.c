/* SPDX-License-Identifier: Apache-2.0 */
/* The network driver: cells that join further spaces. */
#include <errno.h>
#include <sched.h>

#include "core/base/buf.h"
#include "drivers/hostnet/hostnet.h"
#include "tests/e2e/network_fixture.h"

static const char PIN[] = TEST_DIR "/netns/main_web_app_one";
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

	assert_int_equal(unlink(TEST_DIR "/ipam/main-db/10.89.0.2"), 0);
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
	assert_false(exists(TEST_DIR "/ipam/main-db/10.89.0.2"));
	assert_int_equal(count_links("veth"), 2);
	assert_joined(f, OTHER_SPACE, "eth1", "10.89.0.3");
	assert_int_equal(detach(f, CELL), 0);
	assert_int_equal(remove_space(f, SPACE), 0);
	assert_int_equal(remove_space(f, OTHER_SPACE), 0);
	assert_int_equal(remove_space(f, THIRD_SPACE), 0);
	assert_nothing_left(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_joins, setup, teardown),
	};

	return run_network_tests(tests, ARRAY_SIZE(tests));
}

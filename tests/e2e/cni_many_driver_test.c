/* SPDX-License-Identifier: Apache-2.0 */
/* The network driver: many cells of one space at once. Prints what it measures. */
#include <arpa/inet.h>
#include <errno.h>
#include <netlink/route/link/veth.h>

#include "core/state/addresses.h"
#include "core/state/throttle.h"
#include "tests/e2e/network_fixture.h"

enum { MANY_CELLS = 20, CROWD = 500 };

/* Each cell's inside is looked at. */
static void print_listing(int cells, double ms)
{
	print_message("  listing %d cells, inside too: %.1f ms, %.0f us each\n", cells, ms,
		      1000 * ms / cells);
}

/* All at once, and closed in the middle the second time. */
static void test_many_cells(void **state)
{
	struct fixture *f = *state;
	struct waited waited[MANY_CELLS];
	struct attachment_fact facts[MANY_CELLS] = { 0 };
	struct network_facts listed = { 0 };
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
	start_ms = now_ms();
	list(f, &listed);
	print_listing(MANY_CELLS, now_ms() - start_ms);
	network_facts_fini(&listed);
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

/* ---- a space that is full of cells ---- */

/* As many begin at once as kukeond lets begin. */
static unsigned at_once(void)
{
	struct throttle throttle;

	throttle_init(&throttle, (unsigned)sysconf(_SC_NPROCESSORS_ONLN));
	return throttle.limit;
}

struct crowd {
	char (*keys)[64];
	struct waited *waited;
	struct attachment_fact *facts;
	int n;
};

static void crowd_init(struct crowd *crowd, int n)
{
	*crowd = (struct crowd){ .keys = xcalloc((size_t)n, sizeof(*crowd->keys)),
				 .waited = xcalloc((size_t)n, sizeof(*crowd->waited)),
				 .facts = xcalloc((size_t)n, sizeof(*crowd->facts)),
				 .n = n };
	for (int i = 0; i < n; i++)
		snprintf(crowd->keys[i], sizeof(*crowd->keys), "main/web/app/c%d", i);
}

static void crowd_fini(struct crowd *crowd)
{
	for (int i = 0; i < crowd->n; i++)
		attachment_fact_fini(&crowd->facts[i]);
	free(crowd->keys);
	free(crowd->waited);
	free(crowd->facts);
}

static void begin_netns(struct fixture *f, struct crowd *crowd, int i)
{
	f->network->ops->create_netns(f->network, crowd->keys[i],
				      waited_init(&crowd->waited[i], f));
}

static void begin_attach(struct fixture *f, struct crowd *crowd, int i)
{
	f->network->ops->attach(f->network, &(struct attach_request){ .cell_key = crowd->keys[i] },
				&crowd->facts[i], waited_init(&crowd->waited[i], f));
}

static void begin_detach(struct fixture *f, struct crowd *crowd, int i)
{
	f->network->ops->detach(f->network, crowd->keys[i], waited_init(&crowd->waited[i], f));
}

/* Returns the milliseconds that it took for all of them. */
static double all(struct fixture *f, struct crowd *crowd,
		  void (*begin)(struct fixture *, struct crowd *, int))
{
	int window = (int)at_once();
	double start = now_ms();

	for (int i = 0; i < crowd->n + window; i++) {
		if (i >= window)
			assert_int_equal(wait_for(&crowd->waited[i - window], f), 0);
		if (i < crowd->n)
			begin(f, crowd, i);
	}
	return now_ms() - start;
}

static void assert_own_addresses(const struct crowd *crowd)
{
	bool seen[1 << 10] = { 0 };

	for (int i = 0; i < crowd->n; i++) {
		AUTO_FREE char *lease = xasprintf(TEST_DIR "/ipam/main-web/%s", crowd->facts[i].ip);
		struct in_addr address;
		uint32_t host;

		assert_int_equal(inet_pton(AF_INET, crowd->facts[i].ip, &address), 1);
		host = ntohl(address.s_addr) - 0x0a580000; /* 10.88.0.0 */
		assert_in_range(host, 2, ARRAY_SIZE(seen) - 2);
		assert_false(seen[host]);
		seen[host] = true;
		assert_true(exists(lease));
	}
}

static void assert_all_attached(struct fixture *f, const struct crowd *crowd)
{
	struct network_facts facts = { 0 };
	double start_ms = now_ms();

	list(f, &facts);
	print_listing(crowd->n, now_ms() - start_ms);
	assert_int_equal(facts.n_attachments, crowd->n);
	for (size_t i = 0; i < facts.n_attachments; i++) {
		assert_null(facts.attachments[i].drift);
		assert_true(facts.attachments[i].attached);
	}
	network_facts_fini(&facts);
	assert_int_equal(count_links("veth"), crowd->n);
}

static void fill_space(struct fixture *f, struct crowd *crowd)
{
	struct space_fact fact = { 0 };
	double netns_ms;

	assert_int_equal(
		ensure(f, &(struct space_request){ .space_key = SPACE, .subnet = "10.88.0.0/22" },
		       &fact),
		0);
	space_fact_fini(&fact);
	crowd_init(crowd, CROWD);
	netns_ms = all(f, crowd, begin_netns);
	print_message("  %d cells, %u at once: namespaces %.1f s, attach %.1f s\n", CROWD,
		      at_once(), netns_ms / 1000, all(f, crowd, begin_attach) / 1000);
}

static void empty_space(struct fixture *f, struct crowd *crowd)
{
	print_message("  detach %.1f s\n", all(f, crowd, begin_detach) / 1000);
	assert_int_equal(remove_space(f, SPACE), 0);
	assert_nothing_left(f);
	crowd_fini(crowd);
}

/* Each with an address of its own, also after a restart of kukeond; then none is left. */
static void test_crowd(void **state)
{
	struct fixture *f = *state;
	struct crowd crowd;

	fill_space(f, &crowd);
	assert_own_addresses(&crowd);
	assert_all_attached(f, &crowd);
	reopen(f);
	assert_all_attached(f, &crowd);
	empty_space(f, &crowd);
}

/* Ports without a cell; their other ends are in the namespace of that name and go with it. */
static void add_ports(const char *bridge, int n, const char *pin)
{
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	AUTO_CLOSE int netns = open(pin, O_RDONLY | O_CLOEXEC);

	assert_int_equal(nl_open(&sock, NULL), 0);
	for (int i = 0; i < n; i++) {
		AUTO(nl_auto_link) struct rtnl_link *link = rtnl_link_veth_alloc();
		struct rtnl_link *peer = rtnl_link_veth_get_peer(link);
		char name[IF_NAMESIZE];

		snprintf(name, sizeof(name), "port%d", i);
		rtnl_link_set_name(link, name);
		rtnl_link_set_name(peer, name);
		rtnl_link_set_ns_fd(peer, netns);
		rtnl_link_set_master(link, (int)if_nametoindex(bridge));
		assert_int_equal(rtnl_link_add(sock, link, NLM_F_CREATE | NLM_F_EXCL), 0);
		rtnl_link_put(peer);
	}
}

/* The kernel gives a bridge so many ports, however many addresses there are: the cell for which
 * there is none is told so and leaves nothing; when one goes it comes up. */
static void test_full_bridge(void **state)
{
	static const char late[] = "main/web/app/late", ports[] = "main/web/app/ports";
	struct attachment_fact fact = { 0 };
	struct fixture *f = *state;
	struct waited waited;

	ensure_space(f, SPACE);
	assert_int_equal(create_netns(f, CELL), 0);
	assert_int_equal(attach(f, CELL, NULL, &fact), 0);
	assert_int_equal(create_netns(f, ports), 0);
	add_ports(fact.bridge, ADDRESSES_BRIDGE_PORTS - 1, TEST_DIR "/netns/main_web_app_ports");
	attachment_fact_fini(&fact);
	assert_int_equal(create_netns(f, late), 0);
	f->network->ops->attach(f->network, &(struct attach_request){ .cell_key = late }, &fact,
				waited_init(&waited, f));
	assert_int_equal(wait_for(&waited, f), -EXFULL);
	assert_non_null(strstr(waited.call.err.msg, "all 1023 ports of the bridge are in use"));
	assert_int_equal(detach(f, late), 0);
	assert_int_equal(count_links("veth"), 1);
	assert_false(exists(TEST_DIR "/ipam/main-web/10.88.0.3"));

	delete_link("port1");
	assert_int_equal(create_netns(f, late), 0);
	assert_int_equal(attach(f, late, NULL, &fact), 0);
	attachment_fact_fini(&fact);
	assert_int_equal(detach(f, late), 0);
	assert_int_equal(detach(f, CELL), 0);
	assert_int_equal(detach(f, ports), 0);
	for (int i = 0; i < 1000 && count_links("port"); i++)
		usleep(20000); /* the kernel takes a dead namespace down in the background */
	assert_int_equal(remove_space(f, SPACE), 0);
	assert_nothing_left(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_cells, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crowd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_bridge, setup, teardown),
	};

	return run_network_tests(tests, ARRAY_SIZE(tests));
}

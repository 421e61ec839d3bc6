/* SPDX-License-Identifier: Apache-2.0 */
/* The network driver: the ranges of few and of many spaces next to the host's routes. Prints what a
 * look costs. */
#include <sys/resource.h>

#include "core/base/str.h"
#include "tests/e2e/network_fixture.h"

enum { FEW = 10, MANY = 300, LOOKS = 50, DEARER_AT_MOST = 6 };

static double used_ms(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static void must(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

/* Bridges with addresses, as spaces have them. */
static void make_bridges(unsigned from, unsigned to)
{
	FILE *batch = popen("ip -batch -", "w");

	assert_non_null(batch);
	for (unsigned i = from; i < to; i++)
		fprintf(batch,
			"link add kt%u type bridge\nlink set kt%u up\naddr add 10.%u.%u.1/24 dev "
			"kt%u\n",
			i, i, 100 + i / 256, i % 256, i);
	assert_int_equal(pclose(batch), 0);
}

static void make_ways(struct host_ways *ways, unsigned n)
{
	*ways = (struct host_ways){ .spaces = xcalloc(n, sizeof(*ways->spaces)), .n_spaces = n };
	for (unsigned i = 0; i < n; i++) {
		ways->spaces[i].key = xasprintf("main/s%u", i);
		ways->spaces[i].bridge = xasprintf("kt%u", i);
		ways->spaces[i].subnet = xasprintf("10.%u.%u.0/24", 100 + i / 256, i % 256);
	}
}

static void look(struct fixture *f, struct host_ways *ways)
{
	struct waited w;

	f->network->ops->look_ways(f->network, ways, waited_init(&w, f));
	assert_int_equal(wait_for(&w, f), 0);
}

/* One route of another hand lies in the range of one space. */
static double cost_ms(struct fixture *f, unsigned n)
{
	double start_ms = used_ms(), cost;

	for (int i = 0; i < LOOKS; i++) {
		AUTO(host_ways_fini) struct host_ways ways = { 0 };

		make_ways(&ways, n);
		look(f, &ways);
		for (unsigned k = 0; k < n; k++)
			if (!!ways.spaces[k].overlap != (k == 3) ||
			    ways.spaces[k].unreachable != (k == 3))
				fail_msg("space %u: %s", k,
					 ways.spaces[k].overlap ? ways.spaces[k].overlap : "");
	}
	cost = (used_ms() - start_ms) / LOOKS;
	print_message("  a look at %u spaces: %.2f ms, %.1f us a space\n", n, cost,
		      cost * 1000 / n);
	return cost;
}

/* One that is wider than all of them loses against each, but where a narrower one wins; and ways
 * that others' tables lead are theirs. */
static void test_wide(struct fixture *f)
{
	AUTO(host_ways_fini) struct host_ways ways = { 0 };

	must("ip route add 10.0.0.0/8 dev other0 && ip route add blackhole 10.100.5.0/28");
	make_ways(&ways, FEW);
	look(f, &ways);
	for (unsigned i = 0; i < FEW; i++) {
		assert_non_null(ways.spaces[i].overlap);
		if (ways.spaces[i].unreachable != (i == 3 || i == 5))
			fail_msg("space %u: %s", i, ways.spaces[i].overlap);
	}
	assert_non_null(strstr(ways.spaces[3].overlap, "10.100.3.128/25 on other0 (a bridge)"));
	assert_non_null(strstr(ways.spaces[4].overlap, "10.0.0.0/8 on other0"));
	assert_non_null(strstr(ways.spaces[5].overlap, "10.100.5.0/28 that drops packets"));
	must("ip route del 10.0.0.0/8 dev other0 && ip route del blackhole 10.100.5.0/28");
}

static void test_cost(void **state)
{
	struct fixture *f = *state;
	double few, many;

	make_bridges(0, FEW);
	must("ip link add other0 type bridge && ip link set other0 up");
	must("ip route add 10.100.3.128/25 dev other0");
	few = cost_ms(f, FEW);
	make_bridges(FEW, MANY);
	many = cost_ms(f, MANY);
	/* a space has its share of the host's routes; with a square it would have thirty times that
	 */
	if (many / MANY > DEARER_AT_MOST * (few / FEW))
		fail_msg("%.1f us a space of many, %.1f us of few", many * 1000 / MANY,
			 few * 1000 / FEW);
	test_wide(f);
	must("ip route del 10.100.3.128/25 dev other0");
	must("ip link del other0");
	must("ip -o link show type bridge | sed -n 's/^[0-9]*: \\(kt[0-9]*\\):.*/link del \\1/p' | "
	     "ip -batch -");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_cost, setup,
									    teardown) };

	return run_network_tests(tests, ARRAY_SIZE(tests));
}

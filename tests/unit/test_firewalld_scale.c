/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What firewalld's zone is to get, lose and have in its files, with 10, 1 000 and 10 000 bridges:
 * the lists are right, and comparisons of names are counted (strcmp() leads here, see
 * CMakeLists.txt), so that the figures are the same on every machine. For each bridge they grow as
 * a logarithm does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/firewalls/firewalld_private.h"

enum { FEW = 10, MANY = 1000, MOST = 10 * 1000, A_BRIDGE_AT_MOST = 1000 };

int __real_strcmp(const char *a, const char *b);
int __wrap_strcmp(const char *a, const char *b);

static unsigned long comparisons;

int __wrap_strcmp(const char *a, const char *b)
{
	comparisons++;
	return __real_strcmp(a, b);
}

static void add(struct strset *set, unsigned i)
{
	AUTO_FREE char *bridge = xasprintf("kuke-%05u", i);

	strset_add(set, bridge);
}

/* One round: half of what is wanted is held, and as much is to go. */
static void play(struct firewalld *firewalld, unsigned n)
{
	AUTO(strset_fini) struct strset stored = { 0 };
	const char *bridge;
	unsigned added = 0, removed = 0;

	for (unsigned i = 0; i < n; i++) {
		add(&firewalld->ours, i);
		add(&firewalld->wanted, n / 2 + i);
		add(&firewalld->round.held, i);
		add(&firewalld->round.stored, i);
	}
	add(&firewalld->round.held, 3 * n); /* another instance's */
	assert_true(firewalld_note_ours(firewalld));
	assert_false(firewalld_note_ours(firewalld));
	for (; (bridge = firewalld_first_missing(firewalld)); added++) {
		strset_add(&firewalld->round.tried, bridge);
		strset_add(&firewalld->round.held, bridge);
	}
	for (; (bridge = firewalld_first_to_go(firewalld)); removed++)
		strset_add(&firewalld->round.tried, bridge);
	assert_int_equal(added, n / 2);
	assert_int_equal(removed, n / 2);
	assert_true(firewalld_is_shared(firewalld));
	assert_true(firewalld_find_to_store(firewalld, &stored));
	assert_int_equal(stored.n, n);
	assert_true(firewalld_forget_gone(firewalld));
	assert_int_equal(firewalld->ours.n, n);
	assert_false(firewalld_forget_gone(firewalld));
}

static unsigned long cost(unsigned n)
{
	struct firewalld firewalld = { 0 };

	comparisons = 0;
	play(&firewalld, n);
	strset_fini(&firewalld.wanted);
	strset_fini(&firewalld.ours);
	firewalld_round_fini(&firewalld.round);
	return comparisons / n;
}

static void test_lists(void **state UNUSED)
{
	unsigned long few = cost(FEW), many = cost(MANY), most = cost(MOST);

	print_message("  a round with firewalld, comparisons for each bridge: %lu of %d, %lu of "
		      "%d, %lu of %d\n",
		      few, FEW, many, MANY, most, MOST);
	assert_true(most <= A_BRIDGE_AT_MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

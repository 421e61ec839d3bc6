/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing is left of spaces and cells that came and went: no reserved address, no interface, no
 * namespace, no record, no chain of any packet filter, no element of ours.
 *
 * CNI_ROUNDS=<n>: that many rounds of coming and going. Prints what one takes.
 */
#include <nftables/libnftables.h>

#include "tests/e2e/network_fixture.h"

enum { ROUNDS = 40, LEGACY_TABLES_MAX_BYTES = 4096, JOURNAL_MAX_BYTES = 1024 * 1024 };

static const char *const cells[] = { CELL, "main/web/app/two" };

/* One that stays, so that the elements of the other come and go in its table. */
static void apply_with_stayer(struct fixture *f, const struct space_fact *fact,
			      const struct attachment_fact *cell)
{
	struct filter_space spaces[] = {
		{ .key = (char *)"a/stays",
		  .bridge = (char *)"kuke-a-stays",
		  .subnet = (char *)"10.99.0.0/24" },
		{ .key = fact->space_key,
		  .bridge = fact->bridge,
		  .subnet = fact->subnet,
		  .subnet6 = fact->subnet6 },
	};
	struct filter_port ports[] = {
		{ .cell_key = cell->cell_key,
		  .host_port = 8080,
		  .bridge = fact->bridge,
		  .ip = cell->ip,
		  .port = 80 },
		{ .cell_key = cell->cell_key,
		  .host_port = 8080,
		  .bridge = fact->bridge,
		  .ip = cell->ip6,
		  .port = 80 },
	};
	struct filter_wish wish = { .spaces = spaces,
				    .n_spaces = fact->bridge ? 2 : 1,
				    .ports = ports,
				    .n_ports = cell->ip ? 2 : 0 };

	apply(f, &wish);
}

/* All rules and elements of the host, of whoever they are. Free with free(). */
static char *ruleset(void)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	AUTO_BUF struct buf legacy = { 0 };
	char *text;

	assert_int_equal(nft_ctx_buffer_output(nft), 0);
	assert_int_equal(nft_run_cmd_from_buffer(nft, "list ruleset"), 0);
	fs_read_file(AT_FDCWD, "/proc/net/ip_tables_names", LEGACY_TABLES_MAX_BYTES, &legacy, NULL);
	text = xasprintf("%s%s", nft_ctx_get_output_buffer(nft), legacy.data ? legacy.data : "");
	nft_ctx_free(nft);
	return text;
}

static void one_round(struct fixture *f)
{
	struct attachment_fact facts[ARRAY_SIZE(cells)] = { 0 }, none = { 0 };
	struct space_fact fact = { 0 }, gone = { 0 };

	assert_int_equal(
		ensure(f, &(struct space_request){ .space_key = SPACE, .ipv6 = true }, &fact), 0);
	assert_non_null(fact.subnet6);
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
		assert_int_equal(create_netns(f, cells[i]), 0);
		assert_int_equal(attach(f, cells[i], NULL, &facts[i]), 0);
		assert_non_null(facts[i].ip6);
		apply_with_stayer(f, &fact, &facts[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
		assert_int_equal(detach(f, cells[i]), 0);
		attachment_fact_fini(&facts[i]);
	}
	apply_with_stayer(f, &gone, &none);
	assert_int_equal(remove_space(f, SPACE), 0);
	space_fact_fini(&fact);
}

static void test_rounds(void **state)
{
	const char *text = getenv("CNI_ROUNDS");
	int rounds = text ? atoi(text) : ROUNDS;
	struct attachment_fact no_cell = { 0 };
	struct space_fact no_space = { 0 };
	struct filter_wish nothing = { 0 };
	struct fixture *f = *state;
	AUTO_FREE char *before = NULL;
	double start = now_ms();
	size_t descriptors;
	struct stat journal;

	apply_with_stayer(f, &no_space, &no_cell);
	before = ruleset();
	assert_non_null(strstr(before, "kuke-a-stays"));
	one_round(f);
	descriptors = count_files("/proc/self/fd");
	for (int i = 1; i < rounds; i++)
		one_round(f);
	print_message("  %d rounds of a space with two cells: %.1f s, %.1f ms each\n", rounds,
		      (now_ms() - start) / 1000, (now_ms() - start) / rounds);
	AUTO_FREE char *after = ruleset();
	assert_string_equal(before, after);
	assert_int_equal(count_files("/proc/self/fd"), descriptors);
	assert_int_equal(count_files(TEST_DIR "/net.d"), 0);
	assert_int_equal(stat(TEST_DIR "/journal", &journal), 0);
	assert_in_range(journal.st_size, 0, JOURNAL_MAX_BYTES);
	assert_int_equal(f->disturbed, 0);
	assert_nothing_left(f);
	apply(f, &nothing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rounds, setup, teardown),
	};

	return run_network_tests(tests, ARRAY_SIZE(tests));
}

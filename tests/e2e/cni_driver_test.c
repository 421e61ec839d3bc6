/* SPDX-License-Identifier: Apache-2.0 */
/* The network driver: spaces, and the attachment of one cell. */
#include <errno.h>

#include "drivers/netns/netns.h"
#include "tests/e2e/network_fixture.h"

static void test_one_cell(void **state)
{
	struct fixture *f = *state;
	struct space_fact space = { 0 }, again = { 0 };
	struct attachment_fact first = { 0 }, second = { 0 };
	struct network_facts facts = { 0 };

	assert_int_equal(ensure(f, &(struct space_request){ .space_key = SPACE }, &space), 0);
	assert_string_equal(space.conflist, TEST_DIR "/net.d/main-web.conflist");
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

/* A bridge plugin before the real one: fails once where there is a file "fail". */
static void put_failing_bridge(struct fixture *f)
{
	const char *dirs =
		access("/opt/cni/bin/bridge", X_OK) == 0 ? "/opt/cni/bin" : "/usr/lib/cni";
	AUTO_FREE char *path = xasprintf(TEST_DIR "/bin:%s", dirs);
	AUTO_FREE char *script = xasprintf(
		"#!/bin/sh\nif [ $CNI_COMMAND = ADD ] && rm " TEST_DIR "/fail 2>/dev/null; then\n"
		"cat >/dev/null\necho '{\"cniVersion\":\"0.4.0\",\"code\":999,\"msg\":\"no luck\"}'\n"
		"exit 1\nfi\nexec %s/bridge\n",
		dirs);
	struct error err;

	assert_int_equal(fs_make_dirs(TEST_DIR "/bin", 0755, &err), 0);
	assert_int_equal(
		fs_write_file_atomic(TEST_DIR "/bin/bridge", script, strlen(script), 0755, &err),
		0);
	setenv("CNI_PATH", path, 1);
	reopen(f);
}

/* A plugin that fails for once costs a cell an attempt, not its address. */
static void test_failed_plugin_keeps_address(void **state)
{
	struct fixture *f = *state;
	struct attachment_fact first = { 0 }, second = { 0 };
	AUTO_FREE char *before = xstrdup_maybe(getenv("CNI_PATH"));

	put_failing_bridge(f);
	ensure_space(f, SPACE);
	assert_int_equal(create_netns(f, CELL), 0);
	assert_int_equal(attach(f, CELL, NULL, &first), 0);
	assert_int_equal(detach(f, CELL), 0);
	assert_int_equal(create_netns(f, CELL), 0);
	write_text(TEST_DIR "/fail", "");
	assert_int_equal(attach(f, CELL, first.ip, &second), -EIO);
	assert_int_equal(detach(f, CELL), 0);
	assert_int_equal(create_netns(f, CELL), 0);
	assert_int_equal(attach(f, CELL, first.ip, &second), 0);
	assert_string_equal(second.ip, first.ip);
	assert_int_equal(detach(f, CELL), 0);
	assert_int_equal(remove_space(f, SPACE), 0);
	assert_nothing_left(f);
	attachment_fact_fini(&first);
	attachment_fact_fini(&second);
	if (before)
		setenv("CNI_PATH", before, 1);
	else
		unsetenv("CNI_PATH");
}

/* Somebody takes the directory of the pins away while we run. */
static void test_directory_of_pins_removed(void **state)
{
	struct fixture *f = *state;
	struct attachment_fact fact = { 0 };

	ensure_space(f, SPACE);
	assert_int_equal(rmdir(TEST_DIR "/netns"), 0);
	assert_int_equal(create_netns(f, CELL), 0);
	assert_int_equal(attach(f, CELL, NULL, &fact), 0);
	assert_int_equal(detach(f, CELL), 0);
	assert_int_equal(remove_space(f, SPACE), 0);
	assert_nothing_left(f);
	attachment_fact_fini(&fact);
}

static bool is_listed(struct fixture *f, const char *conflist)
{
	struct network_facts facts = { 0 };
	bool found = false;

	list(f, &facts);
	for (size_t i = 0; i < facts.n_spaces; i++)
		found |= str_equal(facts.spaces[i].conflist, conflist);
	network_facts_fini(&facts);
	return found;
}

/* A directory of its own is found again after a restart, and left when it is no more asked for;
 * also one that was left a step before. */
static void directory_of_its_own(struct fixture *f)
{
	struct space_fact fact = { 0 };

	assert_int_equal(ensure(f,
				&(struct space_request){ .space_key = "m/o",
							 .conf_dir = TEST_DIR "/own.d",
							 .subnet = "10.200.0.0/24" },
				&fact),
			 0);
	assert_string_equal(fact.conflist, TEST_DIR "/own.d/m-o.conflist");
	space_fact_fini(&fact);
	reopen(f);
	assert_true(is_listed(f, TEST_DIR "/own.d/m-o.conflist"));
	assert_int_equal(ensure(f,
				&(struct space_request){ .space_key = "m/o",
							 .conf_dir = TEST_DIR "/more.d" },
				&fact),
			 0);
	assert_string_equal(fact.subnet, "10.200.0.0/24");
	space_fact_fini(&fact);
	assert_false(exists(TEST_DIR "/own.d/m-o.conflist"));
	assert_int_equal(
		ensure(f, &(struct space_request){ .space_key = "m/o", .subnet = "10.201.0.0/24" },
		       &fact),
		0);
	assert_string_equal(fact.conflist, TEST_DIR "/net.d/m-o.conflist");
	assert_string_equal(fact.subnet, "10.201.0.0/24");
	space_fact_fini(&fact);
	assert_false(exists(TEST_DIR "/more.d/m-o.conflist"));
	assert_null(journal_first(f->journal, "confdir/"));
}

static void test_spaces(void **state)
{
	struct fixture *f = *state;
	struct space_fact fact = { 0 };

	ensure_space(f, "main/web");
	/* Another space whose network has the same name, a foreign file, a foreign range. */
	write_text(
		TEST_DIR "/net.d/a-b-c.conflist",
		"{\"name\":\"a-b-c\",\"kukeon\":{\"space\":\"a-b/c\"},\"plugins\":[{\"type\":\"bridge\"}]}");
	assert_int_equal(ensure(f, &(struct space_request){ .space_key = "a/b-c" }, &fact),
			 -EEXIST);
	write_text(TEST_DIR "/net.d/x-y.conflist",
		   "{\"name\":\"x-y\",\"plugins\":[{\"type\":\"bridge\"}]}");
	assert_int_equal(ensure(f, &(struct space_request){ .space_key = "x/y" }, &fact), -EEXIST);
	write_text(
		TEST_DIR "/net.d/87-podman.conflist",
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
	directory_of_its_own(f);
	assert_int_equal(remove_space(f, "m/o"), 0);
	assert_int_equal(remove_space(f, "long/name-of-it"), 0);
	assert_int_equal(remove_space(f, "main/web"), 0);
	assert_int_equal(remove_space(f, "x/y"), 0);
	assert_true(exists(TEST_DIR "/net.d/x-y.conflist"));
	assert_int_equal(unlink(TEST_DIR "/net.d/a-b-c.conflist"), 0);
	assert_nothing_left(f);
}

/* What another hand put where a space's conflist goes, and what nobody could isolate: it is not
 * taken over, other spaces are as they were, and it can be corrected. */
static void test_unfit_conflists(void **state)
{
	static const struct {
		const char *bridge, *subnet, *words;
	} rows[] = {
		{ "kuke bad", "10.120.0.0/16", "names no bridge" },
		{ "", "10.120.0.0/16", "names no bridge" },
		{ "longer-than-15-bytes", "10.120.0.0/16", "names no bridge" },
		{ "kuke-bad", "10.120.0.0", "has no IPv4 range" },
		{ "kuke-bad", "", "has no IPv4 range" },
	};
	static const char path[] = TEST_DIR "/net.d/main-web.conflist";
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *text = xasprintf(
			"{\"name\":\"main-web\",\"kukeon\":{\"space\":\"main/web\"},\"plugins\":"
			"[{\"type\":\"bridge\",\"bridge\":\"%s\",\"ipam\":{\"type\":\"host-local\","
			"\"ranges\":[[{\"subnet\":\"%s\"}]]}}]}",
			rows[i].bridge, rows[i].subnet);
		struct space_request request = { .space_key = SPACE };
		struct space_fact fact = { 0 };
		struct waited w;

		ensure_space(f, "main/db");
		write_text(path, text);
		f->network->ops->ensure_space(f->network, &request, &fact, waited_init(&w, f));
		assert_int_equal(wait_for(&w, f), -EINVAL);
		assert_non_null(strstr(w.call.err.msg, path));
		assert_non_null(strstr(w.call.err.msg, rows[i].words));
		request.regenerate = true;
		assert_int_equal(ensure(f, &request, &fact), 0);
		assert_string_equal(fact.bridge, "kuke-main-web");
		space_fact_fini(&fact);
		assert_int_equal(remove_space(f, SPACE), 0);
		write_text(path, text);
		assert_int_equal(remove_space(f, SPACE), 0);
		assert_false(exists(path));
		assert_int_equal(remove_space(f, "main/db"), 0);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_cell, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_address_falls_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_plugin_keeps_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory_of_pins_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spaces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unfit_conflists, setup, teardown),
		cmocka_unit_test(test_no_forwarding),
		cmocka_unit_test_setup_teardown(test_time_of_one, setup, teardown),
	};

	return run_network_tests(tests, ARRAY_SIZE(tests));
}

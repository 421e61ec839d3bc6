/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/firewalls/docker_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MATCH(key, link)                                                                           \
	"{\"match\":{\"op\":\"==\",\"left\":{\"meta\":{\"key\":\"" key "\"}},\"right\":\"" link    \
	"\"}}"
#define COUNTER "{\"counter\":{\"packets\":0,\"bytes\":0}}"
#define RULE(handle, comment, chain, expr)                                                         \
	"{\"rule\":{\"family\":\"ip\",\"table\":\"filter\",\"chain\":\"" chain                     \
	"\",\"handle\":" handle comment ",\"expr\":[" expr "]}}"
#define OURS ",\"comment\":\"kukeon\""
#define CHAINS                                                                                     \
	"{\"nftables\":[{\"metainfo\":{}},"                                                        \
	"{\"chain\":{\"family\":\"ip\",\"table\":\"filter\",\"name\":\"FORWARD\","                 \
	"\"policy\":\"drop\"}},"                                                                   \
	"{\"chain\":{\"family\":\"ip\",\"table\":\"filter\",\"name\":\"DOCKER-USER\"}}," RULE(     \
		"3", "", "FORWARD",                                                                \
		MATCH("oifname", "docker0") "," COUNTER ",{\"jump\":{\"target\":\"DOCKER\"}}") ","
#define END RULE("4", "", "DOCKER-USER", COUNTER ",{\"return\":null}") "]}"

static const char as_wanted[] = CHAINS
	RULE("9", OURS, "DOCKER-USER", MATCH("iifname", "kuke-*") "," MATCH("oifname", "docker0") "," COUNTER ",{\"return\":null}") "," RULE(
		"8", OURS, "DOCKER-USER",
		MATCH("iifname",
		      "kuke-*") "," COUNTER
				",{\"accept\":null}") "," RULE("7", OURS, "DOCKER-USER",
							       MATCH("oifname",
								     "kuke-*") "," COUNTER
									       ",{\"accept\":null}") "," END;

static void test_nft(void **state)
{
	AUTO(docker_view_fini) struct docker_view view = { 0 }, right = { 0 };
	AUTO_BUF struct buf text = { 0 }, leaving = { 0 };

	(void)state;
	docker_view_read_nft(CHAINS END, &view);
	assert_true(view.there && view.drops && !view.somebodys);
	assert_false(docker_view_is_right(&view) || docker_view_has_ours(&view));
	docker_rules_to_nft(&view, "ip", false, &text);
	assert_string_equal(
		text.data,
		"insert rule ip filter DOCKER-USER oifname \"kuke-*\" counter accept comment "
		"\"kukeon\"\n"
		"insert rule ip filter DOCKER-USER iifname \"kuke-*\" counter accept comment "
		"\"kukeon\"\n"
		"insert rule ip filter DOCKER-USER iifname \"kuke-*\" oifname \"docker0\" counter "
		"return comment \"kukeon\"\n");

	docker_view_read_nft(as_wanted, &right);
	assert_true(docker_view_is_right(&right) && docker_view_has_ours(&right));
	docker_rules_to_nft(&right, "ip", true, &leaving);
	assert_string_equal(leaving.data, "delete rule ip filter DOCKER-USER handle 9\n"
					  "delete rule ip filter DOCKER-USER handle 8\n"
					  "delete rule ip filter DOCKER-USER handle 7\n");
}

/* docker has one network more, whose bridge is to be left to its rules too. */
static void test_another_network(void **state)
{
	AUTO(docker_view_fini) struct docker_view view = { 0 };
	AUTO_FREE char *text = xasprintf(
		"%.*s,%s]}", (int)strlen(as_wanted) - 2, as_wanted,
		RULE("12", "", "FORWARD",
		     MATCH("oifname", "br-0123456789ab") ","
							 "{\"jump\":{\"target\":\"DOCKER\"}}"));

	(void)state;
	docker_view_read_nft(text, &view);
	assert_int_equal(view.bridges.n, 2);
	assert_false(docker_view_is_right(&view));
}

/* Rules of others are theirs, whatever they say. */
static void test_somebodys(void **state)
{
	AUTO(docker_view_fini) struct docker_view view = { 0 };
	AUTO_BUF struct buf text = { 0 };

	(void)state;
	docker_view_read_nft(CHAINS RULE("20", "", "DOCKER-USER",
					 MATCH("iifname", "kuke-*") ",{\"accept\":null}") "," END,
			     &view);
	assert_true(view.somebodys);
	docker_rules_to_nft(&view, "ip", true, &text);
	assert_int_equal(text.len, 0);
}

static void test_junk(void **state)
{
	static const char *const texts[] = {
		"", "[]", "{\"nftables\":7}", "{\"nftables\":[7,{\"rule\":[]},{\"chain\":null}]}",
		CHAINS RULE(
			"1", "", "FORWARD",
			MATCH("oifname",
			      "a\\\"; flush ruleset; ") ",{\"jump\":{\"target\":\"DOCKER\"}}") "]}"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO(docker_view_fini) struct docker_view view = { 0 };
		AUTO_BUF struct buf text = { 0 };

		docker_view_read_nft(texts[i], &view);
		docker_rules_to_nft(&view, "ip", false, &text);
		assert_null(strstr(text.data, "flush"));
	}
}

static void test_save(void **state)
{
	static const char begin[] = "# Generated\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP "
				    "[0:0]\n:DOCKER-USER - [0:0]\n"
				    "-A FORWARD -j DOCKER-USER\n-A FORWARD -o docker0 -j DOCKER\n";
	AUTO(docker_view_fini) struct docker_view view = { 0 }, right = { 0 };
	AUTO_BUF struct buf text = { 0 }, leaving = { 0 };
	AUTO_FREE char *wanted = xasprintf(
		"%s-A DOCKER-USER -i kuke-+ -o docker0 -m comment --comment kukeon -j RETURN\n"
		"-A DOCKER-USER -i kuke-+ -m comment --comment kukeon -j ACCEPT\n"
		"-A DOCKER-USER -o kuke-+ -m comment --comment kukeon -j ACCEPT\n"
		"-A DOCKER-USER -j RETURN\nCOMMIT\n",
		begin);

	(void)state;
	docker_view_read_save(begin, &view);
	assert_true(view.there && view.drops);
	assert_false(docker_view_is_right(&view));
	docker_rules_to_restore(&view, false, &text);
	assert_string_equal(
		text.data,
		"*filter\n"
		"-I DOCKER-USER 1 -o kuke-+ -m comment --comment kukeon -j ACCEPT\n"
		"-I DOCKER-USER 1 -i kuke-+ -m comment --comment kukeon -j ACCEPT\n"
		"-I DOCKER-USER 1 -i kuke-+ -o docker0 -m comment --comment kukeon -j RETURN\n"
		"COMMIT\n");
	docker_view_read_save(wanted, &right);
	assert_true(docker_view_is_right(&right));
	docker_rules_to_restore(&right, true, &leaving);
	assert_non_null(strstr(leaving.data, "-D DOCKER-USER -i kuke-+ -o docker0 -m comment "
					     "--comment kukeon -j RETURN\n"));
	assert_null(strstr(leaving.data, "-I "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nft),       cmocka_unit_test(test_another_network),
		cmocka_unit_test(test_somebodys), cmocka_unit_test(test_junk),
		cmocka_unit_test(test_save),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

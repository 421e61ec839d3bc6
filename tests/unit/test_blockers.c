/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/probe/blockers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/str.h"

#define FORWARD BLOCKER_FORWARD, "kuke-a", false
#define IPTABLES(text) "filter", "FORWARD", "FORWARD", 0, NULL, text

static const struct {
	struct blocker blocker;
	const char *tool, *remedy; /* the remedy's beginning */
} rows[] = {
	{ { FORWARD, "inet", "firewalld", "filter_FORWARD", "filter_FORWARD", 7, "reject", NULL },
	  "firewalld",
	  "firewall-cmd --permanent --zone=kukeon --change-interface=kuke-a; firewall-cmd" },
	{ { FORWARD, "ip", IPTABLES("counter jump DOCKER-USER # handle 7") },
	  "docker",
	  "kuke doctor --fix" },
	{ { FORWARD, "ip", IPTABLES("jump ufw-before-forward\njump DOCKER-USER") },
	  "docker",
	  "kuke doctor --fix" },
	{ { FORWARD, "ip", IPTABLES("counter jump ufw-before-logging-forward") },
	  "ufw",
	  "ufw route allow in on kuke-a; ufw route allow out on kuke-a" },
	{ { FORWARD, "ip", IPTABLES("jump LIBVIRT_FWX") },
	  "iptables",
	  "iptables-nft -I FORWARD -i kuke-a -j ACCEPT; iptables-nft -I FORWARD -o kuke-a" },
	{ { FORWARD, "ip", IPTABLES(NULL) }, "iptables", "iptables-nft -I FORWARD -i kuke-a" },
	/* a rule in a chain is whoever's who wrote it, whatever else is there */
	{ { FORWARD, "ip", "filter", "FORWARD", "FORWARD", 3, "reject", "jump DOCKER-USER" },
	  "iptables",
	  "iptables-nft -I FORWARD" },
	{ { FORWARD, "ip", "filter", "ufw-reject-forward", "FORWARD", 1, "reject", NULL },
	  "ufw",
	  "ufw route allow" },
	{ { FORWARD, "ip", "filter", "DOCKER-ISOLATION-STAGE-2", "FORWARD", 1, "drop", NULL },
	  "docker",
	  "kuke doctor --fix" },
	{ { FORWARD, "ip", "filter", "LIBVIRT_FWI", "FORWARD", 1, "reject", NULL },
	  "libvirt",
	  "iptables-nft -I FORWARD -i kuke-a -j ACCEPT" },
	{ { FORWARD, "inet", "mine", "forward", "forward", 2, "drop", NULL },
	  "nftables",
	  "nft insert rule inet mine forward iifname \"kuke-a\" accept" },
	{ { BLOCKER_INPUT, "kuke-a", false, "ip", "filter", "INPUT", "INPUT", 0, NULL,
	    "jump ufw-before-input" },
	  "ufw",
	  "ufw allow in on kuke-a" },
	{ { FORWARD, NULL, NULL, NULL, NULL, 0, NULL, NULL },
	  "iptables-legacy",
	  "iptables-legacy -I FORWARD -i kuke-a -j ACCEPT" },
};

static void test_who_and_what(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *remedy = blocker_remedy(&rows[i].blocker);

		assert_string_equal(rows[i].tool, blocker_tool(&rows[i].blocker));
		if (!str_starts_with(remedy, rows[i].remedy))
			fail_msg("row %zu: expected '%s...', found '%s'", i, rows[i].remedy,
				 remedy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_who_and_what) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

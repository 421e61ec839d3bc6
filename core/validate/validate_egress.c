/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of egress policies. */
#include <stdio.h>

#include "core/model/egress.h"
#include "core/validate/validate.h"

enum { PLACE_MAX_BYTES = 64 };

static void validate_rule_ports(const char *place, const Api__EgressRule *rule,
				struct model_problems *problems)
{
	if (rule->n_ports > EGRESS_PORTS_MAX)
		validate_problem(problems, place, "ports",
				 "has %zu entries; expected at most %d, a range is one of them",
				 rule->n_ports, EGRESS_PORTS_MAX);
	for (size_t i = 0; i < rule->n_ports && i < EGRESS_PORTS_MAX; i++) {
		char field[PLACE_MAX_BYTES];
		struct egress_ports ports;
		struct error err;

		snprintf(field, sizeof(field), "ports[%zu]", i);
		if (egress_ports_parse(rule->ports[i], &ports, &err) < 0)
			validate_problem(problems, place, field, "\"" SHOWN "\" %s", rule->ports[i],
					 err.msg);
	}
}

static void validate_rule(const char *place, const Api__EgressRule *rule,
			  struct model_problems *problems)
{
	struct egress_range range;
	struct error err;

	if (str_empty(rule->cidr) == str_empty(rule->host))
		validate_problem(problems, place, "cidr", "say one of cidr and host");
	else if (!str_empty(rule->cidr) && egress_range_parse(rule->cidr, &range, &err) < 0)
		validate_problem(problems, place, "cidr", "\"" SHOWN "\" %s", rule->cidr, err.msg);
	else if (!str_empty(rule->host) && egress_host_check(rule->host, &err) < 0)
		validate_problem(problems, place, "host", "\"" SHOWN "\" %s", rule->host, err.msg);
	validate_rule_ports(place, rule, problems);
}

void validate_egress(const char *prefix, const Api__Egress *egress, struct model_problems *problems)
{
	char place[PLACE_MAX_BYTES];

	if (!str_empty(egress->default_) && !str_equal(egress->default_, "allow") &&
	    !str_equal(egress->default_, "deny"))
		validate_problem(problems, prefix, "default",
				 "\"" SHOWN "\" is not a policy; expected allow or deny",
				 egress->default_);
	else if (egress->n_allow && !model_egress_denies(egress))
		validate_problem(
			problems, prefix, "allow",
			"has no effect while everything is allowed; add \"default: deny\", "
			"or leave it out");
	if (egress->n_allow > EGRESS_RULES_MAX)
		validate_problem(problems, prefix, "allow", "has %zu entries; expected at most %d",
				 egress->n_allow, EGRESS_RULES_MAX);
	for (size_t i = 0; i < egress->n_allow && i < EGRESS_RULES_MAX; i++) {
		snprintf(place, sizeof(place), "%s.allow[%zu]", prefix, i);
		validate_rule(place, egress->allow[i], problems);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of realms and spaces. */
#include "core/base/ip.h"
#include "core/validate/validate.h"

enum {
	SUBNET_MIN_PREFIX = 8,
	SUBNET_MAX_PREFIX = 29,
	SUBNET6_MIN_PREFIX = 64,
	SUBNET6_MAX_PREFIX = 112,
};

/* What containerd takes as an identifier: runs of letters and digits joined by single '.', '_' or
 * '-'. */
static bool identifier_is_valid(const char *id)
{
	static const char alnum[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	if (strlen(id) > CONTAINERD_ID_MAX_BYTES)
		return false;
	for (;;) {
		size_t run = strspn(id, alnum);

		if (run == 0)
			return false;
		id += run;
		if (!*id)
			return true;
		if (!strchr("._-", *id++))
			return false;
	}
}

void validate_realm(const Api__RealmSpec *spec, struct model_problems *problems)
{
	if (!str_empty(spec->namespace_) && !identifier_is_valid(spec->namespace_))
		validate_problem(
			problems, "spec", "namespace",
			"\"" SHOWN
			"\" is not a containerd namespace; expected letters and digits joined by "
			"single '.', '_' or '-', at most %d bytes",
			spec->namespace_, CONTAINERD_ID_MAX_BYTES);
	validate_credentials(spec, problems);
}

/* What a range of a space must be, in each family. */
struct range_rule {
	const char *field, *family, *example;
	unsigned prefix_min, prefix_max; /* as in core/base/ip.h */
	bool (*is_reserved)(const struct ip *ip);
};

static bool is_reserved4(const struct ip *ip)
{
	unsigned char first = ip->bytes[IP_V4_BEGINS / 8];

	return first == 0 || first == IN_LOOPBACKNET || first >= 224;
}

/* Unspecified, loopback and what else begins with zeros; link-local; multicast. */
static bool is_reserved6(const struct ip *ip)
{
	return ip->bytes[0] == 0 || ip->bytes[0] == 0xff ||
	       (ip->bytes[0] == 0xfe && ip->bytes[1] >> 6 == 2);
}

static const struct range_rule ipv4_rule = { "subnet",
					     "IPv4",
					     "10.88.0.0/16",
					     IP_V4_BEGINS + SUBNET_MIN_PREFIX,
					     IP_V4_BEGINS + SUBNET_MAX_PREFIX,
					     is_reserved4 };
static const struct range_rule ipv6_rule = {
	"subnet6",          "IPv6",      "fd12:3456:789a:1::/64", SUBNET6_MIN_PREFIX,
	SUBNET6_MAX_PREFIX, is_reserved6
};

static void validate_subnet(const struct range_rule *rule, const char *subnet,
			    struct model_problems *problems)
{
	unsigned prefix, begins = rule == &ipv4_rule ? IP_V4_BEGINS : 0;
	char text[IP_RANGE_TEXT_BYTES];
	struct ip ip, first;

	if (!ip_parse_range(subnet, &ip, &prefix) || ip_is_v4(&ip) != (rule == &ipv4_rule)) {
		validate_problem(problems, "spec", rule->field,
				 "\"" SHOWN "\" is not an %s range; expected one such as %s",
				 subnet, rule->family, rule->example);
		return;
	}
	first = ip_first(&ip, prefix);
	if (prefix < rule->prefix_min || prefix > rule->prefix_max)
		validate_problem(problems, "spec", rule->field,
				 "\"" SHOWN "\" is of the wrong size; expected /%u to /%u", subnet,
				 rule->prefix_min - begins, rule->prefix_max - begins);
	else if (ip_compare(&first, &ip) != 0)
		validate_problem(problems, "spec", rule->field,
				 "\"" SHOWN "\" is an address inside a range, did you mean \"%s\"?",
				 subnet, ip_format_range(&first, prefix, text));
	else if (rule->is_reserved(&ip))
		validate_problem(problems, "spec", rule->field,
				 "\"" SHOWN "\" is reserved; expected a private range such as %s",
				 subnet, rule->example);
}

bool model_space_has_ipv6(const Api__SpaceSpec *spec)
{
	return spec->ipv6 || !str_empty(spec->subnet6);
}

void validate_space(const Api__SpaceSpec *spec, struct model_problems *problems)
{
	if (!str_empty(spec->cni_config_path))
		validate_path("spec", "cniConfigPath", "the absolute path of a directory",
			      spec->cni_config_path, problems);
	if (!str_empty(spec->subnet))
		validate_subnet(&ipv4_rule, spec->subnet, problems);
	if (!str_empty(spec->subnet6))
		validate_subnet(&ipv6_rule, spec->subnet6, problems);
	if (!str_empty(spec->subnet6) && spec->has_ipv6 && !spec->ipv6)
		validate_problem(problems, "spec", "ipv6",
				 "is false beside a subnet6; leave one of the two out");
	if (spec->network && spec->network->egress)
		validate_egress("spec.network.egress", spec->network->egress, problems);
	if (spec->defaults && spec->defaults->container)
		validate_container_defaults("spec.defaults.container", spec->defaults->container,
					    problems);
}

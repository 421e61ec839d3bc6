/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of realms and spaces. */
#include <arpa/inet.h>
#include <stdio.h>

#include "core/model/validate.h"

enum { SUBNET_MIN_PREFIX = 8, SUBNET_MAX_PREFIX = 29 };

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
}

/* Splits "10.88.0.0/16"; the address in host byte order. */
static bool parse_cidr(const char *text, uint32_t *ret_address, unsigned *ret_prefix)
{
	const char *slash = strchr(text, '/');
	char address[INET_ADDRSTRLEN];
	struct in_addr in;

	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return false;
	snprintf(address, sizeof(address), "%.*s", (int)(slash - text), text);
	slash++;
	if (inet_pton(AF_INET, address, &in) != 1 || strspn(slash, "0123456789") != strlen(slash) ||
	    !*slash || strlen(slash) > 2 || (slash[0] == '0' && slash[1]))
		return false;
	*ret_address = ntohl(in.s_addr);
	*ret_prefix = (unsigned)atoi(slash);
	return *ret_prefix <= 32;
}

static void validate_subnet(const char *subnet, struct model_problems *problems)
{
	uint32_t address, network;
	unsigned prefix;
	struct in_addr in;

	if (!parse_cidr(subnet, &address, &prefix)) {
		validate_problem(problems, "spec", "subnet",
				 "\"" SHOWN
				 "\" is not an IPv4 range; expected one such as 10.88.0.0/16",
				 subnet);
		return;
	}
	if (prefix < SUBNET_MIN_PREFIX || prefix > SUBNET_MAX_PREFIX) {
		validate_problem(problems, "spec", "subnet",
				 "\"" SHOWN "\" is of the wrong size; expected /%d to /%d", subnet,
				 SUBNET_MIN_PREFIX, SUBNET_MAX_PREFIX);
		return;
	}
	network = address & ~(UINT32_MAX >> prefix);
	in.s_addr = htonl(network);
	if (network != address)
		validate_problem(
			problems, "spec", "subnet",
			"\"" SHOWN "\" is an address inside a range, did you mean \"%s/%u\"?",
			subnet,
			inet_ntop(AF_INET, &in, (char[INET_ADDRSTRLEN]){ 0 }, INET_ADDRSTRLEN),
			prefix);
	else if (address >> 24 == 0 || address >> 24 == 127 || address >> 24 >= 224)
		validate_problem(problems, "spec", "subnet",
				 "\"" SHOWN
				 "\" is reserved; expected a private range such as 10.88.0.0/16",
				 subnet);
}

void validate_space(const Api__SpaceSpec *spec, struct model_problems *problems)
{
	if (!str_empty(spec->cni_config_path))
		validate_path("spec", "cniConfigPath", "the absolute path of a directory",
			      spec->cni_config_path, problems);
	if (!str_empty(spec->subnet))
		validate_subnet(spec->subnet, problems);
	if (spec->network && spec->network->egress)
		validate_egress("spec.network.egress", spec->network->egress, problems);
	if (spec->defaults && spec->defaults->container)
		validate_container_defaults("spec.defaults.container", spec->defaults->container,
					    problems);
}

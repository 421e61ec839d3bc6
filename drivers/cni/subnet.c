/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cni/subnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

enum { POOL_PREFIX = 8, SPACE_PREFIX_MIN = 8, SPACE_PREFIX_MAX = 30 };

static uint32_t mask_of(unsigned prefix)
{
	return prefix ? ~(uint32_t)0 << (32 - prefix) : 0;
}

struct subnet subnet_make(uint32_t address, unsigned prefix)
{
	return (struct subnet){ .address = address & mask_of(prefix), .prefix = prefix };
}

bool subnet_parse(const char *text, struct subnet *ret)
{
	char address[INET_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t digits = slash ? strspn(slash + 1, "0123456789") : 0;
	struct in_addr in;
	unsigned prefix;

	if (!slash || (size_t)(slash - text) >= sizeof(address) || digits == 0 || digits > 2 ||
	    slash[1 + digits])
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	prefix = (unsigned)strtoul(slash + 1, NULL, 10);
	if (prefix > 32 || inet_pton(AF_INET, address, &in) != 1 ||
	    (ntohl(in.s_addr) & ~mask_of(prefix)))
		return false;
	*ret = subnet_make(ntohl(in.s_addr), prefix);
	return true;
}

bool subnet_overlaps(const struct subnet *a, const struct subnet *b)
{
	uint32_t mask = mask_of(a->prefix < b->prefix ? a->prefix : b->prefix);

	return (a->address & mask) == (b->address & mask);
}

void subnet_format(const struct subnet *subnet, char ret_text[SUBNET_TEXT_BYTES])
{
	uint32_t a = subnet->address;

	snprintf(ret_text, SUBNET_TEXT_BYTES, "%u.%u.%u.%u/%u", a >> 24, (a >> 16) & 255,
		 (a >> 8) & 255, a & 255, subnet->prefix > 32 ? 32 : subnet->prefix);
}

int subnet_parse_for_space(const char *text, struct subnet *ret, struct error *err)
{
	struct subnet subnet;

	if (!subnet_parse(text, &subnet))
		return error_set(err, -EINVAL,
				 "subnet \"%s\" is not an IPv4 range such as 10.88.0.0/16", text);
	if (subnet.prefix < SPACE_PREFIX_MIN || subnet.prefix > SPACE_PREFIX_MAX)
		return error_set(err, -EINVAL, "subnet \"%s\": the prefix must be from /%d to /%d",
				 text, SPACE_PREFIX_MIN, SPACE_PREFIX_MAX);
	*ret = subnet;
	return 0;
}

void taken_subnets_fini(struct taken_subnets *taken)
{
	for (size_t i = 0; i < taken->n; i++)
		free(taken->items[i].owner);
	free(taken->items);
	*taken = (struct taken_subnets){ 0 };
}

void taken_subnets_add(struct taken_subnets *taken, const struct subnet *subnet, const char *owner)
{
	taken->items = xrealloc(taken->items, (taken->n + 1) * sizeof(*taken->items));
	taken->items[taken->n++] =
		(struct taken_subnet){ .subnet = *subnet, .owner = xstrdup(owner) };
}

const struct taken_subnet *taken_subnets_find(const struct taken_subnets *taken,
					      const struct subnet *subnet)
{
	for (size_t i = 0; i < taken->n; i++)
		if (subnet_overlaps(&taken->items[i].subnet, subnet))
			return &taken->items[i];
	return NULL;
}

bool subnet_next_free(const struct subnet *first, const struct taken_subnets *taken,
		      struct subnet *ret)
{
	struct subnet pool = subnet_make(first->address, POOL_PREFIX);
	uint64_t step = (uint64_t)1 << (32 - first->prefix);

	for (uint64_t address = first->address; address <= UINT32_MAX; address += step) {
		struct subnet candidate = subnet_make((uint32_t)address, first->prefix);

		if (!subnet_overlaps(&pool, &candidate))
			return false;
		if (!taken_subnets_find(taken, &candidate)) {
			*ret = candidate;
			return true;
		}
	}
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/netlink/subnet.h"

#include <errno.h>

#include "core/base/str.h"

enum {
	POOL_PREFIX = 8,
	SPACE_PREFIX_MIN = 8,
	SPACE_PREFIX_MAX = 30,
	POOL6_PREFIX = 48,
	SPACE6_PREFIX_MIN = 64,
	SPACE6_PREFIX_MAX = 112,
};

struct subnet subnet_make(const struct ip *address, unsigned prefix)
{
	return (struct subnet){ .address = ip_first(address, prefix), .prefix = prefix };
}

bool subnet_is_v4(const struct subnet *subnet)
{
	return ip_is_v4(&subnet->address) && subnet->prefix >= IP_V4_BEGINS;
}

bool subnet_parse(const char *text, struct subnet *ret)
{
	unsigned prefix;
	struct ip ip, first;

	if (!ip_parse_range(text, &ip, &prefix))
		return false;
	first = ip_first(&ip, prefix);
	if (ip_compare(&first, &ip) != 0)
		return false;
	*ret = (struct subnet){ .address = ip, .prefix = prefix };
	return true;
}

bool subnet_overlaps(const struct subnet *a, const struct subnet *b)
{
	unsigned prefix = a->prefix < b->prefix ? a->prefix : b->prefix;
	struct ip of_a = ip_first(&a->address, prefix), of_b = ip_first(&b->address, prefix);

	return subnet_is_v4(a) == subnet_is_v4(b) && ip_compare(&of_a, &of_b) == 0;
}

const char *subnet_format(const struct subnet *subnet, char ret_text[SUBNET_TEXT_BYTES])
{
	return ip_format_range(&subnet->address, subnet->prefix, ret_text);
}

int subnet_parse_for_space(const char *text, struct subnet *ret, struct error *err)
{
	struct subnet subnet;

	if (!subnet_parse(text, &subnet) || !subnet_is_v4(&subnet))
		return error_set(err, -EINVAL,
				 "subnet \"%s\" is not an IPv4 range such as 10.88.0.0/16", text);
	if (subnet.prefix < IP_V4_BEGINS + SPACE_PREFIX_MIN ||
	    subnet.prefix > IP_V4_BEGINS + SPACE_PREFIX_MAX)
		return error_set(err, -EINVAL, "subnet \"%s\": the prefix must be from /%d to /%d",
				 text, SPACE_PREFIX_MIN, SPACE_PREFIX_MAX);
	*ret = subnet;
	return 0;
}

int subnet6_parse_for_space(const char *text, struct subnet *ret, struct error *err)
{
	struct subnet subnet;

	if (!subnet_parse(text, &subnet) || subnet_is_v4(&subnet))
		return error_set(
			err, -EINVAL,
			"subnet6 \"%s\" is not an IPv6 range such as fd12:3456:789a:1::/64", text);
	if (subnet.prefix < SPACE6_PREFIX_MIN || subnet.prefix > SPACE6_PREFIX_MAX)
		return error_set(err, -EINVAL, "subnet6 \"%s\": the prefix must be from /%d to /%d",
				 text, SPACE6_PREFIX_MIN, SPACE6_PREFIX_MAX);
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

/* The block in which ranges from @first on are given out. */
static struct subnet pool_of(const struct subnet *first)
{
	static const char *const blocks[] = { "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10" };
	struct subnet block;

	if (!subnet_is_v4(first))
		return subnet_make(&first->address, POOL6_PREFIX);
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		if (subnet_parse(blocks[i], &block) && first->prefix >= block.prefix &&
		    subnet_overlaps(&block, first))
			return block;
	return subnet_make(&first->address, IP_V4_BEGINS + POOL_PREFIX);
}

bool subnet_next_free(const struct subnet *first, const struct taken_subnets *taken,
		      struct subnet *ret)
{
	struct subnet pool = pool_of(first);
	struct subnet candidate = *first;

	while (subnet_overlaps(&pool, &candidate)) {
		if (!taken_subnets_find(taken, &candidate)) {
			*ret = candidate;
			return true;
		}
		candidate.address = ip_last(&candidate.address, candidate.prefix);
		if (!ip_next(&candidate.address))
			return false;
	}
	return false;
}

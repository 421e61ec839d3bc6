/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/str.h"

enum { V4_OFFSET = IP_V4_BEGINS / 8, PREFIX_DIGITS_MAX = 3 };

static const unsigned char v4_begins[V4_OFFSET] = { [10] = 0xff, [11] = 0xff };

bool ip_is_v4(const struct ip *ip)
{
	return memcmp(ip->bytes, v4_begins, sizeof(v4_begins)) == 0;
}

bool ip_from_bytes(const void *bytes, size_t len, struct ip *ret)
{
	if (len == sizeof(ret->bytes)) {
		memcpy(ret->bytes, bytes, len);
		return true;
	}
	if (len != sizeof(ret->bytes) - V4_OFFSET)
		return false;
	memcpy(ret->bytes, v4_begins, sizeof(v4_begins));
	memcpy(ret->bytes + V4_OFFSET, bytes, len);
	return true;
}

bool ip_parse(const char *text, struct ip *ret)
{
	struct in_addr v4;
	struct ip ip;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return ip_from_bytes(&v4, sizeof(v4), ret);
	if (inet_pton(AF_INET6, text, ip.bytes) != 1 || ip_is_v4(&ip))
		return false;
	*ret = ip;
	return true;
}

const char *ip_format(const struct ip *ip, char text[IP_TEXT_BYTES])
{
	if (ip_is_v4(ip))
		return inet_ntop(AF_INET, ip->bytes + V4_OFFSET, text, IP_TEXT_BYTES);
	return ip_format6(ip, text);
}

const char *ip_format6(const struct ip *ip, char text[IP_TEXT_BYTES])
{
	return inet_ntop(AF_INET6, ip->bytes, text, IP_TEXT_BYTES);
}

int ip_compare(const struct ip *a, const struct ip *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool ip_next(struct ip *ip)
{
	for (size_t i = sizeof(ip->bytes); i-- > 0;)
		if (++ip->bytes[i])
			return true;
	return false;
}

bool ip_previous(struct ip *ip)
{
	for (size_t i = sizeof(ip->bytes); i-- > 0;)
		if (ip->bytes[i]--)
			return true;
	return false;
}

/* The bits of byte @i that stand behind the prefix. */
static unsigned char behind(size_t i, unsigned prefix)
{
	unsigned before = (unsigned)i * 8;

	if (prefix >= before + 8)
		return 0;
	return prefix <= before ? 0xff : (unsigned char)(0xff >> (prefix - before));
}

struct ip ip_first(const struct ip *ip, unsigned prefix)
{
	struct ip first = *ip;

	for (size_t i = 0; i < sizeof(first.bytes); i++)
		first.bytes[i] &= (unsigned char)~behind(i, prefix);
	return first;
}

struct ip ip_last(const struct ip *ip, unsigned prefix)
{
	struct ip last = *ip;

	for (size_t i = 0; i < sizeof(last.bytes); i++)
		last.bytes[i] |= behind(i, prefix);
	return last;
}

bool ip_parse_range(const char *text, struct ip *ret_ip, unsigned *ret_prefix)
{
	const char *slash = strchr(text, '/');
	size_t digits = slash ? strspn(slash + 1, "0123456789") : 0;
	char address[IP_TEXT_BYTES];
	unsigned prefix;
	struct ip ip;

	if (!slash || (size_t)(slash - text) >= sizeof(address) || digits == 0 ||
	    digits > PREFIX_DIGITS_MAX || slash[1 + digits] || (digits > 1 && slash[1] == '0'))
		return false;
	snprintf(address, sizeof(address), "%.*s", (int)(slash - text), text);
	if (!ip_parse(address, &ip))
		return false;
	prefix = (unsigned)strtoul(slash + 1, NULL, 10) + (ip_is_v4(&ip) ? IP_V4_BEGINS : 0);
	if (prefix > IP_BITS)
		return false;
	*ret_ip = ip;
	*ret_prefix = prefix;
	return true;
}

const char *ip_format_range(const struct ip *ip, unsigned prefix, char text[IP_RANGE_TEXT_BYTES])
{
	char address[IP_TEXT_BYTES];
	bool v4 = ip_is_v4(ip) && prefix >= IP_V4_BEGINS;

	snprintf(text, IP_RANGE_TEXT_BYTES, "%s/%u", ip_format(ip, address),
		 v4 ? prefix - IP_V4_BEGINS : prefix);
	return text;
}

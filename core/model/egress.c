/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/egress.h"

#include <errno.h>
#include <stdio.h>

#include "core/base/str.h"

enum {
	PORT_MAX = 65535,
	PORTS_MAX_BYTES = 15, /* "60000-65535/udp" */
	HOST_MAX_BYTES = 253, /* RFC 1035, written without the dot at its end */
	LABEL_MAX_BYTES = 63,
};

#define EXPECTED_RANGE "expected one such as 10.20.0.0/16, 192.0.2.7 or fd12:3456::/32"
#define EXPECTED_PORTS "expected one such as \"443\", \"53/udp\" or \"8000-8010/tcp\""
#define DIGITS "0123456789"

/* Up to @max in decimal digits and nothing else; -1 for anything else. */
static long number(const char *text, size_t len, long max)
{
	long n = 0;

	if (len == 0 || len > 5 || strspn(text, DIGITS) < len)
		return -1;
	for (size_t i = 0; i < len; i++)
		n = n * 10 + (text[i] - '0');
	return n <= max ? n : -1;
}

/* ---- ranges ---- */

int egress_range_parse(const char *text, struct egress_range *ret, struct error *err)
{
	char shown[IP_RANGE_TEXT_BYTES];
	unsigned prefix = IP_BITS;
	struct ip ip;

	if (!ip_parse(text, &ip) && !ip_parse_range(text, &ip, &prefix))
		return error_set(err, -EINVAL, "is not a range; " EXPECTED_RANGE);
	*ret = (struct egress_range){ ip_first(&ip, prefix), ip_last(&ip, prefix), !ip_is_v4(&ip) };
	if (ip_compare(&ret->first, &ip) == 0)
		return 0;
	return error_set(err, -EINVAL, "is an address inside a range, did you mean \"%s\"?",
			 ip_format_range(&ret->first, prefix, shown));
}

/* ---- ports ---- */

int egress_ports_parse(const char *text, struct egress_ports *ret, struct error *err)
{
	size_t len = strcspn(text, "/"), first_len = strcspn(text, "-/");
	const char *protocol = text[len] ? text + len + 1 : "tcp";
	const char *last_text = first_len < len ? text + first_len + 1 : text;
	size_t last_len = first_len < len ? len - first_len - 1 : len;
	long first, last;

	if (strlen(text) > PORTS_MAX_BYTES)
		return error_set(err, -EINVAL, "is not a port; " EXPECTED_PORTS);
	if (!str_equal(protocol, "tcp") && !str_equal(protocol, "udp"))
		return error_set(err, -EINVAL, "\"%s\" is not a protocol; expected tcp or udp",
				 protocol);
	first = number(text, first_len, PORT_MAX);
	last = number(last_text, last_len, PORT_MAX);
	if (first < 1 || last < 1)
		return error_set(err, -EINVAL, "is not a port from 1 to %d; " EXPECTED_PORTS,
				 PORT_MAX);
	if (last < first)
		return error_set(err, -EINVAL, "ends before it begins; " EXPECTED_PORTS);
	*ret = (struct egress_ports){ str_equal(protocol, "udp"), (uint16_t)first, (uint16_t)last };
	return 0;
}

/* ---- hosts ---- */

static bool is_label(const char *text, size_t len)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "-_";

	return len > 0 && len <= LABEL_MAX_BYTES && strspn(text, allowed) >= len &&
	       text[0] != '-' && text[len - 1] != '-';
}

int egress_host_check(const char *name, struct error *err)
{
	const char *label = name;

	if (strspn(name, DIGITS ".") == strlen(name))
		return error_set(err, -EINVAL, "is an address; say it under cidr");
	while (strlen(name) <= HOST_MAX_BYTES && is_label(label, strcspn(label, "."))) {
		label += strcspn(label, ".");
		if (!*label)
			return 0;
		label++;
	}
	return error_set(err, -EINVAL,
			 "is not the name of a host; expected one such as example.com");
}

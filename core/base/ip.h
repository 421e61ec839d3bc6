/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and ranges of IPv4 and IPv6 in one form, so that one code reads, compares and counts
 * both: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). Prefixes count in
 * these 128 bits: 10.0.0.0/8 has one of 104. Pure.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>

struct ip {
	unsigned char bytes[16];
};

enum {
	IP_BITS = 128,
	IP_V4_BEGINS = 96, /* the bits that stand before those of an IPv4 address */
	IP_TEXT_BYTES = INET6_ADDRSTRLEN,
	IP_RANGE_TEXT_BYTES = INET6_ADDRSTRLEN + 4, /* "/128" */
};

/* "10.88.0.1", "fd00::1"; false for anything else, also for IPv4 in the form of IPv6. */
bool ip_parse(const char *text, struct ip *ret);

/* @len bytes in network order, 4 or 16; false for any other length. */
bool ip_from_bytes(const void *bytes, size_t len, struct ip *ret);

bool ip_is_v4(const struct ip *ip);

/* Returns @text. */
const char *ip_format(const struct ip *ip, char text[IP_TEXT_BYTES]);

/* The same of one that is meant for IPv6 whatever it looks like: the ends of a range of IPv6, which
 * may have all of IPv4 in its middle. */
const char *ip_format6(const struct ip *ip, char text[IP_TEXT_BYTES]);

/* <0, 0, >0. All of IPv4 stands together. */
int ip_compare(const struct ip *a, const struct ip *b);

/* The address after it, before it; false at the end of all. */
bool ip_next(struct ip *ip);
bool ip_previous(struct ip *ip);

/* The first and the last address that begin with the same @prefix bits. */
struct ip ip_first(const struct ip *ip, unsigned prefix);
struct ip ip_last(const struct ip *ip, unsigned prefix);

/* "10.88.0.0/16", "fd00::/64"; bits behind the prefix may be set. A number has no zeros before it.
 */
bool ip_parse_range(const char *text, struct ip *ret_ip, unsigned *ret_prefix);

/* Returns @text. */
const char *ip_format_range(const struct ip *ip, unsigned prefix, char text[IP_RANGE_TEXT_BYTES]);

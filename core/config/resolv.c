/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config/resolv.h"

#include <arpa/inet.h>
#include <ctype.h>

#include "core/base/str.h"

enum { LOOPBACK_NET = 127, THIS_HOST_NET = 0 };

static bool reaches_v4(const struct in_addr *address)
{
	uint32_t net = ntohl(address->s_addr) >> 24;

	return net != LOOPBACK_NET && net != THIS_HOST_NET;
}

static bool reaches_v6(const struct in6_addr *address)
{
	struct in_addr v4;

	if (IN6_IS_ADDR_V4MAPPED(address)) {
		memcpy(&v4, &address->s6_addr[12], sizeof(v4));
		return reaches_v4(&v4);
	}
	return !IN6_IS_ADDR_LOOPBACK(address) && !IN6_IS_ADDR_UNSPECIFIED(address) &&
	       !IN6_IS_ADDR_LINKLOCAL(address);
}

/* An address with a scope ("fe80::1%eth0") names a link of the host, so it does not parse. */
static bool is_reachable(const char *address)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, address, &v4) == 1)
		return reaches_v4(&v4);
	return inet_pton(AF_INET6, address, &v6) == 1 && reaches_v6(&v6);
}

/* The first word of @line and what follows it. */
static size_t word_length(const char *line)
{
	size_t len = 0;

	while (line[len] && !isspace((unsigned char)line[len]))
		len++;
	return len;
}

static bool is_kept(const char *word)
{
	static const char *const kept[] = { "search", "domain", "options", "sortlist" };

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (str_equal(word, kept[i]))
			return true;
	return false;
}

/* As resolvers read it: the word begins the line. Returns whether it names a resolver. */
static bool take_line(const char *line, struct buf *ret)
{
	size_t len = word_length(line);
	AUTO_FREE char *word = xstrndup(line, len), *address = NULL;
	const char *rest = line + len + strspn(line + len, " \t");

	if (is_kept(word)) {
		buf_printf(ret, "%s %s\n", word, rest);
		return false;
	}
	if (!str_equal(word, "nameserver"))
		return false;
	address = xstrndup(rest, word_length(rest));
	if (!is_reachable(address))
		return false;
	buf_printf(ret, "nameserver %s\n", address);
	return true;
}

size_t resolv_render(const char *host, struct buf *ret)
{
	size_t n = 0;

	while (*host) {
		size_t len = strcspn(host, "\n"), end = len;
		AUTO_FREE char *line = NULL;

		while (end && isspace((unsigned char)host[end - 1]))
			end--;
		line = xstrndup(host, end);
		n += take_line(line, ret);
		host += len + (host[len] == '\n');
	}
	return n;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "core/base/str.h"

enum { PORT_SPEC_MAX_BYTES = 64, PORT_MAX = 65535, PORT_DIGITS_MAX = 5 };

#define EXPECTED "expected one such as \"8080:80\", \"127.0.0.1:8080:80/tcp\" or \"53:53/udp\""

/* 1 to 65535 in decimal digits and nothing else; 0 for anything else. */
static uint16_t number(const char *s)
{
	size_t len = strspn(s, "0123456789");
	long n;

	if (len == 0 || len > PORT_DIGITS_MAX || s[len])
		return 0;
	n = strtol(s, NULL, 10);
	return n <= PORT_MAX ? (uint16_t)n : 0;
}

static int take_protocol(char *text, bool *ret_udp, struct error *err)
{
	char *slash = strchr(text, '/');

	*ret_udp = slash && strcmp(slash, "/udp") == 0;
	if (slash && !*ret_udp && strcmp(slash, "/tcp") != 0)
		return error_set(err, -EINVAL, "\"%s\" is not a protocol; expected tcp or udp",
				 slash + 1);
	if (slash)
		*slash = '\0';
	return 0;
}

static int take_address(const char *text, struct published_port *ret, struct error *err)
{
	struct in_addr address;

	if (inet_pton(AF_INET, text, &address) != 1)
		return error_set(err, -EINVAL,
				 "\"%s\" is not an IPv4 address of this host; " EXPECTED, text);
	if (address.s_addr != INADDR_ANY)
		inet_ntop(AF_INET, &address, ret->host_ip, sizeof(ret->host_ip));
	return 0;
}

static int take_port(const char *what, const char *text, uint16_t *ret, struct error *err)
{
	*ret = number(text);
	if (*ret)
		return 0;
	return error_set(err, -EINVAL, "\"%s\" is not a port of the %s; expected 1 to %d", text,
			 what, PORT_MAX);
}

int port_parse(const char *text, struct published_port *ret, struct error *err)
{
	struct published_port port = { 0 };
	char copy[PORT_SPEC_MAX_BYTES + 1], *inner, *outer;
	int r;

	if (!str_copy(copy, sizeof(copy), text))
		return error_set(err, -EINVAL, "has more than %d bytes; " EXPECTED,
				 PORT_SPEC_MAX_BYTES);
	if (strchr(copy, '['))
		return error_set(err, -EINVAL,
				 "publishing on IPv6 addresses is not supported by this version; "
				 "leave the address out, or name one of IPv4");
	r = take_protocol(copy, &port.udp, err);
	if (r < 0)
		return r;
	inner = strrchr(copy, ':');
	if (!inner)
		return error_set(err, -EINVAL,
				 "does not say which port of the host leads to it; " EXPECTED);
	*inner++ = '\0';
	outer = strrchr(copy, ':');
	if (outer)
		*outer++ = '\0';
	r = outer ? take_address(copy, &port, err) : 0;
	if (r == 0)
		r = take_port("host", outer ? outer : copy, &port.host_port, err);
	if (r == 0)
		r = take_port("cell", inner, &port.port, err);
	if (r == 0)
		*ret = port;
	return r;
}

bool port_clashes(const struct published_port *a, const struct published_port *b)
{
	return a->udp == b->udp && a->host_port == b->host_port &&
	       (!*a->host_ip || !*b->host_ip || str_equal(a->host_ip, b->host_ip));
}

const char *port_host_text(const struct published_port *port, char text[PORT_TEXT_BYTES])
{
	snprintf(text, PORT_TEXT_BYTES, "%s%s%u/%s", port->host_ip, *port->host_ip ? ":" : "",
		 port->host_port, port->udp ? "udp" : "tcp");
	return text;
}

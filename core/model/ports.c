/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/ports.h"

#include <errno.h>
#include <stdio.h>

#include "core/base/str.h"

enum { PORT_SPEC_MAX_BYTES = 64, PORT_MAX = 65535, PORT_DIGITS_MAX = 5 };

#define EXPECTED "expected one such as \"8080:80\", \"127.0.0.1:8080:80/tcp\" or \"53:53/udp\""

static const char ANY4[] = "0.0.0.0", ANY6[] = "::";

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

/* Takes the brackets, in which alone one of IPv6 is read. */
static bool parse_address(char *text, struct ip *ret)
{
	size_t len = strlen(text);
	bool brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';

	if (!brackets)
		return ip_parse(text, ret) && ip_is_v4(ret);
	text[len - 1] = '\0';
	return ip_parse(text + 1, ret) && !ip_is_v4(ret);
}

static int take_address(char *text, struct published_port *ret, struct error *err)
{
	AUTO_FREE char *shown = xstrdup(text);
	struct in6_addr v6;
	struct ip ip;

	if (!parse_address(text, &ip))
		return error_set(err, -EINVAL, "\"%s\" is not an address of this host; " EXPECTED,
				 shown);
	memcpy(&v6, ip.bytes, sizeof(v6));
	if (IN6_IS_ADDR_LOOPBACK(&v6))
		return error_set(
			err, -EINVAL,
			"the kernel leads nothing from ::1 elsewhere; publish on 127.0.0.1, "
			"or on another address of the host");
	if (IN6_IS_ADDR_LINKLOCAL(&v6))
		return error_set(err, -EINVAL,
				 "\"%s\" is an address of one link only; name another address of "
				 "the host",
				 shown);
	ip_format(&ip, ret->host_ip);
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

bool port_is_ip4(const struct published_port *port)
{
	return !strchr(port->host_ip, ':');
}

bool port_is_ip6(const struct published_port *port)
{
	return !*port->host_ip || strchr(port->host_ip, ':');
}

const char *port_host_ip(const struct published_port *port)
{
	bool all =
		!*port->host_ip || str_equal(port->host_ip, ANY4) || str_equal(port->host_ip, ANY6);

	return all ? NULL : port->host_ip;
}

bool port_clashes(const struct published_port *a, const struct published_port *b)
{
	const char *a_ip = port_host_ip(a), *b_ip = port_host_ip(b);

	return a->udp == b->udp && a->host_port == b->host_port &&
	       ((port_is_ip4(a) && port_is_ip4(b)) || (port_is_ip6(a) && port_is_ip6(b))) &&
	       (!a_ip || !b_ip || str_equal(a_ip, b_ip));
}

const char *port_host_text(const struct published_port *port, char text[PORT_TEXT_BYTES])
{
	bool v6 = strchr(port->host_ip, ':');

	snprintf(text, PORT_TEXT_BYTES, "%s%s%s%s%u/%s", v6 ? "[" : "", port->host_ip,
		 v6 ? "]" : "", *port->host_ip ? ":" : "", port->host_port,
		 port->udp ? "udp" : "tcp");
	return text;
}

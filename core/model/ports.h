/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports as a manifest writes them: "8080:80", "127.0.0.1:8080:80/tcp",
 * "[fd00::1]:53:53/udp". Pure. */
#pragma once

#include "core/base/error.h"
#include "core/base/ip.h"

struct published_port {
	bool udp; /* else TCP */
	/* "": every address of the host; "0.0.0.0", "::": every one of that family */
	char host_ip[IP_TEXT_BYTES];
	uint16_t host_port;
	uint16_t port; /* in the cell */
};

/* -EINVAL: what is wrong with it, and what was expected. */
int port_parse(const char *text, struct published_port *ret, struct error *err);

/* Both cannot be published at once: the same protocol and port of the host, and an address in
 * common. */
bool port_clashes(const struct published_port *a, const struct published_port *b);

/* Whether it is one on IPv4, on IPv6; both when it names no address. */
bool port_is_ip4(const struct published_port *port);
bool port_is_ip6(const struct published_port *port);

/* The one address of the host that it is for; NULL: all of the family. */
const char *port_host_ip(const struct published_port *port);

enum { PORT_TEXT_BYTES = IP_TEXT_BYTES + 24 };

/* "127.0.0.1:8080/tcp", "[fd00::1]:8080/tcp", "8080/tcp": what of the host it takes. */
const char *port_host_text(const struct published_port *port, char text[PORT_TEXT_BYTES]);

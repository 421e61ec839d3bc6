/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports as a manifest writes them: "8080:80", "127.0.0.1:8080:80/tcp", "53:53/udp". Pure.
 */
#pragma once

#include <netinet/in.h>

#include "core/base/error.h"

struct published_port {
	bool udp;                      /* else TCP */
	char host_ip[INET_ADDRSTRLEN]; /* "": every address of the host */
	uint16_t host_port;
	uint16_t port; /* in the cell */
};

/* -EINVAL: what is wrong with it, and what was expected. */
int port_parse(const char *text, struct published_port *ret, struct error *err);

/* Both cannot be published at once: the same protocol and port of the host, and an address in
 * common. */
bool port_clashes(const struct published_port *a, const struct published_port *b);

enum { PORT_TEXT_BYTES = INET_ADDRSTRLEN + 24 };

/* "127.0.0.1:8080/tcp", "8080/tcp": what of the host it takes. */
const char *port_host_text(const struct published_port *port, char text[PORT_TEXT_BYTES]);

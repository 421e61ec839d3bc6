/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of an egress policy as a manifest writes them: ranges, names of hosts, ports. Pure. */
#pragma once

#include "core/base/error.h"
#include "core/base/ip.h"

enum { EGRESS_RULES_MAX = 32, EGRESS_PORTS_MAX = 16 };

/* Both ends belong to it. */
struct egress_range {
	struct ip first, last;
	bool v6; /* the family of both: one of IPv6 may end where IPv4 does */
};

/* "10.20.0.0/16", "192.0.2.7", "fd00::/8". -EINVAL: what is wrong with it, and what was expected.
 */
int egress_range_parse(const char *text, struct egress_range *ret, struct error *err);

struct egress_ports {
	bool udp; /* else TCP */
	uint16_t first, last;
};

/* "443", "53/udp", "8000-8010/tcp". */
int egress_ports_parse(const char *text, struct egress_ports *ret, struct error *err);

/* Whether a name server can be asked for it; an address is none. */
int egress_host_check(const char *name, struct error *err);

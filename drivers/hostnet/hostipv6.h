/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host needs for spaces with IPv6. Blocks shortly: worker threads only.
 *
 * Everybody's address in a space is given out by us, so that nobody has to find out for a second
 * whether another has it (duplicate address detection, RFC 4862): it is off on our bridges. And a
 * bridge believes no router: what cells send there is not to be trusted.
 */
#pragma once

#include "core/base/error.h"

/* -EAFNOSUPPORT: the kernel does without IPv6. */
int hostipv6_check(struct error *err);

/*
 * Lets the host forward IPv6. A host that does stops to learn routes from routers on links whose
 * accept_ra is 1: those that are no bridge and on none are told to go on (accept_ra 2), before.
 */
int hostipv6_forward(struct error *err);

/* Makes the bridge, which the plugin then finds, or makes sure that one that is there can have
 * addresses. */
int hostipv6_make_bridge(const char *name, struct error *err);

/* The same of one that has just been made. */
void hostipv6_prepare_bridge(const char *name);

/* SPDX-License-Identifier: Apache-2.0 */
/* Routes and links of others in the words of those who have to find out whose they are. Pure. */
#pragma once

#include <stddef.h>

/* Which tool makes links of this name, or this kind ("wireguard"; NULL: not known), as far as can
 * be guessed; NULL: nothing is known of it. */
const char *route_words_tool(const char *link, const char *kind);

/* "set by hand or by a script" of an RTPROT_ of linux/rtnetlink.h. */
const char *route_words_protocol(unsigned protocol);

/* "on wg0 (WireGuard), set by hand or by a script". @link NULL or "": none. Free with free(). */
char *route_words(const char *link, const char *kind, unsigned protocol);

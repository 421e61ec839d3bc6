/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in DOCKER-USER, the chain that docker asks first and leaves to others, and what is to
 * stand there. Pure.
 *
 * Our bridges pass, with one exception: what goes from them to a bridge of docker's own is left to
 * docker's rules, which know what its containers publish. Which those are its chains tell.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/str.h"

/* One rule, as far as ours have such: in which links, what becomes of the packet. */
struct docker_rule {
	char *in, *out;  /* as nftables has them, "kuke-*"; NULL: any */
	bool returns;    /* else it accepts */
	bool ours;       /* by its comment */
	uint64_t handle; /* of nftables */
};

/* A zeroed struct is empty. */
struct docker_view {
	bool there;                /* there is a chain DOCKER-USER */
	bool drops;                /* what no rule of FORWARD accepts */
	bool somebodys;            /* a rule that is not ours speaks of our bridges */
	struct strv bridges;       /* of docker */
	struct docker_rule *rules; /* of the chain, in order; others than such are left out */
	size_t n_rules;
};

void docker_view_fini(struct docker_view *view);

/* From "nft -j list table ip filter". What is not understood is not there. */
void docker_view_read_nft(const char *text, struct docker_view *ret);

/* From "iptables-legacy-save -t filter". */
void docker_view_read_save(const char *text, struct docker_view *ret);

/* Whether what is to stand there does. */
bool docker_view_is_right(const struct docker_view *view);

/* Whether some rule is ours. */
bool docker_view_has_ours(const struct docker_view *view);

/* Commands of nft for table @family ("ip", "ip6") filter, in one transaction: ours go, and come
 * anew unless @leave. */
void docker_rules_to_nft(const struct docker_view *view, const char *family, bool leave,
			 struct buf *ret);

/* The same for "iptables-legacy-restore --noflush". */
void docker_rules_to_restore(const struct docker_view *view, bool leave, struct buf *ret);

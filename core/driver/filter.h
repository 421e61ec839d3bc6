/* SPDX-License-Identifier: Apache-2.0 */
/* The packet filter, one for all spaces, and packets of ours that try it. */
#pragma once

#include "core/driver/seam.h"

/* What may be reached all the same where a space denies. Both ends of ranges belong to them. */
struct filter_allow {
	struct ip first, last;
	bool v6; /* the family of both */
	enum { ALLOW_ALL, ALLOW_TCP, ALLOW_UDP } what;
	uint16_t first_port, last_port; /* 0 with ALLOW_ALL */
};

struct filter_space {
	char *key;
	char *bridge;
	char *subnet;               /* CIDR */
	char *subnet6;              /* NULL: none */
	bool denies;                /* cells reach nothing outside the space but: */
	struct filter_allow *allow; /* of the same kind no two overlap; in order */
	size_t n_allow;
	char *problem; /* written by filter_apply(): why it was left out; NULL: it is in force */
};

/* A cell of a space that denies, in a further space: it reaches nothing beyond that either. */
struct filter_guest {
	char *bridge; /* of the further space */
	char *ip;     /* the cell's in it; IPv4 or IPv6 */
};

/* A port of the host that leads to a cell; both addresses are of one family. */
struct filter_port {
	char *cell_key;
	bool udp;      /* else TCP */
	char *host_ip; /* NULL: every address of the host in the family of: */
	uint16_t host_port;
	char *ip;     /* of the cell */
	char *bridge; /* of the cell's space */
	uint16_t port;
	bool taken; /* written by filter_apply(): not published, another program has it */
};

/* Everything that the filter shall say, complete. */
struct filter_wish {
	struct filter_space *spaces;
	size_t n_spaces;
	struct filter_port *ports;
	size_t n_ports;
	struct filter_guest *guests;
	size_t n_guests;
};

void filter_wish_fini(struct filter_wish *wish);

/* Whether the text of an address, valid or not, is meant for IPv6. */
bool filter_is_ip6(const char *ip);

/* A deep copy. */
void filter_wish_copy(const struct filter_wish *wish, struct filter_wish *ret);

/* Packets that a bridge had to drop because a space denies. */
struct filter_drops {
	struct filter_drop {
		char *bridge;
		uint64_t packets, bytes; /* since its elements were last made: may begin anew */
	} * items;
	size_t n;
};

void filter_drops_fini(struct filter_drops *drops);


/* ---- a packet of ours, led the way that packets of cells go ---- */

/* A TCP port of the host that leads to a cell. */
struct traffic_port {
	uint16_t number; /* 0: there is none */
	char *host_ip;   /* NULL: of every address of the host */
	char *ip;        /* of the cell */
};

struct traffic_space {
	char *key;
	char *bridge;
	char *link;     /* the host's end of the interface of one of its cells, */
	char *ip, *ip6; /* and the addresses of that cell; ip6 NULL: none */
	char *peer, *peer6; /* of another cell beside it; NULL: none, or there are very many */
	bool denies;        /* its cells do not reach out */
	struct traffic_port port, port6; /* to some cell of it */
	/* Written by probe(): */
	bool asked;     /* what follows is of now; else nothing is known */
	char *blocked;  /* what does not pass that cells need, and where it ended; NULL: all does */
	char *remedy;   /* what helps against that */
	char *shut;     /* the same of what they may do without: programs of the host itself */
	char *shut_remedy;
};

/* A zeroed struct is empty. */
struct traffic {
	struct traffic_space *spaces;
	size_t n_spaces;
	char *impossible; /* written by probe(): why nothing can be asked on this host */
};

void traffic_fini(struct traffic *traffic);

struct filter_listener {
	void *ctx;
	/* Another hand changed the filter, or may have: it is to be applied again. */
	void (*on_filter)(void *ctx);
	/* Rules that are none of ours may have changed. Perhaps often in a row. @bridge: that of a
	 * space, as they are named, of which these speak; NULL: of none. */
	void (*on_rules)(void *ctx, const char *bridge);
};

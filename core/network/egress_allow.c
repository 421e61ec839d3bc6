/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network/egress_allow.h"

#include <stdlib.h>

struct port_range {
	uint32_t first, last;
};

struct settling {
	const struct filter_allow *items;
	size_t n;
	bool v6;          /* the family that is settled; of the other nothing is looked at */
	struct ip *edges; /* where a range begins, or has just ended: between two all is the same */
	size_t n_edges;
	struct port_range *now, *before; /* of this stretch of addresses, and of the one before */
	size_t n_now, n_before;
	struct ip since; /* where the stretch that is not written yet begins */
	struct filter_allow *out;
	size_t n_out;
};

static int by_address(const void *a, const void *b)
{
	return ip_compare(a, b);
}

static int by_first(const void *a, const void *b)
{
	const struct port_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

static bool is_meant(const struct settling *s, const struct filter_allow *item, int what)
{
	return (int)item->what == what && item->v6 == s->v6;
}

static void find_edges(struct settling *s, int what)
{
	size_t kept = 0;

	s->n_edges = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct ip end = s->items[i].last;

		if (!is_meant(s, &s->items[i], what))
			continue;
		s->edges[s->n_edges++] = s->items[i].first;
		if (ip_next(&end)) /* else it goes to the end of all */
			s->edges[s->n_edges++] = end;
	}
	if (s->n_edges)
		qsort(s->edges, s->n_edges, sizeof(*s->edges), by_address);
	for (size_t i = 0; i < s->n_edges; i++)
		if (!kept || ip_compare(&s->edges[kept - 1], &s->edges[i]) != 0)
			s->edges[kept++] = s->edges[i];
	s->n_edges = kept;
}

/* The ports that are allowed at an address, those beside each other as one. */
static void find_ports(struct settling *s, int what, const struct ip *address)
{
	size_t kept = 0;

	s->n_now = 0;
	for (size_t i = 0; i < s->n; i++)
		if (is_meant(s, &s->items[i], what) &&
		    ip_compare(&s->items[i].first, address) <= 0 &&
		    ip_compare(address, &s->items[i].last) <= 0)
			s->now[s->n_now++] = (struct port_range){ s->items[i].first_port,
								  s->items[i].last_port };
	if (s->n_now)
		qsort(s->now, s->n_now, sizeof(*s->now), by_first);
	for (size_t i = 0; i < s->n_now; i++) {
		if (kept && s->now[i].first <= s->now[kept - 1].last + 1) {
			if (s->now[i].last > s->now[kept - 1].last)
				s->now[kept - 1].last = s->now[i].last;
		} else {
			s->now[kept++] = s->now[i];
		}
	}
	s->n_now = kept;
}

static bool same_ports(const struct settling *s)
{
	return s->n_now == s->n_before &&
	       (!s->n_now || memcmp(s->now, s->before, s->n_now * sizeof(*s->now)) == 0);
}

/* Writes the stretch up to @last, and begins the next one with the ports of now. */
static void next_stretch(struct settling *s, int what, const struct ip *last)
{
	struct port_range *spare = s->before;

	s->out = xrealloc(s->out, (s->n_out + s->n_before + 1) * sizeof(*s->out));
	for (size_t i = 0; i < s->n_before; i++)
		s->out[s->n_out++] =
			(struct filter_allow){ .first = s->since,
					       .last = *last,
					       .v6 = s->v6,
					       .what = what,
					       .first_port = (uint16_t)s->before[i].first,
					       .last_port = (uint16_t)s->before[i].last };
	s->before = s->now;
	s->n_before = s->n_now;
	s->now = spare;
}

static void settle(struct settling *s, int what)
{
	struct ip last;

	find_edges(s, what);
	s->n_before = 0;
	for (size_t i = 0; i < s->n_edges; i++) {
		find_ports(s, what, &s->edges[i]);
		if (same_ports(s))
			continue;
		last = s->edges[i];
		ip_previous(&last);
		next_stretch(s, what, &last);
		s->since = s->edges[i];
	}
	last = ip_last(&s->since, 0);
	s->n_now = 0;
	next_stretch(s, what, &last);
}

void egress_allow_settle(const struct filter_allow *items, size_t n,
			 struct filter_allow **ret_settled, size_t *ret_n)
{
	struct settling s = { .items = items, .n = n };

	s.edges = xcalloc(2 * n, sizeof(*s.edges));
	s.now = xcalloc(n, sizeof(*s.now));
	s.before = xcalloc(n, sizeof(*s.before));
	for (int what = ALLOW_ALL; what <= ALLOW_UDP; what++) {
		s.v6 = false;
		settle(&s, what);
		s.v6 = true;
		settle(&s, what);
	}
	free(s.edges);
	free(s.now);
	free(s.before);
	*ret_settled = s.out;
	*ret_n = s.n_out;
}

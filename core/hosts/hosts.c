/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hosts/hosts.h"

#include <ctype.h>
#include <strings.h>

#include "core/base/map.h"
#include "core/model/names.h"

/* Smaller is nearer. */
enum { RANK_STACK, RANK_SPACE = 2, RANK_JOINED = 4, RANK_ALIAS = 1, RANK_NOT_SEEN = 6 };

struct known_name {
	struct map_node node; /* struct rendering.names, by lower-case name */
	char *name;
	int rank;            /* the nearest that has it */
	const void *told_by; /* the entry that was the last to list it */
};

struct rendering {
	const struct hosts_view *view;
	const struct hosts_entry *entries;
	size_t n;
	struct map names; /* struct known_name.node */
	struct buf *out;
	size_t line_start; /* of the line that is being written */
	bool line_open;
};

void hosts_entry_fini(struct hosts_entry *entry)
{
	free(entry->space);
	free(entry->cell);
	free(entry->address);
	strv_fini(&entry->aliases);
}

void hosts_view_fini(struct hosts_view *view)
{
	free(view->stack);
	strv_fini(&view->spaces);
}

bool hosts_view_equal(const struct hosts_view *a, const struct hosts_view *b)
{
	if (a->spaces.n != b->spaces.n || strcmp(a->stack, b->stack) != 0)
		return false;
	for (size_t i = 0; i < a->spaces.n; i++)
		if (strcmp(a->spaces.items[i], b->spaces.items[i]) != 0)
			return false;
	return true;
}

static int compare(const void *left, const void *right)
{
	const struct hosts_entry *a = left, *b = right;
	int r = strcmp(a->cell, b->cell);

	if (r == 0)
		r = strcmp(a->space, b->space);
	return r ? r : strcmp(a->address, b->address);
}

void hosts_sort(struct hosts_entry *entries, size_t n)
{
	if (n)
		qsort(entries, n, sizeof(*entries), compare);
}

/* ---- nearness ---- */

/* Whether the object of @key is in the one of @above. */
static bool is_below(const char *key, const char *above)
{
	return str_starts_with(key, above) && key[strlen(above)] == '/';
}

static int rank_of(const struct hosts_view *view, const struct hosts_entry *entry)
{
	for (size_t i = 0; i < view->spaces.n; i++) {
		if (strcmp(entry->space, view->spaces.items[i]) != 0)
			continue;
		if (i > 0 || !is_below(entry->cell, view->spaces.items[0]))
			return RANK_JOINED;
		return is_below(entry->cell, view->stack) ? RANK_STACK : RANK_SPACE;
	}
	return RANK_NOT_SEEN;
}

/* These are every container's own. */
static bool is_reserved(const char *name)
{
	return strcasecmp(name, "localhost") == 0 || strcasecmp(name, "ip6-localhost") == 0 ||
	       strcasecmp(name, "ip6-loopback") == 0;
}

static char *lower_case(const char *name)
{
	char *copy = xstrdup(name);

	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

typedef void (*name_fn)(struct rendering *r, const struct hosts_entry *entry, const char *name,
			int rank);

static void claim_name(struct rendering *r, const struct hosts_entry *entry UNUSED,
		       const char *name, int rank)
{
	AUTO_FREE char *key = lower_case(name);
	struct known_name *known = map_entry(map_find(&r->names, key), struct known_name, node);

	if (!known) {
		known = xnew(struct known_name);
		known->name = take_ptr(key);
		known->rank = rank;
		map_insert(&r->names, &known->node, known->name);
	} else if (rank < known->rank) {
		known->rank = rank;
	}
}

/* ---- lines ---- */

static void end_line(struct rendering *r)
{
	if (r->line_open)
		buf_add_str(r->out, "\n");
	r->line_open = false;
}

static void write_name(struct rendering *r, const struct hosts_entry *entry, const char *name)
{
	if (r->line_open && r->out->len - r->line_start + strlen(name) >= HOSTS_LINE_MAX_BYTES)
		end_line(r);
	if (!r->line_open) {
		r->line_start = r->out->len;
		buf_add_str(r->out, entry->address);
	}
	buf_add_str(r->out, r->line_open ? " " : "\t");
	buf_add_str(r->out, name);
	r->line_open = true;
}

static void tell_name(struct rendering *r, const struct hosts_entry *entry, const char *name,
		      int rank)
{
	AUTO_FREE char *key = lower_case(name);
	struct known_name *known = map_entry(map_find(&r->names, key), struct known_name, node);

	if (known->rank != rank || known->told_by == entry)
		return;
	known->told_by = entry;
	write_name(r, entry, name);
}

static void for_each_name(struct rendering *r, const struct hosts_entry *entry, int rank,
			  name_fn fn)
{
	const char *cell = key_name(entry->cell);
	AUTO_FREE char *stack = key_parent(entry->cell);
	AUTO_FREE char *full = xasprintf("%s.%s", cell, key_name(stack));

	if (!is_reserved(cell))
		fn(r, entry, cell, rank);
	fn(r, entry, full, rank);
	for (size_t i = 0; i < entry->aliases.n; i++)
		if (!is_reserved(entry->aliases.items[i]))
			fn(r, entry, entry->aliases.items[i], rank + RANK_ALIAS);
}

/* The nearest first, also in the file. */
static size_t write_rank(struct rendering *r, int rank)
{
	size_t left_out = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (rank_of(r->view, &r->entries[i]) != rank)
			continue;
		if (r->out->len < HOSTS_MAX_BYTES)
			for_each_name(r, &r->entries[i], rank, tell_name);
		else
			left_out++;
		end_line(r);
	}
	return left_out;
}

void hosts_render(const struct hosts_view *view, const struct hosts_entry *entries, size_t n,
		  struct buf *ret)
{
	struct rendering r = { .view = view, .entries = entries, .n = n, .out = ret };
	struct known_name *known;
	size_t left_out = 0;

	for (size_t i = 0; i < n; i++) {
		int rank = rank_of(view, &entries[i]);

		if (rank < RANK_NOT_SEEN)
			for_each_name(&r, &entries[i], rank, claim_name);
	}
	for (int rank = RANK_STACK; rank < RANK_NOT_SEEN; rank += RANK_SPACE)
		left_out += write_rank(&r, rank);
	if (left_out)
		buf_printf(ret, "# %zu more are left out: the file would be too large\n", left_out);
	map_for_each(known, &r.names, node) {
		map_remove(&r.names, &known->node);
		free(known->name);
		free(known);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which image of a realm goes next, and when the others may. */
#include "core/base/strset.h"
#include "core/desired/image_garbage_private.h"
#include "core/images/pulls.h"

/* What was used so short ago may be wanted again at once. */
enum { YOUNG_MS = 60 * 60 * 1000 };

static void note_due(struct garbage *g, int64_t at_ms)
{
	if (!g->due_ms || at_ms < g->due_ms)
		g->due_ms = at_ms;
}

static bool is_pulled(const struct garbage *g, const char *name)
{
	const struct pull *pull = pulls_find(g->engine, g->realm, name);

	return pull && (pull->state == PULL_RUNS || pull->state == PULL_WAITS);
}

static bool is_unused(const struct garbage *g, size_t i)
{
	const struct image_fact *fact = &g->facts.items[i];

	return fact->ours && !g->users.of[i].n && !is_pulled(g, fact->name);
}

/* Of ours, each digest once. */
static uint64_t bytes_of_all(const struct garbage *g)
{
	AUTO(strset_fini) struct strset digests = { 0 };
	uint64_t bytes = 0;

	for (size_t i = 0; i < g->facts.n; i++)
		if (g->facts.items[i].ours && strset_add(&digests, g->facts.items[i].digest))
			bytes += g->facts.items[i].size;
	return bytes;
}

/* Another name that stays stands for the same. */
static bool frees_nothing(const struct garbage *g, size_t at)
{
	for (size_t i = 0; i < g->facts.n; i++)
		if (i != at && str_equal(g->facts.items[i].digest, g->facts.items[at].digest) &&
		    !is_unused(g, i))
			return true;
	return false;
}

/* Since when nobody uses it; wall clock, not in the future. */
static int64_t unused_since(struct garbage *g, size_t i)
{
	return unused_images_since(&g->unused, g->realm, &g->facts.items[i],
				   loop_wall_ms(g->engine->loop));
}

/* Whether it is its time; if not, it is noted when that comes. */
static bool may_go(struct garbage *g, size_t i, bool too_many, int64_t since_ms)
{
	int64_t now_ms = loop_wall_ms(g->engine->loop), due_ms = INT64_MAX;

	if (g->limits.max_ms)
		due_ms = since_ms + (int64_t)g->limits.max_ms;
	if (too_many && due_ms > since_ms + YOUNG_MS && !frees_nothing(g, i))
		due_ms = since_ms + YOUNG_MS;
	if (due_ms > now_ms && due_ms != INT64_MAX)
		note_due(g, due_ms);
	return due_ms <= now_ms;
}

/* Found unused by one look, the record that is older. */
static bool is_older(const struct garbage *g, size_t a, int64_t a_ms, size_t b, int64_t b_ms)
{
	return b == g->facts.n || a_ms < b_ms ||
	       (a_ms == b_ms && g->facts.items[a].updated_at_ms < g->facts.items[b].updated_at_ms);
}

size_t garbage_find_oldest(struct garbage *g)
{
	bool too_many = g->limits.max_bytes && bytes_of_all(g) > g->limits.max_bytes;
	size_t oldest = g->facts.n;
	int64_t oldest_ms = INT64_MAX, since_ms;

	for (size_t i = 0; i < g->facts.n; i++) {
		if (!is_unused(g, i)) {
			unused_images_forget(&g->unused, g->realm, g->facts.items[i].name);
			continue;
		}
		since_ms = unused_since(g, i);
		if (may_go(g, i, too_many, since_ms) &&
		    is_older(g, i, since_ms, oldest, oldest_ms)) {
			oldest = i;
			oldest_ms = since_ms;
		}
	}
	return oldest;
}

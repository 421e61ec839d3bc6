/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired/hold.h"

#include <errno.h>

#include "core/base/log.h"
#include "core/base/wall.h"
#include "core/desired/effective.h"
#include "core/status/record.h"
#include "core/status/status.h"

enum { PERCENT = 100 };

/* ---- cells that manifests declare ---- */

static bool is_declared(const struct object *object)
{
	const struct claim *claim = claim_first(object);

	return claim && claim->state == CLAIM_DECLARED && claim->file->path;
}

static void count_declared(struct engine *engine, struct object *object)
{
	struct desired *desired = &engine->desired;
	bool declared = object->kind == KIND_CELL && is_declared(object);

	if (declared == list_linked(&object->declared_link))
		return;
	if (declared) {
		object->declared_ms = loop_now_ms(engine->loop);
		list_append(&desired->declared, &object->declared_link);
		desired->n_declared++;
	} else {
		list_remove(&object->declared_link);
		desired->n_declared--;
	}
}

void hold_claims_changed(struct engine *engine, struct object *object)
{
	count_declared(engine, object);
	effective_update(engine, object);
}

/* How many of them were already at @time_ms. */
static unsigned declared_before(const struct desired *desired, uint64_t time_ms)
{
	unsigned n = desired->n_declared;

	for (struct list *link = desired->declared.prev; link != &desired->declared;
	     link = link->prev, n--)
		if (list_entry(link, struct object, declared_link)->declared_ms <= time_ms)
			break;
	return n;
}

/* ---- states of a claim ---- */

static void enter(struct engine *engine, struct claim *claim, enum claim_state state,
		  const char *why)
{
	struct desired *desired = &engine->desired;
	struct list *const lists[] = { [CLAIM_DECLARED] = NULL,
				       [CLAIM_LOST] = &desired->lost,
				       [CLAIM_IN_DOUBT] = &desired->in_doubt,
				       [CLAIM_HELD] = &desired->held };
	bool shown = claim->state == CLAIM_HELD || state == CLAIM_HELD;
	struct object *object = claim->object;

	str_replace(&claim->why, why);
	claim->state = state;
	list_remove(&claim->state_link);
	if (lists[state])
		list_append(lists[state], &claim->state_link);
	claim_order(claim);
	hold_claims_changed(engine, object);
	if (shown) /* a container is shown, and stored, with its cell */
		engine_changed(engine, object->kind == KIND_CONTAINER ? object->parent : object,
			       false);
}

/* Others that lost it have nothing to say about an object that is declared. */
static void drop_others(struct engine *engine, struct claim *claim)
{
	struct claim *other;

	list_for_each(other, &claim->object->claims, object_link) {
		struct desired_file *file = other->file;

		if (other->state == CLAIM_DECLARED)
			continue;
		claim_free(other);
		claim_forget_file(engine, file);
	}
}

void hold_declared(struct engine *engine, struct claim *claim)
{
	bool held = claim->state == CLAIM_HELD;

	claim->hidden = 0;
	enter(engine, claim, CLAIM_DECLARED, NULL);
	drop_others(engine, claim);
	if (held)
		log_info("%s is declared again key=%s file=%s", kind_name(claim->object->kind),
			 claim->object->key, claim->file->path);
	hold_arm(engine);
}

void hold_lost(struct engine *engine, struct claim *claim, const struct error *hidden)
{
	bool within_grace = claim->state == CLAIM_LOST && claim->hidden;

	if (claim->state == CLAIM_HELD || (claim->state == CLAIM_LOST && !within_grace))
		return;
	claim->hidden = hidden ? hidden->code : 0;
	if (within_grace) { /* the last look at what led to it counts */
		str_replace(&claim->why, hidden ? hidden->msg : NULL);
		return;
	}
	claim->lost_ms = loop_now_ms(engine->loop);
	claim->lost_wall_ms = wall_now_ms();
	enter(engine, claim, CLAIM_LOST, hidden ? hidden->msg : NULL);
	hold_arm(engine);
}

void hold_restore(struct engine *engine, struct claim *claim, const char *why)
{
	claim->lost_ms = loop_now_ms(engine->loop);
	claim->lost_wall_ms = wall_now_ms();
	enter(engine, claim, CLAIM_HELD, why);
}

void hold_let_go(struct engine *engine, struct claim *claim)
{
	struct object *object = claim->object;
	struct desired_file *file = claim->file;

	log_info("%s is no longer declared key=%s file=%s", kind_name(object->kind), object->key,
		 file->path);
	record_no_longer_declared(engine, object->key, file->path);
	claim_free(claim);
	claim_forget_file(engine, file);
	hold_claims_changed(engine, object);
}

/* ---- in doubt ---- */

/* Claims whose names are looked for in texts, all of them in one go. */
struct search {
	struct words_name *names; /* ctx: the claim */
	size_t n, room, left;     /* left: not found yet */
};

static void search_fini(struct search *search)
{
	free(search->names);
}

static void search_add(struct search *search, struct claim *claim, const void *found)
{
	if (search->n == search->room) {
		search->room = 2 * search->room + 16;
		search->names = xrealloc(search->names, search->room * sizeof(*search->names));
	}
	search->names[search->n++] = (struct words_name){
		.hash = words_hash(key_name(claim->object->key)), .ctx = claim, .found = found
	};
	search->left += !found;
}

/* For each the file whose text may hold the document; NULL where there is none. */
static void search_unread(struct search *search, const struct desired *desired)
{
	struct desired_file *file;

	words_sort_names(search->names, search->n);
	list_for_each(file, &desired->unread, unread_link) {
		if (!search->left)
			return;
		search->left -= words_find(&file->unread, search->names, search->n, file);
	}
}

/* A text that is not understood holds what its own file declared, whatever it says. */
static const void *own_text(const struct claim *claim)
{
	return list_linked(&claim->file->unread_link) ? claim->file : NULL;
}

/* ---- texts that go ---- */

struct gone_text {
	struct list link; /* struct desired.gone_texts */
	struct words words;
};

static void gone_text_free(struct gone_text *gone)
{
	list_remove(&gone->link);
	words_fini(&gone->words);
	free(gone);
}

void hold_forget_texts(struct desired *desired)
{
	struct gone_text *gone;

	list_for_each(gone, &desired->gone_texts, link)
		gone_text_free(gone);
}

static void begin_grace_anew(struct engine *engine, struct claim *claim)
{
	claim->lost_ms = loop_now_ms(engine->loop);
	list_remove(&claim->state_link);
	list_append(&engine->desired.lost, &claim->state_link);
}

void hold_text_goes(struct engine *engine, struct desired_file *file)
{
	struct desired *desired = &engine->desired;
	struct gone_text *gone;
	struct claim *claim;

	list_for_each(claim, &file->claims, file_link)
		if (claim->state == CLAIM_LOST)
			begin_grace_anew(engine, claim);
	if (list_empty(&desired->lost))
		return;
	gone = xnew(struct gone_text);
	gone->words = file->unread;
	file->unread = (struct words){ 0 };
	list_append(&desired->gone_texts, &gone->link);
}

/* What the texts that went may have held. */
static void note_gone_texts(struct engine *engine)
{
	struct desired *desired = &engine->desired;
	AUTO(search_fini) struct search search = { 0 };
	struct gone_text *gone;
	struct claim *claim;

	if (list_empty(&desired->gone_texts))
		return;
	list_for_each(claim, &desired->lost, state_link)
		search_add(&search, claim, NULL);
	words_sort_names(search.names, search.n);
	list_for_each(gone, &desired->gone_texts, link) {
		search.left -=
			search.left ? words_find(&gone->words, search.names, search.n, gone) : 0;
	}
	for (size_t i = 0; i < search.n; i++)
		if (search.names[i].found)
			begin_grace_anew(engine, search.names[i].ctx);
	hold_forget_texts(desired);
}

/* ---- doubt ---- */

static void doubt(struct engine *engine, struct claim *claim, const struct desired_file *file)
{
	AUTO_FREE char *why = xasprintf(
		"%s does not declare it any more, but %s cannot be read as a whole and may do so",
		claim->file->path, file->path);

	claim->hidden = 0;
	enter(engine, claim, CLAIM_IN_DOUBT, why);
	log_warning("%s is kept: %s key=%s", kind_name(claim->object->kind), claim->why,
		    claim->object->key);
}

void hold_review(struct engine *engine)
{
	AUTO(search_fini) struct search search = { 0 };
	struct claim *claim;

	note_gone_texts(engine);
	list_for_each(claim, &engine->desired.in_doubt, state_link)
		search_add(&search, claim, own_text(claim));
	search_unread(&search, &engine->desired);
	for (size_t i = 0; i < search.n; i++) {
		claim = search.names[i].ctx;
		if (search.names[i].found)
			continue;
		claim->lost_ms = loop_now_ms(engine->loop);
		enter(engine, claim, CLAIM_LOST, NULL);
	}
	hold_arm(engine);
}

/* ---- held ---- */

static void hold(struct engine *engine, struct claim *claim, const char *why)
{
	enter(engine, claim, CLAIM_HELD, why);
	log_warning("%s is held: %s key=%s file=%s", kind_name(claim->object->kind), claim->why,
		    claim->object->key, claim->file->path);
	record_held(engine, claim->object->key, claim->why);
}

static bool is_lost_cell(const struct claim *claim)
{
	return claim->object->kind == KIND_CELL && claim_first(claim->object) == claim;
}

static unsigned count_lost(const struct desired *desired)
{
	struct claim *claim;
	unsigned n = 0;

	list_for_each(claim, &desired->lost, state_link)
		n += is_lost_cell(claim);
	return n;
}

/* All that was lost is one file's, which was seen before, and it went; or one cell of a file that
 * goes on without it. */
static bool went_by_itself(const struct desired *desired, unsigned cells)
{
	const struct desired_file *file =
		list_entry(desired->lost.next, struct claim, state_link)->file;
	struct claim *claim;

	list_for_each(claim, &desired->lost, state_link)
		if (claim->file != file || claim->hidden)
			return false;
	return file->reported && (!file->seen || cells == 1);
}

/* Whether what was lost in the window that begins with the first of them is too much to be meant;
 * @ret_why says so. */
static bool is_too_much(const struct engine *engine, unsigned lost, char **ret_why)
{
	const struct desired *desired = &engine->desired;
	const struct prune_guard *guard = &desired->guard;
	const struct claim *first = list_entry(desired->lost.next, struct claim, state_link);
	unsigned before = lost + declared_before(desired, first->lost_ms);
	bool all = lost == before;
	bool many = lost >= guard->number &&
		    (uint64_t)lost * PERCENT > (uint64_t)guard->share_percent * before;

	if (guard->off || !lost || !(all || many) || (all && went_by_itself(desired, lost)))
		return false;
	*ret_why = xasprintf("%u of %u cell%s that manifests declared lost %s declaration within "
			     "%.4g s, too many to delete unasked",
			     lost, before, str_s(before), lost == 1 ? "its" : "their",
			     (double)desired->prune_grace_ms / 1000);
	return true;
}

static bool expired(const struct engine *engine, const struct claim *claim)
{
	return claim->lost_ms + engine->desired.prune_grace_ms <= loop_now_ms(engine->loop);
}

static void doubt_expired(struct engine *engine)
{
	AUTO(search_fini) struct search search = { 0 };
	struct claim *claim;

	list_for_each(claim, &engine->desired.lost, state_link) {
		if (!expired(engine, claim))
			break;
		search_add(&search, claim, own_text(claim));
	}
	search_unread(&search, &engine->desired);
	for (size_t i = 0; i < search.n; i++)
		if (search.names[i].found)
			doubt(engine, search.names[i].ctx, search.names[i].found);
}

static bool is_held_for_its_way(const struct engine *engine, const struct claim *claim)
{
	return claim->hidden && !(engine->desired.guard.off && claim->hidden == -ENOENT);
}

static void on_grace_over(struct timer *timer)
{
	struct engine *engine = container_of(timer, struct engine, desired.prune);
	struct desired *desired = &engine->desired;
	unsigned lost;
	struct claim *claim;
	struct list *link;
	AUTO_FREE char *why = NULL;

	note_gone_texts(engine);
	doubt_expired(engine);
	lost = count_lost(desired);
	while ((link = desired->lost.next) != &desired->lost) {
		claim = list_entry(link, struct claim, state_link);
		if (!expired(engine, claim))
			break;
		if (is_too_much(engine, lost, &why)) {
			list_for_each(claim, &desired->lost, state_link)
				hold(engine, claim, claim->hidden ? claim->why : why);
			break;
		}
		lost -= is_lost_cell(claim);
		if (is_held_for_its_way(engine, claim))
			hold(engine, claim, claim->why);
		else
			hold_let_go(engine, claim);
	}
	hold_arm(engine);
}

/* Nothing expires while the directory is ill, or has not been read once. */
void hold_arm(struct engine *engine)
{
	struct desired *desired = &engine->desired;

	if (list_empty(&desired->lost) || !desired->complete || desired->problem.code)
		timer_stop(&desired->prune);
	else
		timer_start_at(engine->loop, &desired->prune,
			       list_entry(desired->lost.next, struct claim, state_link)->lost_ms +
				       desired->prune_grace_ms,
			       on_grace_over);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired/hold_private.h"

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

void hold_enter(struct engine *engine, struct claim *claim, enum claim_state state, const char *why)
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
	hold_enter(engine, claim, CLAIM_DECLARED, NULL);
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
	hold_enter(engine, claim, CLAIM_LOST, hidden ? hidden->msg : NULL);
	hold_arm(engine);
}

void hold_restore(struct engine *engine, struct claim *claim, const char *why)
{
	claim->lost_ms = loop_now_ms(engine->loop);
	claim->lost_wall_ms = wall_now_ms();
	hold_enter(engine, claim, CLAIM_HELD, why);
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

/* ---- held ---- */

static void hold(struct engine *engine, struct claim *claim, const char *why)
{
	hold_enter(engine, claim, CLAIM_HELD, why);
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

bool hold_grace_is_over(const struct engine *engine, const struct claim *claim)
{
	return claim->lost_ms + engine->desired.prune_grace_ms <= loop_now_ms(engine->loop);
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

	hold_note_gone_texts(engine);
	hold_doubt_expired(engine);
	lost = count_lost(desired);
	while ((link = desired->lost.next) != &desired->lost) {
		claim = list_entry(link, struct claim, state_link);
		if (!hold_grace_is_over(engine, claim))
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

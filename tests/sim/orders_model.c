/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be touched, and what must come of it. The model is told of every event (what the files
 * say, what was ordered and accepted, what ended by itself) and of every act of the daemon as it
 * begins and as its effect is there. It never asks the daemon why, only, in the end, what it says.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include "tests/sim/orders.h"

static const char *const role_ids[ROLES] = { "root", "a", "b" };

void broke(struct play *play, enum rule rule, const char *fmt, ...)
{
	va_list args;

	if (play->is_broken)
		return;
	play->is_broken = true;
	va_start(args, fmt);
	vsnprintf(play->broken[rule], sizeof(play->broken[rule]), fmt, args);
	va_end(args);
}

static uint64_t now_ms(const struct play *play)
{
	return loop_now_ms(&play->sim.loop);
}

struct world_container *model_container(struct play *play, enum role role)
{
	AUTO_FREE char *id = xasprintf("default_default_web_%s", role_ids[role]);

	return world_container(&play->sim.world, NAMESPACE, id);
}

/* ROLES: it is none of the cell's. */
static enum role role_of_op(const struct op *op)
{
	for (int role = 0; role < ROLES; role++) {
		AUTO_FREE char *id = xasprintf("default_default_web_%s", role_ids[role]);

		if (str_equal(op->id, id))
			return (enum role)role;
	}
	return ROLES;
}

enum role model_role_of(const struct model *model, enum name name)
{
	return name == model->text.root ? ROLE_ROOT : name == NAME_A ? ROLE_A : ROLE_B;
}

/* NAMES: the document has no container that is known so. */
static enum name name_of(const struct model *model, enum role role)
{
	for (int name = 0; name < NAMES; name++)
		if (model_role_of(model, (enum name)name) == role)
			return name == NAME_B && !model->text.has_b ? NAMES : (enum name)name;
	return NAMES;
}

static bool runs(const struct world_container *c)
{
	return c && c->fact.task == TASK_RUNNING;
}

static bool lives(const struct world_container *c)
{
	return c && (c->fact.task == TASK_RUNNING || c->fact.task == TASK_CREATED);
}

static bool image_is_there(const struct model *model, enum name name)
{
	return !model->missing || !str_equal(model->text.parts[name].image, "gone");
}

static bool is_made_as_wanted(const struct play *play, const struct world_container *c,
			      enum name name)
{
	const struct part *part = &play->model.text.parts[name];
	AUTO_FREE char *wanted =
		xasprintf("%s %s V=%u", name == NAME_A ? "a" : "b", part->image, part->version);

	return str_equal(c->made_of, wanted);
}

/* ---- what may be done ---- */

/* There is a text of which nobody can say what it is to be. An empty one under a name that never
 * declared the cell is left open. */
static bool is_hidden(const struct model *model)
{
	if (model->content == CONTENT_EMPTY)
		return str_equal(model->path, model->home);
	return model->content != CONTENT_NONE && model->content != CONTENT_VALID;
}

/* The cell is declared nowhere, nor can it be in a text that nobody understands. */
static bool is_free(const struct model *model)
{
	return model->read && !model->ill && !is_hidden(model) && model->lost_ms;
}

/* Not before. */
static uint64_t goes_ms(const struct model *model)
{
	uint64_t due_ms = model->lost_ms + PRUNE_GRACE_MS;

	return due_ms > model->free_ms ? due_ms : model->free_ms;
}

/* By then it has gone: what ended a doubt begins a grace of its own. */
static uint64_t gone_ms(const struct model *model)
{
	uint64_t from_ms = model->lost_ms > model->free_ms ? model->lost_ms : model->free_ms;

	return from_ms + PRUNE_GRACE_MS + PRUNE_SLACK_MS;
}

/* And that has been so for the grace. */
static bool may_go(const struct play *play)
{
	const struct model *model = &play->model;

	return model->went != WENT_NOT || (is_free(model) && now_ms(play) >= goes_ms(model));
}

/* The cell or the one container has been asked to stop, or is being asked right now. While an order
 * is on its way to the daemon both are right: what was, and what will be. */
static bool is_asked_to_stop(const struct play *play, enum target target, bool only_kill)
{
	const struct model *model = &play->model;
	enum want want = target == TARGET_CELL ? model->cell : model->own[target - TARGET_A];

	if (want == WANT_KILL || kuke_is_asking(play, API__RUN_VERB__RUN_VERB_KILL, target))
		return true;
	return !only_kill &&
	       (want == WANT_STOP || kuke_is_asking(play, API__RUN_VERB__RUN_VERB_STOP, target) ||
		kuke_is_asking(play, API__RUN_VERB__RUN_VERB_RESTART, target));
}

static enum target target_of(enum name name)
{
	return name == NAME_A ? TARGET_A : TARGET_B;
}

/* It shall stop for its cell's sake. */
static bool cell_stops(const struct play *play, bool only_kill)
{
	const struct model *model = &play->model;

	return is_asked_to_stop(play, TARGET_CELL, only_kill) ||
	       is_asked_to_stop(play, target_of(model->text.root), only_kill);
}

static bool stops_for_itself(struct play *play, enum role role)
{
	const struct model *model = &play->model;
	const struct world_container *c = model_container(play, role);
	enum name name = name_of(model, role);

	if (name == NAMES || is_asked_to_stop(play, target_of(name), false))
		return true;
	if (c && c->starts <= model->runs[role].restart_to)
		return true;
	return c && image_is_there(model, name) && !is_made_as_wanted(play, c, name);
}

static bool may_stop(struct play *play, enum role role)
{
	const struct world_container *c = model_container(play, role);

	if (play->model.intents_unsure || may_go(play) || cell_stops(play, false) ||
	    stops_for_itself(play, role) || (c && c->fact.task == TASK_CREATED))
		return true;
	return role != ROLE_ROOT &&
	       (!runs(model_container(play, ROLE_ROOT)) || stops_for_itself(play, ROLE_ROOT));
}

/* Without the signal, or before its grace has passed. */
static bool may_kill_now(struct play *play, enum role role)
{
	const struct model *model = &play->model;
	const struct world_container *c = model_container(play, role);
	uint64_t term_ms = model->runs[role].term_ms;

	if (model->intents_unsure || c->fact.task == TASK_CREATED || cell_stops(play, true))
		return true;
	if (is_asked_to_stop(play, str_starts_with(c->made_of, "a ") ? TARGET_A : TARGET_B, true))
		return true;
	return term_ms && now_ms(play) >= term_ms + GRACE_MS;
}

/* The daemon takes away what it should not: because it believes that nobody wants it? */
static enum rule rule_of_loss(struct play *play)
{
	const struct object *cell = engine_find(&play->sim.engine, WEB);

	return cell && cell->wanted ? RULE_HEALTHY : RULE_KEPT;
}

static void judge_signal(struct play *play, enum role role, const struct op *op, bool kill)
{
	const struct world_container *c = model_container(play, role);

	if (!lives(c))
		return;
	if (!may_stop(play, role))
		broke(play, rule_of_loss(play), "%llu ms: %s of %s, which nobody asked for",
		      (unsigned long long)now_ms(play), op->name, c->key);
	else if (kill && !may_kill_now(play, role))
		broke(play, RULE_GRACEFUL, "%llu ms: SIGKILL (%s) of %s %s",
		      (unsigned long long)now_ms(play), op->name, c->key,
		      play->model.runs[role].term_ms ? "before its grace has passed"
						     : "without its stop signal");
}

static void judge_remove(struct play *play, enum role role)
{
	const struct world_container *c = model_container(play, role);
	enum name name = name_of(&play->model, role);

	if (may_go(play) || play->model.intents_unsure || name == NAMES || !c->fact.record ||
	    !c->fact.snapshot || !is_made_as_wanted(play, c, name))
		return;
	broke(play, rule_of_loss(play), "%llu ms: %s, made as wanted, is removed",
	      (unsigned long long)now_ms(play), c->key);
}

/* What was told to stop is not started. */
static void judge_start(struct play *play, enum role role)
{
	const struct model *model = &play->model;
	enum name name = name_of(model, role);
	const struct last_run *run = &model->runs[role];
	bool stopped = model->cell != WANT_RUN || model->own[model->text.root] != WANT_RUN ||
		       (name != NAMES && model->own[name] != WANT_RUN);

	if (stopped && !model->intents_unsure && !kuke_is_waiting(play))
		broke(play, RULE_INTENTS, "%llu ms: %s of the cell is started though it is stopped",
		      (unsigned long long)now_ms(play), role_ids[role]);
	if (name != NAME_B || run->ended != ENDED_OWN || kuke_is_waiting(play))
		return;
	if (str_equal(model->text.policy, "never") ||
	    (str_equal(model->text.policy, "on-failure") && run->exit_code == 0))
		broke(play, RULE_POLICY,
		      "%llu ms: b ended by itself with %u and is started again, policy %s",
		      (unsigned long long)now_ms(play), run->exit_code, model->text.policy);
}

/* A whole cgroup. */
static void judge_cgroup(struct play *play, const struct op *op)
{
	bool kill = str_equal(op->name, "cgroup kill");

	if (str_equal(op->key, BYSTANDER))
		broke(play, RULE_HEALTHY, "%llu ms: %s of the cell beside it",
		      (unsigned long long)now_ms(play), op->name);
	if (!str_equal(op->key, WEB))
		return;
	for (int role = 0; kill && role < ROLES; role++)
		judge_signal(play, (enum role)role, op, true);
	if (!kill && !may_go(play))
		broke(play, RULE_KEPT, "%llu ms: the cell's cgroup is removed",
		      (unsigned long long)now_ms(play));
}

static void on_begun(void *ctx, const struct op *op)
{
	struct play *play = ctx;
	enum role role = role_of_op(op);
	bool signals = str_equal(op->name, "signal");

	if (str_starts_with(op->name, "cgroup "))
		return str_equal(op->name, "cgroup ensure") ? (void)0 : judge_cgroup(play, op);
	if (op->id && strstr(op->id, "_db_") && (signals || str_equal(op->name, "remove")))
		broke(play, RULE_HEALTHY, "%llu ms: %s of the cell beside it",
		      (unsigned long long)now_ms(play), op->name);
	if (role == ROLES)
		return;
	if (signals)
		judge_signal(play, role, op, op->number == SIGKILL);
	else if (str_equal(op->name, "remove"))
		judge_remove(play, role);
	else if (str_equal(op->name, "task start"))
		judge_start(play, role);
}

static void on_done(void *ctx, const struct op *op)
{
	struct play *play = ctx;
	enum role role = role_of_op(op);
	struct last_run *run = role == ROLES ? NULL : &play->model.runs[role];
	const struct world_container *c = run ? model_container(play, role) : NULL;

	if (run && str_equal(op->name, "signal") && op->number != SIGKILL && lives(c)) {
		run->term_ms = run->term_ms ? run->term_ms : now_ms(play);
		run->term_of = c->starts;
	} else if (run && str_equal(op->name, "task start")) {
		run->term_ms = 0;
		run->term_of = 0;
		run->ended = ENDED_NOT;
	}
}

void model_note_lapses(struct play *play)
{
	for (int role = 0; role < ROLES; role++)
		if (!may_stop(play, (enum role)role))
			play->model.runs[role].term_ms = 0;
}

/* ---- events ---- */

void model_init(struct play *play)
{
	play->model = (struct model){
		.text = { .parts = { { "img", 1 }, { "img", 1 } },
			  .policy = "always",
			  .has_b = true },
		.content = CONTENT_VALID,
		.path = "web.yaml",
		.home = "web.yaml",
		.subnet = 1,
		.missing = true,
	};
	play->sim.world.observer =
		(struct world_observer){ .ctx = play, .begun = on_begun, .done = on_done };
}

void model_unsure(struct play *play)
{
	for (int role = 0; role < ROLES; role++) {
		struct last_run *run = &play->model.runs[role];

		run->clear = false;
		if (run->ended == ENDED_OWN)
			run->ended = ENDED_UNSURE;
	}
}

/* Before anything changes: what may have come of it until now. What comes back is another object
 * once the old one has gone. */
void model_note_past(struct play *play)
{
	struct model *model = &play->model;

	if (model->went == WENT || !is_free(model) || now_ms(play) < goes_ms(model))
		return;
	model->cell = model->own[NAME_A] = model->own[NAME_B] = WANT_RUN;
	model->went = now_ms(play) < gone_ms(model) ? WENT_MAYBE : WENT;
}

static void note_free(struct play *play)
{
	struct model *model = &play->model;

	if (!is_free(model))
		model->free_ms = 0;
	else if (!model->free_ms)
		model->free_ms = now_ms(play);
}

void model_given(struct play *play, enum content content)
{
	struct model *model = &play->model;

	model_note_past(play);
	model->content = content;
	if (content == CONTENT_VALID) {
		model->intents_unsure |= model->went == WENT_MAYBE;
		model->went = WENT_NOT;
		model->lost_ms = 0;
		model->home = model->path;
	} else if (!model->lost_ms &&
		   (content == CONTENT_NONE || !str_equal(model->path, model->home))) {
		model->lost_ms = now_ms(play);
	}
	note_free(play);
}

void model_scanned(struct play *play, bool ill)
{
	model_note_past(play);
	play->model.read |= !ill;
	play->model.ill = ill;
	note_free(play);
}

/* What was on its way out may have come back with the store. */
void model_restarted(struct play *play)
{
	struct model *model = &play->model;

	model_note_past(play);
	model->intents_unsure |= model->went != WENT_NOT;
	if (model->went == WENT)
		model->went = WENT_MAYBE;
	if (model->lost_ms && model->went == WENT_NOT)
		model->lost_ms = now_ms(play);
	model->read = model->regenerate = false;
	note_free(play);
	for (int role = 0; role < ROLES; role++)
		model->runs[role].clear = false;
}

static void order_restart(struct play *play, enum target target)
{
	bool whole = target == TARGET_CELL || target_of(play->model.text.root) == target;

	for (int role = 0; role < ROLES; role++) {
		enum name name = name_of(&play->model, (enum role)role);
		const struct world_container *c = model_container(play, (enum role)role);

		if (!c || name == NAMES || !(whole || target_of(name) == target))
			continue;
		play->model.runs[role].restart_of = runs(c) ? c->starts : 0;
		play->model.runs[role].restart_to = c->starts + !runs(c);
		play->model.runs[role].with_cell = whole;
	}
}

/* As for the cell, or for one container of it. */
static void forget_orders(struct play *play, enum target target)
{
	struct model *model = &play->model;
	struct last_run *run;

	for (int name = 0; name < NAMES; name++) {
		if (target != TARGET_CELL && target_of((enum name)name) != target)
			continue;
		model->own[name] = WANT_RUN;
		run = &model->runs[model_role_of(model, (enum name)name)];
		run->ended = ENDED_NOT;
		if (target == TARGET_CELL || !run->with_cell)
			run->restart_of = run->restart_to = 0;
	}
	if (target != TARGET_CELL)
		return;
	model->cell = WANT_RUN;
	model->intents_unsure = false;
}

void model_ordered(struct play *play, Api__RunVerb verb, enum target target)
{
	struct model *model = &play->model;
	enum want *want = target == TARGET_CELL ? &model->cell : &model->own[target - TARGET_A];
	bool root = target_of(model->text.root) == target;

	model_unsure(play);
	switch (verb) {
	case API__RUN_VERB__RUN_VERB_STOP:
		*want = WANT_STOP;
		break;
	case API__RUN_VERB__RUN_VERB_KILL:
		*want = WANT_KILL;
		break;
	case API__RUN_VERB__RUN_VERB_RESTART:
		forget_orders(play, root ? TARGET_CELL : target);
		order_restart(play, target);
		break;
	default:
		forget_orders(play, target);
		break;
	}
}

/* The daemon knew of nothing to do: nobody is stopped, but of an end it may not have heard yet. */
void model_unchanged(struct play *play, enum target target)
{
	model_unsure(play);
	if (target == TARGET_CELL)
		play->model.intents_unsure = false;
}

void model_exits(struct play *play, enum role role, unsigned code, bool oom)
{
	struct last_run *run = &play->model.runs[role];
	const struct world_container *c = model_container(play, role);
	bool late = run->term_of == c->starts && run->term_ms &&
		    now_ms(play) < run->term_ms + GRACE_MS + GRACE_MS;

	if (role == ROLE_ROOT)
		model_unsure(play);
	run->ended = may_stop(play, role) || late ? ENDED_UNSURE : ENDED_OWN;
	run->exit_code = code;
	run->judge_oom = run->ended == ENDED_OWN && code;
	run->clear = true;
	run->oom = oom;
	play->model.oom_told |= oom;
}

/* ---- the end ---- */

bool model_waits_for_image(const struct play *play)
{
	const struct model *model = &play->model;

	return !image_is_there(model, NAME_A) ||
	       (model->text.has_b && !image_is_there(model, NAME_B));
}

static bool is_not(struct play *play, enum rule rule, const char *what, const char *which)
{
	snprintf(play->why, sizeof(play->why), "%s %s", which, what);
	play->why_rule = rule;
	return false;
}

enum expect { EXPECT_RUN, EXPECT_REST, EXPECT_EITHER };

static enum expect expect_policy(const struct model *model, enum role role)
{
	const struct last_run *run = &model->runs[role];

	if (run->ended == ENDED_NOT || str_equal(model->text.policy, "always"))
		return EXPECT_RUN;
	if (run->ended == ENDED_UNSURE)
		return EXPECT_EITHER;
	return str_equal(model->text.policy, "never") || run->exit_code == 0 ? EXPECT_REST
									     : EXPECT_RUN;
}

static enum expect expect(const struct model *model, enum name name)
{
	enum expect root = EXPECT_RUN;

	if (model->intents_unsure)
		return EXPECT_EITHER;
	if (model->cell != WANT_RUN || model->own[model->text.root] != WANT_RUN ||
	    model->own[name] != WANT_RUN)
		return EXPECT_REST;
	if (name != model->text.root)
		root = expect(model, model->text.root);
	if (root != EXPECT_RUN || !image_is_there(model, name))
		return EXPECT_EITHER;
	return name == NAME_B ? expect_policy(model, model_role_of(model, name)) : EXPECT_RUN;
}

/* The daemon takes for running what has ended. */
static bool is_overlooked(struct play *play, enum role role)
{
	struct object *cell = engine_find(&play->sim.engine, WEB);
	const struct container *c = cell ? cell_find_container(cell, role_ids[role]) : NULL;

	return c && c->task == TASK_RUNNING && !runs(model_container(play, role));
}

/* Why one that shall run does not. */
static enum rule rule_of_rest(struct play *play, enum role role)
{
	const struct world_container *c = model_container(play, role);
	const struct last_run *run = &play->model.runs[role];

	if (is_overlooked(play, role))
		return RULE_SEEN;
	if (play->model.cell || play->model.own[NAME_A] || play->model.own[NAME_B])
		return RULE_INTENTS;
	return c && run->term_of == c->starts && c->starts ? RULE_LATE_STOP : RULE_APPLIED;
}

static bool container_is_met(struct play *play, enum name name)
{
	const struct model *model = &play->model;
	enum role role = model_role_of(model, name);
	const struct world_container *c = model_container(play, role);
	enum expect what = expect(model, name);

	if (what == EXPECT_REST && lives(c))
		return is_not(play,
			      model->runs[role].ended == ENDED_OWN ? RULE_POLICY : RULE_INTENTS,
			      "runs and shall not", role_ids[role]);
	if (what != EXPECT_RUN)
		return true;
	if (!runs(c))
		return is_not(play, rule_of_rest(play, role), "does not run", role_ids[role]);
	if (!is_made_as_wanted(play, c, name))
		return is_not(play, RULE_APPLIED, "runs an old spec", role_ids[role]);
	return !c->starts || model->runs[role].restart_of != c->starts ||
	       is_not(play, RULE_APPLIED, "was not restarted", role_ids[role]);
}

static bool all_run(const struct model *model)
{
	return expect(model, NAME_A) == EXPECT_RUN &&
	       (!model->text.has_b || expect(model, NAME_B) == EXPECT_RUN);
}

static bool web_is_met(struct play *play)
{
	const struct model *model = &play->model;
	const struct world_cell *cell = world_cell(&play->sim.world, WEB);
	const struct object *object = engine_find(&play->sim.engine, WEB);

	if (!object)
		return is_not(play, RULE_KEPT, "is gone", "the cell");
	for (int name = 0; name < NAMES; name++)
		if ((name != NAME_B || model->text.has_b) &&
		    !container_is_met(play, (enum name)name))
			return false;
	for (int role = ROLE_A; role < ROLES; role++) {
		const struct world_container *c = model_container(play, (enum role)role);

		if (name_of(model, (enum role)role) == NAMES && c && c->fact.record)
			return is_not(play, RULE_APPLIED, "is still there", role_ids[role]);
	}
	/* What has been enabled stays so on a real host. */
	if (cell && cell->cgroup && model->text.nested && !cell->all_controllers)
		return is_not(play, RULE_APPLIED, "does not follow nestedCgroupRuntime",
			      "the cgroup");
	return !all_run(model) || object->status.state == API__STATE__STATE_READY ||
	       is_not(play, RULE_APPLIED,
		      object->status.message ? object->status.message : "is not Ready", "the cell");
}

static bool web_has_gone(struct play *play)
{
	const struct world_cell *cell = world_cell(&play->sim.world, WEB);

	if (engine_find(&play->sim.engine, WEB) || (cell && (cell->cgroup || cell->pinned)))
		return is_not(play, RULE_DELETED, "is not deleted", "the cell");
	return true;
}

static bool others_are_met(struct play *play)
{
	const struct model *model = &play->model;
	const struct world_parent *space = world_parent(&play->sim.world, SPACE);
	const struct world_container *db =
		world_container(&play->sim.world, NAMESPACE, "default_default_db_root");
	AUTO_FREE char *subnet = xasprintf("10.88.%u.0/24", model->subnet);

	if (!runs(db) || db->starts != 1)
		return is_not(play, RULE_HEALTHY, "does not run as it did", "the cell beside it");
	if (!space || !str_equal(space->subnet, subnet))
		return is_not(play, RULE_APPLIED, "has not got its subnet", "the space");
	return !model->regenerate || space->regenerations > model->regenerations ||
	       is_not(play, RULE_APPLIED, "was not written anew", "the space");
}

bool model_is_met(struct play *play)
{
	const struct model *model = &play->model;
	bool gone = model->lost_ms && !is_hidden(model);

	if (!others_are_met(play))
		return false;
	if (model->went == WENT_MAYBE && !gone)
		return true;
	if (gone && (model->stray || model->content != CONTENT_NONE))
		return true; /* that may keep it, and need not */
	return gone || model->went == WENT ? web_has_gone(play) : web_is_met(play);
}

/* Of ends of their own nothing but the last run's is told. */
void model_judge_end(struct play *play)
{
	struct object *cell = engine_find(&play->sim.engine, WEB);

	for (int role = 0; cell && role < ROLES; role++) {
		const struct last_run *run = &play->model.runs[role];
		const struct container *c = cell_find_container(cell, role_ids[role]);

		if (c && run->judge_oom &&
		    (run->oom ? run->clear && !c->oom_killed : c->oom_killed))
			broke(play, RULE_OOM, "the last end of %s %s for want of memory",
			      role_ids[role], run->oom ? "was" : "was not");
	}
}

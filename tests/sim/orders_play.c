/* SPDX-License-Identifier: Apache-2.0 */
/* One script: a daemon that has a cell and its neighbour running, the events, the rest. */
#include <fcntl.h>
#include <stdio.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "tests/sim/orders.h"

enum {
	READY_MS = 10 * 1000,
	LOOK_MS = 50,
	TURN_MS = 50,         /* a turn in which nothing happens */
	BOUND_MS = 15 * 1000, /* from the last event to what is wanted: pauses, graces, slow acts */
	CALM_MS = 30 * 1000,
	LULL_TURNS_MAX = 400,
};

/* ---- scripts ---- */

static const struct happening *find_event(const char *name)
{
	for (size_t i = 0; i < n_happenings; i++)
		if (str_equal(happenings[i].name, name))
			return &happenings[i];
	return NULL;
}

/* "stop-b", "stop-b@3" (turns) or "stop-b+200" (ms). */
static bool step_parse(const char *word, struct step *ret_step)
{
	size_t len = strcspn(word, "@+");
	AUTO_FREE char *name = xstrndup(word, len);

	*ret_step = (struct step){ .event = find_event(name) };
	if (word[len] == '@')
		ret_step->turns = (unsigned)strtoul(word + len + 1, NULL, 10);
	else if (word[len] == '+')
		ret_step->ms = strtoull(word + len + 1, NULL, 10);
	return ret_step->event;
}

bool script_parse(const char *text, struct script *ret_script)
{
	AUTO_FREE char *copy = xstrdup(text);
	char *state = NULL;

	*ret_script = (struct script){ 0 };
	for (char *word = strtok_r(copy, " ", &state); word; word = strtok_r(NULL, " ", &state)) {
		if (ret_script->n == SCRIPT_MAX ||
		    !step_parse(word, &ret_script->steps[ret_script->n]))
			return false;
		ret_script->n++;
	}
	return true;
}

char *script_text(const struct script *script)
{
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < script->n; i++) {
		const struct step *step = &script->steps[i];

		buf_printf(&text, "%s%s", i ? " " : "", step->event->name);
		if (step->turns)
			buf_printf(&text, "@%u", step->turns);
		else if (step->ms)
			buf_printf(&text, "+%llu", (unsigned long long)step->ms);
	}
	return buf_take(&text);
}

/* ---- the daemon ---- */

static void start(struct play *play)
{
	sim_start(&play->sim);
	kuke_open(play);
}

void play_restart(struct play *play)
{
	kuke_close(play);
	sim_crash(&play->sim);
	model_restarted(play);
	start(play);
	kuke_ask_again(play);
}

/* Only a script in which a daemon ends needs what it remembers. */
static bool needs_store(const struct script *script)
{
	for (size_t i = 0; i < script->n; i++)
		if (str_equal(script->steps[i].event->name, "crash") ||
		    str_equal(script->steps[i].event->name, "daemon"))
			return true;
	return false;
}

/* In memory where that can be had: the store syncs each of its files. */
static void make_store(struct play *play)
{
	snprintf(play->dir, sizeof(play->dir), "%s/kukeon-orders-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	check(mkdtemp(play->dir));
	play->sim.run_path = play->dir;
}

static void note_violation(struct play *play, enum rule rule)
{
	struct world *world = &play->sim.world;

	if (world->violations)
		broke(play, rule, "%s", world->violation);
}

/* ---- time ---- */

static bool has_lull(const struct play *play)
{
	return list_empty(&play->sim.loop.deferred) && list_empty(&play->sim.world.ops);
}

static void pass_turn(struct play *play)
{
	struct loop *loop = &play->sim.loop;

	loop_turn_virtual(loop, loop_now_ms(loop) + TURN_MS);
}

static bool await(struct play *play, bool (*condition)(struct play *play), uint64_t max_ms)
{
	for (uint64_t ms = 0; ms < max_ms && !condition(play); ms += LOOK_MS)
		sim_run(&play->sim, LOOK_MS);
	return condition(play);
}

static void begin(struct play *play, const struct script *script, uint64_t seed)
{
	*play = (struct play){ 0 };
	list_init(&play->calls);
	sim_init(&play->sim, seed);
	if (needs_store(script))
		make_store(play);
	strv_add(&play->sim.world.missing_images, "gone");
	model_init(play);
	start(play);
	events_scan(play);
	check(await(play, model_is_met, READY_MS));
	sim_run(&play->sim, LOOK_MS * 20);
	check(has_lull(play));
}

static void play_steps(struct play *play, const struct script *script)
{
	for (size_t i = 0; i < script->n; i++) {
		const struct step *step = &script->steps[i];

		if (step->ms)
			sim_run(&play->sim, step->ms);
		for (unsigned turn = 0; turn < step->turns; turn++)
			pass_turn(play);
		step->event->run(play, step->event->arg);
		model_note_lapses(play);
	}
}

/* ---- the rest ---- */

static bool is_answered(struct play *play)
{
	return !kuke_is_waiting(play);
}

static void judge_rest(struct play *play)
{
	note_violation(play, RULE_ACTS);
	if (play->sim.world.runtime_down)
		world_runtime_up(&play->sim.world);
	if (!play->model.read || play->model.ill)
		events_scan(play);
	if (!await(play, is_answered, BOUND_MS))
		broke(play, RULE_INTENTS, "an order is not answered");
	model_note_lapses(play);
	if (!await(play, model_is_met, BOUND_MS))
		broke(play, play->why_rule, "in the end: %s", play->why);
	note_violation(play, RULE_ACTS);
}

/* What was met stays so, and nothing is done for it any more. */
static void judge_calm(struct play *play)
{
	struct world *world = &play->sim.world;
	bool asks = model_waits_for_image(play);
	unsigned violations = world->violations;
	uint64_t actions;

	sim_run(&play->sim, BOUND_MS); /* what is not waited for comes to an end too */
	world->frozen = !asks;         /* what has ended is cleared away with the next try */
	actions = play->sim.engine.actions_done;
	sim_run(&play->sim, CALM_MS);
	if (world->violations != violations)
		broke(play, RULE_CALM, "%s",
		      violations ? "something is still done" : world->violation);
	if (!asks && play->sim.engine.actions_done != actions)
		broke(play, RULE_CALM, "%llu actions at rest",
		      (unsigned long long)(play->sim.engine.actions_done - actions));
	if (!model_is_met(play))
		broke(play, play->why_rule, "at rest: %s", play->why);
}

void play_script(struct play *play, const struct script *script, uint64_t seed)
{
	begin(play, script, seed);
	play_steps(play, script);
	judge_rest(play);
	if (!play->is_broken)
		judge_calm(play);
	model_judge_end(play);
}

void play_fini(struct play *play)
{
	kuke_close(play);
	sim_fini(&play->sim);
	kuke_forget(play);
	if (*play->dir)
		fs_remove_tree(AT_FDCWD, play->dir, NULL);
}

unsigned play_count_turns(const struct script *script, uint64_t seed)
{
	struct play *play = xnew(struct play);
	unsigned turns = 0;

	begin(play, script, seed);
	play_steps(play, script);
	while (turns < LULL_TURNS_MAX && !has_lull(play)) {
		pass_turn(play);
		turns++;
	}
	play_fini(play);
	free(play);
	return turns;
}

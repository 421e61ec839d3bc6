/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that can happen, by name. */
#include <errno.h>

#include "core/base/buf.h"
#include "core/desired/desired.h"
#include "core/reconcile/relist.h"
#include "tests/sim/orders.h"

/* ---- files ---- */

#define OTHER_CELL                                                                                 \
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: db}\n"                                  \
	"spec: {containers: [{id: root, image: img, stopGracePeriodSeconds: 1}]}\n"

static char *cell_text(const struct document_text *text)
{
	struct buf out = { 0 };

	buf_printf(&out,
		   "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web, labels: {v: \"%u\"}}\n"
		   "spec:\n  nestedCgroupRuntime: %s\n  rootContainerId: %s\n  containers:\n",
		   text->label, text->nested ? "true" : "false", text->root == NAME_A ? "a" : "b");
	for (int i = 0; i < NAMES; i++)
		if (i == NAME_A || text->has_b)
			buf_printf(&out,
				   "  - {id: %s, image: %s, stopGracePeriodSeconds: 1, env: [V=%u],"
				   " restartPolicy: %s}\n",
				   i == NAME_A ? "a" : "b", text->parts[i].image,
				   text->parts[i].version, i == NAME_A ? "always" : text->policy);
	return out.data;
}

/* The fault is on the level of the document: nothing of it is taken up. */
static char *broken_text(const struct document_text *text, enum content content)
{
	AUTO_FREE char *valid = cell_text(text);

	return xasprintf("%s%s\n", valid, content == CONTENT_TYPO ? "spek: {}" : "spec: [");
}

static void give_error(struct play *play)
{
	struct error err;

	error_set(&err, -EACCES, "permission denied");
	desired_set_file_error(&play->sim.engine, play->model.path, &err);
}

/* The cell's file, as it is now. */
static void give(struct play *play)
{
	const struct model *model = &play->model;
	AUTO_FREE char *text = model->content == CONTENT_VALID
				       ? cell_text(&model->text)
				       : broken_text(&model->text, model->content);

	switch (model->content) {
	case CONTENT_NONE:
		sim_file_gone(&play->sim, model->path);
		break;
	case CONTENT_EMPTY:
		sim_file(&play->sim, model->path, "");
		break;
	case CONTENT_UNREADABLE:
		give_error(play);
		break;
	default:
		sim_file(&play->sim, model->path, text);
		break;
	}
}

static void give_space(struct play *play)
{
	AUTO_FREE char *text = xasprintf("apiVersion: v1beta1\nkind: Space\n"
					 "metadata: {name: default}\n"
					 "spec: {subnet: 10.88.%u.0/24}\n",
					 play->model.subnet);

	sim_file(&play->sim, "space.yaml", text);
}

static void give_stray(struct play *play)
{
	if (play->model.stray)
		sim_file(&play->sim, "other.yaml", "kind: [stray");
	else
		sim_file_gone(&play->sim, "other.yaml");
}

void events_scan(struct play *play)
{
	sim_file(&play->sim, "db.yaml", OTHER_CELL);
	give_space(play);
	if (play->model.stray)
		give_stray(play);
	if (play->model.content != CONTENT_NONE)
		give(play);
	sim_scanned(&play->sim);
	model_scanned(play, false);
}

/* A daemon that has read nothing yet finds it with its first look at all of them. */
static void set_content(struct play *play, enum content content)
{
	model_given(play, content);
	if (!play->model.read)
		return events_scan(play);
	give(play);
	sim_scanned(&play->sim);
	model_scanned(play, false);
}

static void on_content(struct play *play, int content)
{
	model_unsure(play);
	set_content(play, (enum content)content);
}

/* The file goes on under another name, whole or not, in one scan. */
static void on_moved(struct play *play, int content)
{
	struct model *model = &play->model;

	if (model->content == CONTENT_NONE)
		return;
	model_unsure(play);
	if (model->read)
		sim_file_gone(&play->sim, model->path);
	model_note_past(play);
	model->path = str_equal(model->path, "web.yaml") ? "new.yaml" : "web.yaml";
	set_content(play, (enum content)content);
}

static void on_ill(struct play *play, int arg UNUSED)
{
	struct error problem;

	error_set(&problem, -EIO, "cannot read the directory");
	desired_scan_done(&play->sim.engine, &problem);
	model_scanned(play, true);
}

static void on_scan(struct play *play, int arg UNUSED)
{
	events_scan(play);
}

static void on_stray(struct play *play, int stray)
{
	play->model.stray = stray;
	if (!play->model.read)
		return events_scan(play);
	give_stray(play);
	sim_scanned(&play->sim);
	model_scanned(play, false);
}

static void on_subnet(struct play *play, int arg UNUSED)
{
	play->model.subnet++;
	if (!play->model.read)
		return events_scan(play);
	give_space(play);
	sim_scanned(&play->sim);
	model_scanned(play, false);
}

/* ---- edits: the file is there, valid and new ---- */

enum edit {
	EDIT_IMAGE = 100,
	EDIT_MISSING = 200,
	EDIT_BACK = 300,
	EDIT_ENV = 400,
	EDIT_LABEL = 500,
	EDIT_NESTED,
	EDIT_ROOT_A,
	EDIT_ROOT_B,
	EDIT_DROP_B,
	EDIT_ALWAYS,
	EDIT_NEVER,
	EDIT_ON_FAILURE,
};

static void edit_part(struct part *part, int edit)
{
	static const char *const images[] = { "", "new", "gone", "img" };

	if (edit == EDIT_ENV)
		part->version++;
	else
		part->image = images[edit / 100];
}

static void edit_cell(struct document_text *text, int edit)
{
	static const char *const policies[] = { "always", "never", "on-failure" };

	text->label += edit == EDIT_LABEL;
	text->nested ^= edit == EDIT_NESTED;
	text->has_b = edit != EDIT_DROP_B && (text->has_b || edit == EDIT_ROOT_B);
	if (edit == EDIT_ROOT_A || edit == EDIT_DROP_B)
		text->root = NAME_A;
	if (edit == EDIT_ROOT_B)
		text->root = NAME_B;
	if (edit >= EDIT_ALWAYS)
		text->policy = policies[edit - EDIT_ALWAYS];
}

/* Another spec: what the old one did does not count against it. */
static void forget_end(struct play *play, enum name name)
{
	struct model *model = &play->model;

	model->runs[model_role_of(model, name)].ended = ENDED_NOT;
}

/* Who is stopped stays so under its id; whether one that was left out meanwhile does is open. */
static void note_other_roles(struct model *model, bool had_b)
{
	model->intents_unsure |= !had_b && model->own[NAME_B] != WANT_RUN;
	for (int role = 0; role < ROLES; role++) {
		model->runs[role].ended = ENDED_UNSURE;
		model->runs[role].judge_oom = false;
	}
}

static void on_edit(struct play *play, int edit)
{
	struct model *model = &play->model;
	struct document_text before = model->text;

	if (edit != EDIT_LABEL)
		model_unsure(play);
	if (edit < EDIT_LABEL)
		edit_part(&model->text.parts[edit % 100], edit - edit % 100);
	else
		edit_cell(&model->text, edit);
	if (model->text.root != before.root || model->text.has_b != before.has_b)
		note_other_roles(model, before.has_b);
	set_content(play, CONTENT_VALID);
	for (int i = 0; i < NAMES; i++)
		if (!str_equal(before.parts[i].image, model->text.parts[i].image) ||
		    before.parts[i].version != model->text.parts[i].version)
			forget_end(play, (enum name)i);
}

static void on_pull(struct play *play, int arg UNUSED)
{
	model_unsure(play); /* an edit that waited for it goes on */
	play->model.missing = false;
	strv_fini(&play->sim.world.missing_images);
	fake_image_hint(&play->sim.world, NAMESPACE);
}

/* ---- orders ---- */

static void on_order(struct play *play, int arg)
{
	kuke_run(play, (Api__RunVerb)(arg / 10), (enum target)(arg % 10));
}

static void on_regenerate(struct play *play, int arg UNUSED)
{
	const struct world_parent *space = world_parent(&play->sim.world, SPACE);

	play->model.regenerations = space ? space->regenerations : 0;
	play->model.regenerate = true;
	kuke_regenerate(play);
}

/* ---- the host ---- */

enum { EXIT_OOM = 10, EXIT_OOM_LATE = 20 };

/* @arg: a name, and what it ends with. */
static void exits(struct play *play, enum name name, unsigned code, int oom)
{
	enum role role = model_role_of(&play->model, name);
	struct world_container *c = model_container(play, role);

	if (!c || c->fact.task != TASK_RUNNING)
		return;
	model_exits(play, role, code, oom);
	c->oom_kills += oom != 0;
	world_exit(&play->sim.world, c, code);
	if (oom == EXIT_OOM)
		fake_oom_hint(&play->sim.world, c);
}

static void on_exit_failed(struct play *play, int name)
{
	exits(play, (enum name)name, 1, 0);
}

static void on_exit_done(struct play *play, int name)
{
	exits(play, (enum name)name, 0, 0);
}

static void on_oom(struct play *play, int kind)
{
	exits(play, NAME_B, 137, kind);
}

static void hint_container(struct play *play,
			   void (*hint)(struct world *world, const struct world_container *c))
{
	struct world_container *c = model_container(play, model_role_of(&play->model, NAME_B));

	if (c)
		hint(&play->sim.world, c);
}

static void on_oom_hint(struct play *play, int arg UNUSED)
{
	if (play->model.oom_told)
		hint_container(play, fake_oom_hint);
}

static void on_hint(struct play *play, int arg UNUSED)
{
	hint_container(play, fake_runtime_hint);
}

static void on_cgroup_hint(struct play *play, int arg UNUSED)
{
	fake_cgroup_hint(&play->sim.world, WEB);
}

/* They do not end at the stop signal. */
static void on_deaf(struct play *play, int arg UNUSED)
{
	for (int role = 0; role < ROLES; role++) {
		struct world_container *c = model_container(play, (enum role)role);

		if (c)
			c->ignores_term = true;
	}
}

static void on_look(struct play *play, int which)
{
	void (*const looks[])(struct engine *) = { relist_runtime, relist_network, relist_cgroups };

	looks[which](&play->sim.engine);
}

static void on_bounce(struct play *play, int arg UNUSED)
{
	world_runtime_down(&play->sim.world);
	world_runtime_up(&play->sim.world);
}

static void on_down(struct play *play, int arg UNUSED)
{
	if (!play->sim.world.runtime_down)
		world_runtime_down(&play->sim.world);
}

static void on_up(struct play *play, int arg UNUSED)
{
	if (play->sim.world.runtime_down)
		world_runtime_up(&play->sim.world);
}

/* The next act fails, with its effect or without. */
static void on_fail(struct play *play, int kind)
{
	struct world *world = &play->sim.world;

	for (int role = 0; role < ROLES; role++)
		play->model.runs[role].clear = false; /* it may be who looks for the cause */
	world->fault = (struct world_fault){ .kind = (enum world_fault_kind)kind,
					     .at = world->acts + 1,
					     .code = -EIO };
}

/* ---- the daemon ---- */

static void on_crash(struct play *play, int arg UNUSED)
{
	play_restart(play);
}

static void on_daemon(struct play *play, int arg UNUSED)
{
	play_restart(play);
	events_scan(play);
}

/* ---- how fast things go ---- */

static const struct {
	const char *act;
	unsigned ms, answer_ms;
} paces[] = {
	{ "resolve", 300, 1 },
	{ "list", 1, 200 },
	{ "list networks", 1, 200 },
	{ "cgroup list", 1, 200 },
	{ "inspect", 1, 60 },
	{ "cgroup inspect", 1, 60 },
	{ "ensure space", 300, 1 },
	{ "cgroup ensure", 300, 1 },
	{ "signal", 1, 100 },
	{ "task start", 1, 100 },
	{ "*", 1, 40 },
	{ "*", 30, 1 },
};

static void on_pace(struct play *play, int i)
{
	world_pace(&play->sim.world, paces[i].act, paces[i].ms, paces[i].answer_ms);
}

static void on_late_hints(struct play *play, int ms)
{
	play->sim.world.hint_ms = (unsigned)ms;
}

#define ORDER(verb, target)                                                                        \
	on_order, 10 * (int)API__RUN_VERB__RUN_VERB_##verb + (int)TARGET_##target, false

const struct happening happenings[] = {
	{ "image-a", on_edit, EDIT_IMAGE + NAME_A, false },
	{ "image-b", on_edit, EDIT_IMAGE + NAME_B, false },
	{ "missing-a", on_edit, EDIT_MISSING + NAME_A, false },
	{ "missing-b", on_edit, EDIT_MISSING + NAME_B, false },
	{ "back-a", on_edit, EDIT_BACK + NAME_A, false },
	{ "back-b", on_edit, EDIT_BACK + NAME_B, false },
	{ "env-a", on_edit, EDIT_ENV + NAME_A, false },
	{ "env-b", on_edit, EDIT_ENV + NAME_B, false },
	{ "label", on_edit, EDIT_LABEL, false },
	{ "nested", on_edit, EDIT_NESTED, false },
	{ "root-a", on_edit, EDIT_ROOT_A, false },
	{ "root-b", on_edit, EDIT_ROOT_B, false },
	{ "drop-b", on_edit, EDIT_DROP_B, false },
	{ "always", on_edit, EDIT_ALWAYS, false },
	{ "never", on_edit, EDIT_NEVER, false },
	{ "on-failure", on_edit, EDIT_ON_FAILURE, false },
	{ "subnet", on_subnet, 0, false },
	{ "regenerate", on_regenerate, 0, false },
	{ "gone", on_content, CONTENT_NONE, false },
	{ "valid", on_content, CONTENT_VALID, false },
	{ "syntax", on_content, CONTENT_SYNTAX, false },
	{ "typo", on_content, CONTENT_TYPO, false },
	{ "empty", on_content, CONTENT_EMPTY, false },
	{ "unreadable", on_content, CONTENT_UNREADABLE, false },
	{ "moved", on_moved, CONTENT_VALID, false },
	{ "moved-syntax", on_moved, CONTENT_SYNTAX, false },
	{ "moved-typo", on_moved, CONTENT_TYPO, false },
	{ "ill", on_ill, 0, false },
	{ "scan", on_scan, 0, false },
	{ "stray", on_stray, true, false },
	{ "stray-gone", on_stray, false, false },
	{ "stop", ORDER(STOP, CELL) },
	{ "start", ORDER(START, CELL) },
	{ "kill", ORDER(KILL, CELL) },
	{ "restart", ORDER(RESTART, CELL) },
	{ "stop-a", ORDER(STOP, A) },
	{ "start-a", ORDER(START, A) },
	{ "kill-a", ORDER(KILL, A) },
	{ "restart-a", ORDER(RESTART, A) },
	{ "stop-b", ORDER(STOP, B) },
	{ "start-b", ORDER(START, B) },
	{ "kill-b", ORDER(KILL, B) },
	{ "restart-b", ORDER(RESTART, B) },
	{ "exit-a", on_exit_failed, NAME_A, true },
	{ "exit-b", on_exit_failed, NAME_B, true },
	{ "done-b", on_exit_done, NAME_B, true },
	{ "oom-b", on_oom, EXIT_OOM, true },
	{ "oom-late-b", on_oom, EXIT_OOM_LATE, true },
	{ "oom-hint-b", on_oom_hint, 0, true },
	{ "hint-b", on_hint, 0, true },
	{ "cgroup-hint", on_cgroup_hint, 0, true },
	{ "deaf", on_deaf, 0, true },
	{ "pull", on_pull, 0, false },
	{ "look-runtime", on_look, 0, true },
	{ "look-network", on_look, 1, true },
	{ "look-cgroups", on_look, 2, true },
	{ "bounce", on_bounce, 0, true },
	{ "down", on_down, 0, true },
	{ "up", on_up, 0, true },
	{ "fail", on_fail, WORLD_FAULT_FAIL_BEFORE, true },
	{ "fail-after", on_fail, WORLD_FAULT_FAIL_AFTER, true },
	{ "crash", on_crash, 0, false },
	{ "daemon", on_daemon, 0, false },
	{ "slow-resolve", on_pace, 0, true },
	{ "late-list", on_pace, 1, true },
	{ "late-networks", on_pace, 2, true },
	{ "late-cgroups", on_pace, 3, true },
	{ "late-inspect", on_pace, 4, true },
	{ "late-cgroup-inspect", on_pace, 5, true },
	{ "slow-space", on_pace, 6, true },
	{ "slow-cgroup", on_pace, 7, true },
	{ "late-signal", on_pace, 8, true },
	{ "late-start", on_pace, 9, true },
	{ "late", on_pace, 10, true },
	{ "slow", on_pace, 11, true },
	{ "late-hints", on_late_hints, 30, true },
};
const size_t n_happenings = ARRAY_SIZE(happenings);

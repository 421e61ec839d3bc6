/* SPDX-License-Identifier: Apache-2.0 */
/* Their tasks. */
#include "core/reconcile/act_containers.h"

#include <errno.h>
#include <signal.h>

#include "core/desired/asked.h"
#include "core/hosts/cellfiles.h"
#include "core/hosts/hosts_files.h"
#include "core/plan/plan_steps.h"
#include "core/reconcile/observed.h"

/* What it is to run may be another by now, or nothing: then the plan begins anew. */
static void create_task(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;
	const struct container_ref ref = act_container_ref(run);
	const struct log_owner log = { run->object->key, run->container->name };

	if (run->files_status == 0 && (!run->container->spec || !act_is_current(run)))
		run->files_status =
			error_set(&run->files_err, -EAGAIN, "its spec changed meanwhile");
	if (run->files_status < 0)
		call_complete(&run->call, run->files_status, &run->files_err);
	else
		runtime->ops->task_create(runtime, &ref, run->container->spec, &log, &run->ret.pid,
					  &run->call);
}

static void on_files_again(struct work *work)
{
	struct run *run = container_of(work, struct run, files);

	hosts_job_free(take_ptr(run->files_job));
	free(take_ptr(run->files_hostname));
	hosts_files_cell_changed(run->engine, run->object); /* others may have changed meanwhile */
	create_task(run);
}

/* NULL: it mounts those of the cell. */
static const char *files_role(const struct run *run)
{
	return run->files_hostname ? run->container->role : NULL;
}

static void look_at_files(struct work *work)
{
	struct run *run = container_of(work, struct run, files);

	run->files_there =
		cellfiles_are_there(run->engine->run_path, run->object->key, files_role(run));
}

static void on_files_seen(struct work *work)
{
	struct run *run = container_of(work, struct run, files);

	if (run->files_there) {
		free(take_ptr(run->files_hostname));
		create_task(run);
	} else if (act_takes_dir(run)) {
		run->files_job = hosts_job_again(run->engine, run->object, files_role(run),
						 run->files_hostname);
		loop_work(run->engine->loop, &run->files, act_write_own_files, on_files_again);
	} else {
		free(take_ptr(run->files_hostname));
	}
}

/* The files that it mounts were written once, and somebody may have taken them away since: without
 * them the task cannot be made. They cost two calls while they are there. */
static void start_task_create(struct run *run)
{
	const char *hostname = run->container->spec->hostname;

	run->files_status = 0;
	if (!run->engine->run_path) {
		create_task(run);
		return;
	}
	run->files_hostname = str_empty(hostname) ? NULL : xstrdup(hostname);
	loop_work(run->engine->loop, &run->files, look_at_files, on_files_seen);
}

static void task_created(struct run *run)
{
	observed_task(run->engine, run->object, run->container, TASK_CREATED, run->ret.pid);
}

static void start_task_start(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;
	const struct container_ref ref = act_container_ref(run);

	runtime->ops->task_start(runtime, &ref, run->container->spec, &run->call);
}

static void task_started(struct run *run)
{
	observed_task(run->engine, run->object, run->container, TASK_RUNNING, run->container->pid);
}

/* A root that did not start has used up its incarnation. */
static void start_unsure(struct run *run)
{
	run->slot->known = false;
	if (container_is_root(run->container))
		run->object->cell.fresh = false;
}

static void send_signal(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;
	const struct container_ref ref = act_container_ref(run);

	runtime->ops->task_signal(runtime, &ref, run->number, &run->call);
}

/* When the note of it failed, only a crash makes a difference. Something else may be wanted by now.
 */
static void on_noted(struct call *call)
{
	struct run *run = container_of(call, struct run, first);
	struct error err;

	if (act_is_current(run))
		return send_signal(run);
	error_set(&err, -ECANCELED, "it is not to be ended any more");
	call_complete(&run->call, err.code, &err);
}

static void signal_task(struct run *run, int number)
{
	run->container->stopping = true;
	run->number = number;
	call_init(&run->first, run->engine->loop, on_noted);
	if (!asked_note(run->engine, run->container, &run->first))
		send_signal(run);
}

static void start_task_stop(struct run *run)
{
	if (run->slot->failures < PLAN_KILLS_IN_VAIN)
		run->container->stop_tried_ms = loop_now_ms(run->engine->loop);
	signal_task(run, run->container->stop_signal);
}

static void task_stop_sent(struct run *run)
{
	run->container->stop_sent_ms = loop_now_ms(run->engine->loop);
}

static void start_task_kill(struct run *run)
{
	signal_task(run, SIGKILL);
}

/* Asked again when it had to be repeated: whoever should have told us of the exit did not. */
static void task_kill_sent(struct run *run)
{
	if (run->container->kill_sent_ms)
		run->slot->known = false;
	run->container->kill_sent_ms = loop_now_ms(run->engine->loop);
	run->container->kills++;
}

static void start_task_delete(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;
	const struct container_ref ref = act_container_ref(run);

	runtime->ops->task_delete(runtime, &ref, &run->call);
}

static void task_deleted(struct run *run)
{
	observed_task(run->engine, run->object, run->container, TASK_NONE, 0);
}

/* The root's shim serves the whole cell. */
static void start_shim_kill(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;
	AUTO_FREE char *group = name_containerd_id(run->object->key, "root");
	const struct container_ref ref = { act_namespace(run->object), group };

	runtime->ops->kill_shim(runtime, &ref, &run->call);
}

/* It can be looked at again at once. */
static void shim_killed(struct run *run)
{
	run->slot->known = false;
	slot_retry_now(run->slot);
}

/* ---- the rows ---- */

const struct act act_tasks[ACTION_COUNT] = {
	[ACTION_TASK_CREATE] = { ON_CONTAINER, start_task_create, task_created,
				 act_container_unsure },
	[ACTION_TASK_START] = { ON_CONTAINER, start_task_start, task_started, start_unsure },
	[ACTION_TASK_STOP] = { ON_CONTAINER, start_task_stop, task_stop_sent,
			       act_container_unsure },
	[ACTION_TASK_KILL] = { ON_CONTAINER, start_task_kill, task_kill_sent,
			       act_container_unsure },
	[ACTION_TASK_DELETE] = { ON_CONTAINER, start_task_delete, task_deleted,
				 act_container_unsure },
	[ACTION_SHIM_KILL] = { ON_CONTAINER, start_shim_kill, shim_killed, act_container_unsure },
};

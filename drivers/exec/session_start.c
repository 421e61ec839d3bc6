/* SPDX-License-Identifier: Apache-2.0 */
/* From what is asked for to a process that runs. */
#include <errno.h>

#include "drivers/exec/session_private.h"
#include "drivers/oci/inputs.h"

#define PROCESS_TYPE "types.containerd.io/opencontainers/runtime-spec/1/Process"

struct start_op {
	struct ctd_op op;
	struct session *session;
	struct buf spec;    /* of the container */
	struct buf process; /* of the command */
	struct inputs inputs;
};

static struct start_op *start_of(struct op *op)
{
	return container_of(op, struct start_op, op.op);
}

static void start_fini(struct op *op)
{
	buf_fini(&start_of(op)->spec);
	buf_fini(&start_of(op)->process);
	inputs_fini(&start_of(op)->inputs);
}

/* ---- what it is to be ---- */

static int start_record(struct op *op)
{
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;

	request.name = start_of(op)->session->container;
	return ctd_unary(op, &containers_get_method, &request.base);
}

static int done_record(struct op *op, int status UNUSED)
{
	const Ctd__Container *record = ctd_reply(op, Ctd__ContainerMessage)->container;

	if (!record || !record->spec || !record->spec->has_value)
		return ctd_fail(op, -EBADMSG, "its record does not say what it runs");
	buf_add(&start_of(op)->spec, record->spec->value.data, record->spec->value.len);
	return OP_NEXT;
}

/* Whoever is named is looked up in the files of the container. */
static int start_mounts(struct op *op)
{
	struct session *session = start_of(op)->session;
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	if (str_empty(session->user))
		return OP_NEXT;
	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = session->container;
	return ctd_unary(op, &snapshots_mounts_method, &request.base);
}

static int done_mounts(struct op *op, int status UNUSED)
{
	const Ctd__MountsReply *reply = ctd_reply(op, Ctd__MountsReply);

	if (reply)
		inputs_set_layers(&start_of(op)->inputs, reply->mounts, reply->n_mounts);
	return OP_NEXT;
}

static int find_user(struct start_op *start, const struct user **ret_user, struct error *err)
{
	Api__ContainerSpec spec = API__CONTAINER_SPEC__INIT;

	*ret_user = NULL;
	if (str_empty(start->session->user))
		return 0;
	spec.user = start->session->user;
	*ret_user = &start->inputs.user;
	return inputs_read_user(&spec, "", &start->inputs, err);
}

static int prepare(struct op *op, struct error *err)
{
	struct start_op *start = start_of(op);
	const struct user *user;
	int r = find_user(start, &user, err);

	if (r == 0)
		r = session_process(start->session, start->spec.data, start->spec.len, user,
				    &start->process, err);
	if (r < 0)
		return r;
	start->session->has_dir = true;
	return session_make_files(start->session, err);
}

/* ---- containerd's part ---- */

static char *path_of(const struct session *session, const char *name, bool wanted)
{
	return wanted ? xasprintf("%s/%s", session->dir, name) : xstrdup("");
}

static int start_exec(struct op *op)
{
	struct start_op *start = start_of(op);
	struct session *session = start->session;
	AUTO_FREE char *in = path_of(session, "in", session->has_input);
	AUTO_FREE char *out = path_of(session, "out", true);
	AUTO_FREE char *err = path_of(session, "err", !session->tty);
	Ctd__TaskExecRequest request = CTD__TASK_EXEC_REQUEST__INIT;
	Ctd__Any spec = CTD__ANY__INIT;

	spec.type_url = (char *)PROCESS_TYPE;
	spec.has_value = true;
	spec.value.data = (uint8_t *)start->process.data;
	spec.value.len = start->process.len;
	request.container_id = session->container;
	request.exec_id = session->id;
	request.stdin = in;
	request.stdout = out;
	request.stderr = err;
	request.has_terminal = request.terminal = session->tty;
	request.spec = &spec;
	return ctd_unary(op, &tasks_exec_method, &request.base);
}

static int start_process(struct op *op)
{
	struct session *session = start_of(op)->session;
	Ctd__TaskProcessRequest request = CTD__TASK_PROCESS_REQUEST__INIT;

	request.container_id = session->container;
	request.exec_id = session->id;
	return ctd_unary(op, &tasks_start_method, &request.base);
}

static const struct step start_steps[] = {
	{ .name = "look at the container", .start = start_record, .done = done_record },
	{ .name = "find its files", .start = start_mounts, .done = done_mounts },
	{ .name = "prepare the command", .blocking = prepare },
	{ .name = "hand over the command", .timeout_ms = EXEC_TIMEOUT_MS, .start = start_exec },
	{ .name = "run the command", .timeout_ms = EXEC_TIMEOUT_MS, .start = start_process },
	{ 0 },
};

void session_start(struct session *session)
{
	struct start_op *start = xnew(struct start_op);
	AUTO_FREE char *object = xasprintf("container %s", session->container);

	start->session = session;
	start->op.fini = start_fini;
	call_init(&session->op_call, session->sessions->ctd->ops.loop, session->started);
	ctd_op_start(session->sessions->ctd, &start->op, start_steps, session->namespace_, object,
		     &session->op_call);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* ensure_space and remove_space: one at a time, in the order in which they were asked for. */
#include <errno.h>

#include "core/aside/paths.h"
#include "core/base/buf.h"
#include "core/model/names.h"
#include "drivers/attachments/attachment.h"
#include "drivers/attachments/drift.h"
#include "drivers/cni/cni_private.h"

struct space_op {
	struct op op;
	struct space_job job;
	struct space_fact fact;
	struct space_fact *ret_fact; /* NULL: remove */
	struct strv attachments;     /* records of its cells, */
	struct strv joined;          /* and of those that have joined it */
	char *boot_id;
	bool moves; /* its conflist may be in other directories too */
	char *text; /* the conflist as it stands there now */
};

static struct space_op *to_space_op(struct op *op)
{
	return container_of(op, struct space_op, op);
}

static void on_finish(struct op *op, int status)
{
	struct space_op *space = to_space_op(op);

	if (status == 0 && space->ret_fact)
		*space->ret_fact = space->fact;
	else
		space_fact_fini(&space->fact);
	space_job_fini(&space->job);
	strv_fini(&space->attachments);
	strv_fini(&space->joined);
	free(space->boot_id);
	free(space->text);
	free(space);
}

static char *confdir_key(const char *space_key)
{
	return xasprintf(CONFDIR_PREFIX "%s", space_key);
}

/* "<dir>\0<former>\0..." */
static void put_dirs(struct op *op, bool sync)
{
	const struct space_job *job = &to_space_op(op)->job;
	AUTO_FREE char *key = confdir_key(job->space_key);
	AUTO_BUF struct buf value = { 0 };

	buf_add(&value, job->dir, strlen(job->dir));
	for (size_t i = 0; i < job->former.n; i++) {
		buf_add(&value, "", 1);
		buf_add_str(&value, job->former.items[i]);
	}
	journal_put(cni_of(op)->journal, key, value.data, value.len, sync, &op->step);
}

/* A directory that is not the default is remembered before anything is in it, or nobody would look
 * there again; and so is one that is left until nothing is in it. */
static int remember_dir(struct op *op)
{
	const struct space_job *job = &to_space_op(op)->job;
	AUTO_FREE char *known = cni_space_dir(cni_of(op), job->space_key);

	if (str_equal(known, job->dir))
		call_complete(&op->step, 0, NULL);
	else
		put_dirs(op, true);
	return OP_WAIT;
}

static int forget_dir(struct op *op)
{
	AUTO_FREE char *key = confdir_key(to_space_op(op)->job.space_key);

	journal_remove(cni_of(op)->journal, key, false, &op->step);
	return OP_WAIT;
}

/* Where nothing could be taken away it is tried again when the space is next seen to. */
static int forget_former(struct op *op)
{
	const struct space_op *space = to_space_op(op);

	if (!space->moves)
		call_complete(&op->step, 0, NULL);
	else if (!space->job.former.n && str_equal(space->job.dir, cni_of(op)->conf_dir))
		forget_dir(op);
	else
		put_dirs(op, false);
	return OP_WAIT;
}

/* Looked up when its turn has come: an op before it may have changed it. */
static int find_dirs(struct op *op)
{
	struct space_op *space = to_space_op(op);
	struct space_job *job = &space->job;
	AUTO(strv_fini) struct strv dirs = { 0 };

	cni_space_dirs(cni_of(op), job->space_key, &dirs);
	if (!job->dir)
		job->dir = xstrdup(space->ret_fact ? cni_of(op)->conf_dir : dirs.items[0]);
	for (size_t i = 0; i < dirs.n; i++)
		if (!str_equal(dirs.items[i], job->dir))
			strv_add(&job->former, dirs.items[i]);
	space->moves = job->former.n;
	cni_conf_dirs(cni_of(op), &job->dirs);
	call_complete(&op->step, 0, NULL);
	return OP_WAIT;
}

static bool is_below(const char *cell_key, const char *space_key)
{
	size_t len = strlen(space_key);

	return strncmp(cell_key, space_key, len) == 0 && cell_key[len] == '/';
}

static char *conflist_key(const char *space_key)
{
	return xasprintf(CONFLIST_PREFIX "%s", space_key);
}

static void find_joined(struct space_op *space)
{
	const struct journal *journal = cni_of(&space->op)->journal;
	const struct journal_record *record = journal_first(journal, ATTACHMENT_PREFIX);

	for (; record; record = journal_next(record, ATTACHMENT_PREFIX)) {
		AUTO_FREE char *text = NULL;

		if (!str_equal(attachment_joined_space(record->key), space->job.space_key))
			continue;
		text = xstrndup(record->value, record->value_len);
		strv_add(&space->joined, text);
	}
}

/* What the journal says of it, for a worker to read. */
static int find_known(struct op *op)
{
	struct space_op *space = to_space_op(op);
	struct space_job *job = &space->job;
	AUTO_FREE char *key = conflist_key(job->space_key);
	AUTO_FREE char *prefix = xasprintf(ATTACHMENT_PREFIX "%s/", job->space_key);
	const struct journal_record *record = journal_find(cni_of(op)->journal, key);
	AUTO(conflist_fini) struct conflist known = { 0 };

	if (record && conflist_parse(record->value, record->value_len, &known, NULL) == 0)
		job->known = xstrndup(record->value, record->value_len);
	record = journal_first(cni_of(op)->journal, prefix);
	for (; record; record = journal_next(record, prefix)) {
		AUTO_FREE char *cell_key = attachment_cell_key(record->key);
		AUTO_FREE char *text = xstrndup(record->value, record->value_len);

		if (cell_key && is_below(cell_key, job->space_key) &&
		    !attachment_joined_space(record->key))
			strv_add(&space->attachments, text);
	}
	find_joined(space);
	call_complete(&op->step, 0, NULL);
	return OP_WAIT;
}

/* What those that joined were attached with has no routes: it says nothing of the conflist. */
static void read_attachments(struct space_op *space, const struct strv *records, bool joined)
{
	struct space_job *job = &space->job;

	for (size_t i = 0; i < records->n; i++) {
		const char *text = records->items[i];
		AUTO(attachment_fini) struct attachment attachment = { 0 };

		if (attachment_parse(text, strlen(text), &attachment, NULL) < 0)
			continue;
		job->attached = true;
		if (!job->known && !joined)
			job->known = take_ptr(attachment.config);
		if (attachment.result.root && str_equal(attachment.boot_id, space->boot_id))
			drift_add_wish(&job->bridge, &attachment);
	}
}

/* It moves with the ranges that it has, also when nobody wrote down which. */
static void know_former(struct space_job *job)
{
	for (size_t i = 0; i < job->former.n && !job->known; i++) {
		AUTO(conflist_fini) struct conflist list = { 0 };
		AUTO_BUF struct buf text = { 0 };
		const char *dir = job->former.items[i];

		if (paths_answer(&dir, 1, PATHS_READ, NULL) == 0 &&
		    space_read(dir, job->space_key, &list, &text, NULL) == 0)
			job->known = buf_take(&text);
	}
}

static int ensure(struct op *op, struct error *err)
{
	struct space_op *space = to_space_op(op);
	int r = cni_dir_answers(cni_of(op), space->job.dir, err);

	if (r < 0)
		return r;
	cni_leave_out_hung(cni_of(op), &space->job.dirs);
	read_attachments(space, &space->attachments, false);
	read_attachments(space, &space->joined, true);
	know_former(&space->job);
	r = space_ensure(&space->job, &space->fact, &space->text, err);
	if (r == 0)
		space_leave_former(&space->job);
	return r;
}

/* Not waited for on the disk: what is not known after a power cut is taken over as it stands. */
static int remember_conflist(struct op *op)
{
	struct space_op *space = to_space_op(op);
	AUTO_FREE char *key = conflist_key(space->job.space_key);
	const struct journal_record *record = journal_find(cni_of(op)->journal, key);
	size_t len = strlen(space->text);

	if (record && record->value_len == len && memcmp(record->value, space->text, len) == 0)
		call_complete(&op->step, 0, NULL);
	else
		journal_put(cni_of(op)->journal, key, space->text, len, false, &op->step);
	return OP_WAIT;
}

static int forget_conflist(struct op *op)
{
	AUTO_FREE char *key = conflist_key(to_space_op(op)->job.space_key);

	journal_remove(cni_of(op)->journal, key, false, &op->step);
	return OP_WAIT;
}

static int remove_all(struct op *op, struct error *err)
{
	struct space_job *job = &to_space_op(op)->job;
	int r = cni_dir_answers(cni_of(op), job->dir, err);

	if (r == 0)
		r = space_remove(job, err);
	if (r == 0)
		space_leave_former(job);
	return r;
}

static const struct step ensure_steps[] = {
	{ .name = "find the conflist directories", .start = find_dirs },
	{ .name = "remember the conflist directory", .start = remember_dir },
	{ .name = "find what is known of it", .start = find_known },
	{ .name = "write the conflist", .blocking = ensure, .apart = true },
	{ .name = "remember the conflist", .start = remember_conflist },
	{ .name = "forget where it was before", .start = forget_former },
	{ 0 },
};

static const struct step remove_steps[] = {
	{ .name = "find the conflist directories", .start = find_dirs },
	{ .name = "find what is known of it", .start = find_known },
	{ .name = "remove the network", .blocking = remove_all, .apart = true },
	{ .name = "forget the conflist", .start = forget_conflist },
	{ .name = "forget the conflist directory", .start = forget_dir },
	{ 0 },
};

static struct space_op *space_op_new(const struct cni *cni, const char *space_key)
{
	struct space_op *space = xnew(struct space_op);

	space->job = (struct space_job){ .space_key = xstrdup(space_key),
					 .ipam_dir = xstrdup(cni->ipam_dir),
					 .pools = cni->pools,
					 .pool6_first = cni->pool6_first };
	space->boot_id = xstrdup(cni->boot_id);
	return space;
}

void cni_ensure_space(struct network *network, const struct space_request *request,
		      struct space_fact *ret_fact, struct call *call)
{
	struct cni *cni = container_of(network, struct cni, network);
	struct space_op *space = space_op_new(cni, request->space_key);

	space->ret_fact = ret_fact;
	space->job.regenerate = request->regenerate;
	if (!str_empty(request->conf_dir))
		space->job.dir = xstrdup(request->conf_dir);
	if (!str_empty(request->subnet))
		space->job.wanted_subnet = xstrdup(request->subnet);
	space->job.ipv6 = request->ipv6;
	if (!str_empty(request->subnet6))
		space->job.wanted_subnet6 = xstrdup(request->subnet6);
	op_start_in_order(&space->op, &cni->ops, ensure_steps, on_finish, call);
}

void cni_remove_space(struct network *network, const char *space_key, struct call *call)
{
	struct cni *cni = container_of(network, struct cni, network);
	struct space_op *space = space_op_new(cni, space_key);

	op_start_in_order(&space->op, &cni->ops, remove_steps, on_finish, call);
}

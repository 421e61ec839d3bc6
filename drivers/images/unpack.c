/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/images/unpack.h"

#include <errno.h>

#include "api/containerd.pb-c.h"
#include "drivers/ctd/methods.h"
#include "drivers/images/lease.h"
#include "drivers/images/unpack_private.h"

/* A layer of some GiB on a slow disk. */
enum { UNPACK_TIMEOUT_MS = 15 * 60 * 1000 };

/* How often what was there may be collected before our eyes. */
enum { ROUNDS_MAX = 5 };

enum {
	STEP_LEASE = 1,
	STEP_LOOK_AT_LAYER = 2,
	STEP_WAIT = 5,
	STEP_PIN = 10,
	STEP_CLEAN_UP = 12,
};

void unpack_tell(struct op *op, bool done)
{
	struct unpack *unpack = unpack_of(op)->unpack;

	if (unpack->on_layer)
		unpack->on_layer(unpack, unpack_of(op)->layer, done);
}

/* It is not at the layer any more: those that waited look again. */
static void let_go(struct unpack_op *own)
{
	struct unpack_op *waiting;

	free(take_ptr(own->claimed));
	list_for_each(waiting, &own->parked, parked_link) {
		list_remove(&waiting->parked_link);
		call_complete(&waiting->op.op.step, 0, NULL);
	}
}

void unpack_free_mounts(struct unpack_op *own)
{
	if (own->mounts)
		protobuf_c_message_free_unpacked(&own->mounts->base, NULL);
	own->mounts = NULL;
}

static void unpack_fini(struct op *op)
{
	struct unpack_op *own = unpack_of(op);

	let_go(own);
	list_remove(&own->link);
	free(own->extract_key);
	unpack_free_mounts(own);
	own->unpack->state = NULL;
}

/* ---- what is there ---- */

static int stat_snapshot(struct op *op, char *chain_id)
{
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = chain_id;
	return ctd_unary(op, &snapshots_stat_method, &request.base);
}

static int start_look(struct op *op)
{
	AUTO_FREE char *chain_id = image_chain_id(diff_ids_of(op), count_layers(op));

	return stat_snapshot(op, chain_id);
}

static int done_look(struct op *op, int status)
{
	if (status == 0)
		op->next = STEP_PIN;
	return OP_NEXT;
}

static int start_lease(struct op *op)
{
	AUTO_FREE char *id = lease_new_id(UNPACK_LEASE_PREFIX);
	int r;

	op->cleanup = STEP_CLEAN_UP;
	if (unpack_of(op)->unpack->lease) {
		to_ctd_op(op)->lease = xstrdup(unpack_of(op)->unpack->lease);
		return OP_NEXT;
	}
	r = lease_create(op, id, NULL);
	to_ctd_op(op)->lease = take_ptr(id); /* sent along from the next call on */
	return r;
}

/* One of that name is another's, and not ours to give back. */
static int done_lease(struct op *op, int status)
{
	if (status == 0)
		return OP_NEXT;
	op->cleanup = 0;
	free(take_ptr(to_ctd_op(op)->lease));
	return ctd_fail(op, -EAGAIN, "a lease of that name is there already");
}

static int start_layer(struct op *op)
{
	AUTO_FREE char *chain_id = NULL;

	if (unpack_of(op)->cancelled)
		return ctd_fail(op, -ECANCELED, "cancelled");
	if (unpack_of(op)->layer == count_layers(op)) {
		op->next = STEP_PIN;
		return OP_NEXT;
	}
	chain_id = layer_chain_id(op);
	return stat_snapshot(op, chain_id);
}

static int next_layer(struct op *op)
{
	unpack_tell(op, true);
	unpack_of(op)->layer++;
	op->next = STEP_LOOK_AT_LAYER;
	return OP_NEXT;
}

/* All that is there already, before the lowest that is not. */
static int done_layer(struct op *op, int status)
{
	if (status == 0)
		return next_layer(op);
	if (unpack_of(op)->held >= unpack_of(op)->layer)
		op->next = STEP_WAIT;
	return OP_NEXT;
}

/* What others have unpacked may be collected at any time, but not what our lease keeps: and with
 * a layer it keeps those below. */
static int start_hold(struct op *op)
{
	AUTO_FREE char *chain_id = parent_chain_id(op);
	AUTO_FREE char *type = xasprintf("snapshots/%s", ctd_of(op)->snapshotter);
	Ctd__LeaseResourceRequest request = CTD__LEASE_RESOURCE_REQUEST__INIT;
	Ctd__LeaseResource resource = CTD__LEASE_RESOURCE__INIT;

	resource.id = chain_id;
	resource.type = type;
	request.id = to_ctd_op(op)->lease;
	request.resource = &resource;
	return ctd_unary(op, &leases_add_resource_method, &request.base);
}

static int start_look_again(struct op *op)
{
	AUTO_FREE char *chain_id = parent_chain_id(op);

	return stat_snapshot(op, chain_id);
}

/* It was collected just before. */
static int begin_anew(struct op *op)
{
	struct unpack_op *own = unpack_of(op);

	if (++own->rounds > ROUNDS_MAX)
		return ctd_fail(op, -EAGAIN, "its snapshots vanish again and again");
	own->layer = own->held = 0;
	op->next = to_ctd_op(op)->lease ? STEP_LOOK_AT_LAYER : STEP_LEASE;
	return OP_NEXT;
}

static int done_look_again(struct op *op, int status)
{
	if (status < 0)
		return begin_anew(op);
	unpack_of(op)->held = unpack_of(op)->layer;
	return OP_NEXT;
}

/* ---- what has to come first ---- */

static bool is_there(const struct unpack_op *own)
{
	struct unpack *unpack = own->unpack;

	return !unpack->is_there || unpack->is_there(unpack, own->layer);
}

static int start_wait(struct op *op)
{
	if (is_there(unpack_of(op)))
		return OP_NEXT;
	unpack_of(op)->waits = true;
	return OP_WAIT;
}

void unpack_go_on(struct unpack *unpack)
{
	struct unpack_op *own = unpack->state;

	if (!own || !own->waits || !is_there(own))
		return;
	own->waits = false;
	call_complete(&own->op.op.step, 0, NULL);
}

static struct unpack_op *find_claim(struct op *op, const char *chain_id)
{
	struct unpack_op *other;

	list_for_each(other, &unpack_of(op)->images->unpacking, link)
		if (str_equal(other->claimed, chain_id) &&
		    str_equal(other->op.namespace_, to_ctd_op(op)->namespace_))
			return other;
	return NULL;
}

/* Waits while another is at the same layer, else claims it. */
static int start_claim(struct op *op)
{
	struct unpack_op *own = unpack_of(op), *other;
	AUTO_FREE char *chain_id = layer_chain_id(op);

	other = find_claim(op, chain_id);
	if (!other) {
		own->claimed = take_ptr(chain_id);
		return OP_NEXT;
	}
	list_append(&other->parked, &own->parked_link);
	return OP_WAIT;
}

/* Whoever waited for a layer that another was at finds it, or has to make it now. */
static int done_claim(struct op *op, int status UNUSED)
{
	op->next = STEP_LOOK_AT_LAYER;
	return OP_NEXT;
}

/* With EEXIST somebody else unpacked the layer first; ours goes when the lease does. */
static int done_commit(struct op *op, int status)
{
	let_go(unpack_of(op));
	free(take_ptr(unpack_of(op)->extract_key));
	if (status == 0)
		unpack_of(op)->held = unpack_of(op)->layer + 1;
	return next_layer(op);
}

/* ---- the end ---- */

static int done_look_at_pinned(struct op *op, int status)
{
	return status < 0 ? begin_anew(op) : OP_NEXT;
}

static int start_release(struct op *op)
{
	bool own = to_ctd_op(op)->lease && !unpack_of(op)->unpack->lease;

	return own ? lease_delete(op, to_ctd_op(op)->lease) : OP_NEXT;
}

static const struct step unpack_steps[] = {
	{ .name = "look for its snapshot",
	  .also_ok = { ENOENT },
	  .start = start_look,
	  .done = done_look },
	[STEP_LEASE] = { .name = "take a lease",
			 .also_ok = { EEXIST },
			 .start = start_lease,
			 .done = done_lease },
	[STEP_LOOK_AT_LAYER] = { .name = "look at a layer",
				 .also_ok = { ENOENT },
				 .start = start_layer,
				 .done = done_layer },
	{ .name = "hold what is below", .start = start_hold },
	{ .name = "see that it is there",
	  .also_ok = { ENOENT },
	  .start = start_look_again,
	  .done = done_look_again },
	[STEP_WAIT] = { .name = "wait for a layer", .start = start_wait },
	{ .name = "wait for who unpacks it", .start = start_claim, .done = done_claim },
	{ .name = "prepare a layer",
	  .also_ok = { EEXIST },
	  .start = unpack_start_prepare,
	  .done = unpack_done_prepare },
	{ .name = "unpack a layer",
	  .timeout_ms = UNPACK_TIMEOUT_MS,
	  .start = unpack_start_apply,
	  .done = unpack_done_apply },
	{ .name = "commit a layer",
	  .timeout_ms = UNPACK_TIMEOUT_MS,
	  .also_ok = { EEXIST },
	  .start = unpack_start_commit,
	  .done = done_commit },
	[STEP_PIN] = { .name = "tie the snapshots to the image", .start = unpack_start_pin },
	{ .name = "see that they are there",
	  .also_ok = { ENOENT },
	  .start = start_look,
	  .done = done_look_at_pinned },
	[STEP_CLEAN_UP] = { .name = "remove the half layer",
			    .also_ok = { ENOENT },
			    .start = unpack_start_abort },
	{ .name = "give the lease back", .also_ok = { ENOENT }, .start = start_release },
	{ 0 },
};

void unpack_start(struct images *images, struct unpack *unpack, struct call *call)
{
	struct unpack_op *own = xnew(struct unpack_op);

	check(unpack->config->diff_ids.n == unpack->manifest->n_layers);
	unpack->state = own;
	own->images = images;
	own->unpack = unpack;
	list_init(&own->parked);
	list_append(&images->unpacking, &own->link);
	own->op.fini = unpack_fini;
	ctd_op_start(images->ctd, &own->op, unpack_steps, unpack->namespace_, unpack->object, call);
}

void unpack_cancel(struct unpack *unpack)
{
	struct unpack_op *own = unpack->state;

	if (!own || own->cancelled)
		return;
	own->cancelled = true;
	if (own->waits || list_linked(&own->parked_link)) {
		own->waits = false;
		list_remove(&own->parked_link);
		call_complete(&own->op.op.step, -ECANCELED, NULL);
	}
	if (!op_cleans_up(&own->op.op)) /* what is given back is given back */
		rpc_unary_cancel(&own->op.unary);
}

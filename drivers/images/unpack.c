/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/images/unpack.h"

#include <errno.h>

#include "api/containerd.pb-c.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/labels.h"
#include "drivers/ctd/methods.h"
#include "drivers/images/lease.h"

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

struct unpack_op {
	struct ctd_op op;
	struct list link; /* struct images.unpacking */
	struct images *images;
	struct unpack *unpack;
	size_t layer; /* the one being unpacked */
	size_t held;  /* so many of the layers are kept by our lease */
	unsigned rounds;
	char *claimed;      /* the chain id that it is at; nobody else in this namespace is */
	struct list parked; /* struct unpack_op.parked_link: they wait until it is not any more */
	struct list parked_link;
	bool waits; /* for a blob */
	bool cancelled;
	char *extract_key; /* its snapshot before it is committed; NULL: there is none of ours */
	Ctd__MountsReply *mounts;
};

static struct unpack_op *unpack_of(struct op *op)
{
	return container_of(op, struct unpack_op, op.op);
}

static const struct strv *diff_ids_of(struct op *op)
{
	return &unpack_of(op)->unpack->config->diff_ids;
}

static size_t count_layers(struct op *op)
{
	return diff_ids_of(op)->n;
}

/* Name of the snapshot with this layer applied. */
static char *layer_chain_id(struct op *op)
{
	return image_chain_id(diff_ids_of(op), unpack_of(op)->layer + 1);
}

/* That of the layer below. */
static char *parent_chain_id(struct op *op)
{
	return unpack_of(op)->layer ? image_chain_id(diff_ids_of(op), unpack_of(op)->layer) : NULL;
}

static void tell(struct op *op, bool done)
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

static void free_mounts(struct unpack_op *own)
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
	free_mounts(own);
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
	tell(op, true);
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

/* ---- one layer ---- */

/* The key is new each time: what another unpacking, of ours or not, has under way is left alone. */
static int start_prepare(struct op *op)
{
	struct unpack_op *own = unpack_of(op);
	AUTO_FREE char *chain_id = layer_chain_id(op);
	AUTO_FREE char *parent = parent_chain_id(op);
	AUTO_FREE char *unique = lease_new_id(".");
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	tell(op, false);
	free(own->extract_key);
	own->extract_key = xasprintf(UNPACK_SNAPSHOT_PREFIX "%s%s %s", to_ctd_op(op)->lease,
				     own->unpack->lease ? unique : "", chain_id);
	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = own->extract_key;
	request.parent = parent;
	return ctd_unary(op, &snapshots_prepare_method, &request.base);
}

static int done_prepare(struct op *op, int status)
{
	struct unpack_op *own = unpack_of(op);

	if (status < 0) { /* another's */
		free(take_ptr(own->extract_key));
		return ctd_fail(op, -EAGAIN, "a snapshot of that name is there already");
	}
	free_mounts(own);
	own->mounts = ctd_reply(op, Ctd__MountsReply);
	to_ctd_op(op)->unary.reply = NULL;
	return OP_NEXT;
}

/* Docker's name for what OCI calls another is known to containerd 2 alone. */
static const char *known_type(const char *media_type)
{
	return str_equal(media_type, "application/vnd.docker.image.rootfs.diff.tar.zstd")
		       ? "application/vnd.oci.image.layer.v1.tar+zstd"
		       : media_type;
}

static int start_apply(struct op *op)
{
	struct unpack_op *own = unpack_of(op);
	const struct image_blob *layer = &own->unpack->manifest->layers[own->layer];
	Ctd__DiffApplyRequest request = CTD__DIFF_APPLY_REQUEST__INIT;
	Ctd__Descriptor diff = CTD__DESCRIPTOR__INIT;

	diff.media_type = (char *)known_type(layer->media_type);
	diff.digest = layer->digest;
	diff.has_size = true;
	diff.size = layer->size;
	request.diff = &diff;
	request.mounts = own->mounts->mounts;
	request.n_mounts = own->mounts->n_mounts;
	return ctd_unary(op, &diff_apply_method, &request.base);
}

static int done_apply(struct op *op, int status UNUSED)
{
	const struct unpack_op *own = unpack_of(op);
	const Ctd__Descriptor *applied = ctd_reply(op, Ctd__DiffApplyReply)->applied;

	if (applied && str_equal(applied->digest, diff_ids_of(op)->items[own->layer]))
		return OP_NEXT;
	return ctd_fail(op, -EBADMSG,
			"layer %s unpacks to something else than its config says: pull it again",
			own->unpack->manifest->layers[own->layer].digest);
}

static int start_commit(struct op *op)
{
	AUTO_FREE char *chain_id = layer_chain_id(op);
	Ctd__SnapshotCommitRequest request = CTD__SNAPSHOT_COMMIT_REQUEST__INIT;
	struct labels labels = { 0 };

	labels_add(&labels, "containerd.io/snapshot.ref", chain_id);
	request.snapshotter = ctd_of(op)->snapshotter;
	request.name = chain_id;
	request.key = unpack_of(op)->extract_key;
	request.labels = labels.refs;
	request.n_labels = labels.n;
	return ctd_unary(op, &snapshots_commit_method, &request.base);
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

/* From now on the snapshots live as long as the image's config does. */
static int start_pin(struct op *op)
{
	const struct unpack *unpack = unpack_of(op)->unpack;
	AUTO_FREE char *chain_id = image_chain_id(diff_ids_of(op), count_layers(op));
	AUTO_FREE char *key =
		xasprintf("containerd.io/gc.ref.snapshot.%s", ctd_of(op)->snapshotter);
	AUTO_FREE char *path = xasprintf("labels.%s", key);
	Ctd__ContentUpdateRequest request = CTD__CONTENT_UPDATE_REQUEST__INIT;
	Ctd__ContentInfo info = CTD__CONTENT_INFO__INIT;
	Ctd__FieldMask mask = CTD__FIELD_MASK__INIT;
	struct labels labels = { 0 };

	labels_add(&labels, key, chain_id);
	info.digest = unpack->manifest->blob.digest;
	info.labels = labels.refs;
	info.n_labels = labels.n;
	mask.paths = &path;
	mask.n_paths = 1;
	request.info = &info;
	request.update_mask = &mask;
	return ctd_unary(op, &content_update_method, &request.base);
}

static int done_look_at_pinned(struct op *op, int status)
{
	return status < 0 ? begin_anew(op) : OP_NEXT;
}

static int start_abort(struct op *op)
{
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	if (!unpack_of(op)->extract_key)
		return OP_NEXT;
	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = unpack_of(op)->extract_key;
	return ctd_unary(op, &snapshots_remove_method, &request.base);
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
	  .start = start_prepare,
	  .done = done_prepare },
	{ .name = "unpack a layer",
	  .timeout_ms = UNPACK_TIMEOUT_MS,
	  .start = start_apply,
	  .done = done_apply },
	{ .name = "commit a layer",
	  .timeout_ms = UNPACK_TIMEOUT_MS,
	  .also_ok = { EEXIST },
	  .start = start_commit,
	  .done = done_commit },
	[STEP_PIN] = { .name = "tie the snapshots to the image", .start = start_pin },
	{ .name = "see that they are there",
	  .also_ok = { ENOENT },
	  .start = start_look,
	  .done = done_look_at_pinned },
	[STEP_CLEAN_UP] = { .name = "remove the half layer",
			    .also_ok = { ENOENT },
			    .start = start_abort },
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

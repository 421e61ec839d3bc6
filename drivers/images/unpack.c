/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/images/unpack.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/random.h>
#include <time.h>

#include "drivers/ctd/labels.h"
#include "drivers/ctd/methods.h"
#include "drivers/images/images.h"

/* Longer than any unpacking, and short enough that what a crash left does not stay for long. */
enum { LEASE_SECONDS = 60 * 60 };

/* No two unpackings ever share a name, of this process or of another: each would take away what the
 * other has under way. */
static char *new_lease_id(void)
{
	uint64_t number[2];

	check(getrandom(number, sizeof(number), GRND_INSECURE) == sizeof(number));
	return xasprintf(UNPACK_LEASE_PREFIX "%016" PRIx64 "%016" PRIx64, number[0], number[1]);
}

int unpack_start_lease(struct op *op)
{
	Ctd__LeaseCreateRequest request = CTD__LEASE_CREATE_REQUEST__INIT;
	AUTO_FREE char *id = new_lease_id();
	struct labels labels = { 0 };
	time_t expire = time(NULL) + LEASE_SECONDS; /* containerd reads it against the wall clock */
	char text[sizeof("2006-01-02T15:04:05Z")];
	struct tm tm;
	int r;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&expire, &tm));
	labels_add(&labels, "containerd.io/gc.expire", text);
	labels_add(&labels, LABEL_INSTANCE, ctd_of(op)->instance);
	request.id = id;
	request.labels = labels.refs;
	request.n_labels = labels.n;
	r = ctd_unary(op, &leases_create_method, &request.base);
	to_ctd_op(op)->lease = take_ptr(id); /* sent along from the next call on */
	return r;
}

/* One of that name is another's, and not ours to give back. */
int unpack_done_lease(struct op *op, int status)
{
	if (status == 0)
		return OP_NEXT;
	op->cleanup = 0;
	free(take_ptr(to_ctd_op(op)->lease));
	return ctd_fail(op, -EAGAIN, "a lease of that name is there already");
}

/* Name of the snapshot with this layer applied. */
static char *layer_chain_id(const struct image_op *image)
{
	return image_chain_id(&image->config.diff_ids, image->layer + 1);
}

int unpack_start_stat(struct op *op)
{
	AUTO_FREE char *chain_id = layer_chain_id(image_op_of(op));
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = chain_id;
	return ctd_unary(op, &snapshots_stat_method, &request.base);
}

static struct image_op *find_claim(struct op *op, const char *chain_id)
{
	struct image_op *other;

	list_for_each(other, &image_op_of(op)->images->resolving, link)
		if (str_equal(other->claimed, chain_id) &&
		    str_equal(other->op.namespace_, to_ctd_op(op)->namespace_))
			return other;
	return NULL;
}

int unpack_start_claim(struct op *op)
{
	struct image_op *image = image_op_of(op), *other;
	AUTO_FREE char *chain_id = layer_chain_id(image);

	other = find_claim(op, chain_id);
	if (!other) {
		image->claimed = take_ptr(chain_id);
		return OP_NEXT;
	}
	list_append(&other->parked, &image->parked_link);
	return OP_WAIT;
}

void unpack_let_go(struct image_op *image)
{
	struct image_op *waiting;

	free(take_ptr(image->claimed));
	list_for_each(waiting, &image->parked, parked_link) {
		list_remove(&waiting->parked_link);
		call_complete(&waiting->op.op.step, 0, NULL);
	}
}

/* The key is new each time: what another unpacking, of ours or not, has under way is left alone. */
int unpack_start_prepare(struct op *op)
{
	struct image_op *image = image_op_of(op);
	AUTO_FREE char *chain_id = layer_chain_id(image);
	AUTO_FREE char *parent =
		image->layer ? image_chain_id(&image->config.diff_ids, image->layer) : NULL;
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	free(image->extract_key);
	image->extract_key =
		xasprintf(UNPACK_SNAPSHOT_PREFIX "%s %s", to_ctd_op(op)->lease, chain_id);
	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = image->extract_key;
	request.parent = parent;
	return ctd_unary(op, &snapshots_prepare_method, &request.base);
}

int unpack_done_prepare(struct op *op, int status)
{
	struct image_op *image = image_op_of(op);

	if (status < 0) { /* another's */
		free(take_ptr(image->extract_key));
		return ctd_fail(op, -EAGAIN, "a snapshot of that name is there already");
	}
	if (image->mounts)
		protobuf_c_message_free_unpacked(&image->mounts->base, NULL);
	image->mounts = ctd_reply(op, Ctd__MountsReply);
	to_ctd_op(op)->unary.reply = NULL;
	return OP_NEXT;
}

int unpack_start_apply(struct op *op)
{
	struct image_op *image = image_op_of(op);
	const struct image_blob *layer = &image->manifest.layers[image->layer];
	Ctd__DiffApplyRequest request = CTD__DIFF_APPLY_REQUEST__INIT;
	Ctd__Descriptor diff = CTD__DESCRIPTOR__INIT;

	diff.media_type = layer->media_type;
	diff.digest = layer->digest;
	diff.has_size = true;
	diff.size = layer->size;
	request.diff = &diff;
	request.mounts = image->mounts->mounts;
	request.n_mounts = image->mounts->n_mounts;
	return ctd_unary(op, &diff_apply_method, &request.base);
}

int unpack_done_apply(struct op *op, int status UNUSED)
{
	const struct image_op *image = image_op_of(op);
	const Ctd__Descriptor *applied = ctd_reply(op, Ctd__DiffApplyReply)->applied;
	const char *expected = image->config.diff_ids.items[image->layer];

	if (applied && str_equal(applied->digest, expected))
		return OP_NEXT;
	return ctd_fail(op, -EBADMSG,
			"layer %s unpacks to something else than its config says: pull it again",
			image->manifest.layers[image->layer].digest);
}

int unpack_start_commit(struct op *op)
{
	struct image_op *image = image_op_of(op);
	AUTO_FREE char *chain_id = layer_chain_id(image);
	Ctd__SnapshotCommitRequest request = CTD__SNAPSHOT_COMMIT_REQUEST__INIT;
	struct labels labels = { 0 };

	labels_add(&labels, "containerd.io/snapshot.ref", chain_id);
	request.snapshotter = ctd_of(op)->snapshotter;
	request.name = chain_id;
	request.key = image->extract_key;
	request.labels = labels.refs;
	request.n_labels = labels.n;
	return ctd_unary(op, &snapshots_commit_method, &request.base);
}

/* From now on the snapshots live as long as the image's config does. */
int unpack_start_pin(struct op *op)
{
	struct image_op *image = image_op_of(op);
	AUTO_FREE char *key =
		xasprintf("containerd.io/gc.ref.snapshot.%s", ctd_of(op)->snapshotter);
	AUTO_FREE char *path = xasprintf("labels.%s", key);
	Ctd__ContentUpdateRequest request = CTD__CONTENT_UPDATE_REQUEST__INIT;
	Ctd__ContentInfo info = CTD__CONTENT_INFO__INIT;
	Ctd__FieldMask mask = CTD__FIELD_MASK__INIT;
	struct labels labels = { 0 };

	labels_add(&labels, key, image->chain_id);
	info.digest = image->blob.digest;
	info.labels = labels.refs;
	info.n_labels = labels.n;
	mask.paths = &path;
	mask.n_paths = 1;
	request.info = &info;
	request.update_mask = &mask;
	return ctd_unary(op, &content_update_method, &request.base);
}

int unpack_start_abort(struct op *op)
{
	struct image_op *image = image_op_of(op);
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	if (!image->extract_key)
		return OP_NEXT;
	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = image->extract_key;
	return ctd_unary(op, &snapshots_remove_method, &request.base);
}

int unpack_start_release(struct op *op)
{
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;

	request.name = to_ctd_op(op)->lease;
	return ctd_unary(op, &leases_delete_method, &request.base);
}

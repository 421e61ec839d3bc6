/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "api/containerd.pb-c.h"
#include "drivers/ctd/labels.h"
#include "drivers/ctd/methods.h"
#include "drivers/images/lease.h"
#include "drivers/images/unpack_private.h"

/* The key is new each time: what another unpacking, of ours or not, has under way is left alone. */
int unpack_start_prepare(struct op *op)
{
	struct unpack_op *own = unpack_of(op);
	AUTO_FREE char *chain_id = layer_chain_id(op);
	AUTO_FREE char *parent = parent_chain_id(op);
	AUTO_FREE char *unique = lease_new_id(".");
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	unpack_tell(op, false);
	free(own->extract_key);
	own->extract_key = xasprintf(UNPACK_SNAPSHOT_PREFIX "%s%s %s", to_ctd_op(op)->lease,
				     own->unpack->lease ? unique : "", chain_id);
	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = own->extract_key;
	request.parent = parent;
	return ctd_unary(op, &snapshots_prepare_method, &request.base);
}

int unpack_done_prepare(struct op *op, int status)
{
	struct unpack_op *own = unpack_of(op);

	if (status < 0) { /* another's */
		free(take_ptr(own->extract_key));
		return ctd_fail(op, -EAGAIN, "a snapshot of that name is there already");
	}
	unpack_free_mounts(own);
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

int unpack_start_apply(struct op *op)
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

int unpack_done_apply(struct op *op, int status UNUSED)
{
	const struct unpack_op *own = unpack_of(op);
	const Ctd__Descriptor *applied = ctd_reply(op, Ctd__DiffApplyReply)->applied;

	if (applied && str_equal(applied->digest, diff_ids_of(op)->items[own->layer]))
		return OP_NEXT;
	return ctd_fail(op, -EBADMSG,
			"layer %s unpacks to something else than its config says: pull it again",
			own->unpack->manifest->layers[own->layer].digest);
}

int unpack_start_commit(struct op *op)
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

/* From now on the snapshots live as long as the image's config does. */
int unpack_start_pin(struct op *op)
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

int unpack_start_abort(struct op *op)
{
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	if (!unpack_of(op)->extract_key)
		return OP_NEXT;
	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = unpack_of(op)->extract_key;
	return ctd_unary(op, &snapshots_remove_method, &request.base);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking away what the inventory found without an owner. The journal is asked once more on the
 * loop, right before: what an attachment has claimed meanwhile stays. What an attachment makes
 * after that is not the thing that was found: its intent is on record first, and the plugins take
 * neither an address that is reserved nor a link that is there.
 */
#include <errno.h>
#include <sys/mount.h>

#include "core/base/buf.h"
#include "drivers/attachments/attachment.h"
#include "drivers/attachments/reservation.h"
#include "drivers/cni/cni_private.h"
#include "drivers/hostnet/hostlinks.h"
#include "drivers/hostnet/hostnet.h"
#include "drivers/netns/netns.h"
#include "drivers/nft/nft.h"

struct discard_op {
	struct op op;
	enum host_kind kind;
	char *name;
	char *container; /* of a reservation, as it was read */
};

static struct discard_op *discard_of(struct op *op)
{
	return container_of(op, struct discard_op, op);
}

static int read_reservation(struct op *op, struct error *err UNUSED)
{
	struct discard_op *discard = discard_of(op);

	discard->container =
		discard->kind == HOST_IPAM ? reservation_container(discard->name) : xstrdup("");
	return 0;
}

static bool is_claimed_by(const struct discard_op *discard, const struct attachment *attachment)
{
	switch (discard->kind) {
	case HOST_VETH:
		return str_equal(attachment->result.link, discard->name);
	case HOST_BRIDGE:
		return str_equal(attachment->list.bridge, discard->name);
	case HOST_IPAM:
		return str_equal(attachment->container_id, discard->container);
	default:
		return false;
	}
}

static int look_for_claim(struct op *op)
{
	struct discard_op *discard = discard_of(op);
	const struct journal_record *record = journal_first(cni_of(op)->journal, ATTACHMENT_PREFIX);
	struct error err;

	for (; record; record = journal_next(record, ATTACHMENT_PREFIX)) {
		AUTO(attachment_fini) struct attachment attachment = { 0 };

		if (attachment_parse(record->value, record->value_len, &attachment, NULL) < 0 ||
		    !is_claimed_by(discard, &attachment))
			continue;
		error_set(&err, -EBUSY, "%s belongs to %s by now", discard->name,
			  attachment.container_id);
		call_complete(&op->step, err.code, &err);
		return OP_WAIT;
	}
	call_complete(&op->step, 0, NULL);
	return OP_WAIT;
}

/* ---- each kind ---- */

static int remove_reservation(const char *path, struct error *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set(err, -errno, "cannot remove %s: %m", path);
	return 0;
}

static int remove_mount(const char *path, struct error *err)
{
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
		return error_set(err, -errno, "cannot unmount %s: %m", path);
	return 0;
}

/* A bridge of our prefix with somebody on it may be another instance's. */
static int remove_bridge(const char *name, struct error *err)
{
	AUTO(hostlinks_fini) struct hostlinks links = { 0 };
	const struct hostlink *bridge;
	int r = hostlinks_read(&links, err);

	if (r < 0)
		return r;
	bridge = hostlinks_find(&links, name);
	for (size_t i = 0; bridge && i < links.n; i++)
		if (links.items[i].master == bridge->ifindex)
			return error_set(err, -EBUSY, "link %s is on bridge %s: see whose it is",
					 links.items[i].name, name);
	return hostnet_remove_bridge(name, err);
}

static int (*const removals[HOST_KIND_COUNT])(const char *name, struct error *err) = {
	[HOST_VETH] = hostlinks_remove_veth, [HOST_IPAM] = remove_reservation,
	[HOST_NETNS] = netns_remove,         [HOST_MOUNT] = remove_mount,
	[HOST_BRIDGE] = remove_bridge,       [HOST_NFT] = nft_delete_table,
};

static int remove_thing(struct op *op, struct error *err)
{
	const struct discard_op *discard = discard_of(op);

	return removals[discard->kind](discard->name, err);
}

static const struct step discard_steps[] = {
	{ .name = "read the reservation", .blocking = read_reservation },
	{ .name = "take it away", .start = look_for_claim },
	{ .name = "take it away", .blocking = remove_thing },
	{ 0 },
};

static void on_finish(struct op *op, int status UNUSED)
{
	struct discard_op *discard = discard_of(op);

	free(discard->name);
	free(discard->container);
	free(discard);
}

void cni_discard(struct network *network, const struct host_thing *thing, struct call *call)
{
	struct cni *cni = container_of(network, struct cni, network);
	struct discard_op *discard;
	struct error err;

	if (thing->kind == HOST_JOURNAL && !thing->in_use) {
		journal_remove(cni->journal, thing->name, true, call);
		return;
	}
	if (!removals[thing->kind]) {
		error_set(&err, -EOPNOTSUPP, "%s %s cannot be taken away alone",
			  host_kind_name(thing->kind), thing->name);
		call_complete(call, err.code, &err);
		return;
	}
	discard = xnew(struct discard_op);
	discard->kind = thing->kind;
	discard->name = xstrdup(thing->name);
	op_start(&discard->op, &cni->ops, discard_steps, on_finish, call);
}

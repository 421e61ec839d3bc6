/* SPDX-License-Identifier: Apache-2.0 */
/* detach: DEL of every journalled attachment, newest first, then the pin, then the records. A
 * repair and a leave do the same with what concerns one space, and keep the pin: processes live in
 * the namespace. */
#include <errno.h>

#include "core/base/log.h"
#include "drivers/attachments/attachment.h"
#include "drivers/cni/cni_private.h"
#include "drivers/netns/netns.h"
#include "drivers/plugins/chain.h"

struct detach_op {
	struct op op;
	char *cell_key, *netns;
	char *space_key; /* what concerns this one alone; NULL: all */
	enum netns_pin pin;
	struct strv keys; /* of the records; grows shorter as they are removed */
	struct attachment *attachments;
	char **macs; /* of their interfaces */
	size_t n;    /* not yet deleted */
	struct call next;
};

static struct detach_op *to_detach_op(struct op *op)
{
	return container_of(op, struct detach_op, op);
}

static bool concerns(const struct detach_op *detach, const char *record_key)
{
	AUTO_FREE char *space_key = attachment_space_key(record_key);

	return !detach->space_key || str_equal(detach->space_key, space_key);
}

static void add_attachment(struct detach_op *detach, const char *record_key,
			   const struct attachment *attachment)
{
	size_t n = detach->n + 1;

	detach->attachments = xrealloc(detach->attachments, n * sizeof(*detach->attachments));
	detach->macs = xrealloc(detach->macs, n * sizeof(*detach->macs));
	detach->attachments[detach->n] = *attachment;
	detach->macs[detach->n] =
		attachment_mac(detach->cell_key, attachment_joined_space(record_key));
	detach->n++;
}

/* A record that cannot be read (of another version) cannot be undone either: it goes with the
 * others. */
static int find_attachments(struct op *op)
{
	struct detach_op *detach = to_detach_op(op);
	AUTO_FREE char *prefix = attachment_prefix(detach->cell_key);
	const struct journal_record *record = journal_first(cni_of(op)->journal, prefix);

	for (; record; record = journal_next(record, prefix)) {
		struct attachment attachment;
		struct error err = { 0 };

		if (!concerns(detach, record->key))
			continue;
		strv_add(&detach->keys, record->key);
		if (attachment_parse(record->value, record->value_len, &attachment, &err) < 0) {
			log_debug("record dropped key=%s error=\"%s\"", record->key, err.msg);
			continue;
		}
		add_attachment(detach, record->key, &attachment);
	}
	call_complete(&op->step, 0, NULL);
	return OP_WAIT;
}

static int inspect_pin(struct op *op, struct error *err)
{
	struct detach_op *detach = to_detach_op(op);

	detach->pin = netns_inspect(detach->netns);
	if (detach->pin == NETNS_OWN)
		return error_set(err, -EPERM,
				 "%s is the daemon's own network namespace: unmount it",
				 detach->netns);
	return 0;
}

static void delete_next(struct detach_op *detach);

static void on_deleted(struct call *call)
{
	struct detach_op *detach = container_of(call, struct detach_op, next);

	if (call->status < 0) {
		call_complete(&detach->op.step, call->status, &call->err);
		return;
	}
	detach->n--;
	attachment_fini(&detach->attachments[detach->n]);
	free(detach->macs[detach->n]);
	delete_next(detach);
}

static void delete_next(struct detach_op *detach)
{
	struct cni *cni = cni_of(&detach->op);
	const struct attachment *last = detach->n ? &detach->attachments[detach->n - 1] : NULL;
	bool alive = last && detach->pin == NETNS_LIVE && str_equal(last->boot_id, cni->boot_id);

	if (!last) {
		call_complete(&detach->op.step, 0, NULL);
		return;
	}
	call_init(&detach->next, cni->loop, on_deleted);
	chain_run(cni->pool, cni->loop,
		  &(struct chain_request){ .command = CHAIN_DEL,
					   .list = &last->list,
					   .bin_dirs = cni->bin_dirs,
					   .container_id = last->container_id,
					   .interface = last->interface,
					   .netns = alive ? detach->netns : "",
					   .wish = { last->wanted_ip, last->wanted_ip6,
						     detach->macs[detach->n - 1] },
					   .result = last->result.root },
		  NULL, &detach->next);
}

static int delete_attachments(struct op *op)
{
	delete_next(to_detach_op(op));
	return OP_WAIT;
}

static int remove_pin(struct op *op, struct error *err)
{
	return netns_remove(to_detach_op(op)->netns, err);
}

static void forget_next(struct detach_op *detach);

static void on_forgotten(struct call *call)
{
	struct detach_op *detach = container_of(call, struct detach_op, next);

	if (call->status < 0)
		call_complete(&detach->op.step, call->status, &call->err);
	else
		forget_next(detach);
}

/* Not waited for on the disk: a record that comes back after a power cut is worked off once more.
 */
static void forget_next(struct detach_op *detach)
{
	AUTO_FREE char *key = NULL;

	if (detach->keys.n == 0) {
		call_complete(&detach->op.step, 0, NULL);
		return;
	}
	key = detach->keys.items[--detach->keys.n];
	call_init(&detach->next, cni_of(&detach->op)->loop, on_forgotten);
	journal_remove(cni_of(&detach->op)->journal, key, false, &detach->next);
}

static int forget_attachments(struct op *op)
{
	forget_next(to_detach_op(op));
	return OP_WAIT;
}

static const struct step detach_steps[] = {
	{ .name = "find its attachments", .start = find_attachments },
	{ .name = "look at its network namespace", .blocking = inspect_pin },
	{ .name = "detach", .start = delete_attachments },
	{ .name = "remove its network namespace", .blocking = remove_pin },
	{ .name = "journal that it is detached", .start = forget_attachments },
	{ 0 },
};

static const struct step undo_steps[] = {
	{ .name = "find its attachments", .start = find_attachments },
	{ .name = "look at its network namespace", .blocking = inspect_pin },
	{ .name = "detach", .start = delete_attachments },
	{ .name = "journal that it is detached", .start = forget_attachments },
	{ 0 },
};

static void on_finish(struct op *op, int status UNUSED)
{
	struct detach_op *detach = to_detach_op(op);

	for (size_t i = 0; i < detach->n; i++) {
		attachment_fini(&detach->attachments[i]);
		free(detach->macs[i]);
	}
	free(detach->attachments);
	free(detach->macs);
	strv_fini(&detach->keys);
	free(detach->cell_key);
	free(detach->netns);
	free(detach->space_key);
	free(detach);
}

static void start(struct cni *cni, const char *cell_key, const char *space_key,
		  const struct step *steps, struct call *call)
{
	struct detach_op *detach = xnew(struct detach_op);

	detach->cell_key = xstrdup(cell_key);
	detach->space_key = xstrdup_maybe(space_key);
	detach->netns = cni_netns_path(cni, cell_key);
	op_start(&detach->op, &cni->ops, steps, on_finish, call);
}

void cni_detach(struct network *network, const char *cell_key, struct call *call)
{
	start(container_of(network, struct cni, network), cell_key, NULL, detach_steps, call);
}

void cni_undo_attachment(struct cni *cni, const char *cell_key, const char *space_key,
			 struct call *call)
{
	start(cni, cell_key, space_key, undo_steps, call);
}

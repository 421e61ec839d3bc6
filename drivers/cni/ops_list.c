/* SPDX-License-Identifier: Apache-2.0 */
/* list: conflists and pins as they are on the host, merged with what the journal knows. */
#include <dirent.h>
#include <errno.h>

#include "core/base/map.h"
#include "core/model/names.h"
#include "drivers/cni/attachment.h"
#include "drivers/cni/netns.h"
#include "drivers/cni/op.h"

/* One cell while its parts are brought together. */
struct listed {
	struct map_node node; /* struct list_op.cells */
	enum netns_pin pin;
	struct attachment_fact fact;
};

struct list_op {
	struct op op;
	struct strv dirs;
	struct space_fact *spaces;
	size_t n_spaces;
	struct map cells; /* struct listed.node */
	struct network_facts *ret_facts;
};

static struct list_op *to_list_op(struct op *op)
{
	return container_of(op, struct list_op, op);
}

/* @cell_key is handed over. */
static struct listed *get_cell(struct list_op *list, char *cell_key)
{
	struct listed *listed = map_entry(map_find(&list->cells, cell_key), struct listed, node);

	if (listed) {
		free(cell_key);
		return listed;
	}
	listed = xnew(struct listed);
	listed->fact.cell_key = cell_key;
	map_insert(&list->cells, &listed->node, cell_key);
	return listed;
}

/* A leftover plain file counts as pinned with an intent, so that detach() clears it away. */
static void add_pin(struct list_op *list, const char *name)
{
	char *cell_key = name_cell_key(name);
	AUTO_FREE char *path = xasprintf("%s/%s", list->op.cni->netns_dir, name);
	struct listed *listed;

	if (!cell_key)
		return;
	listed = get_cell(list, cell_key);
	listed->pin = netns_inspect(path);
	listed->fact.pinned = listed->pin != NETNS_NONE;
	listed->fact.intent = listed->pin == NETNS_STALE;
}

static int list_pins(struct list_op *list, struct error *err)
{
	const char *path = list->op.cni->netns_dir;
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		return error_set(err, -errno, "cannot list %s: %m", path);
	while ((entry = readdir(dir)))
		add_pin(list, entry->d_name);
	closedir(dir);
	return 0;
}

static int look_at_host(struct op *op, struct error *err)
{
	struct list_op *list = to_list_op(op);
	int r = space_list(&list->dirs, &list->spaces, &list->n_spaces, err);

	return r < 0 ? r : list_pins(list, err);
}

static void add_attachment(struct list_op *list, struct listed *listed,
			   const struct attachment *attachment)
{
	listed->fact.attached = attachment->result.root && listed->pin == NETNS_LIVE &&
				str_equal(attachment->boot_id, list->op.cni->boot_id);
	if (!listed->fact.attached)
		return;
	free(listed->fact.ip);
	free(listed->fact.bridge);
	listed->fact.ip = attachment->result.ip ? xstrdup(attachment->result.ip) : NULL;
	listed->fact.bridge = attachment->result.bridge ? xstrdup(attachment->result.bridge) : NULL;
}

static void merge_journal(struct op *op)
{
	struct list_op *list = to_list_op(op);
	const struct journal_record *record = journal_first(op->cni->journal, ATTACHMENT_PREFIX);

	for (; record; record = journal_next(record, ATTACHMENT_PREFIX)) {
		char *cell_key = attachment_cell_key(record->key);
		struct attachment attachment;
		struct listed *listed;

		if (!cell_key)
			continue;
		listed = get_cell(list, cell_key);
		listed->fact.intent = true;
		if (attachment_parse(record->value, record->value_len, &attachment, NULL) < 0)
			continue;
		listed->fact.earlier_boot |= !str_equal(attachment.boot_id, op->cni->boot_id);
		add_attachment(list, listed, &attachment);
		attachment_fini(&attachment);
	}
	call_complete(&op->step, 0, NULL);
}

static const struct step list_steps[] = {
	{ .name = "list networks and network namespaces", .blocking = look_at_host },
	{ .name = "read the journal", .start = merge_journal },
	{ 0 },
};

static void hand_over(struct list_op *list)
{
	struct network_facts *facts = list->ret_facts;
	struct listed *listed;

	*facts = (struct network_facts){ .spaces = take_ptr(list->spaces),
					 .n_spaces = list->n_spaces };
	list->n_spaces = 0;
	facts->attachments = xcalloc(list->cells.count, sizeof(*facts->attachments));
	map_for_each(listed, &list->cells, node) {
		facts->attachments[facts->n_attachments++] = listed->fact;
		listed->fact = (struct attachment_fact){ 0 };
	}
}

static void on_finish(struct op *op, int status)
{
	struct list_op *list = to_list_op(op);
	struct network_facts rest;
	struct map_node *node;

	if (status == 0)
		hand_over(list);
	rest = (struct network_facts){ .spaces = list->spaces, .n_spaces = list->n_spaces };
	network_facts_fini(&rest);
	/* The keys may have been handed over: only the shape of the map is used from here on. */
	while ((node = list->cells.root)) {
		struct listed *listed = container_of(node, struct listed, node);

		map_remove(&list->cells, node);
		attachment_fact_fini(&listed->fact);
		free(listed);
	}
	strv_fini(&list->dirs);
	free(list);
}

void cni_list(struct network *network, struct network_facts *ret_facts, struct call *call)
{
	struct cni *cni = container_of(network, struct cni, network);
	struct list_op *list = xnew(struct list_op);

	list->ret_facts = ret_facts;
	cni_conf_dirs(cni, &list->dirs);
	op_start(&list->op, cni, list_steps, on_finish, call);
}

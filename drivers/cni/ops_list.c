/* SPDX-License-Identifier: Apache-2.0 */
/* list: conflists, bridges, links, pins and reservations as they are on the host, next to what the
 * journal says was made. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "core/base/fs.h"
#include "core/base/map.h"
#include "core/model/names.h"
#include "drivers/attachments/attachment.h"
#include "drivers/attachments/drift.h"
#include "drivers/cni/cni_private.h"
#include "drivers/netns/netns.h"

/* One cell while its parts are brought together. */
struct listed {
	struct map_node node; /* struct list_op.cells */
	struct attachment_fact fact;
};

/* The journal's records of one kind: parallel lists of what they are about and what they say. */
struct records {
	struct strv keys, texts;
};

struct list_op {
	struct op op;
	struct strv dirs;
	struct records attachments, conflists;
	char *boot_id, *netns_dir;
	struct hostlinks links;
	struct space_fact *spaces;
	size_t n_spaces;
	struct bridge_wish *wishes; /* for the bridge of each of the spaces */
	size_t n_wishes;
	struct map cells;     /* struct listed.node */
	struct error problem; /* of the directories of conflists */
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
	AUTO_FREE char *path = xasprintf("%s/%s", list->netns_dir, name);
	struct listed *listed;
	enum netns_pin pin;

	if (!cell_key)
		return;
	listed = get_cell(list, cell_key);
	pin = netns_inspect(path);
	listed->fact.pinned = pin != NETNS_NONE;
	listed->fact.intent = pin == NETNS_STALE;
}

static int list_pins(struct list_op *list, struct error *err)
{
	const char *path = list->netns_dir;
	DIR *dir = opendir(path);
	struct dirent *entry;
	int r;

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		return error_set(err, -errno, "cannot list %s: %m", path);
	while ((r = fs_next_entry(dir, &entry)) > 0)
		add_pin(list, entry->d_name);
	closedir(dir);
	return r < 0 ? fs_error(err, r, "cannot list", path) : 0;
}

/* ---- what the journal says was made ---- */

static void add_record(struct records *records, const char *key,
		       const struct journal_record *record)
{
	AUTO_FREE char *text = xstrndup(record->value, record->value_len);

	strv_add(&records->keys, key);
	strv_add(&records->texts, text);
}

/*
 * The journal comes first: what it says was made was there by then. The other way round, a cell
 * attached in between would look as if it had lost all that the host's list does not have yet.
 */
static int read_journal(struct op *op)
{
	struct list_op *list = to_list_op(op);
	const struct journal *journal = cni_of(op)->journal;
	const struct journal_record *record = journal_first(journal, ATTACHMENT_PREFIX);

	for (; record; record = journal_next(record, ATTACHMENT_PREFIX)) {
		AUTO_FREE char *cell_key = attachment_cell_key(record->key);
		AUTO_FREE char *space_key = attachment_space_key(record->key);

		if (cell_key && space_key)
			add_record(&list->attachments, record->key, record);
	}
	record = journal_first(journal, CONFLIST_PREFIX);
	for (; record; record = journal_next(record, CONFLIST_PREFIX))
		add_record(&list->conflists, record->key + strlen(CONFLIST_PREFIX), record);
	call_complete(&op->step, 0, NULL);
	return OP_WAIT;
}

/* ---- spaces ---- */

static struct space_fact *find_space(struct list_op *list, const char *space_key)
{
	for (size_t i = 0; i < list->n_spaces; i++)
		if (str_equal(list->spaces[i].space_key, space_key))
			return &list->spaces[i];
	return NULL;
}

static struct space_fact *add_space(struct list_op *list)
{
	list->spaces = xrealloc(list->spaces, (list->n_spaces + 1) * sizeof(*list->spaces));
	return &list->spaces[list->n_spaces++];
}

/* Where the listing ended too soon: what we wrote is looked for by its name. What cannot be read
 * is taken to be as it was written. */
static struct space_fact *find_unlisted(struct list_op *list, const char *space_key,
					const struct conflist *known)
{
	AUTO_FREE char *unread = NULL;
	struct space_fact *space = NULL;

	for (size_t i = 0; list->problem.code && i < list->dirs.n; i++) {
		AUTO_FREE char *path = space_conflist_path(list->dirs.items[i], space_key);
		AUTO(conflist_fini) struct conflist conflist = { 0 };
		AUTO_BUF struct buf text = { 0 };
		int r = space_read(list->dirs.items[i], space_key, &conflist, &text, NULL);

		if (r == 0) {
			space = add_space(list);
			space_fact_fill(space, path, &conflist);
			return space;
		}
		if (r != -ENOENT && !unread)
			unread = take_ptr(path);
	}
	if (unread) {
		space = add_space(list);
		space_fact_fill(space, unread, known);
	}
	return space;
}

/* The conflist of a space next to what was written there. Where they differ the space is what it
 * was: so is the bridge that its cells are on, and what filters it. */
static void compare_conflist(struct list_op *list, const char *space_key, const char *text)
{
	struct space_fact *space = find_space(list, space_key);
	AUTO(conflist_fini) struct conflist known = { 0 }, now = { 0 };
	AUTO_BUF struct buf now_text = { 0 };
	int r;

	if (conflist_parse(text, strlen(text), &known, NULL) < 0)
		return;
	if (!space)
		space = find_unlisted(list, space_key, &known);
	if (!space) {
		space = add_space(list);
		space_fact_fill(space, "", &known);
		space->drift = xstrdup("its conflist is gone, or cannot be read");
		return;
	}
	r = fs_read_file(AT_FDCWD, space->conflist, CONFLIST_MAX_BYTES, &now_text, NULL);
	if (r < 0 && r != -ENOENT && list->problem.code)
		return; /* nor can it be compared */
	if (r < 0 || conflist_parse(now_text.data, now_text.len, &now, NULL) < 0 ||
	    !conflist_equal(&known, &now)) {
		AUTO_FREE char *path = take_ptr(space->conflist);

		space_fact_fini(space);
		space_fact_fill(space, path, &known);
		space->drift = xasprintf("%s was changed", path);
	}
}

static void compare_bridges(struct list_op *list)
{
	for (size_t i = 0; i < list->n_spaces; i++)
		if (!list->spaces[i].drift)
			list->spaces[i].drift =
				hostlinks_bridge_drift(&list->links, &list->wishes[i]);
}

/* ---- cells ---- */

static void add_to_space(struct list_op *list, const char *space_key,
			 const struct attachment *attachment)
{
	const struct space_fact *space = find_space(list, space_key);

	if (space)
		drift_add_wish(&list->wishes[space - list->spaces], attachment);
}

static struct join_fact *add_join(struct attachment_fact *fact, const char *space_key)
{
	struct join_fact *join;

	fact->joins = xrealloc(fact->joins, (fact->n_joins + 1) * sizeof(*fact->joins));
	join = &fact->joins[fact->n_joins++];
	*join = (struct join_fact){ .space_key = xstrdup(space_key) };
	return join;
}

/* @join NULL: the cell's place in its own space. */
static void fill(struct listed *listed, struct join_fact *join, const struct attachment *attachment,
		 enum drift drift)
{
	AUTO_FREE char *space_key = NULL;

	if (!join) {
		drift_fill_fact(&listed->fact, attachment, drift);
		return;
	}
	space_key = take_ptr(join->space_key);
	drift_fill_join(join, space_key, attachment, drift);
}

static void add_attachment(struct list_op *list, const char *record_key, const char *text)
{
	AUTO_FREE char *space_key = attachment_space_key(record_key);
	struct listed *listed = get_cell(list, attachment_cell_key(record_key));
	AUTO(attachment_fini) struct attachment attachment = { 0 };
	struct join_fact *join = NULL;
	bool earlier_boot;
	enum drift drift;

	listed->fact.intent = true;
	if (attachment_joined_space(record_key))
		join = add_join(&listed->fact, space_key);
	if (attachment_parse(text, strlen(text), &attachment, NULL) < 0)
		return;
	earlier_boot = listed->fact.earlier_boot || !str_equal(attachment.boot_id, list->boot_id);
	drift = drift_look(&attachment, list->boot_id, &list->links);
	fill(listed, join, &attachment, drift);
	listed->fact.earlier_boot = earlier_boot;
	if (drift != DRIFT_UNKNOWN)
		add_to_space(list, space_key, &attachment);
}

static int look_at_host(struct op *op, struct error *err)
{
	struct list_op *list = to_list_op(op);
	int r;

	cni_leave_out_hung(cni_of(op), &list->dirs); /* the space says so when it is made anew */
	/* Those of the spaces that the listing does not have are looked for one by one. */
	space_list(&list->dirs, &list->spaces, &list->n_spaces, &list->problem);
	r = list_pins(list, err);
	if (r == 0)
		r = hostlinks_read(&list->links, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list->conflists.keys.n; i++)
		compare_conflist(list, list->conflists.keys.items[i],
				 list->conflists.texts.items[i]);
	list->n_wishes = list->n_spaces;
	list->wishes = xcalloc(list->n_wishes, sizeof(*list->wishes));
	for (size_t i = 0; i < list->attachments.keys.n; i++)
		add_attachment(list, list->attachments.keys.items[i],
			       list->attachments.texts.items[i]);
	compare_bridges(list);
	return 0;
}

static const struct step list_steps[] = {
	{ .name = "read the journal", .start = read_journal },
	{ .name = "list networks and network namespaces", .blocking = look_at_host, .apart = true },
	{ 0 },
};

static void hand_over(struct list_op *list)
{
	struct network_facts *facts = list->ret_facts;
	struct listed *listed;

	*facts = (struct network_facts){ .spaces = take_ptr(list->spaces),
					 .n_spaces = list->n_spaces,
					 .problem = list->problem };
	list->n_spaces = 0;
	facts->attachments = xcalloc(list->cells.count, sizeof(*facts->attachments));
	map_for_each(listed, &list->cells, node) {
		facts->attachments[facts->n_attachments++] = listed->fact;
		listed->fact = (struct attachment_fact){ 0 };
	}
}

static void free_sources(struct list_op *list)
{
	for (size_t i = 0; list->wishes && i < list->n_wishes; i++)
		bridge_wish_fini(&list->wishes[i]);
	free(list->wishes);
	hostlinks_fini(&list->links);
	strv_fini(&list->attachments.keys);
	strv_fini(&list->attachments.texts);
	strv_fini(&list->conflists.keys);
	strv_fini(&list->conflists.texts);
	free(list->boot_id);
	free(list->netns_dir);
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
	free_sources(list);
	free(list);
}

void cni_list(struct network *network, struct network_facts *ret_facts, struct call *call)
{
	struct cni *cni = container_of(network, struct cni, network);
	struct list_op *list = xnew(struct list_op);

	list->ret_facts = ret_facts;
	list->boot_id = xstrdup(cni->boot_id);
	list->netns_dir = xstrdup(cni->netns_dir);
	cni_conf_dirs(cni, &list->dirs);
	op_start(&list->op, &cni->ops, list_steps, on_finish, call);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inventory of networks: conflists with our marker, the bridges they name and the links on
 * them, reservations of addresses, pins, mounts, nftables and the journal. Whose a thing is, the
 * journal tells: an intent is written before anything is made, and goes after it.
 */
#include "drivers/cni/network_inventory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "core/base/fs.h"
#include "core/model/names.h"
#include "drivers/attachments/attachment.h"
#include "drivers/attachments/reservation.h"
#include "drivers/hostnet/hostlinks.h"
#include "drivers/netns/mounts.h"
#include "drivers/nft/nft.h"

static struct inventory_op *inventory_of(struct op *op)
{
	return container_of(op, struct inventory_op, op);
}

/* ---- the journal ---- */

static int read_journal(struct op *op)
{
	const struct journal_record *record = journal_first(cni_of(op)->journal, "");
	struct inventory_op *inventory = inventory_of(op);

	for (; record; record = journal_next(record, "")) {
		AUTO_FREE char *value = xstrndup(record->value, record->value_len);

		strv_add(&inventory->keys, record->key);
		strv_add(&inventory->values, value);
	}
	call_complete(&op->step, 0, NULL);
	return OP_WAIT;
}

static void claim_network(struct inventory_op *inventory, const struct conflist *list,
			  const char *space_key)
{
	AUTO_FREE char *reservations = conflist_reservations(list);

	claims_add(&inventory->bridges, list->bridge, space_key);
	claims_add(&inventory->reserved, reservations, space_key);
}

static void claim_address(struct inventory_op *inventory, const char *cell_key,
			  const struct conflist *list, const char *ip)
{
	AUTO_FREE char *path = reservation_path(list, ip);

	claims_add(&inventory->addresses, path, cell_key);
}

static void claim_attachment(struct inventory_op *inventory, const char *cell_key,
			     const char *record_key, const char *text)
{
	AUTO(attachment_fini) struct attachment attachment = { 0 };
	AUTO_FREE char *space_key = attachment_space_key(record_key);

	if (!space_key || attachment_parse(text, strlen(text), &attachment, NULL) < 0)
		return;
	claims_add(&inventory->containers, attachment.container_id, cell_key);
	claims_add(&inventory->links, attachment.result.link, cell_key);
	claim_address(inventory, cell_key, &attachment.list, attachment.result.ip);
	claim_address(inventory, cell_key, &attachment.list, attachment.result.ip6);
	claim_network(inventory, &attachment.list, space_key);
}

static void claim_conflist(struct inventory_op *inventory, const char *space_key, const char *text)
{
	AUTO(conflist_fini) struct conflist list = { 0 };

	if (conflist_parse(text, strlen(text), &list, NULL) == 0)
		claim_network(inventory, &list, space_key);
}

static bool is_space_key(const char *key)
{
	struct key_parts parts;

	return key_split(key, &parts) && parts.kind == KIND_SPACE;
}

/* The key of the object a record is about; NULL when no object can be meant. */
static char *record_owner(const char *key)
{
	const char *space_key = NULL;

	if (str_starts_with(key, CONFDIR_PREFIX))
		space_key = key + strlen(CONFDIR_PREFIX);
	else if (str_starts_with(key, CONFLIST_PREFIX))
		space_key = key + strlen(CONFLIST_PREFIX);
	if (space_key)
		return is_space_key(space_key) ? xstrdup(space_key) : NULL;
	return attachment_cell_key(key);
}

static void add_record(struct inventory_op *inventory, const char *key, const char *value)
{
	AUTO_FREE char *owner = record_owner(key);
	struct host_thing *thing = host_things_add(&inventory->things, HOST_JOURNAL, key, owner);

	thing->in_use = str_equal(key, SEQUENCE_KEY) || str_starts_with(key, JOURNAL_OWN_PREFIX);
	if (!owner)
		thing->why = xstrdup("no object can be meant by it");
	else if (str_starts_with(key, ATTACHMENT_PREFIX))
		claim_attachment(inventory, owner, key, value);
	else if (str_starts_with(key, CONFLIST_PREFIX))
		claim_conflist(inventory, owner, value);
}

/* ---- conflists, bridges, links ---- */

static int add_conflists(struct inventory_op *inventory, struct error *err)
{
	struct network_facts facts = { 0 };
	int r = space_list(&inventory->dirs, &facts.spaces, &facts.n_spaces, err);

	for (size_t i = 0; r == 0 && i < facts.n_spaces; i++) {
		const struct space_fact *space = &facts.spaces[i];
		AUTO_BUF struct buf text = { 0 };

		host_things_add(&inventory->things, HOST_CONFLIST, space->conflist,
				space->space_key);
		if (fs_read_file(AT_FDCWD, space->conflist, CONFLIST_MAX_BYTES, &text, NULL) == 0)
			claim_conflist(inventory, space->space_key, text.data ? text.data : "");
	}
	network_facts_fini(&facts);
	return r;
}

static void add_port(struct inventory_op *inventory, const struct hostlink *link,
		     const char *bridge, const char *space_key)
{
	const char *cell_key = claims_owner(&inventory->links, link->name);
	struct host_thing *thing = host_things_add(&inventory->things, HOST_VETH, link->name,
						   cell_key ? cell_key : space_key);

	if (cell_key)
		return;
	thing->unnamed = space_key;
	thing->why = xasprintf("it is on bridge %s, and no attachment made it", bridge);
}

static bool has_ports(const struct hostlinks *links, const struct hostlink *bridge)
{
	for (size_t i = 0; i < links->n; i++)
		if (links->items[i].master == bridge->ifindex)
			return true;
	return false;
}

/* One of our prefix that we know nothing of: with somebody on it, it is another instance's. */
static void add_bridge(struct inventory_op *inventory, const struct hostlinks *links,
		       const struct hostlink *bridge)
{
	const char *space_key = claims_owner(&inventory->bridges, bridge->name);
	struct host_thing *thing;

	if (!space_key &&
	    (!str_starts_with(bridge->name, BRIDGE_PREFIX) || has_ports(links, bridge)))
		return;
	thing = host_things_add(&inventory->things, HOST_BRIDGE, bridge->name, space_key);
	if (!space_key)
		thing->why = xstrdup("no conflist of a space names it");
	for (size_t i = 0; space_key && i < links->n; i++)
		if (links->items[i].veth && links->items[i].master == bridge->ifindex)
			add_port(inventory, &links->items[i], bridge->name, space_key);
}

static int add_links(struct inventory_op *inventory, struct error *err)
{
	AUTO(hostlinks_fini) struct hostlinks links = { 0 };
	int r = hostlinks_read(&links, err);

	for (size_t i = 0; i < links.n; i++)
		if (links.items[i].bridge)
			add_bridge(inventory, &links, &links.items[i]);
	return r;
}

/* ---- pins, mounts, tables ---- */

static void add_pin(struct inventory_op *inventory, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", inventory->netns_dir, name);
	AUTO_FREE char *cell_key = name_cell_key(name);
	struct host_thing *thing = host_things_add(&inventory->things, HOST_NETNS, path, cell_key);

	if (!cell_key)
		thing->why = xstrdup("no cell can have a file of this name");
}

static int add_pins(struct inventory_op *inventory, struct error *err)
{
	DIR *dir = opendir(inventory->netns_dir);
	struct dirent *entry;
	int r;

	if (!dir)
		return errno == ENOENT
			       ? 0
			       : error_set(err, -errno, "cannot list %s: %m", inventory->netns_dir);
	while ((r = fs_next_entry(dir, &entry)) > 0)
		add_pin(inventory, entry->d_name);
	closedir(dir);
	return r < 0 ? fs_error(err, r, "cannot list", inventory->netns_dir) : 0;
}

/* The directory of the pins is in the daemon's runtime directory, all of which is ours. */
static int add_mounts(struct inventory_op *inventory, struct error *err)
{
	const char *slash = strrchr(inventory->netns_dir, '/');
	AUTO_FREE char *dir =
		xstrndup(inventory->netns_dir, slash ? (size_t)(slash - inventory->netns_dir) : 0);
	AUTO_FREE char *pins = xasprintf("%s/", inventory->netns_dir);
	AUTO(strv_fini) struct strv mounts = { 0 };
	int r = mounts_below(*dir ? dir : inventory->netns_dir, &mounts, err);

	for (size_t i = 0; i < mounts.n; i++) {
		const char *path = mounts.items[i];
		AUTO_FREE char *cell_key =
			str_starts_with(path, pins) ? name_cell_key(path + strlen(pins)) : NULL;
		struct host_thing *thing =
			host_things_add(&inventory->things, HOST_MOUNT, path, cell_key);

		if (!cell_key)
			thing->why = xstrdup("it is the pin of no cell");
	}
	return r;
}

static int add_tables(struct inventory_op *inventory, struct error *err)
{
	AUTO(strv_fini) struct strv tables = { 0 };
	int r = nft_list_tables(&tables, err);

	for (size_t i = 0; i < tables.n; i++) {
		bool ours = str_equal(tables.items[i], inventory->table);
		struct host_thing *thing;

		if (!ours && netfilter_is_instance_table(tables.items[i])) /* another's */
			continue;
		thing = host_things_add(&inventory->things, HOST_NFT, tables.items[i], NULL);
		thing->in_use = ours;
		thing->why = xstrdup("no space has rules in it");
	}
	return r;
}

/* ---- all of it ---- */

/* What a conflist that cannot be seen has made must not look like nobody's. */
static int all_dirs_answer(const struct inventory_op *inventory, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < inventory->dirs.n && r == 0; i++)
		r = cni_dir_answers(cni_of(&inventory->op), inventory->dirs.items[i], err);
	return r;
}

static int look_at_host(struct op *op, struct error *err)
{
	struct inventory_op *inventory = inventory_of(op);
	int r = all_dirs_answer(inventory, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < inventory->keys.n; i++)
		add_record(inventory, inventory->keys.items[i], inventory->values.items[i]);
	r = add_conflists(inventory, err);
	if (r == 0)
		r = add_links(inventory, err);
	if (r == 0)
		r = inventory_add_ipam(inventory, err);
	if (r == 0)
		r = add_pins(inventory, err);
	if (r == 0)
		r = add_mounts(inventory, err);
	return r == 0 ? add_tables(inventory, err) : r;
}

static const struct step inventory_steps[] = {
	{ .name = "read the journal", .start = read_journal },
	{ .name = "take the inventory of networks", .blocking = look_at_host, .apart = true },
	{ 0 },
};

static void on_finish(struct op *op, int status)
{
	struct inventory_op *inventory = inventory_of(op);

	if (status == 0)
		host_things_take(inventory->ret_things, &inventory->things);
	host_things_fini(&inventory->things);
	claims_fini(&inventory->links);
	claims_fini(&inventory->containers);
	claims_fini(&inventory->addresses);
	claims_fini(&inventory->bridges);
	claims_fini(&inventory->reserved);
	strv_fini(&inventory->keys);
	strv_fini(&inventory->values);
	strv_fini(&inventory->dirs);
	free(inventory->netns_dir);
	free(inventory->ipam_dir);
	free(inventory->table);
	free(inventory);
}

void cni_inventory(struct network *network, struct host_things *ret_things, struct call *call)
{
	struct cni *cni = container_of(network, struct cni, network);
	struct inventory_op *inventory = xnew(struct inventory_op);

	inventory->ret_things = ret_things;
	inventory->netns_dir = xstrdup(cni->netns_dir);
	inventory->ipam_dir = xstrdup(cni->ipam_dir);
	if (cni->netfilter.busy || !cni->netfilter.known || cni->netfilter.applied.n_spaces)
		inventory->table = xasprintf("inet/%s", cni->netfilter.table);
	cni_conf_dirs(cni, &inventory->dirs);
	op_start(&inventory->op, &cni->ops, inventory_steps, on_finish, call);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/base/buf.h"
#include "core/model/names.h"
#include "tests/fake/world.h"

enum { REFUSAL_MS = 3000 };

static struct op *act(struct network *network, const char *name, const char *key, struct call *call,
		      op_fn apply)
{
	struct op *op = world_act(container_of(network, struct world, network), name, call, apply);

	op->key = xstrdup(key);
	return op;
}

static struct op *act_on_cell(struct network *network, const char *name, const char *key,
			      struct call *call, op_fn apply)
{
	struct op *op = act(network, name, key, call, apply);
	struct world_cell *cell = world_make_cell(op->world, key);

	if (cell->network_busy)
		world_violated(op->world, "two network calls at once", key);
	cell->network_busy = true;
	op->busy = &cell->network_busy;
	return op;
}

static void fake_close(struct network *network UNUSED, void (*closed)(void *ctx), void *ctx)
{
	closed(ctx);
}

/* ---- spaces ---- */

static void fill_space(const struct world_parent *space, struct space_fact *fact)
{
	fact->space_key = xstrdup(space->key);
	fact->conflist = xasprintf("/conf/%s.conflist", space->key);
	fact->bridge = name_bridge(space->key, false);
	fact->subnet = xstrdup(space->subnet ? space->subnet : "10.88.0.0/16");
	fact->subnet6 = space->subnet6 ? xstrdup(space->subnet6) : NULL;
	fact->drift = space->drifted ? xstrdup("its bridge is gone") : NULL;
}

static int apply_ensure_space(struct op *op, struct error *err UNUSED)
{
	struct world_parent *space = world_make_parent(op->world, op->key);

	if (!space->own)
		world_changes(op->world, "space made", op->key);
	space->own = true;
	space->drifted = false;
	space->regenerated += (unsigned)op->number;
	if (op->more)
		str_replace(&space->subnet, op->more);
	free(space->subnet6);
	space->subnet6 = op->extra ? xstrdup(op->extra) : NULL;
	if (op->ret)
		fill_space(space, op->ret);
	return 0;
}

static void fake_ensure_space(struct network *network, const struct space_request *request,
			      struct space_fact *ret_fact, struct call *call)
{
	struct op *op = act(network, "ensure space", request->space_key, call, apply_ensure_space);

	op->ret = ret_fact;
	op->number = request->regenerate;
	op->more = xstrdup_maybe(request->subnet);
	if (request->ipv6)
		op->extra = xstrdup(request->subnet6 ? request->subnet6 : "fd00:88::/64");
	world_make_parent(op->world, op->key)->regenerations += request->regenerate;
	world_begun(op);
}

static bool has_attached_cells(struct world *world, const char *space)
{
	AUTO_FREE char *prefix = xasprintf("%s/", space);
	struct world_cell *cell;

	map_for_each(cell, &world->cells, node)
		if (world_join(cell, space) ||
		    (str_starts_with(cell->key, prefix) && (cell->attached || cell->intent)))
			return true;
	return false;
}

static int apply_remove_space(struct op *op, struct error *err UNUSED)
{
	struct world_parent *space = world_make_parent(op->world, op->key);

	if (has_attached_cells(op->world, op->key))
		world_violated(op->world, "space removed under its cells", op->key);
	world_changes(op->world, "space removed", op->key);
	space->own = false;
	return 0;
}

static void fake_remove_space(struct network *network, const char *space_key, struct call *call)
{
	world_begun(act(network, "remove space", space_key, call, apply_remove_space));
}

/* ---- cells ---- */

/* The address of IPv6 that goes with the last octets; NULL in a space without. */
static char *fake_ip6(struct world *world, const char *space_key, unsigned ip)
{
	const struct world_parent *space = world_parent(world, space_key);

	return space && space->subnet6 ? xasprintf("fd00:88::%x", ip) : NULL;
}

static char *own_space(const char *cell_key)
{
	AUTO_FREE char *stack = key_parent(cell_key);

	return key_parent(stack);
}

static void fill_join(struct world *world, const struct world_cell *cell,
		      const struct world_join *join, struct join_fact *fact)
{
	bool whole = join->attached && cell->pinned && !join->link_gone;

	*fact = (struct join_fact){
		.space_key = xstrdup(join->space_key),
		.interface = xstrdup("eth1"),
		.attached = whole,
		.ip = whole ? xasprintf("10.89.%u.%u", join->ip >> 8, join->ip & 255) : NULL,
		.ip6 = whole ? fake_ip6(world, join->space_key, join->ip) : NULL,
		.bridge = whole ? xstrdup("fake1") : NULL,
		.drift = whole ? NULL : xstrdup("something is gone"),
	};
}

static void fill_joins(struct world *world, const struct world_cell *cell,
		       struct attachment_fact *fact)
{
	const struct world_join *join;

	list_for_each(join, &cell->joins, link) {
		fact->intent = true;
		fact->joins = xrealloc(fact->joins, (fact->n_joins + 1) * sizeof(*fact->joins));
		fill_join(world, cell, join, &fact->joins[fact->n_joins++]);
	}
}

static void fill_attachment(struct world *world, const struct world_cell *cell,
			    struct attachment_fact *fact)
{
	AUTO_FREE char *space_key = own_space(cell->key);
	bool whole = cell->attached && cell->pinned && !cell->link_gone;

	*fact = (struct attachment_fact){
		.cell_key = xstrdup(cell->key),
		.pinned = cell->pinned,
		.intent = cell->intent,
		.attached = whole,
		.earlier_boot = cell->earlier_boot,
		.ip = whole ? xasprintf("10.88.%u.%u", cell->ip >> 8, cell->ip & 255) : NULL,
		.ip6 = whole ? fake_ip6(world, space_key, cell->ip) : NULL,
		.bridge = xstrdup("fake0"),
		.drift = whole ? NULL : xstrdup("something is gone"),
	};
}

static int apply_list(struct op *op, struct error *err)
{
	struct network_facts *facts = op->ret;
	struct world_parent *parent;
	struct world_cell *cell;
	bool half = str_equal(op->world->half_listed, "networks");

	if (str_equal(op->world->unlistable, "networks"))
		return error_set(err, -ENOTDIR, "cannot list /netns: Not a directory");
	if (half)
		error_set(&facts->problem, -ENOTDIR, "cannot list /net.d: Not a directory");
	map_for_each(parent, &op->world->parents, node) {
		if (half || !parent->own || key_kind(parent->key) != KIND_SPACE)
			continue;
		facts->spaces =
			xrealloc(facts->spaces, (facts->n_spaces + 1) * sizeof(*facts->spaces));
		facts->spaces[facts->n_spaces] = (struct space_fact){ 0 };
		fill_space(parent, &facts->spaces[facts->n_spaces++]);
	}
	map_for_each(cell, &op->world->cells, node) {
		world_looked_at_network(op->world, cell);
		if (!cell->pinned && !cell->intent && list_empty(&cell->joins))
			continue;
		facts->attachments =
			xrealloc(facts->attachments,
				 (facts->n_attachments + 1) * sizeof(*facts->attachments));
		fill_attachment(op->world, cell, &facts->attachments[facts->n_attachments]);
		fill_joins(op->world, cell, &facts->attachments[facts->n_attachments++]);
	}
	return 0;
}

static void fake_list(struct network *network, struct network_facts *ret_facts, struct call *call)
{
	struct op *op = act(network, "list networks", "", call, apply_list);

	op->ret = ret_facts;
	op->reads_only = true;
}

static int apply_create_netns(struct op *op, struct error *err)
{
	struct world_cell *cell = world_make_cell(op->world, op->key);

	if (cell->no_space)
		return error_set(err, -ENOSPC, "no space");
	world_changes(op->world, "netns create", op->key);
	cell->pinned = true;
	return 0;
}

static void fake_create_netns(struct network *network, const char *cell_key, struct call *call)
{
	struct op *op = act_on_cell(network, "netns create", cell_key, call, apply_create_netns);

	world_act_is(op, RULES_MAKE, RULES_PIN, cell_key, cell_key);
}

static int apply_attach(struct op *op, struct error *err)
{
	struct world_cell *cell = world_make_cell(op->world, op->key), *other;

	if (cell->intent)
		return error_set(err, -EBUSY, "attached already: detach first");
	if (!cell->pinned)
		return error_set(err, -ENOENT, "no network namespace");
	map_for_each(other, &op->world->cells, node)
		if (other->earlier_boot && !other->detach_tried)
			world_violated(op->world, "attached before an earlier boot's went",
				       other->key);
	world_changes(op->world, "attach", op->key);
	cell->intent = cell->attached = true;
	cell->ip = op->world->next_ip++ & 0xffff;
	if (op->ret)
		fill_attachment(op->world, cell, op->ret);
	return 0;
}

/* Whoever is attached to what is being taken away is in a network that nobody knows. */
static void check_space_stays(struct world *world, const char *cell_key)
{
	struct op *op;

	list_for_each(op, &world->ops, link)
		if (str_equal(op->name, "remove space") && str_starts_with(cell_key, op->key) &&
		    cell_key[strlen(op->key)] == '/')
			world_violated(world, "attached while its space is being removed",
				       cell_key);
}

static void fake_attach(struct network *network, const struct attach_request *request,
			struct attachment_fact *ret_fact, struct call *call)
{
	struct op *op = act_on_cell(network, "attach", request->cell_key, call, apply_attach);

	check_space_stays(op->world, op->key);
	op->ret = ret_fact;
	world_act_is(op, RULES_MAKE, RULES_ATTACHMENT, op->key, op->key);
}

static bool root_runs(struct world *world, const char *key)
{
	struct world_container *c;

	map_for_each(c, &world->containers, node)
		if (str_equal(c->fact.cell_key, key) && str_equal(c->fact.role, "root") &&
		    (c->fact.task == TASK_RUNNING || c->fact.task == TASK_PAUSED))
			return true;
	return false;
}

/* The root may end at any moment, also while it is being repaired. */
static int apply_repair(struct op *op, struct error *err)
{
	struct world_cell *cell = world_make_cell(op->world, op->key);

	if (!root_runs(op->world, op->key))
		return error_set(err, -EAGAIN, "the root has ended");
	if (!cell->attached || !cell->pinned || cell->link_gone)
		world_changes(op->world, "repair", op->key);
	cell->pinned = cell->intent = cell->attached = true;
	cell->link_gone = false;
	if (op->ret)
		fill_attachment(op->world, cell, op->ret);
	return 0;
}

static void fake_repair(struct network *network, const struct repair_request *request,
			struct attachment_fact *ret_fact, struct call *call)
{
	struct op *op = act_on_cell(network, "repair", request->cell_key, call, apply_repair);

	op->ret = ret_fact;
	world_act_is(op, RULES_MEND, RULES_PIN, op->key, op->key);
	world_act_is(op, RULES_MEND, RULES_ATTACHMENT, op->key, op->key);
}

static int apply_join(struct op *op, struct error *err)
{
	struct world_cell *cell = world_make_cell(op->world, op->key);
	const struct world_parent *space = world_parent(op->world, op->id);
	struct world_join *join;

	if (!cell->pinned)
		return error_set(err, -ENOENT, "no network namespace");
	if (!cell->attached)
		world_violated(op->world, "joined before it was attached", op->key);
	if (!space || !space->own)
		return error_set(err, -ENOENT, "no conflist");
	join = world_make_join(cell, op->id);
	if (!join->attached || join->link_gone) {
		world_changes(op->world, "join", op->key);
		join->ip = op->world->next_ip++ & 0xffff;
	}
	join->attached = true;
	join->link_gone = false;
	if (op->ret)
		fill_join(op->world, cell, join, op->ret);
	return 0;
}

static void fake_join(struct network *network, const struct join_request *request,
		      struct join_fact *ret_fact, struct call *call)
{
	struct op *op = act_on_cell(network, "join", request->cell_key, call, apply_join);

	op->id = xstrdup(request->space_key);
	op->ret = ret_fact;
}

static int apply_leave(struct op *op, struct error *err UNUSED)
{
	struct world_join *join = world_join(world_make_cell(op->world, op->key), op->id);

	if (!join)
		return 0;
	world_changes(op->world, "leave", op->key);
	world_remove_join(join);
	return 0;
}

static void fake_leave(struct network *network, const char *cell_key, const char *space_key,
		       struct call *call)
{
	act_on_cell(network, "leave", cell_key, call, apply_leave)->id = xstrdup(space_key);
}

/* The namespace must not go while a process of the cell lives in it. */
static bool cell_lives(struct world *world, const char *key)
{
	struct world_container *c;

	map_for_each(c, &world->containers, node)
		if (c->fact.task == TASK_RUNNING && c->fact.cell_key &&
		    strcmp(c->fact.cell_key, key) == 0)
			return true;
	return false;
}

static int apply_detach(struct op *op, struct error *err)
{
	struct world_cell *cell = world_make_cell(op->world, op->key);
	struct world_join *join;

	if (cell->refuses_detach)
		return error_set(err, -EIO, "the plugin refuses");
	if (cell_lives(op->world, op->key))
		world_violated(op->world, "detached under a running container", op->key);
	world_changes(op->world, "detach", op->key);
	cell->pinned = cell->intent = cell->attached = false;
	cell->link_gone = cell->earlier_boot = false;
	list_for_each(join, &cell->joins, link)
		world_remove_join(join);
	return 0;
}

static void fake_detach(struct network *network, const char *cell_key, struct call *call)
{
	struct op *op = act_on_cell(network, "detach", cell_key, call, apply_detach);

	op->ended = &world_make_cell(op->world, cell_key)->detach_tried;
	world_act_is(op, RULES_REMOVE, RULES_ATTACHMENT, cell_key, cell_key);
	world_act_is(op, RULES_REMOVE, RULES_PIN, cell_key, cell_key);
	world_begun(op);
	if (world_make_cell(op->world, cell_key)->refuses_detach) /* and takes its time for it */
		timer_start(op->world->loop, &op->timer, REFUSAL_MS, op->timer.fn);
}

static void add_joins(const struct world_cell *cell, struct host_things *things)
{
	const struct world_join *join;

	list_for_each(join, &cell->joins, link) {
		AUTO_FREE char *name = xasprintf("%s %s", cell->key, join->space_key);

		host_things_add(things, HOST_JOURNAL, name, cell->key);
		if (join->attached && !join->link_gone)
			host_things_add(things, HOST_VETH, name, cell->key);
	}
}

/* ---- the packet filter ---- */

static int fake_watch_filter(struct network *network, const struct filter_listener *listener,
			     struct error *err UNUSED)
{
	container_of(network, struct world, network)->filter_listener = *listener;
	return 0;
}

/* op->extra: what it shall say. */
static int apply_filter(struct op *op, struct error *err)
{
	struct world *world = op->world;

	if (world->filter_fails)
		return error_set(err, -EIO, "no nf_tables in this kernel");
	if (str_equal(world->filter, op->extra))
		return 0;
	world_changes(world, "filter", op->extra);
	free(world->filter);
	world->filter = xstrdup(op->extra);
	return 0;
}

/* One that denies, and then each thing that it allows. */
static void add_policy(struct buf *text, const struct filter_space *space, size_t k)
{
	const struct filter_allow *allow = k ? &space->allow[k - 1] : NULL;
	char first[IP_TEXT_BYTES], last[IP_TEXT_BYTES];

	if (allow)
		buf_printf(text, "allow %s %s-%s %d %u-%u\n", space->key,
			   (allow->v6 ? ip_format6 : ip_format)(&allow->first, first),
			   (allow->v6 ? ip_format6 : ip_format)(&allow->last, last), allow->what,
			   allow->first_port, allow->last_port);
	else
		buf_printf(text, "deny %s\n", space->key);
}

static int apply_drops(struct op *op UNUSED, struct error *err UNUSED)
{
	return 0;
}

static void fake_filter_drops(struct network *network, struct filter_drops *ret_drops UNUSED,
			      struct call *call)
{
	act(network, "read drops", "", call, apply_drops)->reads_only = true;
}

static void apply_names(const struct world *world, bool v6, struct resolved *ret)
{
	const struct resolved *names = &world->names;

	*ret = (struct resolved){ .ttl_ms = names->ttl_ms };
	for (size_t i = 0; i < names->n; i++)
		if (ip_is_v4(&names->addresses[i]) != v6)
			ret->addresses[ret->n++] = names->addresses[i];
}

static int apply_look_ways(struct op *op, struct error *err UNUSED)
{
	struct host_ways *ways = op->ret;

	ways->forwards = !op->world->forwarding_off;
	if (op->world->forwarding_off && ways->keep)
		op->world->forwarding_off = false;
	else if (op->world->forwarding_off)
		ways->off = xstrdup("net.ipv4.ip_forward is off");
	for (size_t i = 0; i < ways->n_spaces; i++) {
		struct ways_space *space = &ways->spaces[i];

		if (!str_equal(space->key, op->world->overlapped))
			continue;
		space->overlap = xstrdup("its range overlaps another route");
		space->unreachable = op->world->unreachable;
	}
	return 0;
}

static int apply_probe(struct op *op, struct error *err UNUSED)
{
	struct world *world = op->world;
	struct traffic *traffic = op->ret;

	world->probes++;
	world->probed += traffic->n_spaces;
	if (traffic->n_spaces > world->probed_most)
		world->probed_most = traffic->n_spaces;
	if (world->unprobable)
		traffic->impossible = xstrdup("this kernel takes no program");
	for (size_t i = 0; i < traffic->n_spaces && !world->unprobable; i++) {
		struct traffic_space *space = &traffic->spaces[i];
		bool lost = str_equal(space->key, world->blocked) && world->losses;

		space->asked = true;
		space->blocked = lost ? xstrdup("cell to out: dropped") : NULL;
		space->remedy = lost ? xstrdup("let it pass") : NULL;
		space->shut = world->shut ? xstrdup("cell to host: dropped") : NULL;
		space->shut_remedy = world->shut ? xstrdup("let it in") : NULL;
		world->losses -= lost;
	}
	return 0;
}

static void fake_probe(struct network *network, struct traffic *traffic, struct call *call)
{
	struct op *op = act(network, "probe", "", call, apply_probe);

	op->ret = traffic;
	op->reads_only = true;
}

static void fake_look_ways(struct network *network, struct host_ways *ways, struct call *call)
{
	struct op *op = act(network, "look at routes", "", call, apply_look_ways);

	op->ret = ways;
	op->reads_only = true;
}

static int apply_resolve(struct op *op, struct error *err)
{
	struct world *world = op->world;
	bool v6 = op->number;
	struct resolved names;

	world->asking--;
	apply_names(world, v6, &names);
	if (v6 ? world->mute6 : world->mute)
		return error_set(err, -ETIMEDOUT, "no name server answers");
	if (!names.n)
		return error_set(err, -ENOENT, "no name server knows an address of it");
	*(struct resolved *)op->ret = names;
	return 0;
}

static void fake_resolve(struct network *network, const char *host, bool v6,
			 struct resolved *ret_resolved, struct call *call)
{
	struct world *world = container_of(network, struct world, network);
	struct op *op = act(network, v6 ? "resolve6" : "resolve", host, call, apply_resolve);

	*(v6 ? &world->asked6 : &world->asked) += 1;
	if (++world->asking > world->asking_most)
		world->asking_most = world->asking;
	op->ret = ret_resolved;
	op->number = v6;
	op->reads_only = true;
}

static void fake_filter_apply(struct network *network, struct filter_wish *wish, struct call *call)
{
	const struct world *world = container_of(network, struct world, network);
	AUTO_BUF struct buf text = { 0 };

	buf_add_str(&text, "");
	for (size_t i = 0; i < wish->n_spaces; i++) {
		struct filter_space *space = &wish->spaces[i];

		if (str_equal(space->key, world->filter_refuses))
			space->problem = xstrdup("its bridge cannot be filtered");
		else
			buf_printf(&text, "%s %s %s%s%s\n", space->key, space->bridge,
				   space->subnet, space->subnet6 ? " " : "",
				   space->subnet6 ? space->subnet6 : "");
	}
	for (size_t i = 0; i < wish->n_spaces; i++)
		for (size_t k = 0; wish->spaces[i].denies && k <= wish->spaces[i].n_allow; k++)
			add_policy(&text, &wish->spaces[i], k);
	for (size_t i = 0; i < wish->n_guests; i++)
		buf_printf(&text, "guest %s %s\n", wish->guests[i].bridge, wish->guests[i].ip);
	for (size_t i = 0; i < wish->n_ports; i++)
		buf_printf(&text, "%s:%u/%s %s:%u\n", /* of IPv6 without brackets */
			   wish->ports[i].host_ip ? wish->ports[i].host_ip : "",
			   wish->ports[i].host_port, wish->ports[i].udp ? "udp" : "tcp",
			   wish->ports[i].ip, wish->ports[i].port);
	act(network, "apply filter", "", call, apply_filter)->extra = buf_take(&text);
}

/* ---- inventory ---- */

static int apply_inventory(struct op *op, struct error *err UNUSED)
{
	struct world_parent *parent;
	struct world_cell *cell;

	map_for_each(parent, &op->world->parents, node)
		if (parent->own && key_kind(parent->key) == KIND_SPACE)
			host_things_add(op->ret, HOST_CONFLIST, parent->key, parent->key);
	map_for_each(cell, &op->world->cells, node) {
		add_joins(cell, op->ret);
		if (cell->pinned)
			host_things_add(op->ret, HOST_NETNS, cell->key, cell->key);
		if (cell->intent)
			host_things_add(op->ret, HOST_JOURNAL, cell->key, cell->key);
		if (cell->attached && !cell->link_gone)
			host_things_add(op->ret, HOST_VETH, cell->key, cell->key);
	}
	fake_add_strays(op->world, HOST_VETH, HOST_NFT, op->ret);
	fake_add_strays(op->world, HOST_JOURNAL, HOST_JOURNAL, op->ret);
	return 0;
}

static void fake_inventory(struct network *network, struct host_things *ret_things,
			   struct call *call)
{
	struct op *op = act(network, "network inventory", "", call, apply_inventory);

	op->ret = ret_things;
	op->reads_only = true;
}

static void fake_discard_network(struct network *network, const struct host_thing *thing,
				 struct call *call)
{
	act(network, "network discard", thing->name, call, fake_discard);
}

static char *fake_netns_path(struct network *network UNUSED, const char *cell_key)
{
	return xasprintf("/netns/%s", cell_key);
}

const struct network_ops *fake_network_ops(void)
{
	static const struct network_ops ops = {
		.watch_filter = fake_watch_filter,
		.filter_apply = fake_filter_apply,
		.filter_drops = fake_filter_drops,
		.look_ways = fake_look_ways,
		.probe = fake_probe,
		.resolve = fake_resolve,
		.close = fake_close,
		.ensure_space = fake_ensure_space,
		.remove_space = fake_remove_space,
		.list = fake_list,
		.create_netns = fake_create_netns,
		.attach = fake_attach,
		.repair = fake_repair,
		.join = fake_join,
		.leave = fake_leave,
		.detach = fake_detach,
		.inventory = fake_inventory,
		.discard = fake_discard_network,
		.netns_path = fake_netns_path,
	};

	return &ops;
}

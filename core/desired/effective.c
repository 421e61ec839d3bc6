/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired/effective_joined.h"

#include "core/desired/desired.h"
#include "core/desired/refusal.h"
#include "core/desired/rivals.h"
#include "core/desired/stops.h"
#include "core/hosts/hosts_files.h"
#include "core/images/pulls.h"
#include "core/model/view.h"
#include "core/network/filter.h"
#include "core/network/joins.h"
#include "core/network/network_ports.h"

/* ---- documents that nobody wrote ---- */

ProtobufCMessage *effective_implicit_document(const char *key)
{
	enum kind kind = key_kind(key);
	ProtobufCMessage *message = model_new(kind);
	struct model_view view = model_view(kind, message);
	struct key_parts parts;

	check(key_split(key, &parts));
	*view.id = xstrdup(parts.part[kind]);
	for (int above = KIND_REALM; above < (int)kind; above++)
		*view.scope[above] = xstrdup(parts.part[above]);
	model_set_defaults(kind, message);
	return message;
}

/* ---- what the planner reads ---- */

static bool same_message(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	AUTO_FREE uint8_t *packed_a = NULL, *packed_b = NULL;
	size_t len_a, len_b;

	if (!a || !b)
		return a == b;
	len_a = protobuf_c_message_get_packed_size(a);
	len_b = protobuf_c_message_get_packed_size(b);
	if (len_a != len_b)
		return false;
	packed_a = xcalloc(1, len_a);
	packed_b = xcalloc(1, len_b);
	protobuf_c_message_pack(a, packed_a);
	protobuf_c_message_pack(b, packed_b);
	return memcmp(packed_a, packed_b, len_a) == 0;
}

static const struct object *space_of(const struct object *cell)
{
	return cell->parent->parent;
}

static void want_container(struct engine *engine, struct object *object, const Api__CellSpec *spec,
			   size_t index, bool root)
{
	const Api__ContainerSpec *wanted = spec->containers[index];
	const char *role = root ? "root" : wanted->id;
	struct container *c = cell_find_container(object, role);
	char hash[SHA256_HEX_BYTES];

	if (!c)
		c = engine_add_container(engine, object, role, wanted->id);
	model_container_hash(spec, index, hash);
	if (strcmp(hash, c->hash) != 0) {
		if (*c->hash && !space_of(object)->being_read)
			/* another spec: what the old one did does not count against it */
			container_forget_past(c);
		memcpy(c->hash, hash, sizeof(hash));
		c->image_ready = c->image_moved = c->image_missing = c->image_asked = false;
	}
	container_keep_update(c, wanted->image);
	if (!str_equal(c->name, wanted->id))
		object->cell.left = ++engine->version;
	free(c->name);
	c->name = xstrdup(wanted->id);
	c->spec = wanted;
	c->stop_signal = model_stop_signal(wanted);
	c->stop_grace_ms = model_stop_grace_ms(wanted);
	engine_want_anew(engine, &c->slot);
	list_remove(&c->link); /* to the end: the list gets the order of the spec, the root first */
	list_append(&object->cell.containers, &c->link);
}

/* ---- what belongs to the names of containers ---- */

/* What kuke asked of it, and which one it is: that stays with the name of a container whatever its
 * role becomes. */
struct named {
	char *name;
	bool root;
	enum run_intent run;
	struct identity identity;
};

static struct named *take_named(const struct object *object, size_t *ret_n)
{
	struct named *named = NULL;
	const struct container *c;

	*ret_n = 0;
	list_for_each(c, &object->cell.containers, link) {
		if (!c->spec)
			continue;
		named = xrealloc(named, (*ret_n + 1) * sizeof(*named));
		named[(*ret_n)++] = (struct named){ xstrdup(c->name), container_is_root(c), c->run,
						    c->identity };
	}
	return named;
}

/* One that plays another role from now on is made anew for it: that is its restart. */
static enum run_intent intent_for(const struct container *c, const struct named *named)
{
	bool same_run =
		named && (named->run != INTENT_RESTART || named->root == container_is_root(c));

	return same_run ? named->run : INTENT_RUN;
}

static const Api__ContainerSpec *find_spec(const Api__CellSpec *spec, const char *id)
{
	for (size_t i = 0; i < spec->n_containers; i++)
		if (str_equal(spec->containers[i]->id, id))
			return spec->containers[i];
	return NULL;
}

/* @old: what the cell was made of when it was @named. */
static struct identity identity_for(const struct container *c, const struct named *named,
				    const Api__CellSpec *old, uint64_t version)
{
	struct identity identity = { 0 };
	const Api__ContainerSpec *before = named ? find_spec(old, c->name) : NULL;

	if (named)
		identity = named->identity;
	if (before && !same_message(&before->base, &c->spec->base)) {
		identity.generation++;
		identity.changed = version;
	}
	identity_begin(&identity);
	if (!before)
		identity.changed = version;
	return identity;
}

static const struct named *find_named(const struct container *c, const struct named *named,
				      size_t n)
{
	for (size_t i = 0; c->spec && i < n; i++)
		if (str_equal(named[i].name, c->name))
			return &named[i];
	return NULL;
}

static void give_named(struct engine *engine, struct object *object, struct named *named, size_t n,
		       const Api__CellSpec *old)
{
	uint64_t version = ++engine->version;
	struct container *c;

	list_for_each(c, &object->cell.containers, link) {
		const struct named *before = find_named(c, named, n);

		c->run = intent_for(c, before);
		if (c->spec)
			c->identity = identity_for(c, before, old, version);
	}
	for (size_t i = 0; i < n; i++)
		free(named[i].name);
	free(named);
}

/* It is to be something else from now on. */
static void count_change(struct object *object, const ProtobufCMessage *before,
			 const ProtobufCMessage *after)
{
	if (object->wanted && before && !same_message(before, after))
		object->identity.generation++;
}

/* What the containers of a cell are made of: its spec with the defaults of its space. */
static Api__CellSpec *effective_spec(const struct object *object)
{
	const Api__CellSpec *spec = object_cell_spec(object);
	Api__CellSpec *effective = (Api__CellSpec *)model_copy(&spec->base);
	const struct object *space = space_of(object);

	if (space->spec)
		model_apply_space_defaults(effective, ((const Api__Space *)space->spec)->spec);
	return effective;
}

static void want_containers(struct engine *engine, struct object *object)
{
	Api__CellSpec *old = object->cell.effective;
	Api__CellSpec *spec = object->cell.effective = effective_spec(object);
	size_t root = model_root_index(spec), n_named;
	struct named *named = take_named(object, &n_named);
	struct container *c;

	list_for_each(c, &object->cell.containers, link)
		c->spec = NULL;
	if (spec->n_containers)
		want_container(engine, object, spec, root, true);
	for (size_t i = 0; i < spec->n_containers; i++)
		if (i != root)
			want_container(engine, object, spec, i, false);
	give_named(engine, object, named, n_named, old);
	count_change(object, (const ProtobufCMessage *)old, &spec->base);
	if (!old || !hosts_files_same_aliases(old, spec))
		hosts_files_cell_changed(engine, object);
	protobuf_c_message_free_unpacked((ProtobufCMessage *)old, NULL);
	joins_want(engine, object);
}

/* The defaults of a space are in every cell of it. */
static void want_cells_anew(struct engine *engine, const struct object *space)
{
	AUTO_FREE char *prefix = xasprintf("%s/", space->key);
	struct map_node *node = map_find_from(&engine->objects, prefix);

	for (; node && str_starts_with(node->key, prefix); node = map_next(node)) {
		struct object *object = map_entry(node, struct object, node);

		if (object->kind != KIND_CELL || !object->spec)
			continue;
		want_containers(engine, object);
		engine_enqueue(engine, object);
	}
}

static const ProtobufCMessage *space_defaults(const ProtobufCMessage *space)
{
	return space ? (ProtobufCMessage *)((const Api__Space *)space)->spec->defaults : NULL;
}

static bool same_credentials(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	const Api__RealmSpec *before = a ? ((const Api__Realm *)a)->spec : NULL;
	const Api__RealmSpec *now = ((const Api__Realm *)b)->spec;
	size_t n = before ? before->n_registry_credentials : 0;

	if (!now || n != now->n_registry_credentials)
		return n == (now ? now->n_registry_credentials : 0);
	for (size_t i = 0; i < n; i++)
		if (!same_message(&before->registry_credentials[i]->base,
				  &now->registry_credentials[i]->base))
			return false;
	return true;
}

/* A cell without a spec so far counts as one that does not: whether a daemon before us has given
 * them to one that does cannot be seen. */
static bool wants_all_controllers(const ProtobufCMessage *cell)
{
	return cell && ((const Api__Cell *)cell)->spec->nested_cgroup_runtime;
}

static const ProtobufCMessage *spec_of(enum kind kind, const ProtobufCMessage *message)
{
	return message ? *model_view(kind, message).spec : NULL;
}

struct identity effective_identity(struct engine *engine, const struct object *object,
				   const ProtobufCMessage *message)
{
	struct identity identity = { 0 };
	ProtobufCMessage *declared;

	if (!object || !object->wanted) {
		identity_begin(&identity);
		identity.changed = ++engine->version;
		return identity;
	}
	identity = object->identity;
	declared = effective_document(object);
	if (!same_message(declared, message))
		identity.changed = ++engine->version;
	if (!same_message(spec_of(object->kind, declared), spec_of(object->kind, message)))
		identity.generation++;
	protobuf_c_message_free_unpacked(declared, NULL);
	return identity;
}

static void set_spec(struct engine *engine, struct object *object, ProtobufCMessage *message)
{
	ProtobufCMessage *old = object->spec;

	object->spec = message;
	if (object->kind != KIND_CELL)
		count_change(object, spec_of(object->kind, old), spec_of(object->kind, message));
	if (object->kind == KIND_CELL)
		object->cgroup_stale |=
			wants_all_controllers(old) != wants_all_controllers(message);
	if (object->kind == KIND_CELL)
		want_containers(engine, object);
	ports_declare(engine, object); /* they are applied to what runs */
	if (object->kind == KIND_SPACE &&
	    !same_message(space_defaults(old), space_defaults(message)))
		want_cells_anew(engine, object);
	if (object->kind == KIND_REALM && !same_credentials(old, message))
		pulls_credentials_changed(engine, object);
	protobuf_c_message_free_unpacked(old, NULL);
	engine_want_object_anew(engine, object);
	if (object->kind == KIND_SPACE)
		object->backing.applied =
			false; /* the driver compares the conflist with what is wanted now */
	if (object->kind == KIND_SPACE)
		filter_mark_stale(engine);
	engine_enqueue(engine, object);
	object->identity.changed = ++engine->version;
	engine_changed(engine, object, false);
}

/* What comes back under the name is another object: it runs. */
static void forget_intents(struct object *object)
{
	struct container *c;

	if (object->wanted)
		return;
	object->cell.run = INTENT_RUN;
	list_for_each(c, &object->cell.containers, link)
		c->run = INTENT_RUN;
}

static void set_wanted(struct engine *engine, struct object *object, bool wanted)
{
	if (object->wanted == wanted)
		return;
	object->wanted = wanted;
	object->identity.over = !wanted;
	object_unkeep(object);
	/* What was begun, or failed, was for what was wanted before. */
	engine_want_object_anew(engine, object);
	forget_intents(object);
	ports_declare(engine, object); /* they are applied to what runs */
	if (object->parent) {
		object->parent->wanted_children += wanted ? 1 : (unsigned)-1;
		effective_update(engine, object->parent);
	}
	joins_space_changed(engine, object);
	rivals_changed(engine, object);
	if (wanted)
		engine_enqueue(engine, object);
	else
		engine_invalidate_cgroup(engine, object);
}

static char *source_of(const struct claim *claim)
{
	if (claim && claim->file->path)
		return xasprintf(DESIRED_SOURCE_MANIFEST "%s", claim->file->path);
	return xstrdup(claim ? DESIRED_SOURCE_API : DESIRED_SOURCE_IMPLICIT);
}

void effective_update(struct engine *engine, struct object *object)
{
	struct claim *claim = claim_first(object);
	bool wanted = claim || object->wanted_children;
	ProtobufCMessage *message;
	AUTO_FREE char *source = NULL;
	AUTO_FREE char *refused = NULL;

	if (object->refused) /* it may be declared as it is again */
		engine_enqueue(engine, object);
	if (wanted) {
		identity_begin(&object->identity);
		if (!object->identity.changed)
			object->identity.changed = ++engine->version;
		message = effective_document(object);
		if (object->kind == KIND_CELL)
			effective_join_containers(engine, object, (Api__Cell *)message);
		source = source_of(claim);
		object->implicit = !claim;
		if (!str_equal(source, object->source)) {
			free(object->source);
			object->source = take_ptr(source);
			engine_changed(engine, object, false);
		}
		refused = object->kind == KIND_REALM && object->wanted && object->spec
				  ? refusal_of(object, object->key, message)
				  : NULL;
		if (refused)
			engine_enqueue(engine, object);
		if (refused || same_message(message, object->spec))
			protobuf_c_message_free_unpacked(message, NULL);
		else
			set_spec(engine, object, message);
	}
	set_wanted(engine, object, wanted);
	stops_end_unwanted(engine, object);
	if (object->kind == KIND_CONTAINER && object->parent)
		effective_update(engine, object->parent);
}

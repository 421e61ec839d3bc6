/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manifest/hints.h"

#include "api/kukeon.pb-c.h"
#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/manifest/scalar.h"
#include "core/model/naming.h"

enum {
	WORDS_SHOWN_MAX = 6, /* of a list that is written anew */
	FORMS_KEYS_MAX = 3,
};

/* ---- values as YAML writes them between brackets ---- */

static const char *text_of(const struct node *node)
{
	return node && node->type == NODE_SCALAR ? node->text : "";
}

static void add_word(struct buf *out, const char *text)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_./=:@+-";
	bool plain = *text && text[strspn(text, safe)] == '\0' && scalar_is_text(text) &&
		     text[strlen(text) - 1] != ':';

	buf_printf(out, plain ? "%.80s" : "'%.80s'", text);
}

static void add_words(struct buf *out, const struct node *list, size_t from)
{
	buf_add_str(out, "[");
	for (size_t i = from; i < list->n_children && i < from + WORDS_SHOWN_MAX; i++) {
		buf_add_str(out, i > from ? ", " : "");
		add_word(out, text_of(list->children[i]));
	}
	buf_add_str(out, list->n_children > from + WORDS_SHOWN_MAX ? ", ...]" : "]");
}

static void add_variable(struct buf *out, const char *name, const char *value)
{
	AUTO_FREE char *variable = xasprintf("%.80s=%.80s", name, value);

	add_word(out, variable);
}

static bool has_only_text(const struct node *list)
{
	for (size_t i = 0; i < list->n_children; i++)
		if (list->children[i]->type != NODE_SCALAR)
			return false;
	return list->n_children > 0;
}

static const char *first_text(const struct node *mapping, const char *const keys[FORMS_KEYS_MAX])
{
	const char *text = NULL;

	for (size_t i = 0; !text && i < FORMS_KEYS_MAX && keys[i]; i++)
		text = node_get_text(mapping, keys[i]);
	return text;
}

/* ---- a field's value in another form; each appends what to write ---- */

/* command: [/bin/sh, -c, date] */
static void command_of_list(struct buf *out, const struct node *value)
{
	if (value->type != NODE_LIST || !has_only_text(value))
		return;
	buf_add_str(out, "\"command: ");
	add_word(out, value->children[0]->text);
	if (value->n_children > 1) {
		buf_add_str(out, "\" and \"args: ");
		add_words(out, value, 1);
	}
	buf_add_str(out, "\"");
}

/* env: {A: b} */
static void env_of_mapping(struct buf *out, const struct node *value)
{
	if (value->type != NODE_MAPPING || value->n_children == 0)
		return;
	buf_add_str(out, "\"env: [");
	for (size_t i = 0; i + 1 < value->n_children && i < (size_t)2 * WORDS_SHOWN_MAX; i += 2) {
		buf_add_str(out, i ? ", " : "");
		add_variable(out, text_of(value->children[i]), text_of(value->children[i + 1]));
	}
	buf_add_str(out, value->n_children > (size_t)2 * WORDS_SHOWN_MAX ? ", ...]\"" : "]\"");
}

/* {name: A, value: b} or {A: b} */
static void variable_of_mapping(struct buf *out, const struct node *value)
{
	const char *name = node_get_text(value, "name"), *text = node_get_text(value, "value");

	if (value->type != NODE_MAPPING || value->n_children < 2)
		return;
	buf_add_str(out, "\"");
	if (name)
		add_variable(out, name, text ? text : "VALUE");
	else
		add_variable(out, text_of(value->children[0]), text_of(value->children[1]));
	buf_add_str(out, "\"");
}

/* {containerPort: 80, hostPort: 8080, protocol: UDP} or {target: 80, published: 8080} */
static void port_of_mapping(struct buf *out, const struct node *value)
{
	static const char *const inner_keys[] = { "containerPort", "target", "targetPort" };
	static const char *const outer_keys[] = { "hostPort", "published", "port" };
	const char *inner = first_text(value, inner_keys), *outer = first_text(value, outer_keys),
		   *protocol = node_get_text(value, "protocol");

	if (value->type != NODE_MAPPING || !(inner || outer))
		return;
	buf_printf(out, "\"%.20s:%.20s%s\"", outer ? outer : inner, inner ? inner : outer,
		   protocol && strcasecmp(protocol, "udp") == 0 ? "/udp" : "");
	if (!outer)
		buf_add_str(out, ", the port of the host first");
}

/* "/srv/www:/www:ro" */
static void volume_of_text(struct buf *out, const struct node *value)
{
	const char *text = text_of(value), *target = strchr(text, ':');
	size_t len = target ? strcspn(target + 1, ":") : 0;

	if (*text != '/' || len == 0)
		return;
	buf_printf(out, "\"{source: %.*s, target: %.*s%s}\"", (int)(target - text), text, (int)len,
		   target + 1, str_ends_with(text, ":ro") ? ", readOnly: true" : "");
}

static void tmpfs_of_text(struct buf *out, const struct node *value)
{
	if (*text_of(value) == '/')
		buf_printf(out, "\"{target: %.80s}\"", text_of(value));
}

static void device_of_text(struct buf *out, const struct node *value)
{
	const char *text = text_of(value), *target = strchr(text, ':');
	int len = target ? (int)(target - text) : (int)strlen(text);

	if (*text == '/')
		buf_printf(out, "\"{source: %.*s%s%.*s}\"", len, text, target ? ", target: " : "",
			   target ? (int)strcspn(target + 1, ":") : 0, target ? target + 1 : "");
}

static void capabilities_of_list(struct buf *out, const struct node *value)
{
	if (value->type != NODE_LIST || !has_only_text(value))
		return;
	buf_add_str(out, "\"capabilities: {add: ");
	add_words(out, value, 0);
	buf_add_str(out, "}\"");
}

/* containers: {web: {image: x}} */
static void containers_of_mapping(struct buf *out, const struct node *value)
{
	if (value->type != NODE_MAPPING || value->n_children == 0 ||
	    value->children[1]->type != NODE_MAPPING)
		return;
	buf_add_str(out, "\"containers: [{id: ");
	add_word(out, text_of(value->children[0]));
	buf_add_str(out, ", ...}]\"");
}

/* labels: [a=b] */
static void labels_of_list(struct buf *out, const struct node *value)
{
	const char *text = value->type == NODE_LIST && value->n_children
				   ? text_of(value->children[0])
				   : "",
		   *equals = strchr(text, '=');

	if (equals)
		buf_printf(out, "\"labels: {%.*s: %.80s}\"", (int)(equals - text), text,
			   equals + 1);
}

static const struct {
	const char *field; /* as the schema spells it */
	bool is_entry;
	void (*add)(struct buf *out, const struct node *value);
} forms[] = {
	{ "command", false, command_of_list },
	{ "env", false, env_of_mapping },
	{ "env", true, variable_of_mapping },
	{ "ports", true, port_of_mapping },
	{ "volumes", true, volume_of_text },
	{ "tmpfs", true, tmpfs_of_text },
	{ "devices", true, device_of_text },
	{ "capabilities", false, capabilities_of_list },
	{ "containers", false, containers_of_mapping },
	{ "labels", false, labels_of_list },
};

/* A single value where there may be several. */
static void list_of_text(struct buf *out, const ProtobufCFieldDescriptor *field,
			 const struct node *value)
{
	if (value->type != NODE_SCALAR || field->type != PROTOBUF_C_TYPE_STRING || !*value->text)
		return;
	buf_printf(out, "\"%s: [", naming_of_field(field).text);
	add_word(out, value->text);
	buf_add_str(out, "]\"");
}

char *hint_for_value(const ProtobufCFieldDescriptor *field, bool is_entry, const struct node *value)
{
	AUTO_BUF struct buf out = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (forms[i].is_entry == is_entry && str_equal(forms[i].field, field->name))
			forms[i].add(&out, value);
	if (out.len == 0 && !is_entry && field->label == PROTOBUF_C_LABEL_REPEATED)
		list_of_text(&out, field, value);
	return out.len ? buf_take(&out) : NULL;
}

/* ---- fields ---- */

static const struct {
	const ProtobufCMessageDescriptor *type;
	const char *field, *hint;
} fields[] = {
#define CONTAINER &api__container_spec__descriptor
	{ CONTAINER, "entrypoint",
	  "write \"command\" for the program and \"args\" for its arguments" },
	{ CONTAINER, "cmd", "write \"command\" for the program and \"args\" for its arguments" },
	{ CONTAINER, "environment", "write \"env: [NAME=value]\"" },
	{ CONTAINER, "envFrom", "write \"env: [NAME=value]\"" },
	{ CONTAINER, "volumeMounts",
	  "write \"volumes: [{source: /on/the/host, target: /in/the/container}]\"" },
	{ CONTAINER, "mounts",
	  "write \"volumes: [{source: /on/the/host, target: /in/the/container}]\"" },
	{ CONTAINER, "restart", "write \"restartPolicy: always\", on-failure or never" },
	{ CONTAINER, "workdir", "write \"workingDir\"" },
	{ CONTAINER, "network_mode", "write \"networks\": the further spaces that the cell joins" },
	{ CONTAINER, "cap_add", "write \"capabilities: {add: [...]}\"" },
	{ CONTAINER, "cap_drop", "write \"capabilities: {drop: [...]}\"" },
	{ CONTAINER, "read_only", "write \"readOnlyRootFilesystem\"" },
	{ CONTAINER, "securityContext",
	  "write \"user\", \"privileged\", \"readOnlyRootFilesystem\" and \"capabilities\" in the "
	  "container itself" },
	{ CONTAINER, "depends_on",
	  "leave it out: the containers of a cell start together, its root first" },
#undef CONTAINER
	{ &api__volume__descriptor, "mountPath", "write \"target\"" },
	{ &api__volume__descriptor, "destination", "write \"target\"" },
	{ &api__volume__descriptor, "hostPath", "write \"source: /on/the/host\"" },
	{ &api__volume__descriptor, "type", "write \"kind: bind\" or tmpfs" },
	{ &api__volume__descriptor, "name",
	  "leave it out: a volume is \"source\", \"target\" and \"readOnly\"" },
	{ &api__cell_spec__descriptor, "initContainers",
	  "leave it out: all containers of a cell run beside each other" },
	{ &api__metadata__descriptor, "namespace",
	  "leave it out: write \"realmId\", \"spaceId\" and \"stackId\" below \"spec\"" },
};

static bool has_field(const ProtobufCMessageDescriptor *type, const char *name)
{
	return naming_find_field(type, name) != NULL;
}

/* It is a field, but of the level below. */
static const char *level_below(const ProtobufCMessageDescriptor *type, const char *name)
{
	static const struct {
		const ProtobufCMessageDescriptor *above, *below;
		const char *hint;
	} levels[] = {
		{ &api__cell_spec__descriptor, &api__container_spec__descriptor,
		  "belongs to a container: write it in an entry of \"containers\"" },
		{ &api__space_spec__descriptor, &api__container_defaults__descriptor,
		  "belongs below \"defaults\", \"container\"" },
	};
	const ProtobufCFieldDescriptor *spec = naming_find_field(type, "spec");

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (type == levels[i].above && has_field(levels[i].below, name))
			return levels[i].hint;
	if (!spec)
		return NULL;
	if (has_field(&api__metadata__descriptor, name))
		return "write it below \"metadata\"";
	if (has_field(spec->descriptor, name))
		return "write it below \"spec\"";
	if (spec->descriptor == &api__cell_spec__descriptor &&
	    has_field(&api__container_spec__descriptor, name))
		return "belongs to a container: write it in an entry of \"spec\", \"containers\"";
	return NULL;
}

char *hint_for_field(const ProtobufCMessageDescriptor *type, const struct node *key,
		     const struct node *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].type == type && str_equal(fields[i].field, key->text))
			return xstrdup(fields[i].hint);
	if (str_equal(key->text, "name") && has_field(type, "id") && *text_of(value))
		return xasprintf("write \"id: %.80s\"", text_of(value));
	return xstrdup_maybe(level_below(type, key->text));
}

/* ---- kinds ---- */

#define A_CELL "write \"kind: Cell\", with the containers in its \"spec\""

static const struct {
	const char *kind, *hint;
} kinds[] = {
	{ "Pod", A_CELL },
	{ "Deployment", A_CELL },
	{ "ReplicaSet", A_CELL },
	{ "StatefulSet", A_CELL },
	{ "DaemonSet", A_CELL },
	{ "Job", A_CELL ", each with \"restartPolicy: on-failure\"" },
	{ "CronJob", A_CELL "; a timer of systemd can start it" },
	{ "Service", "leave it out: cells of a space find each other by their names, and \"ports\" "
		     "of a container lead to it from outside" },
	{ "Ingress", "leave it out: \"ports\" of a container lead to it from outside" },
	{ "Namespace", "write \"kind: Realm\", or Space for a network of its own" },
	{ "ConfigMap", "leave it out: write \"env\" in the container, or mount a file with "
		       "\"volumes\"" },
	{ "Secret", "leave it out: mount a file with \"volumes\"" },
	{ "PersistentVolume", "leave it out: write \"volumes\" in the container" },
	{ "PersistentVolumeClaim", "leave it out: write \"volumes\" in the container" },
	{ "NetworkPolicy", "write \"network: {egress: ...}\" in the Space" },
};

const char *hint_for_kind(const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_equal(kinds[i].kind, kind))
			return kinds[i].hint;
	return NULL;
}

const char *hint_for_document(const struct node *root)
{
	if (!node_get(root, "services") || node_get(root, "spec"))
		return NULL;
	return "this looks like a compose file; write a document of \"kind: Cell\" for each service, "
	       "or one Cell with a container for each";
}

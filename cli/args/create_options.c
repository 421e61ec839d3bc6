/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args/create_options.h"

#include <errno.h>

#include "cli/args/kinds.h"
#include "core/base/buf.h"
#include "core/model/field.h"
#include "core/model/naming.h"

enum {
	KEY_LABEL = 0x100,
	KEY_NAMESPACE,
	KEY_SUBNET,
	KEY_SUBNET6,
	KEY_IPV6,
	KEY_IMAGE,
	KEY_COMMAND,
	KEY_ARGS,
	KEY_USER,
	KEY_WORKING_DIR,
	KEY_PRIVILEGED,
	KEY_ROOT,
	KEY_RESTART_POLICY,
	KEY_READ_ONLY,
	KEY_HOSTNAME,
};

/* The kind comes first, so that the help says whose an option is. */
static const struct argp_option own_options[] = {
	{ .name = "label",
	  .key = KEY_LABEL,
	  .arg = "KEY=VALUE",
	  .doc = "A label; may be given several times" },
	{ .name = "namespace",
	  .key = KEY_NAMESPACE,
	  .arg = "TEXT",
	  .doc = "Realm: the containerd namespace (else kukeon-NAME)" },
	{ .name = "subnet",
	  .key = KEY_SUBNET,
	  .arg = "CIDR",
	  .doc = "Space: its range of addresses (else the next free one)" },
	{ .name = "subnet6",
	  .key = KEY_SUBNET6,
	  .arg = "CIDR",
	  .doc = "Space: its range of IPv6 addresses, beside that of IPv4" },
	{ .name = "ipv6",
	  .key = KEY_IPV6,
	  .doc = "Space: the same with the next free range of IPv6" },
	{ .name = "image",
	  .key = KEY_IMAGE,
	  .arg = "REFERENCE",
	  .doc = "Container: its image (else docker.io/library/debian:latest)" },
	{ .name = "command",
	  .key = KEY_COMMAND,
	  .arg = "PATH",
	  .doc = "Container: what runs instead of the image's entrypoint" },
	{ .name = "args",
	  .key = KEY_ARGS,
	  .arg = "TEXT",
	  .doc = "Container: one argument, instead of those of the image; may be given several "
		 "times and begin with a dash" },
	{ .name = "env",
	  .key = 'e',
	  .arg = "NAME=VALUE",
	  .doc = "Container: one variable; may be given several times" },
	{ .name = "volume",
	  .key = 'v',
	  .arg = "SOURCE:TARGET[:ro]",
	  .doc = "Container: a directory of the host; may be given several times" },
	{ .name = "user",
	  .key = KEY_USER,
	  .arg = "USER[:GROUP]",
	  .doc = "Container: names or numbers (else the image's)" },
	{ .name = "working-dir",
	  .key = KEY_WORKING_DIR,
	  .arg = "PATH",
	  .doc = "Container: where it starts (else the image's)" },
	{ .name = "privileged",
	  .key = KEY_PRIVILEGED,
	  .doc = "Container: all capabilities and devices" },
	{ .name = "root", .key = KEY_ROOT, .doc = "Container: it owns the cell's network" },
	{ .name = "restart-policy",
	  .key = KEY_RESTART_POLICY,
	  .arg = "always|on-failure|never",
	  .doc = "Container: what happens when it exits (else always)" },
	{ .name = "read-only",
	  .key = KEY_READ_ONLY,
	  .doc = "Container: its root filesystem cannot be written" },
	{ .name = "hostname",
	  .key = KEY_HOSTNAME,
	  .arg = "TEXT",
	  .doc = "Container: the host name inside (else the cell's name)" },
	{ 0 },
};

/* Options that are a field of a container's spec, one to one. */
static const struct {
	int key;
	const char *field;
} fields[] = {
	{ KEY_IMAGE, "image" },
	{ KEY_COMMAND, "command" },
	{ KEY_ARGS, "args" },
	{ 'e', "env" },
	{ KEY_USER, "user" },
	{ KEY_WORKING_DIR, "working_dir" },
	{ KEY_PRIVILEGED, "privileged" },
	{ KEY_ROOT, "root" },
	{ KEY_RESTART_POLICY, "restart_policy" },
	{ KEY_READ_ONLY, "read_only_root_filesystem" },
	{ KEY_HOSTNAME, "hostname" },
};

static void mark_given(struct create_options *own, enum kind kind, int key)
{
	const struct argp_option *option = own_options;

	while (option->key != key)
		option++;
	own->given[kind] = option->name;
}

static Api__ContainerSpec *container_of_options(struct create_options *own, int key)
{
	mark_given(own, KIND_CONTAINER, key);
	if (!own->container)
		own->container =
			(Api__ContainerSpec *)message_new(&api__container_spec__descriptor);
	return own->container;
}

static error_t set_enum(int *storage, const ProtobufCEnumDescriptor *type, const char *value,
			struct error *err)
{
	const ProtobufCEnumValue *found = naming_find_value(type, value);
	AUTO_BUF struct buf known = { 0 };

	for (unsigned i = 0; i < type->n_values; i++)
		if (!naming_is_unspecified(&type->values[i]))
			buf_printf(&known, "%s%s", known.len ? ", " : "",
				   naming_of_value(type, &type->values[i]).text);
	if (found)
		*storage = found->value;
	else
		error_set(err, -EINVAL, "\"%s\" is none of %s", value, known.data);
	return found ? 0 : EINVAL;
}

/* Of every type that an option has; another one wants its words here. */
static error_t set_value(void *storage, const ProtobufCFieldDescriptor *field, const char *value,
			 struct error *err)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)storage = true;
		return 0;
	case PROTOBUF_C_TYPE_STRING:
		*(char **)storage = xstrdup(value);
		return 0;
	case PROTOBUF_C_TYPE_ENUM:
		return set_enum(storage, field->descriptor, value, err);
	default:
		check(!"an option for a field of a type that no option has yet");
		return EINVAL;
	}
}

/* Of a field that is no list the last value counts. */
static error_t set_field(struct create_options *own, int key, const char *value, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const ProtobufCFieldDescriptor *field;
		ProtobufCMessage *spec;

		if (fields[i].key != key)
			continue;
		spec = &container_of_options(own, key)->base;
		field = field_find(&api__container_spec__descriptor, fields[i].field);
		if (field->label != PROTOBUF_C_LABEL_REPEATED)
			field_clear(spec, field);
		return set_value(field_add(spec, field), field, value, err);
	}
	return ARGP_ERR_UNKNOWN;
}

/* SOURCE:TARGET, SOURCE:TARGET:ro or SOURCE:TARGET:rw. */
static error_t add_volume(struct create_options *own, const char *value, struct error *err)
{
	const char *colon = strchr(value, ':'), *mode = colon ? strchr(colon + 1, ':') : NULL;
	Api__ContainerSpec *spec = container_of_options(own, 'v');
	Api__Volume *volume;

	if (!colon || colon == value || !colon[1] ||
	    (mode && !str_equal(mode, ":ro") && !str_equal(mode, ":rw"))) {
		error_set(err, -EINVAL,
			  "--volume \"%s\": expected SOURCE:TARGET or "
			  "SOURCE:TARGET:ro",
			  value);
		return EINVAL;
	}
	volume = (Api__Volume *)message_new(&api__volume__descriptor);
	volume->source = xstrndup(value, (size_t)(colon - value));
	volume->target =
		mode ? xstrndup(colon + 1, (size_t)(mode - colon - 1)) : xstrdup(colon + 1);
	volume->has_read_only = volume->read_only = str_equal(mode, ":ro");
	*(Api__Volume **)field_add(&spec->base, field_find(spec->base.descriptor, "volumes")) =
		volume;
	return 0;
}

static error_t add_label(struct create_options *own, const char *value, struct error *err)
{
	const char *equals = strchr(value, '=');

	if (equals && equals != value && own->n_labels < CREATE_LABELS_MAX) {
		own->labels[own->n_labels++] = value;
		return 0;
	}
	error_set(err, -EINVAL, "--label \"%s\": expected KEY=VALUE, at most %d times", value,
		  CREATE_LABELS_MAX);
	return EINVAL;
}

static error_t parse_own(int key, char *arg, struct argp_state *state)
{
	const struct args *args = state->input;
	struct create_options *own = args->own;

	switch (key) {
	case KEY_LABEL:
		return add_label(own, arg, args->err);
	case KEY_NAMESPACE:
		own->namespace = arg;
		mark_given(own, KIND_REALM, key);
		return 0;
	case KEY_SUBNET:
		own->subnet = arg;
		mark_given(own, KIND_SPACE, key);
		return 0;
	case KEY_SUBNET6:
		own->subnet6 = arg;
		mark_given(own, KIND_SPACE, key);
		return 0;
	case KEY_IPV6:
		own->ipv6 = true;
		mark_given(own, KIND_SPACE, key);
		return 0;
	case 'v':
		return add_volume(own, arg, args->err);
	default:
		return set_field(own, key, arg, args->err);
	}
}

const struct argp create_options_argp = { .options = own_options, .parser = parse_own };

int create_options_check(const struct create_options *own, enum kind kind, struct error *err)
{
	for (int other = 0; other < KIND_COUNT; other++) {
		if (other == (int)kind || !own->given[other])
			continue;
		return error_set(err, -EINVAL, "--%s is for a %s, not for a %s", own->given[other],
				 kinds_singular((enum kind)other), kinds_singular(kind));
	}
	return 0;
}

void create_options_fini(struct create_options *own)
{
	if (own->container)
		protobuf_c_message_free_unpacked(&own->container->base, NULL);
	own->container = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a container's spec decides over what: root, restart, stop, and the hash.
 *
 * The hash is taken over the packed spec after everything was cleared that means the same as a
 * field left out. Packed fields stand in the order of their numbers and unset fields take no room,
 * so a field added to the schema later changes the hash of those specs only that use it.
 */
#include <signal.h>
#include <stdio.h>
#include <strings.h>

#include "core/model/field.h"
#include "core/model/model.h"

static const char HASH_VERSION[] = "v1:";

enum { SIGNAL_MAX = 64 };

size_t model_root_index(const Api__CellSpec *spec)
{
	bool named = !str_empty(spec->root_container_id);

	for (size_t i = 0; i < spec->n_containers; i++) {
		const Api__ContainerSpec *container = spec->containers[i];

		if (named ? str_equal(container->id, spec->root_container_id) : container->root)
			return i;
	}
	return 0;
}

enum restart_policy model_restart_policy(const Api__ContainerSpec *spec)
{
	switch (spec->restart_policy) {
	case API__RESTART_POLICY__RESTART_POLICY_ON_FAILURE:
		return RESTART_ON_FAILURE;
	case API__RESTART_POLICY__RESTART_POLICY_NEVER:
		return RESTART_NEVER;
	default:
		return RESTART_ALWAYS;
	}
}

/* A decimal number of one or two digits up to SIGNAL_MAX; -1 for anything else. */
static int small_number(const char *s)
{
	size_t len = strspn(s, "0123456789");
	int number;

	if (len == 0 || len > 2 || s[len])
		return -1;
	number = atoi(s);
	return number <= SIGNAL_MAX ? number : -1;
}

static int parse_realtime(const char *name)
{
	int offset;

	if (strcasecmp(name, "RTMIN") == 0)
		return SIGRTMIN;
	if (strcasecmp(name, "RTMAX") == 0)
		return SIGRTMAX;
	if (strncasecmp(name, "RTMIN+", 6) != 0 && strncasecmp(name, "RTMAX-", 6) != 0)
		return 0;
	offset = small_number(name + 6);
	if (offset < 0 || offset > SIGRTMAX - SIGRTMIN)
		return 0;
	return name[5] == '+' ? SIGRTMIN + offset : SIGRTMAX - offset;
}

int model_signal_parse(const char *name)
{
	int number = small_number(name);

	if (number >= 0)
		return number;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int sig = 1; sig < SIGRTMIN; sig++) {
		const char *abbreviation = sigabbrev_np(sig);

		if (abbreviation && strcasecmp(name, abbreviation) == 0)
			return sig;
	}
	return parse_realtime(name);
}

int model_stop_signal(const Api__ContainerSpec *spec)
{
	return !spec || str_empty(spec->stop_signal) ? 0 : model_signal_parse(spec->stop_signal);
}

uint64_t model_stop_grace_ms(const Api__ContainerSpec *spec)
{
	static const Api__ContainerSpec nothing = API__CONTAINER_SPEC__INIT;

	return (uint64_t)(spec ? spec : &nothing)->stop_grace_period_seconds * 1000;
}

const char *model_device_target(const Api__Device *device)
{
	return str_empty(device->target) ? device->source : device->target;
}

static bool is_empty(const ProtobufCMessage *message)
{
	for (unsigned f = 0; f < message->descriptor->n_fields; f++)
		if (field_count(message, &message->descriptor->fields[f]))
			return false;
	return true;
}

/* Whether a value that is written out is the one that is meant when it is left out: the default
 * that the schema gives, else zero; a text may always be left empty. */
static bool means_nothing(const ProtobufCFieldDescriptor *field, const void *value)
{
	static const uint64_t zero = 0;
	const char *text;

	if (field->type != PROTOBUF_C_TYPE_STRING)
		return memcmp(value, field->default_value ? field->default_value : &zero,
			      field_bytes(field)) == 0;
	text = *(char *const *)value;
	return !*text || str_equal(text, field->default_value);
}

/* Unsets what means the same as nothing: defaults and messages without content, here and in all
 * messages below. What a list of texts or numbers holds stays. */
static void clear_empty(ProtobufCMessage *message)
{
	for (unsigned f = 0; f < message->descriptor->n_fields; f++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[f];

		if (field_count(message, field) == 0)
			field_clear(message, field); /* an enum that says nothing */
		for (size_t i = 0; i < field_count(message, field); i++) {
			void *value = field_value(message, field, i);
			bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;

			if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
				clear_empty(*(ProtobufCMessage **)value);
				if (!repeated && is_empty(*(ProtobufCMessage **)value))
					field_clear(message, field);
			} else if (repeated) {
				break;
			} else if (means_nothing(field, value)) {
				field_clear(message, field);
			}
		}
	}
}

/* The one default that is another field. */
static void clear_device_targets(Api__ContainerSpec *spec)
{
	for (size_t i = 0; i < spec->n_devices; i++)
		if (spec->devices[i]->target &&
		    str_equal(spec->devices[i]->target, spec->devices[i]->source))
			spec->devices[i]->target[0] = '\0';
}

/* A volume's kind was a text once: hashed as one, containers of that time are what they were. It is
 * the last field of a volume, as unknown fields are. */
static void hash_kind_as_text(Api__Volume *volume)
{
	static const uint8_t text[] = "\x05tmpfs"; /* its length in front, as on the wire */
	ProtobufCMessageUnknownField *field;

	if (volume->kind != API__VOLUME_KIND__VOLUME_KIND_TMPFS)
		return;
	field = xcalloc(1, sizeof(*field));
	*field = (ProtobufCMessageUnknownField){ .tag = 4,
						 .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
						 .len = sizeof(text) - 1,
						 .data = xcalloc(1, sizeof(text)) };
	memcpy(field->data, text, field->len);
	volume->base.unknown_fields = field;
	volume->base.n_unknown_fields = 1;
	volume->has_kind = false;
}

/* Leaves in @spec what a running container is made from. */
static void keep_effective(Api__ContainerSpec *spec, bool is_root)
{
	static const char *const irrelevant[] = {
		"realm_id",
		"space_id",
		"stack_id",
		"cell_id",
		"restart_policy",
		"restart_backoff_seconds",
		"restart_max_retries",
		"ports", /* applied to the running cell */
		"stop_signal",
		"stop_grace_period_seconds",
		"networks",
		"networks_aliases",
		"image_pull_policy",
		"log_driver",
		"log_max_size",
		"log_max_files",
	};

	for (size_t i = 0; i < ARRAY_SIZE(irrelevant); i++)
		field_clear(&spec->base, field_find(spec->base.descriptor, irrelevant[i]));
	spec->has_root = spec->root = is_root;
	clear_device_targets(spec);
	clear_empty(&spec->base);
	for (size_t i = 0; i < spec->n_volumes; i++)
		hash_kind_as_text(spec->volumes[i]);
}

void model_container_hash(const Api__CellSpec *cell, size_t container,
			  char ret_hash[SHA256_HEX_BYTES])
{
	Api__ContainerSpec *spec =
		(Api__ContainerSpec *)model_copy(&cell->containers[container]->base);
	size_t prefix = sizeof(HASH_VERSION) - 1, len;
	AUTO_FREE uint8_t *packed = NULL;

	keep_effective(spec, container == model_root_index(cell));
	len = prefix + protobuf_c_message_get_packed_size(&spec->base);
	packed = xcalloc(len, 1);
	memcpy(packed, HASH_VERSION, prefix);
	protobuf_c_message_pack(&spec->base, packed + prefix);
	protobuf_c_message_free_unpacked(&spec->base, NULL);
	sha256_hex(packed, len, ret_hash);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What holds of every field and every enum of the schema, so that the next one cannot be forgotten:
 * where a test fails for a new field, the place that has to know it is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "api/kukeon.pb-c.h"
#include "core/base/buf.h"
#include "core/model/field.h"
#include "core/model/model.h"
#include "core/model/naming.h"
#include "core/validate/validate.h"

/* ---- enums ---- */

struct seen {
	const void *items[256]; /* messages and enums */
	size_t n;
};

static bool see(struct seen *seen, const void *item)
{
	for (size_t i = 0; i < seen->n; i++)
		if (seen->items[i] == item)
			return false;
	assert_true(seen->n < ARRAY_SIZE(seen->items));
	seen->items[seen->n++] = item;
	return true;
}

/* Calls @check for every enum that a field of @type or below has. */
static void walk(const ProtobufCMessageDescriptor *type, struct seen *seen,
		 void (*check_enum)(const ProtobufCEnumDescriptor *type))
{
	if (!see(seen, type))
		return;
	for (unsigned f = 0; f < type->n_fields; f++) {
		const ProtobufCFieldDescriptor *field = &type->fields[f];

		if (field->type == PROTOBUF_C_TYPE_MESSAGE)
			walk(field->descriptor, seen, check_enum);
		else if (field->type == PROTOBUF_C_TYPE_ENUM && see(seen, field->descriptor))
			check_enum(field->descriptor);
	}
}

static void check_prefix(const ProtobufCEnumDescriptor *type)
{
	assert_true(naming_is_unspecified(&type->values[0]));
	assert_null(naming_find_value(type, "Unspecified"));
	assert_null(naming_find_value(type, type->values[0].name));
	for (unsigned i = 1; i < type->n_values; i++) {
		const struct field_name name = naming_of_value(type, &type->values[i]);

		if (strlen(name.text) >= strlen(type->values[i].name))
			fail_msg("%s has no prefix", type->values[i].name);
		assert_ptr_equal(naming_find_value(type, name.text), &type->values[i]);
	}
}

/* Of all that any call says or is told. */
static void test_enums(void **state UNUSED)
{
	static const ProtobufCServiceDescriptor *const services[] = { &api__kukeon__descriptor,
								      &api__images__descriptor,
								      &api__admin__descriptor };
	struct seen seen = { 0 };

	for (size_t s = 0; s < ARRAY_SIZE(services); s++)
		for (unsigned m = 0; m < services[s]->n_methods; m++) {
			walk(services[s]->methods[m].input, &seen, check_prefix);
			walk(services[s]->methods[m].output, &seen, check_prefix);
		}
}

static void check_small(const ProtobufCEnumDescriptor *type)
{
	if (type == &api__image_pull_policy__descriptor)
		return; /* IfNotPresent: as everybody writes it */
	for (unsigned i = 1; i < type->n_values; i++) {
		const struct field_name name = naming_of_value(type, &type->values[i]);

		if (strpbrk(name.text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"))
			fail_msg("users would write %s: is_written_small() in core/model/naming.c",
				 name.text);
	}
}

static void test_enums_of_manifests(void **state UNUSED)
{
	const ProtobufCMessageDescriptor *object = &api__object__descriptor;
	struct seen seen = { 0 };

	for (unsigned kind = 0; kind < object->n_fields; kind++) {
		const ProtobufCMessageDescriptor *type = object->fields[kind].descriptor;

		walk(field_find(type, "spec")->descriptor, &seen, check_small);
	}
	assert_true(seen.n > 0);
}

/* As documents, stores and events of earlier versions have them. */
static void test_words_of_old(void **state UNUSED)
{
	static const struct {
		const ProtobufCEnumDescriptor *type;
		const char *word;
		int value;
	} rows[] = {
		{ &api__state__descriptor, "Ready", API__STATE__STATE_READY },
		{ &api__kind__descriptor, "REALM", API__KIND__KIND_REALM },
		{ &api__kind__descriptor, "Realm", API__KIND__KIND_REALM },
		{ &api__outcome__descriptor, "NOT_FOUND", API__OUTCOME__OUTCOME_NOT_FOUND },
		{ &api__outcome__descriptor, "NotFound", API__OUTCOME__OUTCOME_NOT_FOUND },
		{ &api__event__type__descriptor, "Warning", API__EVENT__TYPE__TYPE_WARNING },
		{ &api__restart_policy__descriptor, "on-failure",
		  API__RESTART_POLICY__RESTART_POLICY_ON_FAILURE },
		{ &api__volume_kind__descriptor, "tmpfs", API__VOLUME_KIND__VOLUME_KIND_TMPFS },
		{ &api__host_kind__descriptor, "veth", API__HOST_KIND__HOST_KIND_VETH },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const ProtobufCEnumValue *value = naming_find_value(rows[i].type, rows[i].word);

		assert_non_null(value);
		assert_int_equal(value->value, rows[i].value);
	}
}

/* ---- statuses ---- */

static const ProtobufCMessageDescriptor *status_type(enum kind kind)
{
	return field_find(model_descriptor(kind), "status")->descriptor;
}

static void expect_same_field(const ProtobufCMessageDescriptor *type,
			      const ProtobufCFieldDescriptor *common)
{
	const ProtobufCFieldDescriptor *own = field_find(type, common->name);

	if (!own || own->id != common->id || own->type != common->type ||
	    own->label != common->label || own->descriptor != common->descriptor)
		fail_msg("%s.%s is not as in %s: api/kukeon.proto", type->short_name, common->name,
			 api__common_status__descriptor.short_name);
}

/* Whoever knows no more can read each of them as this. */
static void test_statuses_have_one_head(void **state UNUSED)
{
	const ProtobufCMessageDescriptor *common = &api__common_status__descriptor;

	for (int kind = KIND_REALM; kind < KIND_CONTAINER; kind++)
		for (unsigned f = 0; f < common->n_fields; f++)
			expect_same_field(status_type((enum kind)kind), &common->fields[f]);
}

/* What it has in common with the others means the same; its numbers are its own. */
static void test_status_of_a_container(void **state UNUSED)
{
	const ProtobufCMessageDescriptor *common = &api__common_status__descriptor,
					 *type = &api__container_status__descriptor;

	for (unsigned f = 0; f < common->n_fields; f++) {
		const ProtobufCFieldDescriptor *own = field_find(type, common->fields[f].name);

		if (own &&
		    (own->type != common->fields[f].type || own->label != common->fields[f].label))
			fail_msg("ContainerStatus.%s is of another type", own->name);
	}
	assert_non_null(field_find(type, "state"));
}

/* What one kind alone has, and what it never has, is in no other's. */
static void test_statuses_are_of_their_kind(void **state UNUSED)
{
	static const struct {
		const char *name;
		enum kind kind;
	} rows[] = {
		{ "containerd_namespace", KIND_REALM },
		{ "network", KIND_SPACE },
		{ "subnet", KIND_SPACE },
		{ "egress", KIND_SPACE },
		{ "ip", KIND_CELL },
		{ "containers", KIND_CELL },
		{ "joins", KIND_CELL },
		{ "ports", KIND_CELL },
		{ "pid", KIND_CONTAINER },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (int kind = KIND_REALM; kind < KIND_COUNT; kind++)
			assert_int_equal(field_find(status_type((enum kind)kind), rows[i].name) !=
						 NULL,
					 kind == (int)rows[i].kind);
	assert_int_equal(status_type(KIND_STACK)->n_fields,
			 api__common_status__descriptor.n_fields);
}

/* ---- fields of a container ---- */

static Api__Cell *new_cell(void)
{
	Api__Cell *cell = (Api__Cell *)message_new(&api__cell__descriptor);
	Api__ContainerSpec *container =
		(Api__ContainerSpec *)message_new(&api__container_spec__descriptor);

	cell->spec = (Api__CellSpec *)message_new(&api__cell_spec__descriptor);
	cell->spec->id = xstrdup("web");
	container->id = xstrdup("main");
	container->image = xstrdup("image");
	cell->spec->containers = xcalloc(1, sizeof(container));
	cell->spec->containers[cell->spec->n_containers++] = container;
	return cell;
}

static void hash(const Api__Cell *cell, char ret[SHA256_HEX_BYTES])
{
	model_container_hash(cell->spec, 0, ret);
}

static bool is_scalar(const ProtobufCFieldDescriptor *field)
{
	return field->label != PROTOBUF_C_LABEL_REPEATED && field->type != PROTOBUF_C_TYPE_MESSAGE;
}

/* The value that stands for leaving it out; another one with @other. */
static void set(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, bool other)
{
	void *storage = field_add(message, field);
	const char *text = field->default_value ? field->default_value : "";

	if (field->type == PROTOBUF_C_TYPE_STRING)
		*(char **)storage = xstrdup(other ? "other" : text);
	else if (field->default_value)
		memcpy(storage, field->default_value, field_bytes(field));
	if (other && field->type == PROTOBUF_C_TYPE_BOOL)
		*(protobuf_c_boolean *)storage = true;
	else if (other && field->type != PROTOBUF_C_TYPE_STRING)
		++*(uint32_t *)storage;
}

static void expect_same_hash(const ProtobufCMessage *before, const Api__Cell *cell,
			     const ProtobufCFieldDescriptor *field, bool same)
{
	char a[SHA256_HEX_BYTES], b[SHA256_HEX_BYTES];

	hash((const Api__Cell *)before, a);
	hash(cell, b);
	if (str_equal(a, b) != same)
		fail_msg("%s: hashes are %s: core/model/container.c", field->name,
			 same ? "different for the default that is written out"
			      : "the same for another value, and it is not in the list of what "
				"changes nothing that runs");
}

static ProtobufCMessage *part_of(Api__Cell *cell, const ProtobufCFieldDescriptor *list)
{
	ProtobufCMessage *spec = &cell->spec->containers[0]->base, *part;

	if (!list)
		return spec;
	part = message_new(list->descriptor);
	*(ProtobufCMessage **)field_add(spec, list) = part;
	return part;
}

/* @list: the field of a container that holds such messages; NULL: of the container itself. */
static void check_defaults(const ProtobufCMessageDescriptor *type,
			   const ProtobufCFieldDescriptor *list)
{
	for (unsigned f = 0; f < type->n_fields; f++) {
		Api__Cell *cell = new_cell(), *before;
		ProtobufCMessage *part = part_of(cell, list);

		before = (Api__Cell *)model_copy(&cell->base);
		if (is_scalar(&type->fields[f]) && field_count(part, &type->fields[f]) == 0) {
			set(part, &type->fields[f], false);
			expect_same_hash(&before->base, cell, &type->fields[f], true);
		}
		protobuf_c_message_free_unpacked(&before->base, NULL);
		protobuf_c_message_free_unpacked(&cell->base, NULL);
	}
}

static void test_defaults_written_out_change_nothing(void **state UNUSED)
{
	const ProtobufCMessageDescriptor *type = &api__container_spec__descriptor;

	check_defaults(type, NULL);
	for (unsigned f = 0; f < type->n_fields; f++)
		if (type->fields[f].type == PROTOBUF_C_TYPE_MESSAGE)
			check_defaults(type->fields[f].descriptor, &type->fields[f]);
}

/* Whoever adds a field says here, too, that a change of it leaves alone what runs. */
static bool changes_nothing_that_runs(const char *name)
{
	static const char *const names[] = {
		"realm_id",
		"space_id",
		"stack_id",
		"cell_id",
		"root", /* what is the root decides */
		"restart_policy",
		"restart_backoff_seconds",
		"restart_max_retries",
		"stop_signal",
		"stop_grace_period_seconds",
		"image_pull_policy",
		"log_driver",
		"log_max_size",
		"log_max_files",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_equal(name, names[i]))
			return true;
	return false;
}

static void test_another_value_is_another_container(void **state UNUSED)
{
	const ProtobufCMessageDescriptor *type = &api__container_spec__descriptor;

	for (unsigned f = 0; f < type->n_fields; f++) {
		const ProtobufCFieldDescriptor *field = &type->fields[f];
		Api__Cell *cell = new_cell(), *before = new_cell();

		if (is_scalar(field)) {
			field_clear(&cell->spec->containers[0]->base, field);
			set(&cell->spec->containers[0]->base, field, true);
			expect_same_hash(&before->base, cell, field,
					 changes_nothing_that_runs(field->name));
		}
		protobuf_c_message_free_unpacked(&before->base, NULL);
		protobuf_c_message_free_unpacked(&cell->base, NULL);
	}
}

/* ---- defaults of a space ---- */

/* No field allows it. */
static void set_nonsense(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	void *storage;

	field_clear(message, field);
	storage = field_add(message, field);
	if (field->type == PROTOBUF_C_TYPE_STRING)
		*(char **)storage = xstrdup(" no\tsense ");
	else if (field->type == PROTOBUF_C_TYPE_ENUM)
		*(int *)storage = 9999;
	else if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		*(ProtobufCMessage **)storage = message_new(field->descriptor);
	else
		memset(storage, field->type == PROTOBUF_C_TYPE_BOOL ? 1 : 0x7f, field_bytes(field));
}

/* What is said of the field, without where the container stands. */
static char *problems_of(enum kind kind, const ProtobufCMessage *message, const char *prefix)
{
	struct model_problems problems = { 0 };
	AUTO_BUF struct buf text = { 0 };

	model_validate(kind, message, &problems);
	buf_add_str(&text, "");
	for (size_t i = 0; i < problems.n; i++)
		if (str_starts_with(problems.items[i].path, prefix))
			buf_printf(&text, "%s: %s\n", problems.items[i].path + strlen(prefix),
				   problems.items[i].message);
	model_problems_fini(&problems);
	return buf_take(&text);
}

static ProtobufCMessage *container_with(const char *name)
{
	Api__Container *container = (Api__Container *)message_new(&api__container__descriptor);

	container->spec = (Api__ContainerSpec *)message_new(&api__container_spec__descriptor);
	container->spec->id = xstrdup("main");
	container->spec->cell_id = xstrdup("web");
	container->spec->image = xstrdup("image");
	set_nonsense(&container->spec->base, field_find(container->spec->base.descriptor, name));
	model_set_defaults(KIND_CONTAINER, &container->base);
	return &container->base;
}

static ProtobufCMessage *space_with(const ProtobufCFieldDescriptor *field)
{
	Api__Space *space = (Api__Space *)message_new(&api__space__descriptor);

	space->spec = (Api__SpaceSpec *)message_new(&api__space_spec__descriptor);
	space->spec->id = xstrdup("s");
	space->spec->defaults = (Api__SpaceDefaults *)message_new(&api__space_defaults__descriptor);
	space->spec->defaults->container =
		(Api__ContainerDefaults *)message_new(&api__container_defaults__descriptor);
	set_nonsense(&space->spec->defaults->container->base, field);
	model_set_defaults(KIND_SPACE, &space->base);
	return &space->base;
}

/* What a container must not say, a space must not say for it. */
static void test_defaults_of_a_space_are_validated(void **state UNUSED)
{
	const ProtobufCMessageDescriptor *type = &api__container_defaults__descriptor;

	for (unsigned f = 0; f < type->n_fields; f++) {
		const ProtobufCFieldDescriptor *field = &type->fields[f];
		ProtobufCMessage *container = container_with(field->name),
				 *space = space_with(field);
		AUTO_FREE char *expected = problems_of(KIND_CONTAINER, container, "spec.");
		AUTO_FREE char *found = problems_of(KIND_SPACE, space, "spec.defaults.container.");

		if (!str_equal(expected, found))
			fail_msg("%s: of a container \"%s\", as the default of a space \"%s\": "
				 "core/validate/validate_container.c",
				 field->name, expected, found);
		protobuf_c_message_free_unpacked(container, NULL);
		protobuf_c_message_free_unpacked(space, NULL);
	}
}

/* ---- rules ---- */

/* Whoever adds a field without a rule of its own says so here. */
static bool takes_any_value(const ProtobufCFieldDescriptor *field)
{
	static const char *const names[] = {
		"command", /* up to a length */
		"args",
		"restart_backoff_seconds",
		"restart_max_retries",
		"stop_grace_period_seconds",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_equal(field->name, names[i]))
			return true;
	return field->type == PROTOBUF_C_TYPE_BOOL || field->type == PROTOBUF_C_TYPE_MESSAGE;
}

static bool is_told(const Api__Cell *cell, const ProtobufCFieldDescriptor *field)
{
	AUTO_FREE char *problems = problems_of(KIND_CELL, &cell->base, "spec.containers[0].");

	return strstr(problems, naming_of_field(field).text) != NULL;
}

/* @list as above. */
static void check_rules(const ProtobufCMessageDescriptor *type,
			const ProtobufCFieldDescriptor *list)
{
	for (unsigned f = 0; f < type->n_fields; f++) {
		Api__Cell *cell = new_cell();

		set_nonsense(part_of(cell, list), &type->fields[f]);
		model_set_defaults(KIND_CELL, &cell->base);
		if (!takes_any_value(&type->fields[f]) && !is_told(cell, &type->fields[f]))
			fail_msg("%s: nothing is said of a value without sense, and it is not in "
				 "the list of what takes any: core/validate/, called from "
				 "validate_settings()",
				 type->fields[f].name);
		protobuf_c_message_free_unpacked(&cell->base, NULL);
	}
}

static void test_nonsense_is_refused(void **state UNUSED)
{
	const ProtobufCMessageDescriptor *type = &api__container_spec__descriptor;

	check_rules(type, NULL);
	for (unsigned f = 0; f < type->n_fields; f++)
		if (type->fields[f].type == PROTOBUF_C_TYPE_MESSAGE)
			check_rules(type->fields[f].descriptor, &type->fields[f]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enums),
		cmocka_unit_test(test_enums_of_manifests),
		cmocka_unit_test(test_words_of_old),
		cmocka_unit_test(test_statuses_have_one_head),
		cmocka_unit_test(test_status_of_a_container),
		cmocka_unit_test(test_statuses_are_of_their_kind),
		cmocka_unit_test(test_defaults_written_out_change_nothing),
		cmocka_unit_test(test_another_value_is_another_container),
		cmocka_unit_test(test_defaults_of_a_space_are_validated),
		cmocka_unit_test(test_nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manifest/mapper_scalar.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/base/str.h"
#include "core/model/naming.h"

/* "a list", or the text itself. */
struct shown {
	char text[96];
};

static struct shown show(const struct node *node)
{
	struct shown shown;

	if (node->type != NODE_SCALAR)
		snprintf(shown.text, sizeof(shown.text), "%s", node_type_name(node));
	else if (node->plain && scalar_is_null(node->text))
		snprintf(shown.text, sizeof(shown.text), "nothing");
	else
		snprintf(shown.text, sizeof(shown.text), "\"%.80s\"", node->text);
	return shown;
}

static void map_string(struct mapper *m, const struct node *node,
		       const ProtobufCFieldDescriptor *field, char **storage)
{
	*storage = xstrdup(node->type == NODE_SCALAR ? node->text : "");
	if (node->type != NODE_SCALAR)
		mapper_fail_type(m, node, field, field->label == PROTOBUF_C_LABEL_REPEATED, "text");
	else if (node->plain && scalar_is_null(node->text))
		mapper_fail(m, node, "expected text, found nothing; write \"\" for an empty one");
}

static void map_bool(struct mapper *m, const struct node *node, protobuf_c_boolean *storage)
{
	bool is_true = node->type == NODE_SCALAR && str_equal(node->text, "true");
	bool is_false = node->type == NODE_SCALAR && str_equal(node->text, "false");

	*storage = is_true;
	if ((is_true || is_false) && !node->plain)
		mapper_fail(m, node, "expected true or false, found text; leave out the quotes");
	else if (!is_true && !is_false && node->plain && scalar_is_old_boolean(node->text))
		mapper_fail(m, node,
			    "expected true or false, found %s; yes, no, on and off are text here",
			    show(node).text);
	else if (!is_true && !is_false)
		mapper_fail(m, node, "expected true or false, found %s", show(node).text);
}

static void map_number(struct mapper *m, const struct node *node, int64_t min, uint64_t max,
		       uint64_t *ret_value)
{
	enum scalar_number result = SCALAR_NUMBER_NONE;

	if (node->type == NODE_SCALAR)
		result = scalar_parse_number(node->text, min, max, ret_value);
	if (result == SCALAR_NUMBER_NONE)
		mapper_fail(m, node, "expected a whole number, found %s", show(node).text);
	else if (result == SCALAR_NUMBER_LEADING_ZERO)
		mapper_fail(m, node, "expected a whole number without leading zeros, found %s",
			    show(node).text);
	else if (result == SCALAR_NUMBER_RANGE)
		mapper_fail(m, node,
			    "expected a whole number from %" PRId64 " to %" PRIu64 ", found %s",
			    min, max, show(node).text);
	else if (!node->plain && max != UINT64_MAX &&
		 max != INT64_MAX) /* in JSON, 64 bits may come as text */
		mapper_fail(m, node, "expected a whole number, found text; leave out the quotes");
}

static void map_number_32(struct mapper *m, const struct node *node, int64_t min, uint64_t max,
			  uint32_t *storage)
{
	uint64_t value = 0;

	map_number(m, node, min, max, &value);
	*storage = (uint32_t)value;
}

static void map_enum(struct mapper *m, const struct node *node, const ProtobufCEnumDescriptor *type,
		     int *storage)
{
	const ProtobufCEnumValue *value = NULL;
	struct field_name *texts = xcalloc(type->n_values, sizeof(*texts));
	const char **names = xcalloc(type->n_values, sizeof(*names)), *nearest = NULL;
	AUTO_BUF struct buf known = { 0 };
	size_t n = 0;

	for (unsigned i = 0; i < type->n_values; i++) {
		if (naming_is_unspecified(&type->values[i]))
			continue;
		texts[n] = naming_of_value(type, &type->values[i]);
		names[n] = texts[n].text;
		buf_printf(&known, "%s%s", n ? ", " : "", names[n]);
		n++;
	}
	if (node->type == NODE_SCALAR) {
		value = naming_find_value(type, node->text);
		nearest = str_nearest(node->text, names, n);
	}
	free(names);
	if (value)
		*storage = value->value;
	else if (node->type == NODE_SCALAR && !*node->text && !node->plain)
		*storage = 0; /* "" is leaving it out */
	else if (nearest)
		mapper_fail(m, node, "unknown value %s, did you mean \"%s\"?", show(node).text,
			    nearest);
	else
		mapper_fail(m, node, "expected one of %s, found %s", known.data, show(node).text);
	free(texts);
}

void mapper_map_scalar(struct mapper *m, const struct node *node,
		       const ProtobufCFieldDescriptor *field, void *storage)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		map_string(m, node, field, storage);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		map_bool(m, node, storage);
		break;
	case PROTOBUF_C_TYPE_ENUM:
		map_enum(m, node, field->descriptor, storage);
		break;
	case PROTOBUF_C_TYPE_INT32:
		map_number_32(m, node, INT32_MIN, INT32_MAX, storage);
		break;
	case PROTOBUF_C_TYPE_UINT32:
		map_number_32(m, node, 0, UINT32_MAX, storage);
		break;
	case PROTOBUF_C_TYPE_INT64:
		map_number(m, node, INT64_MIN, INT64_MAX, storage);
		break;
	case PROTOBUF_C_TYPE_UINT64:
		map_number(m, node, 0, UINT64_MAX, storage);
		break;
	default:
		check(!"a field of a type that the schema does not use");
	}
}

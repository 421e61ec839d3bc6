/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show/columns.h"

#include "cli/args/args_target.h"
#include "core/base/str.h"
#include "core/model/view.h"

/* Adds the text of one cell; nothing for a value that the object does not have. */
typedef void (*column_fn)(const struct object *object, struct buf *out);

struct column {
	const char *header;
	column_fn text;
	unsigned further; /* only with these; 0: always */
	bool state, age;  /* instead of text */
	bool cut;         /* in a terminal, where the row is too long */
};

static void add(struct buf *out, const char *text)
{
	buf_add_str(out, text ? text : "");
}

static void column_name(const struct object *object, struct buf *out)
{
	add(out, object->name);
}

static void column_realm(const struct object *object, struct buf *out)
{
	add(out, object->scope[KIND_REALM]);
}

static void column_space(const struct object *object, struct buf *out)
{
	add(out, object->scope[KIND_SPACE]);
}

static void column_stack(const struct object *object, struct buf *out)
{
	add(out, object->scope[KIND_STACK]);
}

static void column_cell(const struct object *object, struct buf *out)
{
	add(out, object->scope[KIND_CELL]);
}

static void column_reason(const struct object *object, struct buf *out)
{
	add(out, object->reason);
}

/* "app=web,tier=front", in the order of their keys. */
static void column_labels(const struct object *object, struct buf *out)
{
	const Api__Metadata *metadata = *model_view(object->kind, object->message).metadata;

	for (size_t i = 0; metadata && i < metadata->n_labels; i++)
		buf_printf(out, "%s%s=%s", i ? "," : "", metadata->labels[i]->key,
			   metadata->labels[i]->value ? metadata->labels[i]->value : "");
}

static void realm_namespace(const struct object *object, struct buf *out)
{
	const Api__RealmStatus *status = object->api->realm->status;

	add(out, status ? status->containerd_namespace : NULL);
}

static void space_subnet(const struct object *object, struct buf *out)
{
	const Api__SpaceStatus *status = object->api->space->status;

	add(out, status ? status->subnet : NULL);
}

static void space_bridge(const struct object *object, struct buf *out)
{
	const Api__SpaceStatus *status = object->api->space->status;

	add(out, status ? status->bridge : NULL);
}

static void space_conflist(const struct object *object, struct buf *out)
{
	const Api__SpaceStatus *status = object->api->space->status;

	add(out, status ? status->conflist : NULL);
}

static bool is_declared(const Api__CellSpec *spec, const char *id)
{
	for (size_t i = 0; i < spec->n_containers; i++)
		if (str_equal(spec->containers[i]->id, id))
			return true;
	return false;
}

static bool is_daemon(const struct object *object)
{
	struct target target = { .kind = object->kind, .name = object->name };

	memcpy(target.scope, object->scope, sizeof(target.scope));
	return target_is_system_cell(&target);
}

/* "running/total" of the containers that it shall have. The daemon's own cell declares none: what
 * it has stands in its status. */
static void cell_ready(const struct object *object, struct buf *out)
{
	const Api__Cell *cell = object->api->cell;
	bool own = is_daemon(object);
	size_t running = 0, total = cell->spec ? cell->spec->n_containers : 0;

	for (size_t i = 0; cell->status && i < cell->status->n_containers; i++) {
		const Api__ContainerStatus *status = cell->status->containers[i];

		if (!own && !(cell->spec && is_declared(cell->spec, status->id)))
			continue;
		running += status->state == API__STATE__STATE_READY;
		total += own;
	}
	buf_printf(out, "%zu/%zu", running, total);
}

static void cell_ip(const struct object *object, struct buf *out)
{
	const Api__CellStatus *status = object->api->cell->status;

	add(out, status ? status->ip : NULL);
}

static void cell_bridge(const struct object *object, struct buf *out)
{
	const Api__CellStatus *status = object->api->cell->status;

	add(out, status ? status->bridge : NULL);
}

static void container_image(const struct object *object, struct buf *out)
{
	const Api__Container *container = object->api->container;

	add(out, container->spec ? container->spec->image : NULL);
}

static void container_restarts(const struct object *object, struct buf *out)
{
	const Api__ContainerStatus *status = object->api->container->status;

	buf_printf(out, "%u", status ? status->restart_count : 0);
}

static void container_pid(const struct object *object, struct buf *out)
{
	const Api__ContainerStatus *status = object->api->container->status;

	if (status && status->pid)
		buf_printf(out, "%u", status->pid);
}

static void container_exit(const struct object *object, struct buf *out)
{
	const Api__ContainerStatus *status = object->api->container->status;

	if (status && status->has_exit_code)
		buf_printf(out, "%u", status->exit_code);
}

static void container_id(const struct object *object, struct buf *out)
{
	const Api__ContainerStatus *status = object->api->container->status;

	add(out, status ? status->containerd_id : NULL);
}

/* clang-format off */
#define COLUMN(header_, text_) { .header = header_, .text = text_ }
#define WIDE(header_, text_) { .header = header_, .text = text_, .further = COLUMNS_WIDE }
#define NAME COLUMN("NAME", column_name)
#define REALM COLUMN("REALM", column_realm)
#define SPACE COLUMN("SPACE", column_space)
#define STACK COLUMN("STACK", column_stack)
#define STATE { .header = "STATE", .state = true }
#define AGE { .header = "AGE", .age = true }
#define REASON WIDE("REASON", column_reason)
#define IMAGE { .header = "IMAGE", .text = container_image, .cut = true }
#define LABELS { .header = "LABELS", .text = column_labels, .further = COLUMNS_LABELS, .cut = true }

static const struct column realm_columns[] = {
	NAME, STATE, COLUMN("NAMESPACE", realm_namespace), AGE, REASON, LABELS, { 0 },
};

static const struct column space_columns[] = {
	NAME, REALM, STATE, COLUMN("SUBNET", space_subnet), COLUMN("BRIDGE", space_bridge), AGE,
	WIDE("CONFLIST", space_conflist), REASON, LABELS, { 0 },
};

static const struct column stack_columns[] = {
	NAME, REALM, SPACE, STATE, AGE, REASON, LABELS, { 0 },
};

static const struct column cell_columns[] = {
	NAME, REALM, SPACE, STACK, STATE, COLUMN("READY", cell_ready), AGE,
	WIDE("IP", cell_ip), WIDE("BRIDGE", cell_bridge), REASON, LABELS, { 0 },
};

static const struct column container_columns[] = {
	NAME, REALM, SPACE, STACK, COLUMN("CELL", column_cell), STATE,
	COLUMN("RESTARTS", container_restarts), IMAGE, AGE,
	WIDE("PID", container_pid), WIDE("EXIT", container_exit), WIDE("CONTAINERD-ID", container_id), REASON, LABELS, { 0 },
};
/* clang-format on */

static const struct column *const columns[KIND_COUNT] = {
	[KIND_REALM] = realm_columns,         [KIND_SPACE] = space_columns,
	[KIND_STACK] = stack_columns,         [KIND_CELL] = cell_columns,
	[KIND_CONTAINER] = container_columns,
};

static bool is_shown(const struct column *column, unsigned further)
{
	return !column->further || (column->further & further);
}

void columns_begin(enum kind kind, unsigned further, struct table *table)
{
	for (const struct column *column = columns[kind]; column->header; column++) {
		if (is_shown(column, further) && column->cut)
			table_add_text_column(table, column->header);
		else if (is_shown(column, further))
			table_add_column(table, column->header);
	}
}

/* What is neither well nor at rest is told by the reason, which says more; with REASON beside it
 * the state is what it is called. */
static void add_state(const struct object *object, unsigned further, struct table *table)
{
	bool at_rest = object->state == API__STATE__STATE_READY ||
		       object->state == API__STATE__STATE_STOPPED;

	if (object->gone)
		table_add(table, "Deleted");
	else if (at_rest || (further & COLUMNS_WIDE) || str_empty(object->reason))
		table_add_state(table, object->state);
	else
		table_add_reason(table, object->reason, object->state);
}

void columns_add(const struct object *object, unsigned further, time_t now, struct table *table)
{
	for (const struct column *column = columns[object->kind]; column->header; column++) {
		AUTO_BUF struct buf text = { 0 };

		if (!is_shown(column, further))
			continue;
		if (column->state) {
			add_state(object, further, table);
			continue;
		}
		if (column->age)
			age_add(object->since, now, &text);
		else
			column->text(object, &text);
		table_add(table, text.data);
	}
}

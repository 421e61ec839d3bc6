/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show/describe.h"

#include <inttypes.h>

#include "cli/args/kinds.h"
#include "cli/show/table.h"
#include "core/base/str.h"
#include "core/model/view.h"

bool describe_is_well(const struct object *object)
{
	return object->state == API__STATE__STATE_READY ||
	       object->state == API__STATE__STATE_STOPPED;
}

/* "  label:       text", without a line for nothing. */
static void line(const char *label, const char *text, FILE *out)
{
	if (str_empty(text))
		return;
	fprintf(out, "  %-14s ", label);
	text_print(text, out);
	fputc('\n', out);
}

static void line_of_number(const char *label, uint64_t number, FILE *out)
{
	fprintf(out, "  %-14s %" PRIu64 "\n", label, number);
}

/* "2026-03-01T12:00:00Z (5m ago)" */
static void line_of_time(const char *label, const char *text, const struct io *io)
{
	AUTO_BUF struct buf full = { 0 };

	if (str_empty(text))
		return;
	buf_printf(&full, "%s (", text);
	age_add(text, io->now, &full);
	buf_add_str(&full, " ago)");
	line(label, full.data, io->out);
}

static void print_head(const struct object *object, const struct io *io)
{
	fprintf(io->out, "%s ", kind_name(object->kind));
	for (int above = KIND_REALM; above < (int)object->kind; above++)
		if (object->scope[above]) {
			text_print(object->scope[above], io->out);
			fputc('/', io->out);
		}
	text_print(object->name ? object->name : "?", io->out);
	fprintf(io->out, "\n  %-14s ", "state:");
	state_print(object->state, io->out, io->color);
	fputc('\n', io->out);
	line("reason:", object->reason, io->out);
	line("message:", object->explanation, io->out);
	line("asked for:", object->intent, io->out);
}

static void print_cgroup(const char *path, const bool *ready, FILE *out)
{
	AUTO_FREE char *text = xasprintf("%s%s", str_empty(path) ? "" : path,
					 ready && !*ready ? " (not there)" : "");

	line("cgroup:", text, out);
}

static void print_containers(const Api__CellStatus *status, const struct io *io)
{
	struct table table = { 0 };

	static const char *const headers[] = { "NAME", "ROLE", "STATE", "PID", "RESTARTS", "WHY" };

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		table_add_column(&table, headers[i]);
	for (size_t i = 0; i < status->n_containers; i++) {
		const Api__ContainerStatus *c = status->containers[i];
		AUTO_FREE char *pid = c->pid ? xasprintf("%u", c->pid) : NULL;
		AUTO_FREE char *restarts = xasprintf("%u", c->restart_count);
		AUTO_FREE char *why = xasprintf("%s%s%s", c->reason ? c->reason : "",
						c->reason && c->message ? ": " : "",
						c->message ? c->message : "");

		table_add(&table, c->id);
		table_add(&table, c->root ? "root" : NULL);
		table_add_state(&table, c->state);
		table_add(&table, pid);
		table_add(&table, restarts);
		table_add(&table, why);
	}
	fprintf(io->out, "\n");
	table_print(&table, io->out, io->color);
	table_fini(&table);
}

static void print_joins(const Api__CellStatus *status, FILE *out)
{
	for (size_t i = 0; i < status->n_joins; i++) {
		const Api__JoinStatus *join = status->joins[i];
		AUTO_FREE char *text =
			str_empty(join->ip)
				? xasprintf("%s (not yet)", join->space)
				: xasprintf("%s at %s%s%s (%s)", join->space, join->ip,
					    join->ip6 ? " " : "", join->ip6 ? join->ip6 : "",
					    join->interface ? join->interface : "");

		line("joins:", text, out);
	}
}

static void print_realm(const Api__RealmStatus *status, FILE *out)
{
	line("namespace:", status->containerd_namespace, out);
}

static void print_space(const Api__SpaceStatus *status, FILE *out)
{
	line("network:", status->network, out);
	line("subnet:", status->subnet, out);
	line("subnet6:", status->subnet6, out);
	line("bridge:", status->bridge, out);
	line("conflist:", status->conflist, out);
}

static void print_cell(const Api__CellStatus *status, FILE *out)
{
	line("bridge:", status->bridge, out);
	line("address:", status->ip, out);
	line("address6:", status->ip6, out);
	print_joins(status, out);
	line("netns:", status->netns, out);
}

static void print_layer(const struct object *object, const struct io *io)
{
	const Api__CommonStatus status = model_status(object->kind, object->message);
	const bool cgroup_ready = status.cgroup_ready;

	line("declared in:", status.source, io->out);
	line_of_time("created:", status.created_at, io);
	line_of_time("first ready:", status.ready_at, io);
	if (object->kind == KIND_REALM)
		print_realm(object->api->realm->status, io->out);
	else if (object->kind == KIND_SPACE)
		print_space(object->api->space->status, io->out);
	else if (object->kind == KIND_CELL)
		print_cell(object->api->cell->status, io->out);
	print_cgroup(status.cgroup_path, &cgroup_ready, io->out);
	if (object->kind == KIND_CELL && object->api->cell->status->n_containers)
		print_containers(object->api->cell->status, io);
}

static void print_container(const Api__Container *container, const struct io *io)
{
	const Api__ContainerStatus *status = container->status;

	if (!status)
		return;
	line("declared in:", status->source, io->out);
	line("image:", status->image, io->out);
	line("containerd id:", status->containerd_id, io->out);
	if (status->pid)
		line_of_number("pid:", status->pid, io->out);
	line_of_number("restarts:", status->restart_count, io->out);
	line_of_time("started:", status->started_at, io);
	line_of_time("last ended:", status->finished_at, io);
	if (status->has_exit_code)
		line_of_number("exit code:", status->exit_code, io->out);
	if (status->has_exit_signal)
		line_of_number("by signal:", status->exit_signal, io->out);
	print_cgroup(status->cgroup_path, NULL, io->out);
}

void describe_print(const struct object *object, const struct io *io)
{
	print_head(object, io);
	if (object->kind == KIND_CONTAINER)
		print_container(object->api->container, io);
	else if (*model_view(object->kind, object->message).status)
		print_layer(object, io);
}

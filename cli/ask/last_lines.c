/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask/last_lines.h"

#include "cli/client/client_logs.h"
#include "cli/show/display.h"
#include "cli/show/log_print.h"
#include "core/base/str.h"

enum { LAST_LINES = 5 };

struct showing {
	struct log_print print;
	const char *container;
	bool any;
};

static bool on_lines(const Api__LogLines *lines, void *ctx)
{
	struct showing *showing = ctx;
	AUTO_FREE char *name = display_safe(showing->container);

	if (!showing->any && lines->n_lines)
		fprintf(showing->print.out, "\nContainer %s printed last:\n", name);
	showing->any |= lines->n_lines > 0;
	for (size_t i = 0; i < lines->n_lines; i++)
		log_print_line(&showing->print, lines->lines[i]);
	return !ferror(showing->print.out);
}

static Api__Selector selector_of(const struct object *object, const char *container)
{
	Api__Selector selector = API__SELECTOR__INIT;
	bool cell = object->kind == KIND_CELL;

	selector.has_kind = true;
	selector.kind = API__KIND__KIND_CONTAINER;
	selector.realm = (char *)object->scope[KIND_REALM];
	selector.space = (char *)object->scope[KIND_SPACE];
	selector.stack = (char *)object->scope[KIND_STACK];
	selector.cell = (char *)(cell ? object->name : object->scope[KIND_CELL]);
	selector.name = (char *)container;
	return selector;
}

/* Over its last two runs: the one that has just begun may have said nothing yet. What fails is left
 * out: it is no answer to what was asked. */
static void print(struct client *client, const struct object *object, const char *container,
		  FILE *out)
{
	struct showing showing = { .print = { .out = out, .safe = true, .indent = "  " },
				   .container = container };
	Api__Selector selector = selector_of(object, container);
	Api__LogsRequest request = API__LOGS_REQUEST__INIT;
	struct error ignored;

	request.selector = &selector;
	request.has_tail = request.has_runs = true;
	request.tail = LAST_LINES;
	request.runs = API__LOG_RUNS__LOG_RUNS_ALL;
	client_logs(client, &request, on_lines, &showing, &ignored);
	log_print_end(&showing.print);
}

static bool keeps_ending(const Api__ContainerStatus *status)
{
	if (!status || !status->id || str_empty(status->finished_at))
		return false;
	return status->state == API__STATE__STATE_FAILED ||
	       (status->state == API__STATE__STATE_PENDING && status->restart_count > 0);
}

static const Api__ContainerStatus *status_of(const struct object *object, size_t i)
{
	const Api__CellStatus *cell = NULL;

	if (object->kind == KIND_CONTAINER)
		return i == 0 ? object->api->container->status : NULL;
	if (object->kind == KIND_CELL)
		cell = object->api->cell->status;
	return cell && i < cell->n_containers ? cell->containers[i] : NULL;
}

void last_lines_print(struct client *client, const struct object *object, FILE *out)
{
	const Api__ContainerStatus *status;

	for (size_t i = 0; (status = status_of(object, i)); i++)
		if (keeps_ending(status))
			print(client, object, status->id, out);
}

void last_lines_print_ended(struct client *client, const struct object *object, FILE *out)
{
	const Api__ContainerStatus *status, *last = NULL;

	for (size_t i = 0; (status = status_of(object, i)); i++)
		if (status->id && !str_empty(status->finished_at) &&
		    (!last || strcmp(status->finished_at, last->finished_at) > 0))
			last = status;
	if (last)
		print(client, object, last->id, out);
}

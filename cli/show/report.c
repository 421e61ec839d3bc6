/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show/report.h"

#include <inttypes.h>

#include "cli/args/kinds.h"
#include "cli/show/table.h"
#include "core/base/str.h"
#include "core/model/model.h"

enum { STATES = API__STATE__STATE_PAUSING + 1 };

/* "  label:       text", without a line for nothing. */
static void print_line(const char *label, const char *text, FILE *out)
{
	if (str_empty(text))
		return;
	fprintf(out, "  %-12s ", label);
	text_print(text, out);
	fputc('\n', out);
}

static void print_daemon(const Api__DaemonStatus *daemon, const struct io *io)
{
	AUTO_BUF struct buf text = { 0 };

	fprintf(io->out, "Daemon\n");
	if (!daemon)
		return;
	print_line("version:", daemon->version, io->out);
	buf_printf(&text, "%u, up ", daemon->pid);
	age_add(daemon->started_at, io->now, &text);
	print_line("pid:", text.data, io->out);
	print_line("run path:", daemon->run_path, io->out);
}

static void print_runtime(const Api__RuntimeStatus *runtime, FILE *out)
{
	AUTO_BUF struct buf text = { 0 };

	fprintf(out, "\ncontainerd\n");
	if (!runtime)
		return;
	buf_add_str(&text, runtime->connected ? "yes" : "no");
	if (!str_empty(runtime->version))
		buf_printf(&text, ", version %s", runtime->version);
	print_line("connected:", text.data, out);
	print_line("socket:", runtime->socket, out);
	fprintf(out, "\nHost\n");
	text.len = 0;
	for (size_t i = 0; i < runtime->n_controllers; i++)
		buf_printf(&text, "%s%s", i ? " " : "", runtime->controllers[i]);
	print_line("controllers:", text.len ? text.data : "none", out);
}

static void print_file(const Api__ManifestFile *file, FILE *out)
{
	fputs("  ", out);
	text_print(file->path, out);
	fprintf(out, ": generation %u, %zu object%s\n", file->generation, file->n_objects,
		str_s(file->n_objects));
	for (size_t i = 0; i < file->n_objects; i++) {
		fputs("    ", out);
		text_print(file->objects[i], out);
		fputc('\n', out);
	}
}

/* "3 files, 12 objects" */
static void print_numbers(const Api__ManifestsStatus *manifests, FILE *out)
{
	AUTO_BUF struct buf text = { 0 };
	size_t objects = 0;

	for (size_t i = 0; i < manifests->n_files; i++)
		objects += manifests->files[i]->n_objects;
	buf_printf(&text, "%zu file%s, %zu object%s", manifests->n_files, str_s(manifests->n_files),
		   objects, str_s(objects));
	print_line("declare:", text.data, out);
}

static void print_manifests(const Api__ManifestsStatus *manifests, bool files, FILE *out)
{
	fprintf(out, "\nManifests\n");
	if (!manifests)
		return;
	print_line("directory:", manifests->directory, out);
	print_line("watched by:", manifests->watch, out);
	print_numbers(manifests, out);
	for (size_t i = 0; files && i < manifests->n_files; i++)
		print_file(manifests->files[i], out);
}

/* "  cells        3 Ready, 1 Failed" */
static void print_counts_of(enum kind kind, const unsigned counts[STATES], const struct io *io)
{
	const char *before = "";
	unsigned total = 0;

	fprintf(io->out, "  %-12s ", kinds_plural(kind));
	for (int state = 0; state < STATES; state++) {
		if (!counts[state])
			continue;
		fprintf(io->out, "%s%u ", before, counts[state]);
		state_print((Api__State)state, io->out, io->color);
		total += counts[state];
		before = ", ";
	}
	fprintf(io->out, "%s\n", total ? "" : "none");
}

static void print_hierarchy(const Api__StatusResponse *status, const struct io *io)
{
	unsigned counts[KIND_COUNT][STATES] = { 0 };

	for (size_t i = 0; i < status->n_counts; i++) {
		const Api__StateCount *count = status->counts[i];

		enum kind kind = model_kind(count->kind);

		if (kind < KIND_COUNT && (unsigned)count->state < STATES)
			counts[kind][count->state] += count->count;
	}
	fprintf(io->out, "\nHierarchy\n");
	for (int kind = 0; kind < KIND_COUNT; kind++)
		print_counts_of((enum kind)kind, counts[kind], io);
}

static void print_problem(const Api__Problem *problem, const struct io *io)
{
	fputs("  ", io->out);
	if (model_kind(problem->kind) < KIND_COUNT)
		fprintf(io->out, "%s ", kinds_singular(model_kind(problem->kind)));
	text_print(problem->key, io->out);
	fputs(": ", io->out);
	state_print(problem->state, io->out, io->color);
	if (!str_empty(problem->reason)) {
		fputs(", ", io->out);
		text_print(problem->reason, io->out);
	}
	if (!str_empty(problem->message)) {
		fputs(": ", io->out);
		text_print(problem->message, io->out);
	}
	fputc('\n', io->out);
}

static void print_egress(const Api__SpaceEgress *space, FILE *out)
{
	const Api__EgressStatus *egress = space->egress;

	if (!egress)
		return;
	fputs("  ", out);
	text_print(space->space, out);
	fprintf(out, ": %" PRIu64 " packet%s dropped, %" PRIu64 " byte%s\n",
		egress->dropped_packets, str_s(egress->dropped_packets), egress->dropped_bytes,
		str_s(egress->dropped_bytes));
	for (size_t i = 0; i < egress->n_hosts; i++) {
		if (str_empty(egress->hosts[i]->message))
			continue;
		fputs("    ", out);
		text_print(egress->hosts[i]->host, out);
		fputs(": ", out);
		text_print(egress->hosts[i]->message, out);
		fputc('\n', out);
	}
}

void report_held_print(Api__HeldObject *const *held, size_t n, FILE *out)
{
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "  %s ", kinds_singular(model_kind(held[i]->kind)));
		text_print(held[i]->key, out);
		fputs(", declared by ", out);
		text_print(held[i]->file, out);
		fputs(" until ", out);
		text_print(held[i]->since, out);
		fputs(": ", out);
		text_print(held[i]->message, out);
		fputc('\n', out);
	}
}

static void print_held(const Api__StatusResponse *status, FILE *out)
{
	if (!status->n_held)
		return;
	fprintf(out, "Held, not deleted\n");
	report_held_print(status->held, status->n_held, out);
	fprintf(out, "  Declare it again, or let it go: kuke prune --yes [FILE | KIND NAME]\n\n");
}

/* ---- what is not as it shall be ---- */

/* "  containerd: text" */
static void print_trouble(const char *where, const char *text, FILE *out)
{
	if (str_empty(text))
		return;
	fprintf(out, "  %s: ", where);
	text_print(text, out);
	fputc('\n', out);
}

static size_t count_errors(const Api__ManifestsStatus *manifests)
{
	size_t n = 0;

	for (size_t i = 0; manifests && i < manifests->n_files; i++)
		n += manifests->files[i]->n_errors;
	return n;
}

static const char *daemon_trouble(const Api__StatusResponse *status)
{
	return status->daemon ? status->daemon->message : NULL;
}

static const char *runtime_trouble(const Api__StatusResponse *status)
{
	return status->runtime ? status->runtime->message : NULL;
}

static const char *manifests_trouble(const Api__StatusResponse *status)
{
	return status->manifests ? status->manifests->message : NULL;
}

static void print_errors(const Api__ManifestsStatus *manifests, FILE *out)
{
	for (size_t i = 0; manifests && i < manifests->n_files; i++)
		for (size_t e = 0; e < manifests->files[i]->n_errors; e++)
			print_trouble("manifest", manifests->files[i]->errors[e], out);
}

static void print_problems(const Api__StatusResponse *status, const struct io *io)
{
	if (!status->n_problems && !count_errors(status->manifests) &&
	    str_empty(daemon_trouble(status)) && str_empty(runtime_trouble(status)) &&
	    str_empty(manifests_trouble(status)))
		return;
	fprintf(io->out, "Problems\n");
	print_trouble("kukeond", daemon_trouble(status), io->out);
	print_trouble("containerd", runtime_trouble(status), io->out);
	print_trouble("manifests", manifests_trouble(status), io->out);
	print_errors(status->manifests, io->out);
	for (size_t i = 0; i < status->n_problems; i++)
		print_problem(status->problems[i], io);
	fputc('\n', io->out);
}

static void print_verdict(const Api__StatusResponse *status, FILE *out)
{
	size_t errors = count_errors(status->manifests), objects = status->n_problems;

	fputc('\n', out);
	if (status->healthy) {
		fprintf(out, "Everything declared is running.\n");
		return;
	}
	if (objects)
		fprintf(out, "%zu object%s not as declared.", objects,
			objects == 1 ? " is" : "s are");
	if (errors)
		fprintf(out, "%s%zu error%s in manifests.", objects ? " " : "", errors,
			str_s(errors));
	if (!objects && !errors) /* nobody to ask, or something is held: the report names it */
		fprintf(out, "Not everything declared is in force: see above.");
	fputc('\n', out);
}

void report_print(const Api__StatusResponse *status, bool files, const struct io *io)
{
	print_problems(status, io);
	print_held(status, io->out);
	print_daemon(status->daemon, io);
	print_runtime(status->runtime, io->out);
	print_manifests(status->manifests, files, io->out);
	print_hierarchy(status, io);
	if (status->n_egress)
		fprintf(io->out, "\nEgress\n");
	for (size_t i = 0; i < status->n_egress; i++)
		print_egress(status->egress[i], io->out);
	if (status->n_remarks)
		fprintf(io->out, "\nRemarks\n");
	for (size_t i = 0; i < status->n_remarks; i++)
		print_problem(status->remarks[i], io);
	print_verdict(status, io->out);
}

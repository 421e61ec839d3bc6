/* SPDX-License-Identifier: Apache-2.0 */
/* kuke doctor: what of Kukeon's is on this host and whose it is, and whether the host has what is
 * needed. */
#include <errno.h>

#include "cli/args/host_args.h"
#include "cli/client/client.h"
#include "cli/host/check_host.h"
#include "cli/show/table.h"
#include "cli/verbs.h"
#include "core/config/host_advice.h"
#include "core/manifest/manifest.h"

enum { KEY_FIX = 0x400, KEY_ALL };

/* host_args comes first: the settings' parser reads it. */
struct doctor_args {
	struct host_args host;
	bool fix, all;
};

static error_t parse_doctor(int key, char *arg UNUSED, struct argp_state *state)
{
	struct args *args = state->input;
	struct doctor_args *own = args->own;

	switch (key) {
	case KEY_FIX:
		own->fix = true;
		return 0;
	case KEY_ALL:
		own->all = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option doctor_options[] = {
	{ .name = "fix",
	  .key = KEY_FIX,
	  .doc = "Take away what nobody owns, turn on forwarding, have docker let cells pass" },
	{ .name = "all", .key = KEY_ALL, .doc = "Show also what has an owner" },
	{ 0 },
};

static const struct argp doctor_argp = { .options = doctor_options, .parser = parse_doctor };

/* ---- what is to be said ---- */

static void print_check(const Api__HostCheck *check, const struct io *io)
{
	FILE *out = io->out;

	fputs("  ", out);
	result_print(check->result, out, io->color);
	fprintf(out, " %s: ", check->name ? check->name : "?");
	text_print(check->message ? check->message : "", out);
	fputc('\n', out);
	if (check->remedy) {
		fprintf(out, "           -> ");
		text_print(check->remedy, out);
		fputc('\n', out);
	}
}

static void print_checks(const Api__DoctorResponse *reply, const struct io *io)
{
	fprintf(io->out, "Host\n");
	for (size_t i = 0; i < reply->n_checks; i++)
		print_check(reply->checks[i], io);
}

static const char *standing(const Api__HostObject *object)
{
	return object->fixed ? "taken away" : object->orphan ? "orphan" : object->owner;
}

static void print_objects(const Api__DoctorResponse *reply, bool all, const struct io *io)
{
	AUTO(table_fini) struct table table = { 0 };

	table_add_column(&table, "KIND");
	table_add_column(&table, "NAME");
	table_add_column(&table, "OWNER");
	table_add_column(&table, "MESSAGE");
	for (size_t i = 0; i < reply->n_objects; i++) {
		const Api__HostObject *object = reply->objects[i];

		if (!all && !object->orphan && !object->fixed)
			continue;
		table_add(&table,
			  naming_of_number(&api__host_kind__descriptor, (int)object->kind).text);
		table_add(&table, object->name);
		table_add(&table, standing(object));
		table_add(&table, object->message);
	}
	if (!table.n_cells)
		return;
	fputc('\n', io->out);
	table_print(&table, io->out, io->color);
}

static size_t count_orphans(const Api__DoctorResponse *reply)
{
	size_t n = 0;

	for (size_t i = 0; i < reply->n_objects; i++)
		n += reply->objects[i]->orphan;
	return n;
}

static size_t count_checks(const Api__DoctorResponse *reply, Api__HostCheck__Result result)
{
	size_t n = 0;

	for (size_t i = 0; i < reply->n_checks; i++)
		n += reply->checks[i]->result == result;
	return n;
}

static size_t count_failed(const Api__DoctorResponse *reply)
{
	return count_checks(reply, API__HOST_CHECK__RESULT__RESULT_FAILED);
}

/* "; 1 warning; 2 checks not passed" */
static void print_counts(const Api__DoctorResponse *reply, bool fix, FILE *out)
{
	size_t warnings = count_checks(reply, API__HOST_CHECK__RESULT__RESULT_WARNING);
	size_t failed = count_failed(reply);

	if (warnings)
		fprintf(out, "; %zu warning%s", warnings, warnings == 1 ? "" : "s");
	if (failed)
		fprintf(out, "; %zu %s not passed%s", failed, failed == 1 ? "check" : "checks",
			fix ? ", which --fix cannot mend: do what stands beside" : "");
}

static void print_verdict(const Api__DoctorResponse *reply, bool fix, FILE *out)
{
	size_t orphans = count_orphans(reply), there = 0;

	for (size_t i = 0; i < reply->n_objects; i++)
		there += !reply->objects[i]->fixed;
	fprintf(out, "\n%zu object%s on the host", there, there == 1 ? "" : "s");
	if (orphans)
		fprintf(out, ", %zu of them nobody's%s", orphans,
			fix ? "" : ": kuke doctor --fix takes them away");
	else if (there)
		fprintf(out, ", each with its owner");
	print_counts(reply, fix, out);
	fprintf(out, ".\n");
}

static void print(const struct args *args, const Api__DoctorResponse *reply, const struct io *io)
{
	const struct doctor_args *own = args->own;
	AUTO_BUF struct buf text = { 0 };

	if (args->output == OUTPUT_TABLE) {
		print_checks(reply, io);
		print_objects(reply, own->all, io);
		return;
	}
	if (args->output == OUTPUT_JSON)
		manifest_emit_json(&reply->base, &text);
	else
		manifest_emit_yaml(&reply->base, &text);
	fprintf(io->out, "%s%s", text.len ? text.data : "",
		args->output == OUTPUT_JSON ? "\n" : "");
}

/* ---- what was said in vain ---- */

static void complain_of_settings(const struct args *args, const struct io *io)
{
	struct options given = ((const struct doctor_args *)args->own)->host.settings;
	AUTO(strv_fini) struct strv flags = { 0 };

	options_give_socket(&given, NULL);
	options_add_flags(&given, &flags);
	for (size_t i = 0; i < flags.n; i++) {
		AUTO_FREE char *text =
			xasprintf("%s is ignored: kukeond answers, and looks with its own settings",
				  flags.items[i]);

		cli_complain(io, text);
	}
}

static void complain_of_wishes(const struct doctor_args *own, const struct io *io)
{
	if (own->fix)
		cli_complain(io,
			     "--fix is ignored: only kukeond, which does not answer, knows what "
			     "is nobody's");
	if (own->all)
		cli_complain(io,
			     "--all is ignored: only kukeond, which does not answer, knows what "
			     "is whose");
}

/* ---- without the daemon: what can be seen from here ---- */

static int examine_host(const struct args *args, const struct io *io, struct error *err)
{
	const struct doctor_args *own = args->own;
	Api__DoctorResponse reply = API__DOCTOR_RESPONSE__INIT;
	struct host_checks checks = { 0 };
	Api__Config *config = NULL;

	if (host_args_load(&own->host.settings, &config, err) < 0)
		return CLI_USAGE;
	host_checks_make(config, &checks);
	host_checks_ask_containerd(config, &checks);
	host_advice_make(config, false, &checks);
	reply.checks = checks.items;
	reply.n_checks = checks.n;
	print(args, &reply, io);
	if (args->output == OUTPUT_TABLE) {
		fprintf(io->out, "\n%zu check%s", reply.n_checks, reply.n_checks == 1 ? "" : "s");
		print_counts(&reply, false, io->out);
		fputs(".\n", io->out);
	}
	host_checks_fini(&checks);
	protobuf_c_message_free_unpacked(&config->base, NULL);
	return CLI_UNREACHABLE;
}

static enum cli_exit doctor_run(const struct args *args, const struct io *io, struct error *err)
{
	const struct doctor_args *own = args->own;
	Api__DoctorRequest request = API__DOCTOR_REQUEST__INIT;
	AUTO_REPLY Api__DoctorResponse *reply = NULL;
	struct error why;
	int rc;

	request.has_fix = request.fix = own->fix;
	rc = client_doctor(client_new(args->socket), &request, &reply, &why);
	if (rc < 0 && client_exit(rc) != CLI_UNREACHABLE) {
		*err = why;
		return client_exit(rc);
	}
	if (rc < 0) {
		complain_of_wishes(own, io);
		rc = examine_host(args, io, err);
		if (rc == CLI_UNREACHABLE)
			*err = why;
		return rc;
	}
	complain_of_settings(args, io);
	print(args, reply, io);
	if (args->output == OUTPUT_TABLE)
		print_verdict(reply, own->fix, io->out);
	return count_orphans(reply) || count_failed(reply) ? CLI_FAILED : CLI_DONE;
}

static const struct argp_child doctor_children[] = {
	{ .argp = &doctor_argp },
	{ .argp = &host_args_settings },
	{ .argp = &args_format },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_doctor = {
	.name = "doctor",
	.summary = "Look for what is left over on the host and for what the host lacks",
	.usage = "",
	.examples =
		"  kuke doctor\n"
		"  kuke doctor --all\n"
		"  kuke doctor --fix\n"
		"  kuke doctor -o json | jq '.objects[] | select(.orphan)'\n"
		"\n"
		"Exit 0: everything has its owner and the host lacks nothing; 1: not so. While\n"
		"kukeond does not answer only the host is looked at, with the settings given "
		"here.\n",
	.outputs = 1U << OUTPUT_TABLE | 1U << OUTPUT_YAML | 1U << OUTPUT_JSON,
	.own_bytes = sizeof(struct doctor_args),
	.options = doctor_children,
	.run = doctor_run,
};

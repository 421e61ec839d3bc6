/* SPDX-License-Identifier: Apache-2.0 */
/* kuke init: from a host with containerd to a host that runs Kukeon; a second time it only reports.
 */
#include <errno.h>
#include <sys/stat.h>

#include "cli/args/host_args.h"
#include "cli/ask/waiting.h"
#include "cli/client/client.h"
#include "cli/host/check_host.h"
#include "cli/host/host_daemon.h"
#include "cli/host/host_hierarchy.h"
#include "cli/host/host_setup.h"
#include "cli/show/table.h"
#include "cli/verbs.h"

enum { KEY_REALM = 0x400, KEY_SPACE, KEY_REGENERATE, KEY_NO_WAIT, KEY_TIMEOUT };

static error_t parse_init(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;
	struct host_args *own = args->own;

	switch (key) {
	case KEY_REALM:
		return args_set_scope(args, KIND_REALM, "--realm", arg);
	case KEY_SPACE:
		return args_set_scope(args, KIND_SPACE, "--space", arg);
	case KEY_REGENERATE:
		own->regenerate_cni = true;
		return 0;
	case KEY_NO_WAIT:
		own->no_wait = true;
		return 0;
	case KEY_TIMEOUT:
		return args_set_timeout(args, arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option init_options[] = {
	{ .name = "realm",
	  .key = KEY_REALM,
	  .arg = "NAME",
	  .doc = "Realm to create (else default)" },
	{ .name = "space",
	  .key = KEY_SPACE,
	  .arg = "NAME",
	  .doc = "Space to create in it (else default)" },
	{ .name = "force-regenerate-cni",
	  .key = KEY_REGENERATE,
	  .doc = "Write the network configuration of every space anew with today's rules" },
	{ .name = "no-wait", .key = KEY_NO_WAIT, .doc = "Return before all of it is Ready" },
	{ .name = "timeout",
	  .key = KEY_TIMEOUT,
	  .arg = "TIME",
	  .doc = "How long to wait for that, e.g. 30s, 5m or 1h (else 60s)" },
	{ 0 },
};

static const struct argp init_argp = { .options = init_options, .parser = parse_init };

static int start_daemon(const struct host_args *own, const Api__Config *config, const struct io *io,
			struct error *err)
{
	bool started;
	int r = host_daemon_start(&own->settings, config, &started, err);

	if (r == 0)
		fprintf(io->out, "kukeond: %s\n", started ? "started" : "already running");
	return r;
}

static int regenerate(struct client *client, const struct io *io, struct error *err)
{
	Api__RefreshRequest request = API__REFRESH_REQUEST__INIT;
	AUTO_REPLY Api__RefreshResponse *reply = NULL;
	int r;

	request.has_regenerate_cni = request.regenerate_cni = true;
	r = client_refresh(client, &request, &reply, err);
	if (r == 0)
		fprintf(io->out, "Network configuration: written anew\n");
	return r;
}

/* Other managers of the packet filter are asked to let our bridges pass. What they say is no reason
 * to fail. */
static int tell_firewalls(struct client *client, const struct io *io, struct error *err)
{
	Api__DoctorRequest request = API__DOCTOR_REQUEST__INIT;
	AUTO_REPLY Api__DoctorResponse *reply = NULL;
	int r;

	request.has_ask_firewalls = request.ask_firewalls = true;
	r = client_doctor(client, &request, &reply, err);
	for (size_t i = 0; r == 0 && i < reply->n_checks; i++) {
		fprintf(io->out, "%s: ", reply->checks[i]->name);
		text_print(reply->checks[i]->message, io->out);
		if (reply->checks[i]->remedy) {
			fputs(": ", io->out);
			text_print(reply->checks[i]->remedy, io->out);
		}
		fputc('\n', io->out);
	}
	return r == -EBUSY ? 0 : r;
}

/* What the running daemon does of it. */
static enum cli_exit fill(const struct args *args, const struct host_args *own, const char *socket,
			  const struct io *io, struct error *err)
{
	struct client *client = client_new(socket);
	AUTO(results_fini) struct results results = { 0 };
	const struct results_options options = { 0 };
	struct waiting waiting;
	enum cli_exit code;
	int r = host_create_hierarchy(client, args->scope[KIND_REALM], args->scope[KIND_SPACE],
				      &results, err);

	if (r < 0)
		return client_exit(r);
	code = results_print(&results, &options, io->out);
	if (code == CLI_DONE && own->regenerate_cni)
		code = client_exit(regenerate(client, io, err));
	if (code == CLI_DONE)
		code = client_exit(tell_firewalls(client, io, err));
	if (code != CLI_DONE || own->no_wait)
		return code;
	fflush(io->out);
	waiting_init(&waiting, client, args, io);
	return waiting_for_results(&waiting, &results, WAIT_READY);
}

static enum cli_exit init_host(const struct args *args, const Api__Config *config,
			       const struct io *io, struct error *err)
{
	const struct host_args *own = args->own;

	if (!host_checks(config, io)) {
		error_set(err, -ENOTSUP, "the host lacks what is named above; nothing was changed");
		return CLI_FAILED;
	}
	if (host_make_directories(config, io, err) < 0 || host_make_group(io, err) < 0)
		return CLI_FAILED;
	fflush(io->out);
	if (start_daemon(own, config, io, err) < 0)
		return CLI_UNREACHABLE;
	return fill(args, own, config->socket, io, err);
}

static enum cli_exit init_run(const struct args *args, const struct io *io, struct error *err)
{
	const struct host_args *own = args->own;
	Api__Config *config = NULL;
	enum cli_exit code;

	if (host_args_need_root("init", err) < 0)
		return CLI_FAILED;
	if (host_args_load(&own->settings, &config, err) < 0)
		return CLI_USAGE;
	umask(022); /* what it makes is for the host, not for this user alone */
	code = init_host(args, config, io, err);
	protobuf_c_message_free_unpacked(&config->base, NULL);
	return code;
}

static const struct argp_child init_children[] = {
	{ .argp = &init_argp },
	{ .argp = &host_args_settings },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_init = {
	.name = "init",
	.summary = "Prepare this host: directories, group, kukeond, the default realm",
	.usage = "",
	.examples = "  sudo kuke init\n"
		    "  sudo kuke init --realm main --space lab\n"
		    "  sudo kuke init --force-regenerate-cni\n",
	.own_bytes = sizeof(struct host_args),
	.options = init_children,
	.run = init_run,
};

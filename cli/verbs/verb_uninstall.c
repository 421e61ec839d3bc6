/* SPDX-License-Identifier: Apache-2.0 */
/* kuke uninstall: takes all runtime state of Kukeon off this host. */
#include <errno.h>

#include "cli/args/host_args.h"
#include "cli/args/kinds.h"
#include "cli/client/client.h"
#include "cli/host/host_daemon.h"
#include "cli/host/host_setup.h"
#include "cli/show/table.h"
#include "cli/verbs.h"
#include "core/model/model.h"

/* Asked for its end, it closes within seconds. */
enum { KEY_YES = 0x400, END_LIMIT_MS = 30 * 1000 };

static error_t parse_uninstall(int key, char *arg UNUSED, struct argp_state *state)
{
	struct args *args = state->input;
	struct host_args *own = args->own;

	if (key != KEY_YES)
		return ARGP_ERR_UNKNOWN;
	own->yes = true;
	return 0;
}

static const struct argp_option uninstall_options[] = {
	{ .name = "yes", .key = KEY_YES, .doc = "Do not ask" },
	{ 0 },
};

static const struct argp uninstall_argp = { .options = uninstall_options,
					    .parser = parse_uninstall };

static void announce(const Api__Config *config, FILE *out)
{
	fprintf(out,
		"This removes from the host:\n"
		"  all cells with their containers, and every realm, space and stack\n"
		"  their networks, and what they wrote into %s\n"
		"  cgroup %s\n"
		"  directories %s and %s\n"
		"  kukeond, which ends and is not started at boot any more\n"
		"It leaves manifests (%s), settings, images in containerd and the group " HOST_GROUP
		".\n",
		config->cni_conf_dir, config->cgroup_root, config->run_path, config->runtime_dir,
		config->manifests_dir);
}

static bool confirm(const struct io *io)
{
	char answer[16] = "";

	fprintf(io->out, "Go on? [y/N] ");
	fflush(io->out);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* Nothing of ours, so nothing to ask about and no daemon to start. */
static bool is_installed(const Api__Config *config)
{
	AUTO_FREE char *cgroup = xasprintf("%s%s", config->cgroup_mount, config->cgroup_root);

	return access(config->run_path, F_OK) == 0 || access(config->runtime_dir, F_OK) == 0 ||
	       access(cgroup, F_OK) == 0 || host_daemon_reachable(config->socket);
}

static void print_remaining(const Api__PurgeResponse *reply, FILE *out)
{
	for (size_t i = 0; i < reply->n_remaining; i++) {
		const Api__Problem *problem = reply->remaining[i];

		fprintf(out, "kuke: %s \"", kind_name(model_kind(problem->kind)));
		text_print(problem->key, out);
		fprintf(out, "\": ");
		text_print(problem->message ? problem->message : problem->reason, out);
		fputc('\n', out);
	}
}

/* 0 when nothing is left and the daemon has ended. */
static int purge(const Api__Config *config, const struct io *io, struct error *err)
{
	struct client *client = client_new(config->socket);
	AUTO_REPLY Api__VersionResponse *daemon = NULL;
	AUTO_REPLY Api__PurgeResponse *reply = NULL;
	int r = client_version(client, &daemon, err);

	if (r == 0)
		r = client_purge(client, &reply, err);
	if (r < 0)
		return r;
	if (reply->n_remaining) {
		print_remaining(reply, io->err);
		return error_set(err, -EBUSY,
				 "the above could not be removed; kukeond goes on, see to it and "
				 "run this again");
	}
	fprintf(io->out, "Cells, networks and stored objects: removed\n");
	if (!host_daemon_wait_end((int)daemon->pid, END_LIMIT_MS))
		return error_set(err, -EBUSY, "kukeond (process %u) does not end", daemon->pid);
	return 0;
}

static enum cli_exit uninstall(const struct host_args *own, const Api__Config *config,
			       const struct io *io, struct error *err)
{
	bool started;
	int r;

	if (host_daemon_start(&own->settings, config, &started, err) < 0)
		return CLI_UNREACHABLE;
	r = purge(config, io, err);
	if (r < 0)
		return client_exit(r);
	if (host_daemon_disable(&own->settings, config, err) < 0)
		return CLI_FAILED;
	fprintf(io->out, "kukeond: ended\n");
	return host_remove_directories(config, io, err) < 0 ? CLI_FAILED : CLI_DONE;
}

static enum cli_exit ask_and_uninstall(const struct host_args *own, const Api__Config *config,
				       const struct io *io, struct error *err)
{
	if (!is_installed(config)) {
		fprintf(io->out, "Kukeon is not on this host: nothing to remove.\n");
		return CLI_DONE;
	}
	if (!own->yes && !isatty(STDIN_FILENO)) {
		error_set(err, -EINVAL, "there is no terminal to ask on: give --yes");
		return CLI_USAGE;
	}
	announce(config, io->out);
	if (!own->yes && !confirm(io)) {
		error_set(err, -ECANCELED, "nothing was removed");
		return CLI_FAILED;
	}
	return uninstall(own, config, io, err);
}

static enum cli_exit uninstall_run(const struct args *args, const struct io *io, struct error *err)
{
	const struct host_args *own = args->own;
	Api__Config *config = NULL;
	enum cli_exit code;

	if (host_args_need_root("uninstall", err) < 0)
		return CLI_FAILED;
	if (host_args_load(&own->settings, &config, err) < 0)
		return CLI_USAGE;
	code = ask_and_uninstall(own, config, io, err);
	protobuf_c_message_free_unpacked(&config->base, NULL);
	return code;
}

static const struct argp_child uninstall_children[] = {
	{ .argp = &uninstall_argp },
	{ .argp = &host_args_settings },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_uninstall = {
	.name = "uninstall",
	.summary = "Take every cell, network and stored object off this host, and kukeond",
	.usage = "",
	.examples = "  sudo kuke uninstall\n"
		    "  sudo kuke uninstall --yes\n",
	.own_bytes = sizeof(struct host_args),
	.options = uninstall_children,
	.run = uninstall_run,
};

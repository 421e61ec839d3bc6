/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args/host_args.h"

#include <errno.h>

static error_t parse_settings(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;
	struct host_args *own = args->own;

	if (key != ARGP_KEY_END)
		return options_take(&own->settings, key, arg) ? 0 : ARGP_ERR_UNKNOWN;
	/* Not the variable or the default: where the settings say another one, that counts. */
	options_give_socket(&own->settings, args->socket);
	return 0;
}

const struct argp host_args_settings = { .options = options_flags + 1, .parser = parse_settings };

/* The daemon outlives the directory that kuke was called in. */
static int check_absolute(const Api__Config *config, struct error *err)
{
	const struct {
		const char *what, *path;
	} paths[] = {
		{ "run-path", config->run_path },
		{ "runtime-dir", config->runtime_dir },
		{ "manifests-dir", config->manifests_dir },
		{ "socket", config->socket },
		{ "containerd-socket", config->containerd_socket },
		{ "cgroup-root", config->cgroup_root },
		{ "cgroup-mount", config->cgroup_mount },
		{ "cni-conf-dir", config->cni_conf_dir },
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (paths[i].path[0] != '/' || !paths[i].path[1])
			return error_set(err, -EINVAL,
					 "%s \"%s\": expected an absolute path below /",
					 paths[i].what, paths[i].path);
	}
	return 0;
}

int host_args_load(const struct options *settings, Api__Config **ret_config, struct error *err)
{
	Api__Config *config = NULL;
	int r = options_load(settings, &config, err);

	if (r < 0)
		return r;
	r = check_absolute(config, err);
	if (r < 0)
		protobuf_c_message_free_unpacked(&config->base, NULL);
	else
		*ret_config = config;
	return r;
}

int host_args_need_root(const char *verb, struct error *err)
{
	if (geteuid() == 0)
		return 0;
	return error_set(err, -EPERM, "%s changes the host: run it as root, e.g. with sudo", verb);
}

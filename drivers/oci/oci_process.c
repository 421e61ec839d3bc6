/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/oci/oci_private.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/oom.h>

#include "core/model/capability.h"
#include "core/model/names.h"

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Soft as every libc expects it (select(2)), hard high enough for servers that raise it. */
enum { NOFILE_SOFT = 1024, NOFILE_HARD = 1048576 };

/* ---- arguments ---- */

static void add_all(struct strv *strv, const struct strv *more)
{
	for (size_t i = 0; i < more->n; i++)
		strv_add(strv, more->items[i]);
}

/*
 * The command replaces the image's entrypoint; the image's cmd was meant as arguments of that
 * entrypoint, so it goes too. Arguments replace the cmd alone.
 */
static json_t *process_args(const Api__ContainerSpec *spec, const struct image_config *image)
{
	struct strv args AUTO(strv_fini) = { 0 };

	if (!str_empty(spec->command))
		strv_add(&args, spec->command);
	else
		add_all(&args, &image->entrypoint);
	for (size_t i = 0; i < spec->n_args; i++)
		strv_add(&args, spec->args[i]);
	if (str_empty(spec->command) && spec->n_args == 0)
		add_all(&args, &image->cmd);
	return oci_strings((const char *const *)args.items, args.n);
}

/* ---- environment ---- */

/* Adds "NAME=value" in the place of an earlier one of that name. */
static void env_set(struct strv *env, const char *entry)
{
	size_t name_len = strcspn(entry, "=");

	for (size_t i = 0; i < env->n; i++) {
		if (strcspn(env->items[i], "=") != name_len ||
		    strncmp(env->items[i], entry, name_len) != 0)
			continue;
		free(env->items[i]);
		env->items[i] = xstrdup(entry);
		return;
	}
	strv_add(env, entry);
}

static void env_set_value(struct strv *env, const char *name, const char *value)
{
	AUTO_FREE char *entry = xasprintf("%s=%s", name, value);

	env_set(env, entry);
}

/* A spec may change everything but what Kukeon says about the container's place. */
static json_t *process_env(const struct oci_options *options)
{
	const struct container_request *request = options->request;
	const struct image_config *image = options->image;
	struct strv env AUTO(strv_fini) = { 0 };
	struct key_parts parts;

	check(key_split(request->cell_key, &parts) && parts.kind == KIND_CELL);
	strv_add(&env, DEFAULT_PATH);
	if (options->inputs->user.home)
		env_set_value(&env, "HOME", options->inputs->user.home);
	for (size_t i = 0; i < image->env.n; i++)
		env_set(&env, image->env.items[i]);
	env_set_value(&env, "HOSTNAME", request->hostname);
	for (size_t i = 0; i < request->spec->n_env; i++)
		env_set(&env, request->spec->env[i]);
	env_set_value(&env, "KUKEON_REALM", parts.part[KIND_REALM]);
	env_set_value(&env, "KUKEON_SPACE", parts.part[KIND_SPACE]);
	env_set_value(&env, "KUKEON_STACK", parts.part[KIND_STACK]);
	env_set_value(&env, "KUKEON_CELL", parts.part[KIND_CELL]);
	env_set_value(&env, "KUKEON_CONTAINER",
		      request->spec->id ? request->spec->id : request->role);
	return oci_strings((const char *const *)env.items, env.n);
}

/* ---- user ---- */

/* The group itself stands among the others too: a program that changes its gid must not get rid of
 * a group that is denied something. */
static json_t *process_user(const struct user *user)
{
	json_t *groups = json_pack("[I]", (json_int_t)user->gid);

	for (size_t i = 0; i < user->n_groups; i++)
		json_array_append_new(groups, json_integer(user->groups[i]));
	return json_pack("{s:I, s:I, s:o}", "uid", (json_int_t)user->uid, "gid",
			 (json_int_t)user->gid, "additionalGids", groups);
}

/* ---- capabilities ---- */

static uint64_t named_capabilities(char *const *names, size_t n, uint64_t all)
{
	uint64_t set = 0;

	for (size_t i = 0; i < n; i++) {
		int number = capability_parse(names[i]);

		if (capability_is_all(names[i]))
			set |= all;
		else if (number >= 0)
			set |= UINT64_C(1) << number;
	}
	return set;
}

static json_t *capabilities_json(uint64_t set)
{
	json_t *names = json_array();

	for (unsigned i = 0; capability_name(i); i++)
		if (set & (UINT64_C(1) << i))
			json_array_append_new(names, json_string(capability_name(i)));
	return names;
}

/* The kernel would take what is added away from a user other than root, unless it is ambient; what
 * is there by default is for root alone. */
static json_t *capability_sets(uint64_t set, uint64_t ambient)
{
	json_t *names = capabilities_json(set), *kept = capabilities_json(ambient), *json;

	json = json_pack("{s:O, s:O, s:O}", "bounding", names, "effective", names, "permitted",
			 names);
	/* Never inheritable without need: that would survive an exec by an unprivileged user. */
	if (ambient) {
		json_object_set(json, "inheritable", kept);
		json_object_set(json, "ambient", kept);
	}
	json_decref(names);
	json_decref(kept);
	return json;
}

/* Dropping comes first, then adding. */
static int process_capabilities(const struct oci_options *options, json_t **ret_json,
				struct error *err)
{
	static const Api__Capabilities none = API__CAPABILITIES__INIT;
	const Api__ContainerSpec *spec = options->request->spec;
	const Api__Capabilities *asked = spec->capabilities ? spec->capabilities : &none;
	uint64_t all = options->host->capabilities;
	uint64_t set = spec->privileged ? all : capability_defaults();
	uint64_t added = named_capabilities(asked->add, asked->n_add, all);

	for (unsigned i = 0; capability_name(i); i++)
		if (added & ~all & (UINT64_C(1) << i))
			return error_set(err, -EINVAL,
					 "capabilities.add: kukeond itself runs without %s and "
					 "cannot give it: leave it out, or let kukeond have it",
					 capability_name(i));
	set &= ~named_capabilities(asked->drop, asked->n_drop, UINT64_MAX);
	*ret_json = capability_sets(set | added, options->inputs->user.uid ? added : 0);
	return 0;
}

static json_t *process_rlimits(const struct host *host)
{
	json_int_t hard =
		host->nofile_max < NOFILE_HARD ? (json_int_t)host->nofile_max : NOFILE_HARD;
	json_int_t soft = hard < NOFILE_SOFT ? hard : NOFILE_SOFT;

	return json_pack("[{s:s, s:I, s:I}]", "type", "RLIMIT_NOFILE", "soft", soft, "hard", hard);
}

/*
 * Said always: else it would be containerd's own, which distributions set so low that the kernel
 * ends everything else on the host before a container that leaks. Where the kernel lets us go no
 * lower than we are ourselves, a container that asks for nothing takes that.
 */
static int process_oom_score_adj(const struct oci_options *options, json_int_t *ret_score,
				 struct error *err)
{
	const struct host *host = options->host;
	bool free_to_choose = host->capabilities & (UINT64_C(1) << CAP_SYS_RESOURCE);
	int lowest = free_to_choose ? OOM_SCORE_ADJ_MIN : host->oom_score_adj;
	int asked = options->request->spec->oom_score_adj;

	if (asked && asked < lowest)
		return error_set(err, -EINVAL,
				 "oomScoreAdj: kukeond itself runs at %d without CAP_SYS_RESOURCE "
				 "and cannot give less: ask for no less, or let kukeond have it",
				 lowest);
	*ret_score = asked < lowest ? lowest : asked;
	return 0;
}

static char *process_cwd(const Api__ContainerSpec *spec, const struct image_config *image)
{
	const char *dir = !str_empty(spec->working_dir) ? spec->working_dir : image->working_dir;

	return xasprintf("%s%s", dir[0] == '/' ? "" : "/", dir);
}

int oci_process(const struct oci_options *options, json_t **ret_process, struct error *err)
{
	const Api__ContainerSpec *spec = options->request->spec;
	const struct image_config *image = options->image;
	AUTO_FREE char *cwd = process_cwd(spec, image);
	json_t *args, *capabilities = NULL;
	json_int_t score = 0;
	int r = process_oom_score_adj(options, &score, err);

	if (r == 0)
		r = process_capabilities(options, &capabilities, err);
	if (r < 0)
		return r;
	args = process_args(spec, image);
	if (json_array_size(args) == 0) {
		json_decref(args);
		json_decref(capabilities);
		return error_set(err, -EINVAL, "image %s does not say what to run: set command",
				 spec->image);
	}
	*ret_process = json_pack("{s:b, s:o, s:o, s:o, s:s, s:o, s:o, s:b, s:I}", "terminal", 0,
				 "user", process_user(&options->inputs->user), "args", args, "env",
				 process_env(options), "cwd", cwd, "capabilities", capabilities,
				 "rlimits", process_rlimits(options->host), "noNewPrivileges",
				 !spec->privileged, "oomScoreAdj", score);
	return *ret_process ? 0
			    : error_set(err, -EINVAL,
					"a string of the spec or of the image is not valid UTF-8");
}

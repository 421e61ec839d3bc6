/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/containerd/oci_private.h"

#include <ctype.h>
#include <errno.h>

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
static json_t *process_env(const struct container_request *request,
			   const struct image_config *image)
{
	struct strv env AUTO(strv_fini) = { 0 };
	struct key_parts parts;

	check(key_split(request->cell_key, &parts) && parts.kind == KIND_CELL);
	strv_add(&env, DEFAULT_PATH);
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

/* One number up to @end; "root" is the one name that is the same in every image. */
static bool parse_id(const char *s, const char *end, uint32_t *ret_id)
{
	uint64_t id = 0;

	if (end - s == 4 && strncmp(s, "root", 4) == 0) {
		*ret_id = 0;
		return true;
	}
	if (s == end || end - s > 10)
		return false;
	for (; s < end; s++) {
		if (!isdigit((unsigned char)*s))
			return false;
		id = id * 10 + (uint64_t)(*s - '0');
	}
	*ret_id = (uint32_t)id;
	return id < UINT32_MAX; /* -1 means "leave it" to the kernel */
}

static int process_user(const char *user, const char *origin, json_t **ret_user, struct error *err)
{
	const char *colon = strchrnul(user, ':');
	uint32_t uid = 0, gid = 0;

	if (user[0] && !parse_id(user, colon, &uid))
		return error_set(
			err, -EINVAL,
			"%s \"%s\": expected numbers as in \"1000\" or \"1000:1000\"; names stand in the image's "
			"/etc/passwd: set user to the number",
			origin, user);
	if (*colon && !parse_id(colon + 1, colon + strlen(colon), &gid))
		return error_set(err, -EINVAL,
				 "%s \"%s\": the group must be a number: set user, e.g. \"%u:%u\"",
				 origin, user, uid, uid);
	*ret_user = json_pack("{s:I, s:I}", "uid", (json_int_t)uid, "gid", (json_int_t)gid);
	return 0;
}

/* ---- capabilities ---- */

static json_t *all_capabilities(const struct host *host)
{
	json_t *names = json_array();

	for (unsigned i = 0; host_capability_name(i); i++)
		if (host->capabilities & (UINT64_C(1) << i))
			json_array_append_new(names, json_string(host_capability_name(i)));
	return names;
}

static json_t *default_capabilities(void)
{
	return OCI_STRINGS("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD",
			   "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP",
			   "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE");
}

/* Never inheritable: that would survive an exec by an unprivileged user. */
static json_t *process_capabilities(const struct oci_options *options)
{
	json_t *names = options->request->spec->privileged ? all_capabilities(options->host)
							   : default_capabilities();

	return json_pack("{s:O, s:O, s:o}", "bounding", names, "effective", names, "permitted",
			 names);
}

static json_t *process_rlimits(const struct host *host)
{
	json_int_t hard =
		host->nofile_max < NOFILE_HARD ? (json_int_t)host->nofile_max : NOFILE_HARD;
	json_int_t soft = hard < NOFILE_SOFT ? hard : NOFILE_SOFT;

	return json_pack("[{s:s, s:I, s:I}]", "type", "RLIMIT_NOFILE", "soft", soft, "hard", hard);
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
	json_t *user, *args;
	int r;

	r = str_empty(spec->user) ? process_user(image->user, "the image's user", &user, err)
				  : process_user(spec->user, "user", &user, err);
	if (r < 0)
		return r;
	args = process_args(spec, image);
	if (json_array_size(args) == 0) {
		json_decref(args);
		json_decref(user);
		return error_set(err, -EINVAL, "image %s does not say what to run: set command",
				 spec->image);
	}
	*ret_process =
		json_pack("{s:b, s:o, s:o, s:o, s:s, s:o, s:o, s:b}", "terminal", 0, "user", user,
			  "args", args, "env", process_env(options->request, image), "cwd", cwd,
			  "capabilities", process_capabilities(options), "rlimits",
			  process_rlimits(options->host), "noNewPrivileges", !spec->privileged);
	return *ret_process ? 0
			    : error_set(err, -EINVAL,
					"a string of the spec or of the image is not valid UTF-8");
}

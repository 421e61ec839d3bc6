/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/registry/json.h"
#include "drivers/exec/session_private.h"
#include "drivers/oci/user_parse.h"

/* ---- environment ---- */

static bool is_of_name(const char *entry, const char *name_and_more)
{
	size_t len = strcspn(name_and_more, "=");

	return strncmp(entry, name_and_more, len) == 0 && entry[len] == '=';
}

static bool env_has(const json_t *env, const char *name)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(env, i, entry)
		if (json_is_string(entry) && is_of_name(json_string_value(entry), name))
			return true;
	return false;
}

/* In the place of one of that name. */
static void env_set(json_t *env, const char *text)
{
	for (size_t i = json_array_size(env); i-- > 0;) {
		const char *entry = json_string_value(json_array_get(env, i));

		if (entry && is_of_name(entry, text))
			json_array_remove(env, i);
	}
	json_array_append_new(env, json_string(text));
}

static void set_env(json_t *process, const struct session *session, const struct user *user)
{
	json_t *env = json_object_get(process, "env");

	if (!json_is_array(env)) {
		env = json_array();
		json_object_set_new(process, "env", env);
	}
	if (user && user->home) {
		AUTO_FREE char *home = xasprintf("HOME=%s", user->home);

		env_set(env, home);
	}
	if (session->tty && !env_has(env, "TERM"))
		env_set(env, "TERM=xterm");
	for (size_t i = 0; i < session->env.n; i++)
		env_set(env, session->env.items[i]);
}

/* ---- the rest ---- */

static void set_user(json_t *process, const struct user *user)
{
	json_t *groups = json_pack("[I]", (json_int_t)user->gid);

	for (size_t i = 0; i < user->n_groups; i++)
		json_array_append_new(groups, json_integer(user->groups[i]));
	json_object_set_new(process, "user",
			    json_pack("{s:I, s:I, s:o}", "uid", (json_int_t)user->uid, "gid",
				      (json_int_t)user->gid, "additionalGids", groups));
}

static void set_terminal(json_t *process, const struct session *session)
{
	json_object_set_new(process, "terminal", json_boolean(session->tty));
	json_object_del(process, "consoleSize");
	if (session->tty && session->columns && session->rows)
		json_object_set_new(process, "consoleSize",
				    json_pack("{s:I, s:I}", "height", (json_int_t)session->rows,
					      "width", (json_int_t)session->columns));
}

static int set_args(json_t *process, const struct session *session, struct error *err)
{
	json_t *args = json_array();

	for (size_t i = 0; i < session->argv.n; i++)
		json_array_append_new(args, json_string(session->argv.items[i]));
	if (json_array_size(args) == session->argv.n)
		return json_object_set_new(process, "args", args);
	json_decref(args);
	return error_set(err, -EINVAL, "the command is not valid UTF-8");
}

static int print(const json_t *process, struct buf *ret_text, struct error *err)
{
	AUTO_FREE char *text = json_dumps(process, JSON_COMPACT);

	if (!text)
		return error_set(err, -EINVAL, "the command cannot be written as JSON");
	buf_add_str(ret_text, text);
	return 0;
}

/*
 * What the container's own process has, but for what is said: its rights are in there, and
 * noNewPrivileges, which no runtime takes over by itself.
 */
int session_process(const struct session *session, const void *spec, size_t len,
		    const struct user *user, struct buf *ret_text, struct error *err)
{
	AUTO(registry_json_unref) json_t *root = NULL;
	json_t *process;
	int r = registry_json_parse("spec", spec, len, &root, err);

	if (r < 0)
		return r;
	process = json_object_get(root, "process");
	if (!json_is_object(process))
		return error_set(err, -EBADMSG, "its record does not say what it runs");
	r = set_args(process, session, err);
	if (r < 0)
		return r;
	set_terminal(process, session);
	if (!str_empty(session->cwd))
		json_object_set_new(process, "cwd", json_string(session->cwd));
	if (user)
		set_user(process, user);
	set_env(process, session, user);
	return print(process, ret_text, err);
}

/* The runtime has no codes, only words. */
enum exec_failure session_failure(const char *text)
{
	static const struct {
		const char *part;
		enum exec_failure failure;
	} known[] = {
		{ "chdir to cwd", EXEC_NOT_INVOCABLE },
		{ "executable file not found", EXEC_NOT_FOUND },
		{ "no such file or directory", EXEC_NOT_FOUND },
		{ "permission denied", EXEC_NOT_INVOCABLE },
		{ "Permission denied", EXEC_NOT_INVOCABLE },
		{ "is a directory", EXEC_NOT_INVOCABLE },
		{ "exec format error", EXEC_NOT_INVOCABLE },
		{ "argument list too long", EXEC_NOT_INVOCABLE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strstr(text, known[i].part))
			return known[i].failure;
	return EXEC_FAILED;
}

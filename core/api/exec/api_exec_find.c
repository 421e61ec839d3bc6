/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/api/exec/api_exec.h"
#include "core/base/buf.h"

enum {
	LINE_MAX_WORDS = 16384,   /* arguments and variables */
	LINE_MAX_BYTES = 1 << 20, /* of these */
};

static int check_words(const char *what, char *const *words, size_t n, struct error *err)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n && i < LINE_MAX_WORDS; i++)
		bytes += strlen(words[i]) + 1;
	if (n > LINE_MAX_WORDS || bytes > LINE_MAX_BYTES)
		return error_set(err, -EINVAL, "%s: at most %d, of %d bytes together", what,
				 LINE_MAX_WORDS, LINE_MAX_BYTES);
	return 0;
}

int exec_check_start(const Api__ExecStart *start, struct error *err)
{
	if (!start || !start->n_args || str_empty(start->args[0]))
		return error_set(err, -EINVAL, "the request says no command");
	if (!str_empty(start->dir) && start->dir[0] != '/')
		return error_set(err, -EINVAL, "the directory of a command is an absolute path");
	for (size_t i = 0; i < start->n_env; i++)
		if (!strchr(start->env[i], '=') || start->env[i][0] == '=')
			return error_set(err, -EINVAL, "a variable is NAME=value");
	if (check_words("arguments", start->args, start->n_args, err) < 0)
		return -EINVAL;
	return check_words("variables", start->env, start->n_env, err);
}

/* Of a cell of one container that one; else they are named for the caller to choose. */
static const struct container *only_container(const struct object *cell, struct error *err)
{
	AUTO_BUF struct buf names = { 0 };
	const struct container *c, *found = NULL;
	unsigned n = 0;

	list_for_each(c, &cell->cell.containers, link) {
		if (!c->spec)
			continue;
		found = c;
		buf_printf(&names, "%s%s", n++ ? ", " : "", c->name);
	}
	if (n == 1)
		return found;
	error_set(err, -EINVAL, "cell %s has %u containers: say which: %.300s", cell->key, n,
		  n ? names.data : "none");
	return NULL;
}

const struct container *exec_find_container(struct api *api, const Api__ExecStart *start,
					    struct error *err)
{
	Api__Selector selector = API__SELECTOR__INIT;
	AUTO_FREE char *key = NULL;
	const struct container *c = NULL;
	const struct object *cell;

	selector.has_kind = true;
	selector.kind = API__KIND__KIND_CELL;
	selector.realm = start->realm;
	selector.space = start->space;
	selector.stack = start->stack;
	selector.name = start->cell;
	key = api_selector_key(&selector, err);
	if (!key)
		return NULL;
	cell = engine_find(api->options.engine, key);
	if (!cell || !cell->wanted)
		error_set(err, -ENOENT, "cell %s not found", key);
	else if (str_empty(start->container))
		return only_container(cell, err);
	else if (!(c = api_find_container(cell, start->container)))
		error_set(err, -ENOENT, "cell %s has no container \"%.80s\"", key,
			  start->container);
	return c;
}

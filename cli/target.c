/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/target.h"

#include <errno.h>

#include "cli/kinds.h"

#define DEFAULT_SCOPE "default"

static int read_name(const struct args *args, struct target *target, struct error *err)
{
	const struct verb *verb = args->verb;

	if (args->n_words < 2) {
		if (verb->lists)
			return 0;
		return error_set(err, -EINVAL, "which %s? kuke %s %s", kinds_singular(target->kind),
				 verb->name, verb->usage);
	}
	target->name = args->words[1];
	if (name_is_valid(target->name))
		return 0;
	return error_set(err, -EINVAL,
			 "\"%s\" is no name: letters, digits and inner dashes, at most %d",
			 target->name, NAME_MAX_BYTES);
}

static int read_scope(const struct args *args, struct target *target, struct error *err)
{
	for (int kind = 0; kind < KIND_CONTAINER; kind++) {
		target->scope[kind] = args->scope[kind];
		if (target->scope[kind] && kind >= (int)target->kind)
			return error_set(err, -EINVAL, "--%s does not narrow %s: %s",
					 kinds_singular((enum kind)kind),
					 kinds_plural(target->kind),
					 target->name ? "leave it out" : "give the name as a word");
		if (target->name && kind < (int)target->kind && !target->scope[kind])
			target->scope[kind] = DEFAULT_SCOPE;
	}
	return 0;
}

int target_read(const struct args *args, struct target *ret_target, struct error *err)
{
	struct target target = { 0 };

	if (kinds_need(args, &target.kind, err) < 0 || read_name(args, &target, err) < 0 ||
	    read_scope(args, &target, err) < 0)
		return -EINVAL;
	*ret_target = target;
	return 0;
}

bool target_from_key(const char *key, struct key_parts *parts, struct target *ret_target)
{
	if (!key_split(key, parts))
		return false;
	*ret_target = (struct target){ .kind = parts->kind, .name = parts->part[parts->kind] };
	for (int kind = 0; kind < (int)parts->kind; kind++)
		ret_target->scope[kind] = parts->part[kind];
	return true;
}

/* The API takes char * although it only reads. */
Api__Selector target_selector(const struct target *target)
{
	Api__Selector selector = API__SELECTOR__INIT;

	selector.has_kind = true;
	selector.kind = (Api__Kind)target->kind;
	selector.realm = (char *)target->scope[KIND_REALM];
	selector.space = (char *)target->scope[KIND_SPACE];
	selector.stack = (char *)target->scope[KIND_STACK];
	selector.cell = (char *)target->scope[KIND_CELL];
	selector.name = (char *)target->name;
	return selector;
}

void target_add_scope(const struct target *target, struct buf *out)
{
	const char *before = " in";

	for (int kind = 0; kind < KIND_CONTAINER; kind++) {
		if (!target->scope[kind])
			continue;
		buf_printf(out, "%s %s \"%s\"", before, kinds_singular((enum kind)kind),
			   target->scope[kind]);
		before = ",";
	}
}

enum cli_exit target_not_found(const struct target *target, struct error *err)
{
	AUTO_BUF struct buf scope = { 0 };

	target_add_scope(target, &scope);
	error_set(err, -ENOENT, "%s \"%s\" not found%s; 'kuke get %s' lists all",
		  kinds_singular(target->kind), target->name, scope.len ? scope.data : "",
		  kinds_plural(target->kind));
	return CLI_FAILED;
}

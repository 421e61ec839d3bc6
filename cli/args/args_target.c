/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args/args_target.h"

#include <errno.h>

#include "cli/args/kinds.h"
#include "core/model/model.h"

#define DEFAULT_SCOPE "default"

/* "REALM/SPACE/STACK/CELL" */
static void add_path(enum kind of, struct buf *out)
{
	static const char *const names[KIND_COUNT] = { "REALM", "SPACE", "STACK", "CELL",
						       "CONTAINER" };

	for (int kind = 0; kind <= (int)of; kind++)
		buf_printf(out, "%s%s", kind ? "/" : "", names[kind]);
}

static int read_path(const char *word, struct target *target, struct error *err)
{
	AUTO_BUF struct buf form = { 0 };

	if (key_split(word, &target->path) && target->path.kind == target->kind) {
		target->name = target->path.part[target->kind];
		return 0;
	}
	add_path(target->kind, &form);
	return error_set(err, -EINVAL, "\"%s\" is no path of a %s: expected %s", word,
			 kinds_singular(target->kind), form.data);
}

static size_t count_parts(const char *path)
{
	size_t n = 1;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* Whether "cell/web" is a kind and a name: it could be a path, too, of something called "cell". */
static bool names_its_kind(const char *word, enum kind kind)
{
	size_t parts = count_parts(word);

	return parts == (size_t)kind + 2 || (parts == 2 && kind != KIND_SPACE);
}

/* Behind "KIND/" where a word begins with it, which then says the kind. */
static int skip_kind(const struct args *args, unsigned i, struct target *target,
		     const char **ret_word, struct error *err)
{
	const char *word = args->words[i], *slash = strchr(word, '/');
	AUTO_FREE char *prefix = xstrndup(word, strcspn(word, "/"));
	bool must = args->kinds_in_words && i > 1;
	enum kind kind;
	int r = 0;

	*ret_word = word;
	if (!slash || !kinds_parse(prefix, &kind)) {
		if (must)
			r = error_set(err, -EINVAL,
				      "\"%s\": expected KIND/NAME, as in the words before it",
				      word);
	} else if (must) {
		r = kinds_check(args->verb, kind, err);
		target->kind = kind;
		*ret_word = slash + 1;
	} else if (kind == target->kind && names_its_kind(word, kind)) {
		*ret_word = slash + 1;
	}
	return r;
}

static int read_name(const struct args *args, unsigned i, struct target *target, struct error *err)
{
	const struct verb *verb = args->verb;
	const char *word;

	if (args->n_words <= i) {
		if (verb->lists)
			return 0;
		return error_set(err, -EINVAL, "which %s? kuke %s %s", kinds_singular(target->kind),
				 verb->name, verb->usage);
	}
	if (skip_kind(args, i, target, &word, err) < 0)
		return -EINVAL;
	if (strchr(word, '/'))
		return read_path(word, target, err);
	target->name = word;
	if (name_is_valid(target->name))
		return 0;
	return error_set(err, -EINVAL,
			 "\"%s\" is no name: letters, digits and inner dashes, at most %d",
			 target->name, NAME_MAX_BYTES);
}

/* What a path says and a flag says must be one. */
static int read_scope_of_path(const struct args *args, const char *word, struct target *target,
			      struct error *err)
{
	for (int kind = 0; kind < (int)target->kind; kind++) {
		const char *said = target->path.part[kind];

		if (args->scope[kind] && !str_equal(args->scope[kind], said))
			return error_set(err, -EINVAL, "--%s %s does not agree with the %s of %s",
					 kinds_singular((enum kind)kind), args->scope[kind],
					 kinds_singular((enum kind)kind), word);
		target->scope[kind] = said;
	}
	return 0;
}

static int read_scope(const struct args *args, unsigned i, struct target *target, struct error *err)
{
	bool has_path = target->name && target->name == target->path.part[target->kind];

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
	return has_path ? read_scope_of_path(args, args->words[i], target, err) : 0;
}

int target_read_word(const struct args *args, unsigned i, struct target *target, struct error *err)
{
	*target = (struct target){ 0 };
	if (kinds_need(args, &target->kind, err) < 0 || read_name(args, i, target, err) < 0 ||
	    read_scope(args, i, target, err) < 0)
		return -EINVAL;
	return 0;
}

int target_read(const struct args *args, struct target *ret_target, struct error *err)
{
	return target_read_word(args, 1, ret_target, err);
}

void target_add_keys(const struct args *args, struct strv *ret_keys)
{
	for (unsigned i = 1; i < args->n_words; i++) {
		const char *names[KIND_COUNT];
		AUTO_FREE char *key = NULL;
		struct target target;
		struct error ignored;

		check(target_read_word(args, i, &target, &ignored) == 0);
		memcpy(names, target.scope, sizeof(target.scope));
		names[target.kind] = target.name;
		key = key_join(target.kind, names);
		strv_add(ret_keys, key);
	}
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
	selector.kind = model_api_kind(target->kind);
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

bool target_is_system_cell(const struct target *target)
{
	return target->kind == KIND_CELL && str_equal(target->name, SYSTEM_CELL) &&
	       str_equal(target->scope[KIND_REALM], SYSTEM_REALM) &&
	       str_equal(target->scope[KIND_SPACE], SYSTEM_NAME) &&
	       str_equal(target->scope[KIND_STACK], SYSTEM_NAME);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args/kinds.h"

#include <errno.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/str.h"

enum { KIND_WORDS = 3 };

static const char *const kind_words[KIND_COUNT][KIND_WORDS] = {
	[KIND_REALM] = { "realm", "realms", "r" },
	[KIND_SPACE] = { "space", "spaces", "sp" },
	[KIND_STACK] = { "stack", "stacks", "st" },
	[KIND_CELL] = { "cell", "cells", "ce" },
	[KIND_CONTAINER] = { "container", "containers", "co" },
};

bool kinds_parse(const char *word, enum kind *ret_kind)
{
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		for (int i = 0; i < KIND_WORDS; i++) {
			if (strcasecmp(word, kind_words[kind][i]) != 0)
				continue;
			*ret_kind = (enum kind)kind;
			return true;
		}
	}
	return false;
}

const char *kinds_singular(enum kind kind)
{
	check(kind < KIND_COUNT);
	return kind_words[kind][0];
}

const char *kinds_plural(enum kind kind)
{
	check(kind < KIND_COUNT);
	return kind_words[kind][1];
}

/* Short names are left out: every word of two letters is near to them. */
static const char *nearest_kind(const char *word)
{
	const char *names[2 * KIND_COUNT];

	for (int kind = 0; kind < KIND_COUNT; kind++) {
		names[2 * kind] = kind_words[kind][0];
		names[2 * kind + 1] = kind_words[kind][1];
	}
	return str_nearest(word, names, ARRAY_SIZE(names));
}

/* "realm, space, stack, cell or container", or the plurals, for what @verb works on. */
static void add_kinds(const struct verb *verb, struct buf *out)
{
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		bool last = verb->kinds >> kind == 1;

		if (verb->kinds & (1U << kind))
			buf_printf(out, "%s%s",
				   out->len == 0 ? ""
				   : last        ? " or "
						 : ", ",
				   kind_words[kind][verb->lists ? 1 : 0]);
	}
}

int kinds_check(const struct verb *verb, enum kind kind, struct error *err)
{
	AUTO_BUF struct buf known = { 0 };

	if (verb->kinds & (1U << kind))
		return 0;
	add_kinds(verb, &known);
	return error_set(err, -EINVAL, "%s works on %s, not on a %s", verb->name, known.data,
			 kinds_singular(kind));
}

int kinds_need(const struct args *args, enum kind *ret_kind, struct error *err)
{
	const struct verb *verb = args->verb;
	AUTO_BUF struct buf known = { 0 };
	const char *nearest;
	enum kind kind;

	add_kinds(verb, &known);
	if (args->n_words == 0)
		return error_set(err, -EINVAL, "%s needs a kind: expected %s", verb->name,
				 known.data);
	if (kinds_parse(args->words[0], &kind)) {
		*ret_kind = kind;
		return kinds_check(verb, kind, err);
	}
	nearest = nearest_kind(args->words[0]);
	if (nearest)
		return error_set(err, -EINVAL, "unknown kind \"%s\", did you mean \"%s\"?",
				 args->words[0], nearest);
	return error_set(err, -EINVAL, "unknown kind \"%s\": expected %s", args->words[0],
			 known.data);
}

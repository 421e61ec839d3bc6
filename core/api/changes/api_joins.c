/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the spaces that a cell is asked to join are there, or come with the same request. */
#include "core/api/changes/api_mutation.h"
#include "core/model/clashes.h"
#include "core/model/view.h"
#include "core/network/joins.h"

static const char *or_default(const char *name)
{
	return str_empty(name) ? "default" : name;
}

/* A stack, cell or container brings its space with it. */
static bool lies_in(const ProtobufCMessage *message, enum kind kind, const struct key_parts *space)
{
	struct model_view view = model_view(kind, message);

	return kind > KIND_SPACE && view.spec && *view.spec &&
	       str_equal(or_default(*view.scope[KIND_REALM]), space->part[KIND_REALM]) &&
	       str_equal(or_default(*view.scope[KIND_SPACE]), space->part[KIND_SPACE]);
}

static bool comes_with(const struct mutation *m, const char *space_key)
{
	const Api__ApplyRequest *request = (const Api__ApplyRequest *)m->reply.request;
	struct key_parts parts;
	enum kind kind;

	for (size_t i = 0; i < m->n_results; i++) /* spaces come first; in a dry run they are not
						     there all the same */
		if (m->results[i]->outcome == API__OUTCOME__OUTCOME_CREATED &&
		    str_equal(m->results[i]->key, space_key))
			return true;
	check(key_split(space_key, &parts));
	for (size_t i = 0; i < request->n_objects; i++)
		if (api_object_kind(request->objects[i], &kind) &&
		    lies_in(&request->objects[i]->realm->base, kind, &parts))
			return true;
	return false;
}

bool api_joins_known(struct mutation *m, const char *key, const Api__CellSpec *spec)
{
	AUTO(strv_fini) struct strv spaces = { 0 };

	joins_find_unknown(m->api->options.engine, spec, &spaces);
	for (size_t i = 0; i < spaces.n; i++) {
		if (comes_with(m, spaces.items[i]))
			continue;
		AUTO_FREE char *why = clash_missing_space(spaces.items[i], "does not exist");

		mutation_result(m, key, API__OUTCOME__OUTCOME_FAILED, "%s", why);
		return false;
	}
	return true;
}

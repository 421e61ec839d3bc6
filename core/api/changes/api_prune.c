/* SPDX-License-Identifier: Apache-2.0 */
/* Prune: what lost its declaration and is still there, and to let it go. */
#include <errno.h>

#include "core/api/changes/api_mutation.h"
#include "core/base/wall.h"
#include "core/desired/claim.h"
#include "core/status/status.h"

static const Api__PruneRequest *request_of(const struct mutation *m)
{
	return (const Api__PruneRequest *)m->reply.request;
}

/* ---- what is selected ---- */

struct selection {
	char **keys;   /* of request->objects */
	bool *matched; /* files, then objects */
	const Api__PruneRequest *request;
};

/* @path is @above, or a file in that directory. */
static bool is_in(const char *path, const char *above)
{
	size_t len = strlen(above);

	while (len && above[len - 1] == '/')
		len--;
	return strncmp(path, above, len) == 0 && (!path[len] || path[len] == '/');
}

static bool selects(struct selection *selection, const struct claim *claim)
{
	const Api__PruneRequest *request = selection->request;
	bool any = !request->n_files && !request->n_objects;

	for (size_t i = 0; i < request->n_files; i++)
		if (is_in(claim->file->path, request->files[i]))
			any = selection->matched[i] = true;
	for (size_t i = 0; i < request->n_objects; i++)
		if (is_in(claim->object->key, selection->keys[i]))
			any = selection->matched[request->n_files + i] = true;
	return any;
}

static int selection_init(struct selection *selection, const Api__PruneRequest *request,
			  struct error *err)
{
	*selection = (struct selection){
		.keys = xcalloc(request->n_objects + 1, sizeof(char *)),
		.matched = xcalloc(request->n_files + request->n_objects + 1, sizeof(bool)),
		.request = request,
	};
	for (size_t i = 0; i < request->n_objects; i++) {
		selection->keys[i] = api_selector_key(request->objects[i], err);
		if (!selection->keys[i])
			return err->code;
	}
	return 0;
}

static void selection_fini(struct selection *selection)
{
	for (size_t i = 0; i < selection->request->n_objects; i++)
		free(selection->keys[i]);
	free(selection->keys);
	free(selection->matched);
}

/* Whether something was found for each. */
static int selection_check(const struct selection *selection, struct error *err)
{
	const Api__PruneRequest *request = selection->request;

	for (size_t i = 0; i < request->n_files + request->n_objects; i++)
		if (!selection->matched[i])
			return error_set(err, -ENOENT,
					 "nothing that lost its declaration is left of %s; 'kuke "
					 "prune' lists what is",
					 i < request->n_files
						 ? request->files[i]
						 : selection->keys[i - request->n_files]);
	return 0;
}

/* ---- what is found ---- */

static Api__HeldObject *render(const struct claim *claim)
{
	Api__HeldObject *held = xnew(Api__HeldObject);

	api__held_object__init(held);
	held->has_kind = true;
	held->kind = model_api_kind(claim->object->kind);
	held->key = xstrdup(claim->object->key);
	held->file = xstrdup(claim->file->path);
	held->message = claim->why ? xstrdup(claim->why)
				   : xstrdup("it is not declared any more and goes in a moment");
	held->since = wall_text(claim->lost_wall_ms);
	return held;
}

static void add(Api__HeldObject ***objects, size_t *n, const struct claim *claim)
{
	*objects = xrealloc(*objects, (*n + 1) * sizeof(**objects));
	(*objects)[(*n)++] = render(claim);
}

void api_add_held(const struct engine *engine, Api__HeldObject ***objects, size_t *n)
{
	const struct list *const lists[] = { &engine->desired.held, &engine->desired.in_doubt };
	const struct claim *claim;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		list_for_each(claim, lists[i], state_link)
			add(objects, n, claim);
}

/* ---- the request ---- */

static void reply_results(struct mutation *m)
{
	Api__PruneResponse reply = API__PRUNE_RESPONSE__INIT;

	reply.results = m->results;
	reply.n_results = m->n_results;
	mutation_reply(m, &reply.base);
}

static void collect(struct mutation *m, struct selection *selection, Api__PruneResponse *reply)
{
	const struct desired *desired = &m->api->options.engine->desired;
	const struct list *const lists[] = { &desired->held, &desired->in_doubt, &desired->lost };
	const struct claim *claim;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		list_for_each(claim, lists[i], state_link) {
			if (!selects(selection, claim))
				continue;
			if (!request_of(m)->yes) {
				add(&reply->objects, &reply->n_objects, claim);
				continue;
			}
			mutation_result(m, claim->object->key, API__OUTCOME__OUTCOME_DELETED, "%s",
					"");
			mutation_drop(m, claim->object->key);
		}
}

static void start(struct mutation *m)
{
	struct selection selection;
	Api__PruneResponse *reply = xnew(Api__PruneResponse);
	struct error err;
	int r = selection_init(&selection, request_of(m), &err);

	api__prune_response__init(reply);
	if (r == 0) {
		collect(m, &selection, reply);
		r = selection_check(&selection, &err);
	}
	selection_fini(&selection);
	if (r < 0)
		mutation_fail(m, &err);
	else if (request_of(m)->yes)
		mutation_commit(m, reply_results);
	else
		mutation_reply(m, &reply->base);
	protobuf_c_message_free_unpacked(&reply->base, NULL);
}

void api_on_prune(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	mutation_begin(ctx, call, message, start);
}

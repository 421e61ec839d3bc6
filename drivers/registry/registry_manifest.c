/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <strings.h>

#include "core/registry/json.h"
#include "drivers/registry/question.h"

enum { MANIFEST_MAX_BYTES = REGISTRY_JSON_MAX_BYTES };

#define OCI "application/vnd.oci.image."
#define DOCKER "application/vnd.docker.distribution.manifest."
#define INDEX_OCI OCI "index.v1+json"
#define INDEX_DOCKER DOCKER "list.v2+json"
#define MANIFEST_OCI OCI "manifest.v1+json"
#define MANIFEST_DOCKER DOCKER "v2+json"
#define ACCEPT INDEX_OCI ", " INDEX_DOCKER ", " MANIFEST_OCI ", " MANIFEST_DOCKER ", */*;q=0.1"

static const struct {
	const char *type;
	bool index;
} types[] = {
	{ INDEX_OCI, true },
	{ INDEX_DOCKER, true },
	{ MANIFEST_OCI, false },
	{ MANIFEST_DOCKER, false },
};

struct state {
	struct question question;
	struct registry_manifest *manifest;
	struct call *call;
	char *path;
	bool head;
	char *type, *digest; /* of the answer's headers */
	int64_t length;
	struct buf body;
};

/* ---- what came ---- */

/* Its place in the table; -1: it is none of them. */
static int find_type(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strcasecmp(types[i].type, type) == 0)
			return (int)i;
	}
	return -1;
}

static int refuse_type(const char *type, struct error *err)
{
	if (strstr(type, "manifest.v1+"))
		return error_set(err, -EBADMSG,
				 "it is of docker's schema 1, which nothing runs any more");
	return error_set(err, -EBADMSG, "\"%.200s\" is no manifest", type);
}

static int check_document(struct state *state, const json_t *root, struct error *err)
{
	const char *own = registry_json_string(root, "mediaType");
	int type = find_type(state->type ? state->type : "");

	if (type < 0) /* some servers do not know it */
		type = find_type(own);
	if (type < 0)
		return refuse_type(state->type && !*own ? state->type : own, err);
	if (*own && !str_equal(own, types[type].type))
		return error_set(err, -EBADMSG, "it came as \"%s\", and says of itself \"%.200s\"",
				 types[type].type, own);
	if (json_object_get(root, types[type].index ? "layers" : "manifests") ||
	    (types[type].index && json_object_get(root, "config")))
		return error_set(err, -EBADMSG, "it is an index and a manifest at once");
	str_replace(&state->type, types[type].type);
	return 0;
}

static const char *wanted(const struct registry_manifest *manifest)
{
	return manifest->digest ? manifest->digest : manifest->session->inputs->reference.digest;
}

/* What was promised is what came. */
static int check_digest(struct state *state, struct error *err)
{
	const char *asked = wanted(state->manifest), *said = state->digest;
	char hex[SHA256_HEX_BYTES];
	AUTO_FREE char *digest = NULL;

	sha256_hex(state->body.data ? state->body.data : "", state->body.len, hex);
	digest = xasprintf("sha256:%s", hex);
	if (asked && !str_equal(asked, digest))
		return error_set(err, -EBADMSG, "what came is %s, asked for was %s", digest, asked);
	if (said && reference_digest_is_valid(said) && !str_equal(said, digest))
		return error_set(err, -EBADMSG, "what came is %s, it was said to be %s", digest,
				 said);
	str_replace(&state->digest, digest);
	state->length = (int64_t)state->body.len;
	return 0;
}

static int judge_body(struct state *state, struct error *err)
{
	AUTO(registry_json_unref) json_t *root = NULL;
	int r = check_digest(state, err);

	if (r == 0)
		r = registry_json_parse("manifest", state->body.data ? state->body.data : "",
					state->body.len, &root, err);
	return r < 0 ? r : check_document(state, root, err);
}

static int judge(struct question *question, struct error *err)
{
	struct state *state = container_of(question, struct state, question);
	int r = state->head ? 0 : judge_body(state, err);

	return r < 0 ? error_wrap(err, r, "%s: %s", question->exchange.endpoint->authority,
				  question->session->image)
		     : 0;
}

/* ---- asking ---- */

static int on_well(struct exchange *exchange, struct error *err)
{
	struct state *state = container_of(exchange, struct state, question.exchange);
	const struct http_answer *answer = &exchange->http.answer;

	str_replace(&state->digest, answer->digest);
	str_replace(&state->type, answer->content_type);
	if (state->type)
		state->type[strcspn(state->type, "; \t")] = '\0';
	state->length = answer->length;
	state->body.len = 0;
	if (answer->status != 200)
		return error_set(err, -EBADMSG, "%s: HTTP %ld for a manifest",
				 exchange->endpoint->authority, answer->status);
	if (state->length > MANIFEST_MAX_BYTES)
		return error_set(err, -EBADMSG, "%s: a manifest of more than %d bytes",
				 exchange->endpoint->authority, MANIFEST_MAX_BYTES);
	return 0;
}

static bool on_data(struct exchange *exchange, const char *data, size_t len)
{
	struct state *state = container_of(exchange, struct state, question.exchange);
	struct error err;

	if (state->body.len + len > MANIFEST_MAX_BYTES)
		exchange_refuse(exchange,
				error_set(&err, -EBADMSG, "%s: a manifest of more than %d bytes",
					  exchange->endpoint->authority, MANIFEST_MAX_BYTES),
				&err);
	else
		buf_add(&state->body, data, len);
	return true;
}

static void ask(struct question *question, struct exchange *exchange)
{
	struct state *state = container_of(question, struct state, question);

	exchange->method = state->head ? "HEAD" : "GET";
	exchange->path = state->path;
	exchange->accept = ACCEPT;
	exchange->on_well = on_well;
	exchange->on_data = on_data;
}

static bool says_all(const struct state *state)
{
	const char *asked = wanted(state->manifest);

	return state->digest && reference_digest_is_valid(state->digest) && state->length >= 0 &&
	       state->type && find_type(state->type) >= 0 &&
	       (!asked || str_equal(asked, state->digest));
}

/* Not every registry answers a HEAD, or with all that is asked; and none says why not. */
static bool otherwise(struct question *question, int status)
{
	struct state *state = container_of(question, struct state, question);
	enum image_fault fault = question->exchange.fault;
	bool final = fault == IMAGE_FAULT_NOT_THERE || fault == IMAGE_FAULT_UNAUTHORIZED ||
		     fault == IMAGE_FAULT_OTHER;

	if (!state->head || (status == 0 ? says_all(state) : !final))
		return false;
	state->head = false;
	return true;
}

static void finish(struct question *question, int status, const struct error *err)
{
	struct state *state = container_of(question, struct state, question);
	struct registry_manifest *manifest = state->manifest;
	struct call *call = state->call;

	manifest->failure = question->failure;
	if (status == 0) {
		manifest->failure = (struct registry_failure){ 0 };
		manifest->ret_digest = take_ptr(state->digest);
		manifest->media_type = take_ptr(state->type);
		manifest->size = state->length;
		if (!manifest->head) {
			manifest->body = state->body;
			state->body = (struct buf){ 0 };
		}
	}
	manifest->state = NULL;
	buf_fini(&state->body);
	free(state->digest);
	free(state->type);
	free(state->path);
	free(state);
	call_complete(call, status, err);
}

void registry_manifest_ask(struct registry_manifest *manifest, struct call *call)
{
	struct registry_session *session = manifest->session;
	const struct reference *reference = &session->inputs->reference;
	struct state *state = xnew(struct state);
	const char *digest = wanted(manifest);

	check(!manifest->state);
	manifest->state = state;
	state->manifest = manifest;
	state->call = call;
	state->head = manifest->head;
	state->path = xasprintf("/%s/manifests/%s", reference->repository,
				digest ? digest : reference->tag);
	state->question.session = session;
	state->question.needs = digest ? REGISTRY_CAN_PULL : REGISTRY_CAN_RESOLVE;
	state->question.ask = ask;
	state->question.judge = judge;
	state->question.otherwise = otherwise;
	state->question.finish = finish;
	question_start(&state->question);
}

void registry_manifest_cancel(struct registry_manifest *manifest)
{
	if (manifest->state)
		question_cancel(&((struct state *)manifest->state)->question);
}

void registry_manifest_fini(struct registry_manifest *manifest)
{
	free(manifest->ret_digest);
	free(manifest->media_type);
	buf_fini(&manifest->body);
	manifest->ret_digest = manifest->media_type = NULL;
	manifest->body = (struct buf){ 0 };
}

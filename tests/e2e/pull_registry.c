/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/pull_registry.h"

#include <errno.h>

#include "core/base/str.h"

enum { CHUNK_BYTES = 16 * 1024 };

struct registries {
	struct loop *loop;
};

struct registry_session {
	struct registries *registries;
	char *realm;
};

struct memory_registry memory_registry;

struct thing *memory_add(const char *media_type, char *data, size_t len)
{
	struct thing *thing = &memory_registry.things[memory_registry.n++];
	char hex[SHA256_HEX_BYTES];

	check(memory_registry.n <= THINGS_MAX);
	sha256_hex(data, len, hex);
	*thing = (struct thing){ .digest = xasprintf("sha256:%s", hex),
				 .media_type = xstrdup(media_type),
				 .data = data,
				 .len = len };
	return thing;
}

struct thing *memory_find(const char *digest)
{
	for (size_t i = 0; i < memory_registry.n; i++)
		if (str_equal(memory_registry.things[i].digest, digest))
			return &memory_registry.things[i];
	return NULL;
}

void memory_forget_counts(void)
{
	for (size_t i = 0; i < memory_registry.n; i++)
		memory_registry.things[i].served = memory_registry.things[i].asked = 0;
	memory_registry.served = 0;
	memory_registry.heads = memory_registry.blobs_most = 0;
}

void memory_clear(void)
{
	for (size_t i = 0; i < memory_registry.n; i++) {
		free(memory_registry.things[i].digest);
		free(memory_registry.things[i].media_type);
		free(memory_registry.things[i].data);
	}
	memory_registry = (struct memory_registry){ 0 };
}

/* ---- registry.h ---- */

int registries_open(struct registries **ret_registries, struct loop *loop,
		    const struct registries_options *options UNUSED, struct error *err UNUSED)
{
	*ret_registries = xnew(struct registries);
	(*ret_registries)->loop = loop;
	return 0;
}

void registries_close(struct registries *registries, void (*closed)(void *ctx), void *ctx)
{
	free(registries);
	closed(ctx);
}

struct registry_session *registry_session_new(struct registries *registries, const char *realm,
					      const struct reference *reference UNUSED,
					      Api__RegistryCredentials *const *credentials UNUSED,
					      size_t n_credentials UNUSED)
{
	struct registry_session *session = xnew(struct registry_session);

	session->registries = registries;
	session->realm = xstrdup(realm);
	return session;
}

void registry_session_free(struct registry_session *session)
{
	free(session->realm);
	free(session);
}

const char *registry_session_host(const struct registry_session *session UNUSED)
{
	return "memory.example";
}

const char *registry_session_waits(const struct registry_session *session UNUSED)
{
	return NULL;
}

static bool may_see(const struct registry_session *session)
{
	return !memory_registry.only_realm || str_equal(session->realm, memory_registry.only_realm);
}

/* ---- manifests ---- */

struct question {
	struct deferred deferred;
	struct registry_manifest *manifest;
	struct call *call;
	bool cancelled;
};

static int answer(struct registry_manifest *manifest, struct error *err)
{
	struct thing *thing =
		memory_find(manifest->digest ? manifest->digest : memory_registry.tag);

	if (!thing || !may_see(manifest->session)) {
		manifest->failure.fault = IMAGE_FAULT_NOT_THERE;
		return error_set(err, -ENOENT, "not found, or needs credentials");
	}
	thing->asked += !manifest->head;
	memory_registry.heads += manifest->head;
	if (thing->fault) {
		manifest->failure.fault = thing->fault;
		return error_set(err, -EHOSTUNREACH, "as told");
	}
	manifest->ret_digest = xstrdup(thing->digest);
	manifest->media_type = xstrdup(thing->media_type);
	manifest->size = (int64_t)thing->len;
	if (!manifest->head)
		buf_add(&manifest->body, thing->data, thing->len);
	return 0;
}

static void on_question(struct deferred *deferred)
{
	struct question *question = container_of(deferred, struct question, deferred);
	struct error err = { 0 };
	int r = question->cancelled ? error_set(&err, -ECANCELED, "cancelled")
				    : answer(question->manifest, &err);

	question->manifest->state = NULL;
	call_complete(question->call, r, &err);
	free(question);
}

void registry_manifest_ask(struct registry_manifest *manifest, struct call *call)
{
	struct question *question = xnew(struct question);

	question->manifest = manifest;
	question->call = call;
	manifest->state = question;
	loop_defer(call->loop, &question->deferred, on_question);
}

void registry_manifest_cancel(struct registry_manifest *manifest)
{
	((struct question *)manifest->state)->cancelled = true;
}

void registry_manifest_fini(struct registry_manifest *manifest)
{
	free(manifest->ret_digest);
	free(manifest->media_type);
	buf_fini(&manifest->body);
	manifest->ret_digest = manifest->media_type = NULL;
}

/* ---- blobs ---- */

struct serving {
	struct deferred deferred;
	struct timer timer;
	struct registry_blob *blob;
	struct thing *thing;
	struct call *call;
	bool cancelled;
};

static void end(struct serving *serving, int status, const char *words)
{
	struct error err = { 0 };

	if (status < 0)
		error_set(&err, status, "%s", words);
	memory_registry.blobs_now--;
	serving->blob->state = NULL;
	timer_stop(&serving->timer);
	deferred_cancel(&serving->deferred);
	call_complete(serving->call, status, &err);
	free(serving);
}

static size_t next_len(const struct serving *serving)
{
	int64_t end_at = serving->thing->stop_at ? serving->thing->stop_at : serving->blob->size;
	int64_t left = end_at - serving->blob->offset;

	if (left > (int64_t)serving->thing->len - serving->blob->offset)
		left = (int64_t)serving->thing->len - serving->blob->offset;
	return left <= 0 ? 0 : left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
}

static void on_serve(struct deferred *deferred);

static void on_pace(struct timer *timer)
{
	struct serving *serving = container_of(timer, struct serving, timer);

	loop_defer(serving->call->loop, &serving->deferred, on_serve);
}

static void on_serve(struct deferred *deferred)
{
	struct serving *serving = container_of(deferred, struct serving, deferred);
	struct registry_blob *blob = serving->blob;
	size_t len;

	if (serving->cancelled)
		return end(serving, -ECANCELED, "cancelled");
	if (!serving->thing || serving->thing->fault) {
		blob->failure.fault =
			serving->thing ? serving->thing->fault : IMAGE_FAULT_NOT_THERE;
		return end(serving, -EHOSTUNREACH, "as told");
	}
	len = next_len(serving);
	if (len && !blob->on_data(blob, serving->thing->data + blob->offset, len))
		return;
	serving->thing->served += len;
	memory_registry.served += len;
	blob->offset += (int64_t)len;
	if (blob->offset == blob->size)
		return end(serving, 0, NULL);
	if (!serving->thing->stop_at && blob->offset == (int64_t)serving->thing->len) {
		blob->failure.fault = IMAGE_FAULT_INVALID;
		return end(serving, -EBADMSG, "shorter than said");
	}
	if (len)
		loop_defer(serving->call->loop, &serving->deferred, on_serve);
	else
		timer_start(serving->call->loop, &serving->timer, 20, on_pace);
}

void registry_blob_fetch(struct registry_blob *blob, struct call *call)
{
	struct serving *serving = xnew(struct serving);

	serving->blob = blob;
	serving->call = call;
	serving->thing = memory_find(blob->digest);
	blob->state = serving;
	if (serving->thing)
		serving->thing->asked++;
	if (++memory_registry.blobs_now > memory_registry.blobs_most)
		memory_registry.blobs_most = memory_registry.blobs_now;
	loop_defer(call->loop, &serving->deferred, on_serve);
}

void registry_blob_resume(struct registry_blob *blob)
{
	struct serving *serving = blob->state;

	loop_defer(serving->call->loop, &serving->deferred, on_serve);
}

void registry_blob_cancel(struct registry_blob *blob)
{
	struct serving *serving = blob->state;

	serving->cancelled = true;
	loop_defer(serving->call->loop, &serving->deferred, on_serve);
}

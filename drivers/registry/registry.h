/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registries: who stands for one (certs.d, hosts.toml), with whose credentials, how to log in, what
 * to ask again and when (OCI distribution specification; distribution's token authentication).
 * Everything runs on the loop; files are read, and credential helpers run, off it.
 *
 * Waits are per registry host, for all who ask it: what one was told to wait (Retry-After), or what
 * failed in a row, holds the others back too.
 */
#pragma once

#include "api/kukeon.pb-c.h"
#include "core/base/buf.h"
#include "core/driver/images.h"
#include "core/loop/call.h"
#include "core/registry/reference.h"

struct registries;
struct registry_session;

struct registries_options {
	/* Directories with one for each registry, with colons between them; the first that has one
	 * counts. NULL: "/etc/containerd/certs.d" */
	const char *certs_path;
	const char *agent;       /* "kukeon/1.2.3" */
	uint32_t stall_limit_ms; /* so long without a byte, or with few; 0: HTTP_STALL_LIMIT_MS */
};

int registries_open(struct registries **ret_registries, struct loop *loop,
		    const struct registries_options *options, struct error *err);

/* Ends what runs (-ECANCELED). */
void registries_close(struct registries *registries, void (*closed)(void *ctx), void *ctx);

/*
 * One image that one realm wants: its hosts and credentials are read with the first question.
 * What is given is copied. Tokens are kept in @registries, apart for each realm.
 */
struct registry_session *registry_session_new(struct registries *registries, const char *realm,
					      const struct reference *reference,
					      Api__RegistryCredentials *const *credentials,
					      size_t n_credentials);

/* No question of it is under way. */
void registry_session_free(struct registry_session *session);

/* The host that answered last, "registry-1.docker.io"; NULL: none has. Valid until the loop's next
 * turn. */
const char *registry_session_host(const struct registry_session *session);

/* Why an answer takes its time, in words ("waits 20 s: docker.io was asked too often"); NULL: it
 * does not. Valid until the loop's next turn. */
const char *registry_session_waits(const struct registry_session *session);

/* What went wrong, beside errno and words. */
struct registry_failure {
	enum image_fault fault;
	uint64_t retry_after_ms; /* 0: not said */
};

/* A manifest or an index; or only what a tag stands for. Embedded in its owner. */
struct registry_manifest {
	/* in; not copied, valid until the end */
	struct registry_session *session;
	const char *digest; /* NULL: what the reference says, its digest or its tag */
	bool head;          /* only digest, media type and size; the body where a registry does not
			       say those otherwise */

	/* out, when the call has ended with 0; free with registry_manifest_fini() */
	char *ret_digest, *media_type;
	int64_t size;
	struct buf body; /* empty: of a head. Its digest was verified */

	/* out, with another status */
	struct registry_failure failure;

	void *state; /* NULL: not running */
};

void registry_manifest_fini(struct registry_manifest *manifest);
void registry_manifest_ask(struct registry_manifest *manifest, struct call *call);
void registry_manifest_cancel(struct registry_manifest *manifest);

/* One blob, from an offset on. What breaks off is gone on from where it was, some times, at this
 * host and at the next. */
struct registry_blob {
	/* in; not copied, valid until the end */
	struct registry_session *session;
	const char *digest, *media_type;
	int64_t size;
	int64_t offset; /* in: where to begin; then: the next byte that on_data() gets */
	/* What of @len bytes was taken: all, or none until registry_blob_resume(). Never more than
	 * @size bytes in all. */
	bool (*on_data)(struct registry_blob *blob, const char *data, size_t len);

	/* out, with another status than 0 */
	struct registry_failure failure;

	void *state; /* NULL: not running */
};

/* The call ends with 0 when @size bytes have come: their digest is not looked at here. */
void registry_blob_fetch(struct registry_blob *blob, struct call *call);
void registry_blob_resume(struct registry_blob *blob);
void registry_blob_cancel(struct registry_blob *blob);

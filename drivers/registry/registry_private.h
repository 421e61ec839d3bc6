/* SPDX-License-Identifier: Apache-2.0 */
/* Registries, the sessions of one image each, and the places that hold back. Private to
 * drivers/registry. */
#pragma once

#include "core/base/map.h"
#include "core/loop/pending.h"
#include "drivers/registry/endpoint.h"
#include "drivers/registry/registry.h"

struct registries {
	struct loop *loop;
	struct http *http;
	char *certs_path, *agent;
	uint32_t stall_limit_ms;
	struct map sites;         /* struct site.node, by authority: those that failed */
	struct map logins;        /* struct registry_login.node */
	struct list login_order;  /* struct registry_login.link: the oldest first */
	struct list questions;    /* struct question.link */
	struct list preparations; /* struct preparation.link */
	struct pending under_way; /* questions and fetches of tokens */
	bool closing;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* A host that said to wait, or failed, for all who ask it. Found in a map by its authority; one
 * that answers again is taken out. */
struct site {
	struct map_node node;
	char *authority;
	uint64_t until_ms; /* of the loop's clock: nobody asks before */
	unsigned failures; /* in a row */
	bool too_many;     /* it said so */
};

/* NULL: it may be asked now. */
const struct site *site_held(struct registries *registries, const char *authority);
void site_answers(struct registries *registries, const char *authority);
/* @wait_ms: what it asked for; 0: nothing. */
void site_fails(struct registries *registries, const char *authority, bool too_many,
		uint64_t wait_ms);
void sites_free(struct registries *registries);

/* ---- sessions ---- */

/* Who waits for a session's endpoints. */
struct endpoints_waiter {
	struct list link;
	/* 0, or what is wrong with files or helpers. */
	void (*on_ready)(struct endpoints_waiter *waiter, int status, enum image_fault fault,
			 const struct error *err);
};

struct registry_session {
	struct registries *registries;
	char *realm, *image; /* as people write it */
	struct endpoint_inputs *inputs;
	struct endpoints endpoints; /* once they were read: with the first question */
	bool prepared;
	struct preparation *preparation; /* NULL: none is under way */
	struct list waiters;             /* struct endpoints_waiter.link */
	unsigned n_questions;
	char *host;       /* that answered last */
	struct buf waits; /* empty: it does not */
};

/* Once, later or at once. */
void session_await_endpoints(struct registry_session *session, struct endpoints_waiter *waiter);
void session_set_host(struct registry_session *session, const char *authority);
void preparation_leave(struct registries *registries);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that change something (Apply, Delete, Run): one at a time, each seeing what the one
 * before it made. Private to the API.
 *
 * A handler decides what is to change and says it with the functions below; mutation_commit() puts
 * it on disk first and into the engine then, and calls the handler back for its next part.
 */
#pragma once

#include "core/api/api_internal.h"
#include "core/store/store.h"

struct mutation;
typedef void (*mutation_fn)(struct mutation *mutation);

/* The API's wish for one object: to be set, or taken back. */
struct mutation_claim {
	char *key;
	ProtobufCMessage *message; /* NULL: taken back */
};

struct mutation {
	struct pending_reply reply; /* held while something is written */
	struct api *api;
	mutation_fn start; /* its turn has come */
	struct deferred turn;
	size_t next_document; /* Apply */

	/* the part under way */
	struct store_change *files;
	size_t n_files;
	struct mutation_claim *claims;
	size_t n_claims;
	mutation_fn also;   /* Run: what else to do when it is on disk; NULL: nothing */
	mutation_fn then;   /* goes on here */
	size_t n_committed; /* of results: what came before this part */

	Api__Result **results;
	size_t n_results;
};

/* Copies the request and queues it. @start runs later, on the loop. */
void mutation_begin(struct api *api, struct rpc_server_call *call, const ProtobufCMessage *request,
		    mutation_fn start);

/* A result of the part under way. It becomes FAILED when the part cannot be written. */
Api__Result *mutation_result(struct mutation *m, const char *key, Api__Outcome outcome,
			     const char *fmt, ...) PRINTF_LIKE(4, 5);

/* The object shall be as the document says; takes @message. Missing parents are not made. */
void mutation_set(struct mutation *m, enum kind kind, const char *key, ProtobufCMessage *message);

/* api_joins.c: the spaces that a cell's spec names are there, or come with this Apply request.
 * False: the result for @key says why not. */
bool api_joins_known(struct mutation *m, const char *key, const Api__CellSpec *spec);

/* The API wants the object no more. */
void mutation_drop(struct mutation *m, const char *key);

/* A file of the store is to have this content; takes @text. */
void mutation_write(struct mutation *m, const char *key, char *text);

/* Writes and applies what was said since the last time, then goes on with @then, later. */
void mutation_commit(struct mutation *m, mutation_fn then);

/* Forgets what was said since the last time, except for the results (a dry run). */
void mutation_discard(struct mutation *m);

/* The end. @reply is sent (and may hold m->results) or @err, then everything is freed. */
void mutation_reply(struct mutation *m, const ProtobufCMessage *reply);
void mutation_fail(struct mutation *m, const struct error *err);

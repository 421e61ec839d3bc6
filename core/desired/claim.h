/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: who wants an object, one for each document. The first of an object's claims decides what
 * it is wanted as. Kept by core/desired/desired.c; core/desired/hold.c decides about those whose document is gone.
 */
#pragma once

#include "core/state/engine.h"

enum claim_state {
	CLAIM_DECLARED, /* the document is there */
	CLAIM_LOST,     /* it is gone, and its grace runs */
	/* its grace is over, but a text that is there and not understood may hold the document */
	CLAIM_IN_DOUBT,
	CLAIM_HELD, /* its grace is over, and that it is gone is not believed */
};

/* One document that declares one object. */
struct claim {
	struct list object_link; /* struct object.claims: declared ones first, then by path */
	struct list file_link;   /* struct desired_file.claims */
	struct list state_link;  /* struct desired.lost, in_doubt or held; by the time of the loss */
	struct object *object;
	struct desired_file *file; /* without a path: the API */
	ProtobufCMessage *message;
	enum claim_state state;
	uint64_t lost_ms;    /* loop time */
	int64_t lost_wall_ms;
	int hidden;          /* -errno when what led to the file is gone, not the file; 0: it is */
	char *why;           /* hidden, in doubt or held: why */
	char *refused;       /* why the cell does not take this container document; NULL: it does */
};

/* The new claim is declared. Takes @message. */
struct claim *claim_new(struct desired_file *file, struct object *object,
			ProtobufCMessage *message);
void claim_free(struct claim *claim);

/* Moves it to its place among the claims of its object; after a change of its state. */
void claim_order(struct claim *claim);

/* The claim that decides; NULL when there is none. */
struct claim *claim_first(const struct object *object);

/* NULL when there is none. An object has few claims; a file, and the API above all, may have many.
 */
struct claim *claim_find(const struct desired_file *file, const struct object *object);

/* Forgets a file that is not there and declares nothing any more. */
void claim_forget_file(struct engine *engine, struct desired_file *file);

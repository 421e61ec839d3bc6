/* SPDX-License-Identifier: Apache-2.0 */
/* What a stored status brings back into an object, beside its document. */
#pragma once

#include "api/store.pb-c.h"
#include "core/state/engine.h"

/* What is stored of an object beside its document. */
struct past {
	Api__CommonStatus status;
	const Api__CellStatus *cell; /* NULL: of something else */
	const Api__Internal *internal;
};

/* The version at which something changed last; whatever the counter says, none is used twice. */
void restore_changed(struct engine *engine, struct identity *identity, uint64_t changed);

/* What kuke asked for, alone. */
void restore_intents(struct object *object, const Api__CellStatus *status);

/* All of it. */
void restore_status(struct engine *engine, struct object *object, const struct past *past);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a document nobody is shown again: fields that are secret, one list for all of the schema.
 * Whoever reads it gets MODEL_HIDDEN in their place, and whoever gives that back means what is
 * there. Pure.
 */
#pragma once

#include "core/base/error.h"
#include "core/model/model.h"

/* Puts MODEL_HIDDEN in the place of everything secret. */
void secrets_hide(enum kind kind, ProtobufCMessage *message);

/*
 * Puts into @message, wherever it says MODEL_HIDDEN, what @present has there: an entry of a list is
 * the one that is the same but for its secrets. What is not found stays as it is, and is
 * refused (core/desired/refusal.h). NULL: nothing is present.
 */
void secrets_restore(enum kind kind, ProtobufCMessage *message, const ProtobufCMessage *present);

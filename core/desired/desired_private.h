/* SPDX-License-Identifier: Apache-2.0 */
/* The claims of files and of the API. Private to them. */
#pragma once

#include "core/desired/desired.h"

/* Sets or replaces what @file declares of the object; takes @message. */
struct claim *desired_claim_set(struct engine *engine, struct desired_file *file, const char *key,
				ProtobufCMessage *message);

/* The file of a path, made when nothing is known of it; NULL: the API. */
struct desired_file *desired_file_get(struct engine *engine, const char *path);

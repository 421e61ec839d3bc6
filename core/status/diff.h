/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which fields of two documents differ, as a person would write them in a manifest. Pure.
 *
 * A field that is not set equals "", false, an empty list and a message without content. A number
 * that is not set differs from 0, and so does a bool from false where the space may have a default
 * (ContainerDefaults): there, false is an answer of its own. The entries of a list are compared by
 * their place; lists of different length are named as a whole. Labels are compared by key and stand
 * in the order of their keys. The status of a document does not count.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "core/base/str.h"

enum { MODEL_DIFF_MAX_PATHS = 16 };

/* Adds paths such as "spec.containers[0].args" or "metadata.labels.app", in the schema's order, at
 * most MODEL_DIFF_MAX_PATHS and then "...". The messages are of one type; NULL is an empty one. */
void model_diff(const ProtobufCMessage *before, const ProtobufCMessage *after,
		struct strv *ret_paths);

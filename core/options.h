/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's settings: message Config of api/kukeon.proto. Flag, environment variable, field in
 * /etc/kukeon/kukeond.yaml, default: the first that is given wins. All names derive from the
 * field's.
 */
#pragma once

#include "api/kukeon.pb-c.h"
#include "core/base/error.h"

/*
 * Reads all sources. Handles --help and --version (prints, exits 0) and wrong usage (prints, exits
 * 2) itself. Free with protobuf_c_message_free_unpacked().
 */
int options_read(int argc, char **argv, Api__Config **ret_config, struct error *err);

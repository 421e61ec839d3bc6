/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents looked at without a daemon: each by itself (that is done when they are read), and
 * beside the others of the same files: containers that join a cell, ports of the host, names that
 * differ in case only. What depends on what is there already only the daemon can say.
 */
#pragma once

#include "cli/args/files.h"
#include "cli/show/results.h"

/* One result per document, VALID or FAILED, in their order. */
void validation_add(const struct files *files, struct results *results);

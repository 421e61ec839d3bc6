/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents looked at without a daemon: each by itself (that is done when they are read), and
 * beside the others of the same files: containers that join a cell, ports of the host, ranges of
 * spaces, names that differ in case only. It fails what the daemon is certain to refuse, with its
 * words. What depends on what is there already, as a space that no file declares, only the daemon
 * can say: then the document is valid, with a remark.
 */
#pragma once

#include "cli/args/files.h"
#include "cli/show/results.h"

/* One result per document, VALID or FAILED, in their order. */
void validation_add(const struct files *files, struct results *results);

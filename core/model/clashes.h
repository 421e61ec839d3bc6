/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why one document cannot be beside another, in words: the daemon refuses it with them, and kuke
 * validate, which asks no daemon. Each is for free(). Pure.
 */
#pragma once

#include "core/model/ports.h"

/* Names that differ in case only (folded_names.h). */
char *clash_of_names(const char *other_cell_key);

/* A port of the host that another cell publishes. */
char *clash_of_ports(const struct published_port *port, const char *other_cell_key);

/* A range in which @owner, "space main/lab", has its own. */
char *clash_of_ranges(const char *range, const char *owner);

/* A space that containers name in their networks; @how it is not there: "does not exist". */
char *clash_missing_space(const char *space_key, const char *how);

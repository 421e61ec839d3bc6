/* SPDX-License-Identifier: Apache-2.0 */
/* What a container that keeps ending printed last: it often says why. */
#pragma once

#include "cli/client/client.h"
#include "cli/show/object.h"

/* Of each container of the object, a cell or a container, that ends again and again. Prints nothing
 * where there is none, or nothing is kept. */
void last_lines_print(struct client *client, const struct object *object, FILE *out);

/* Of the container of @cell, or of the object itself, that ended last. */
void last_lines_print_ended(struct client *client, const struct object *object, FILE *out);

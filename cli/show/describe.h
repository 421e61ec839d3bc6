/* SPDX-License-Identifier: Apache-2.0 */
/* The readable form of kuke status KIND NAME: one object, how it is and why. */
#pragma once

#include "cli/cli.h"
#include "cli/show/object.h"

void describe_print(const struct object *object, const struct io *io);

/* Ready, or what was asked to stop and has stopped, or what is done. */
bool describe_is_well(const struct object *object);

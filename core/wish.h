/* SPDX-License-Identifier: Apache-2.0 */
/* From the claims on an object to what it is wanted as: the winning document, implicit parents,
 * containers that join. */
#pragma once

#include "core/engine.h"

/* After any change of the object's claims or of its children's wishes. Touches it, and its parent,
 * when that changes what is wanted; does nothing otherwise. */
void wish_update(struct engine *engine, struct object *object);

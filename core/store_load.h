/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the store at start. Private to it. */
#pragma once

#include "core/engine.h"

/* Blocking. Brings every stored object back; what is damaged is set aside and reported. */
void store_load(struct engine *engine);

/* "realm.yaml", ... */
const char *store_file_name(enum kind kind);

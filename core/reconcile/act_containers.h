/* SPDX-License-Identifier: Apache-2.0 */
/* What the acts on containers and those on their tasks share. Private to them. */
#pragma once

#include "core/driver/runtime.h"
#include "core/reconcile/act_table.h"

struct container_ref act_container_ref(struct run *run);

void act_container_unsure(struct run *run);

/* Blocking, on a worker: the files that the container mounts. */
void act_write_own_files(struct work *work);

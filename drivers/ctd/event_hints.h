/* SPDX-License-Identifier: Apache-2.0 */
/* From containerd's events to hints. */
#pragma once

#include "api/containerd.pb-c.h"
#include "core/driver/runtime.h"

/* What an event is about, for whoever listens. @envelope has a topic and a namespace. */
void hints_tell(const struct runtime_listener *listener, const Ctd__Envelope *envelope);

/* SPDX-License-Identifier: Apache-2.0 */
/* A container request of our own: the caller's lives only until the method returns. */
#pragma once

#include "core/driver/runtime.h"

/* Deep. @ret_copy owns everything in it. */
void request_copy(const struct container_request *request, struct container_request *ret_copy);

/* Only for what request_copy() made, or a request with some of the strings. */
void request_fini(struct container_request *request);

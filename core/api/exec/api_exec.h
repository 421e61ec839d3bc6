/* SPDX-License-Identifier: Apache-2.0 */
/* What a request to run a command asks for. Private to core/api/exec. */
#pragma once

#include "core/api/api_internal.h"

/* NULL is wrong too. -EINVAL. */
int exec_check_start(const Api__ExecStart *start, struct error *err);

/* NULL with @err: -EINVAL, -ENOENT. */
const struct container *exec_find_container(struct api *api, const Api__ExecStart *start,
					    struct error *err);

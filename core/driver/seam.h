/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the seams have in common: runtime.h (containerd), network.h (CNI, with filter.h), cgroup.h,
 * inventory.h for all of them, managers.h. Each has the real driver and a fake.
 *
 * Rules for every method with a struct call:
 *   - it returns at once; the call completes exactly once, later (core/loop/call.h);
 *   - it is idempotent: what is there already as wanted, or gone already, is success;
 *   - requests are copied or used up before the method returns, unless the field's comment says
 *     otherwise;
 *   - ret_* is written before the call completes with 0 and untouched otherwise; the caller keeps
 *     it alive;
 *   - at most one call per object (cell network, container, cgroup, space, namespace) is under
 *     way: core sees to that;
 *   - errors are errno with a text that names the object and what to do; error_is_transient()
 *     decides about retries;
 *   - every call has its own deadline inside the driver and ends with -ETIMEDOUT when it passes.
 *
 * Hints may come at any time, may repeat, may be missing: they only say where to look.
 */
#pragma once

#include "api/kukeon.pb-c.h"
#include "core/base/ip.h"
#include "core/base/str.h"
#include "core/loop/call.h"

/* SPDX-License-Identifier: Apache-2.0 */
/* What else of a host decides how well and how long Kukeon runs on it. Blocks for some
 * milliseconds: in kukeond on a worker thread. */
#pragma once

#include "core/config/host_checks.h"

/* The name of the checks of chains that may drop what is forwarded: what they say is a guess, as
 * long as no packet has tried. */
#define HOST_ADVICE_FORWARD "forward filter"

/* @daemon: this process is kukeond, so its own limits are looked at too. */
void host_advice_make(const Api__Config *config, bool daemon, struct host_checks *checks);

/* ---- what is judged, apart from where it is read; pure ---- */

/* Controllers of @offered ("cpu io memory") that limits need and that are missing, joined by
 * blanks; NULL: none. Free with free(). */
char *host_advice_missing_controllers(const char *offered);

Api__HostCheck__Result host_advice_space(uint64_t free_bytes, uint64_t total_bytes);

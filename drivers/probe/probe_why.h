/* SPDX-License-Identifier: Apache-2.0 */
/* Why a probe did not come through, in words. Blocks for some milliseconds, more where a chain has
 * thousands of rules: worker threads only. */
#pragma once

#include "drivers/probe/probe.h"
#include "drivers/probe/uplinks.h"

/* Of one that has not passed: where it ended, "cell to out: dropped by nft table ip filter chain
 * FORWARD rule 7 'reject' (iptables)", and what helps. Free with free(). */
void probe_why(const struct probe *probe, const struct uplinks *uplinks, const char *bridge,
	       char **ret_words, char **ret_remedy);

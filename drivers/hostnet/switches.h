/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switches of the kernel without which packets of cells do not come through, as others may turn
 * them at any time. Those of our bridges are ours. Forwarding of the host as a whole, and of the
 * links that lead out, is the host's: it is turned on again where the settings say so, else told.
 * Blocks shortly: worker threads only.
 */
#pragma once

#include "core/driver/network.h"

/* Looks at the switches, turns them on where they are to be, and writes what it found into @ways.
 * @uplinks: indexes of the links that lead out. */
void switches_look(struct host_ways *ways, const int *uplinks, size_t n_uplinks);

/* ---- pure ---- */

/* Whether a file of sysctl.d sets @name ("net.ipv4.ip_forward") to 0 in the end. */
bool switches_text_turns_off(const char *text, const char *name);

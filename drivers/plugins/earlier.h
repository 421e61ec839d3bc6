/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins that an earlier daemon started and did not see end. */
#pragma once

/*
 * Ends every plugin that works on a namespace below @netns_dir, and returns when they are gone:
 * what it would still make after our DEL, nobody would take away. For the only daemon of that
 * directory, before it runs any itself. Blocks, for milliseconds.
 */
void earlier_plugins_end(const char *netns_dir);

/* SPDX-License-Identifier: Apache-2.0 */
/* Floods of HTTP/2 frames, each valid by itself, on a connection whose answers nobody reads. */
#pragma once

/* Behind a greeting, until the peer has had enough or @ms are over. */
void frames_flood_pings(int fd, unsigned ms);

/* Calls that are taken back at once. */
void frames_flood_resets(int fd, unsigned ms);

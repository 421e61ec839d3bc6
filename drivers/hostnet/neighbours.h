/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges that other container tools of the host use by their configuration, also while nothing of
 * theirs runs and no route tells of it. Blocks shortly: worker threads only.
 */
#pragma once

#include "drivers/netlink/subnet.h"

/* What cannot be read, or is none of their files, says nothing. */
void neighbours_add_taken(struct taken_subnets *taken);

/* ---- what the files say; pure, for any text ---- */

/* daemon.json: "bip", "fixed-cidr" and the bases of "default-address-pools". */
void neighbours_read_docker(const char *path, const char *text, size_t len,
			    struct taken_subnets *taken);

/* A network of netavark: its "subnets". Whether it is the one that podman takes when none is named.
 */
bool neighbours_read_netavark(const char *path, const char *text, size_t len,
			      struct taken_subnets *taken);

/* containers.conf: default_subnet in its [network]. Free with free(); NULL: it names none. */
char *neighbours_read_default_subnet(const char *text);

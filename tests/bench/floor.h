/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: cells made with the calls and plugins that kukeond needs too, and nothing else. No
 * manifests, no journal, no status, no looking at what is there. Threads overlap what can overlap;
 * each function returns when the last call has.
 */
#pragma once

#include "core/base/util.h"

enum { FLOOR_CELLS_MAX = 128 };

struct floor_options {
	const char *containerd_socket;
	const char *dir;      /* for its files; exists */
	const char *bin_dirs; /* of CNI plugins */
	const char *image;
	unsigned width; /* cells at a time */
};

struct floor;

/* Everything that has no part in the times: the connection, the image's config, the network. */
struct floor *floor_open(const struct floor_options *options);
void floor_close(struct floor *floor);

/* Makes @n cells at once, each of a root and @n_sides others. The time until the last process is
 * started. */
double floor_up(struct floor *floor, unsigned n, unsigned n_sides);
void floor_down(struct floor *floor);

/* Of the first cell that floor_up() made. */
struct floor_network {
	double add_ms;    /* the plugins' ADD, beside which containerd is called */
	double waited_ms; /* by a process that had been made, until its network was there */
};

struct floor_network floor_network(const struct floor *floor);

/* Of the first cell: SIGKILL of the process until its successor is started. */
double floor_kill_root(struct floor *floor);
double floor_kill_side(struct floor *floor);

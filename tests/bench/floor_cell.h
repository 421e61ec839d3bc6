/* SPDX-License-Identifier: Apache-2.0 */
/* One cell of the floor: its names and specs made beforehand, its calls in threads that wait only
 * for what they need. */
#pragma once

#include <semaphore.h>

#include "drivers/oci/host.h"
#include "drivers/oci/image.h"
#include "tests/bench/bare_ctd.h"
#include "tests/bench/floor.h"
#include "tests/bench/plugin.h"

#define FLOOR_NAMESPACE "bench"

enum { FLOOR_CONTAINERS_MAX = 2 };

struct floor_container {
	char *id, *spec_json;
	uint32_t pid;
};

struct floor_cell {
	struct floor *floor;
	char *key, *netns, *attachment_id;
	struct floor_container containers[FLOOR_CONTAINERS_MAX]; /* the root first */
	unsigned n;
	sem_t pinned, attached, root_created, root_started;
	uint64_t up_ns;             /* when its last process was started */
	uint64_t add_ns, waited_ns; /* of its plugins, and of that the root's process waited */
};

struct floor {
	struct floor_options options;
	struct ctd *ctd;
	char *chain_id; /* of the image's snapshot */
	struct image_config image;
	struct host host;
	struct conflist list;
	struct floor_cell cells[FLOOR_CELLS_MAX];
	unsigned n_cells, sequence;
	sem_t width, plugins;
};

void floor_cell_init(struct floor_cell *cell, struct floor *floor, unsigned n_containers);
void floor_cell_fini(struct floor_cell *cell);

void floor_cell_up(struct floor_cell *cell);
void floor_cell_down(struct floor_cell *cell);

/* SIGKILL of the container's process, then all it takes until its successor is started. */
void floor_cell_restart_root(struct floor_cell *cell);
void floor_cell_restart_side(struct floor_cell *cell);

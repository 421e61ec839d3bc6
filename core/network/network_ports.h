/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports of the host that cells publish: whose each one is. A port is the cell's to which it leads
 * already, else the one's that was created first, whether it runs or not; another that declares it
 * does not start, and says so.
 */
#pragma once

#include "core/base/list.h"
#include "core/base/map.h"
#include "core/driver/filter.h"

struct engine;
struct object;

/* Whether the cell's spec publishes any. */
bool ports_any(const struct object *cell);

struct published_port;
typedef void (*port_fn)(const struct object *cell, const struct published_port *port, void *ctx);

/* Calls @fn for each port that the cell declares. */
void ports_for_each(const struct object *cell, port_fn fn, void *ctx);

/* Whether the cell has an address that its ports can lead to. */
bool ports_are_open(const struct object *cell);

/* All ports that wanted cells declare, by their numbers. */
struct ports {
	struct engine *engine;
	struct map groups; /* struct port_group.node in network_ports.c */
	struct list stale; /* struct port_group.stale: to be decided anew */
};

void ports_init(struct engine *engine);

/* Every cell is forgotten by then. */
void ports_fini(struct engine *engine);

/* What the cell declares, or whether it is wanted, has changed. Costs the ports that it declared
 * and declares, and the filter is made anew only if it is to say something else. Any object: others
 * have none. */
void ports_declare(struct engine *engine, struct object *cell);

/* Which ports lead to the cell, or when it was created, is another now. */
void ports_mark_stale(struct engine *engine, const struct object *cell);

/* The cell goes. */
void ports_forget(struct engine *engine, struct object *cell);

/* Decides whose the stale ports are, and enqueues the cells for which that
 * changed. Before a plan or the filter looks at them. */
void ports_settle(struct engine *engine);

/* Why a cell of this key cannot publish the container's ports: whose one of them is. NULL: it can.
 * Free with free(). */
char *ports_clash(struct engine *engine, const char *cell_key, const Api__ContainerSpec *container);

/* Adds what is published now, as last settled: the ports that a cell with an address has as its
 * own. */
void ports_fill(const struct engine *engine, struct filter_wish *wish);

/* The filter is as @wish says, but for ports that another program of the host has. Returns whether
 * there are any. */
bool ports_note(struct engine *engine, const struct filter_wish *wish);

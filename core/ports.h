/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports of the host that cells publish: whose each one is. A port is the cell's to which it leads
 * already, else the one's that was created first, whether it runs or not; another that declares it
 * does not start, and says so.
 */
#pragma once

#include "core/driver.h"

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

/* Decides anew whose each port is, and touches the cells for which that changed. */
void ports_settle(struct engine *engine);

/* Why a cell of this key cannot publish the container's ports: whose one of them is. NULL: it can.
 * Free with free(). */
char *ports_clash(const struct engine *engine, const char *cell_key,
		  const Api__ContainerSpec *container);

/* Adds what is published now: the ports that a cell with an address has as its own. */
void ports_fill(const struct engine *engine, struct filter_wish *wish);

/* The filter is as @wish says, but for ports that another program of the host has. Returns whether
 * there are any. */
bool ports_note(struct engine *engine, const struct filter_wish *wish);

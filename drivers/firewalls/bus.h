/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system's D-Bus on our loop. It need not be there: it is waited for, and found again when it
 * went. Nothing here blocks.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "core/loop/loop.h"

struct bus;

struct bus_listener {
	void *ctx;
	void (*on_up)(void *ctx, sd_bus *connection); /* valid until: */
	void (*on_down)(void *ctx);                   /* calls under way are answered no more */
};

/* -errno where the system has no means for it at all. */
int bus_open(struct bus **ret, struct loop *loop, const struct bus_listener *listener,
	     struct error *err);

/* After calls on the connection that were not made out of one of its callbacks: sends them. */
void bus_send(struct bus *bus);

/* @closed runs later, when the memory is gone; the listener hears nothing more. */
void bus_close(struct bus *bus, void (*closed)(void *ctx), void *ctx);

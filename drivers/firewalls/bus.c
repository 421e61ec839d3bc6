/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/firewalls/bus.h"

#include <errno.h>
#include <systemd/sd-event.h>

#include "core/base/log.h"

/* A bus that ended comes back, if at all, within some time. */
enum { AGAIN_MS = 2000 };

#define SYSTEM_BUS "unix:path=/run/dbus/system_bus_socket"
#define LOCAL "org.freedesktop.DBus.Local"

struct bus {
	struct loop *loop;
	struct bus_listener listener;
	sd_event *event; /* one descriptor for whatever the connection waits for: what is polled */
	sd_bus *connection; /* NULL: waits for the next try */
	bool up;
	uv_poll_t poll;
	struct deferred soon;
	struct timer again;
	bool closing;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static void connect_to(struct bus *bus);

static void on_again(struct timer *timer)
{
	connect_to(container_of(timer, struct bus, again));
}

static void drop(struct bus *bus)
{
	bool was_up = bus->up;

	bus->up = false;
	if (!bus->connection)
		return;
	sd_bus_detach_event(bus->connection);
	sd_bus_close(bus->connection);
	bus->connection = sd_bus_unref(bus->connection);
	if (was_up && !bus->closing)
		bus->listener.on_down(bus->listener.ctx);
}

/* Between two runs of the event loop inside it is armed: its descriptor tells when to go on. */
static void pump(struct bus *bus)
{
	if (sd_event_get_state(bus->event) == SD_EVENT_ARMED && sd_event_wait(bus->event, 0) > 0)
		sd_event_dispatch(bus->event);
	while (sd_event_prepare(bus->event) > 0)
		sd_event_dispatch(bus->event);
	if (bus->connection && sd_bus_is_open(bus->connection) <= 0) {
		log_debug("D-Bus: the connection has ended");
		drop(bus);
	}
	if (!bus->connection && !timer_active(&bus->again))
		timer_start(bus->loop, &bus->again, AGAIN_MS, on_again);
}

static void on_soon(struct deferred *deferred)
{
	pump(container_of(deferred, struct bus, soon));
}

void bus_send(struct bus *bus)
{
	loop_defer(bus->loop, &bus->soon, on_soon);
}

static void on_readable(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	pump(container_of(poll, struct bus, poll));
}

static int on_connected(sd_bus_message *message UNUSED, void *ctx, sd_bus_error *error UNUSED)
{
	struct bus *bus = ctx;

	bus->up = true;
	bus->listener.on_up(bus->listener.ctx, bus->connection);
	return 0;
}

/* Where the bus is not there yet, sd-bus watches for its socket. */
static int begin(sd_bus *connection, struct bus *bus)
{
	int r = sd_bus_set_address(connection, SYSTEM_BUS);

	if (r >= 0)
		r = sd_bus_set_bus_client(connection, true);
	if (r >= 0)
		r = sd_bus_set_watch_bind(connection, true);
	if (r >= 0)
		r = sd_bus_set_connected_signal(connection, true);
	if (r >= 0)
		r = sd_bus_match_signal(connection, NULL, LOCAL, NULL, LOCAL, "Connected",
					on_connected, bus);
	if (r >= 0)
		r = sd_bus_start(connection);
	return r < 0 ? r : sd_bus_attach_event(connection, bus->event, SD_EVENT_PRIORITY_NORMAL);
}

static void connect_to(struct bus *bus)
{
	int r = sd_bus_new(&bus->connection);

	if (r >= 0)
		r = begin(bus->connection, bus);
	if (r < 0) {
		log_debug("D-Bus: %s", strerror(-r));
		drop(bus);
	}
	bus_send(bus);
}

int bus_open(struct bus **ret, struct loop *loop, const struct bus_listener *listener,
	     struct error *err)
{
	struct bus *bus = xnew(struct bus);
	int r = sd_event_new(&bus->event);

	if (r < 0) {
		free(bus);
		return error_set(err, r, "cannot watch D-Bus: %s", strerror(-r));
	}
	bus->loop = loop;
	bus->listener = *listener;
	uv_poll_init(&loop->uv, &bus->poll, sd_event_get_fd(bus->event));
	uv_poll_start(&bus->poll, UV_READABLE, on_readable);
	connect_to(bus);
	*ret = bus;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct bus *bus = container_of((uv_poll_t *)handle, struct bus, poll);
	void (*closed)(void *ctx) = bus->closed;
	void *ctx = bus->closed_ctx;

	sd_event_unref(bus->event);
	free(bus);
	closed(ctx);
}

void bus_close(struct bus *bus, void (*closed)(void *ctx), void *ctx)
{
	bus->closing = true;
	bus->closed = closed;
	bus->closed_ctx = ctx;
	deferred_cancel(&bus->soon);
	timer_stop(&bus->again);
	drop(bus);
	uv_close((uv_handle_t *)&bus->poll, on_closed);
}

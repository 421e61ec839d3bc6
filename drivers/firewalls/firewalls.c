/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/firewalls/firewalls.h"

#include <errno.h>

#include "drivers/firewalls/docker.h"
#include "drivers/firewalls/firewalld.h"

enum {
	AWAITED_MS = 200,            /* whoever makes the chains of docker tells nobody */
	EXAMINE_LIMIT_MS = 8 * 1000, /* firewalld takes seconds to load its rules anew */
	LEAVE_LIMIT_MS =
		20 * 1000, /* at an uninstall: then it is said who still knows our bridges */
};

struct firewalls {
	struct managers managers;
	struct loop *loop;
	struct firewalld *firewalld; /* NULL: not on this system */
	struct docker *docker;
	struct call *call; /* of who waits; NULL: nobody */
	struct manager_notes *ret_notes;
	bool leaves;
	struct work forget;
	struct strv ours; /* the work's: what we had with a firewalld that does not run */
	struct timer limit, again;
	struct deferred soon;
	bool closing;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static struct firewalls *to_firewalls(struct managers *managers)
{
	return container_of(managers, struct firewalls, managers);
}

static void firewalls_set_bridges(struct managers *managers, const struct strv *bridges)
{
	struct firewalls *firewalls = to_firewalls(managers);

	if (firewalls->firewalld)
		firewalld_set_bridges(firewalls->firewalld, bridges);
}

static void firewalls_doubt(struct managers *managers)
{
	docker_doubt(to_firewalls(managers)->docker);
}

/* ---- waiting ---- */

static bool any_busy(const struct firewalls *firewalls)
{
	return docker_is_busy(firewalls->docker) ||
	       (firewalls->firewalld && firewalld_is_busy(firewalls->firewalld));
}

static void stop_waiting(struct firewalls *firewalls)
{
	timer_stop(&firewalls->limit);
	timer_stop(&firewalls->again);
	deferred_cancel(&firewalls->soon);
}

static void finish(struct firewalls *firewalls, int status)
{
	struct call *call = take_ptr(firewalls->call);

	stop_waiting(firewalls);
	if (status == 0 && firewalls->ret_notes) {
		if (firewalls->firewalld)
			firewalld_describe(firewalls->firewalld, firewalls->ret_notes);
		docker_describe(firewalls->docker, firewalls->ret_notes);
	}
	call_complete(call, status, NULL);
}

static void forget_files(struct work *work)
{
	firewalld_forget_files(&container_of(work, struct firewalls, forget)->ours);
}

static void close_if_idle(struct firewalls *firewalls);

static void on_forgotten(struct work *work)
{
	struct firewalls *firewalls = container_of(work, struct firewalls, forget);

	firewalls->leaves = false;
	strv_fini(&firewalls->ours);
	if (firewalls->closing)
		close_if_idle(firewalls);
	else
		finish(firewalls, 0);
}

static void conclude(struct firewalls *firewalls)
{
	stop_waiting(firewalls);
	if (firewalls->leaves && firewalls->firewalld && !firewalld_is_there(firewalls->firewalld))
		loop_work(firewalls->loop, &firewalls->forget, forget_files, on_forgotten);
	else
		finish(firewalls, 0);
}

static void on_limit(struct timer *timer)
{
	conclude(container_of(timer, struct firewalls, limit));
}

static void on_again(struct timer *timer)
{
	docker_ask(container_of(timer, struct firewalls, again)->docker);
}

static void on_soon(struct deferred *deferred)
{
	struct firewalls *firewalls = container_of(deferred, struct firewalls, soon);

	if (any_busy(firewalls))
		return; /* on_part_rests() */
	if (docker_is_awaited(firewalls->docker))
		timer_start(firewalls->loop, &firewalls->again, AWAITED_MS, on_again);
	else
		conclude(firewalls);
}

/* One of them has done what it was asked for. */
static void on_part_rests(void *ctx)
{
	struct firewalls *firewalls = ctx;

	if (timer_active(&firewalls->limit)) /* somebody waits */
		loop_defer(firewalls->loop, &firewalls->soon, on_soon);
}

static void wait_for_all(struct firewalls *firewalls, uint64_t limit_ms, struct call *call)
{
	firewalls->call = call;
	timer_start(firewalls->loop, &firewalls->limit, limit_ms, on_limit);
	on_part_rests(firewalls);
}

static void firewalls_examine(struct managers *managers, bool ask, struct manager_notes *ret_notes,
			      struct call *call)
{
	struct firewalls *firewalls = to_firewalls(managers);

	if (firewalls->call)
		return call_complete(call, -EBUSY, NULL);
	if (ask)
		docker_ask(firewalls->docker);
	else
		docker_look(firewalls->docker);
	if (firewalls->firewalld)
		firewalld_doubt(firewalls->firewalld);
	firewalls->ret_notes = ret_notes;
	wait_for_all(firewalls, EXAMINE_LIMIT_MS, call);
}

static void firewalls_leave(struct managers *managers, struct call *call)
{
	struct firewalls *firewalls = to_firewalls(managers);

	if (firewalls->call)
		return call_complete(call, -EBUSY, NULL);
	docker_leave(firewalls->docker);
	if (firewalls->firewalld) {
		firewalld_get_ours(firewalls->firewalld, &firewalls->ours);
		firewalld_leave(firewalls->firewalld);
	}
	firewalls->ret_notes = NULL;
	firewalls->leaves = true;
	wait_for_all(firewalls, LEAVE_LIMIT_MS, call);
}

/* ---- life ---- */

static void on_docker_closed(void *ctx)
{
	struct firewalls *firewalls = ctx;
	void (*closed)(void *ctx) = firewalls->closed;
	void *closed_ctx = firewalls->closed_ctx;

	strv_fini(&firewalls->ours);
	free(firewalls);
	closed(closed_ctx);
}

static void on_firewalld_closed(void *ctx)
{
	struct firewalls *firewalls = ctx;

	docker_close(firewalls->docker, on_docker_closed, firewalls);
}

static void close_if_idle(struct firewalls *firewalls)
{
	if (list_linked(&firewalls->forget.link))
		return;
	if (firewalls->firewalld)
		firewalld_close(firewalls->firewalld, on_firewalld_closed, firewalls);
	else
		on_firewalld_closed(firewalls);
}

static void firewalls_close(struct managers *managers, void (*closed)(void *ctx), void *ctx)
{
	struct firewalls *firewalls = to_firewalls(managers);

	firewalls->closing = true;
	firewalls->closed = closed;
	firewalls->closed_ctx = ctx;
	if (firewalls->call)
		finish(firewalls, -ECANCELED);
	close_if_idle(firewalls);
}

static const struct managers_ops firewalls_ops = {
	.close = firewalls_close,
	.set_bridges = firewalls_set_bridges,
	.doubt = firewalls_doubt,
	.examine = firewalls_examine,
	.leave = firewalls_leave,
};

void firewalls_open(struct managers **ret, struct loop *loop, struct journal *journal)
{
	struct firewalls *firewalls = xnew(struct firewalls);

	firewalls->managers.ops = &firewalls_ops;
	firewalls->loop = loop;
	firewalls->firewalld = firewalld_open(loop, journal, on_part_rests, firewalls);
	firewalls->docker = docker_open(loop, journal, on_part_rests, firewalls);
	*ret = &firewalls->managers;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/exec/sessions.h"

#include <errno.h>
#include <time.h>

#include "core/base/log.h"
#include "drivers/exec/session_private.h"

/* For containerd to delete those that end with the daemon; one that takes longer is found by the
 * next daemon. */
enum { CLOSE_LIMIT_MS = 3 * 1000 };

void sessions_init(struct sessions *sessions, struct ctd *ctd, const char *dir)
{
	*sessions = (struct sessions){ .ctd = ctd, .dir = xstrdup_maybe(dir) };
	/* No two daemons have one, nor has one that got the number of another. */
	sessions->maker = xasprintf("kukeond-%d-%llu", (int)getpid(),
				    (unsigned long long)loop_wall_ms(ctd->ops.loop));
	list_init(&sessions->all);
}

void sessions_fini(struct sessions *sessions)
{
	check(list_empty(&sessions->all));
	free(sessions->dir);
	free(sessions->maker);
}

static struct session *find(const struct sessions *sessions, const char *id)
{
	struct session *session;

	list_for_each(session, &sessions->all, link)
		if (str_equal(session->id, id))
			return session;
	return NULL;
}

/* ---- what an earlier daemon has left ---- */

/* A command of which nothing is known but where it ran. */
static void take_away(struct sessions *sessions, const char *id, struct call *call)
{
	struct session *session = session_new(sessions, id);

	session->call = call;
	session->has_dir = true;
	if (!session_read_place(session->dir, &session->namespace_, &session->container)) {
		session->namespace_ = xstrdup("-");
		session->container = xstrdup("-");
		session_remove_files(session->dir, &session->err);
		session->has_dir = false;
	}
	session_go(session);
}

struct sweep_op {
	struct ctd_op op;
	struct sessions *sessions;
	struct strv ids;
};

static struct sweep_op *sweep_of(struct op *op)
{
	return container_of(op, struct sweep_op, op.op);
}

static void sweep_fini(struct op *op)
{
	strv_fini(&sweep_of(op)->ids);
}

static int list(struct op *op, struct error *err)
{
	return sessions_list(sweep_of(op)->sessions->dir, &sweep_of(op)->ids, err);
}

static int done_list(struct op *op, int status UNUSED)
{
	struct sessions *sessions = sweep_of(op)->sessions;
	const struct strv *ids = &sweep_of(op)->ids;

	for (size_t i = 0; i < ids->n && !sessions->closing; i++)
		if (!find(sessions, ids->items[i]))
			take_away(sessions, ids->items[i], NULL);
	return OP_NEXT;
}

static const struct step sweep_steps[] = {
	{ .name = "list commands that were left", .blocking = list, .done = done_list },
	{ 0 },
};

static void on_swept(struct call *call)
{
	if (call->status < 0)
		log_debug("%s", call->err.msg);
}

void sessions_start(struct sessions *sessions)
{
	struct sweep_op *sweep;

	if (!sessions->dir)
		return;
	sweep = xnew(struct sweep_op);
	sweep->sessions = sessions;
	sweep->op.fini = sweep_fini;
	call_init(&sessions->sweep, sessions->ctd->ops.loop, on_swept);
	ctd_op_start(sessions->ctd, &sweep->op, sweep_steps, NULL, "commands", &sessions->sweep);
}

/* ---- the inventory ---- */

static void add(const struct sessions *sessions, const char *id, struct host_things *things)
{
	AUTO_FREE char *dir = xasprintf("%s/%s", sessions->dir, id), *namespace_ = NULL;
	AUTO_FREE char *container = NULL, *name = NULL;
	bool placed = session_read_place(dir, &namespace_, &container);
	struct host_thing *thing;

	name = xasprintf("%s/%s", placed ? namespace_ : "-", id);
	thing = host_things_add(things, HOST_EXEC, name, NULL);
	thing->id = xstrdup(id);
	thing->in_use = find(sessions, id);
	thing->why = xstrdup("the kukeond that ran this command is gone");
}

void sessions_add(struct sessions *sessions, const struct strv *ids, struct host_things *things)
{
	for (size_t i = 0; i < ids->n; i++)
		add(sessions, ids->items[i], things);
}

void sessions_discard(struct sessions *sessions, const char *id, struct call *call)
{
	struct error err;

	if (sessions->closing || !sessions->dir || find(sessions, id) || strchr(id, '/')) {
		error_set(&err, -EBUSY, "the command %s is being taken away, or runs", id);
		return call_complete(call, err.code, &err);
	}
	take_away(sessions, id, call);
}

/* ---- the end ---- */

static void tell_closed(struct sessions *sessions)
{
	if (sessions->closed)
		take_ptr(sessions->closed)(sessions->closed_ctx);
}

static void on_close_limit(struct timer *timer)
{
	tell_closed(container_of(timer, struct sessions, close_limit));
}

/* None takes another one with it. */
static void end_all(struct sessions *sessions)
{
	struct session *session;

	list_for_each(session, &sessions->all, link) {
		session->cancelled = true;
		if (timer_active(&session->again))
			session_leave(session);
		else if (session->state != SESSION_STARTING || !session->begun)
			session_go(session);
	}
}

void sessions_close(struct sessions *sessions, void (*closed)(void *ctx), void *ctx)
{
	sessions->closing = true;
	end_all(sessions);
	if (list_empty(&sessions->all))
		return closed(ctx);
	sessions->closed = closed;
	sessions->closed_ctx = ctx;
	timer_start(sessions->ctd->ops.loop, &sessions->close_limit, CLOSE_LIMIT_MS,
		    on_close_limit);
}

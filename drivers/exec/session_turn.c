/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shim starts one process after the other, and the time that containerd has for it runs while the
 * others start. So of one container only a few are under way, and the rest wait here, where waiting
 * costs nothing and fails nobody.
 */
#include "drivers/exec/session_private.h"

enum { STARTS_MAX = 4 };

static bool are_of_one(const struct session *a, const struct session *b)
{
	return str_equal(a->container, b->container) && str_equal(a->namespace_, b->namespace_);
}

static unsigned count_starting(const struct session *like)
{
	struct session *session;
	unsigned n = 0;

	list_for_each(session, &like->sessions->all, link)
		n += session->begun && session->state == SESSION_STARTING &&
		     are_of_one(session, like);
	return n;
}

static void begin(struct session *session)
{
	session->begun = true;
	session_start(session);
}

void session_await_turn(struct session *session)
{
	if (count_starting(session) < STARTS_MAX)
		begin(session);
}

/* Who waits longest is next. */
void session_end_turn(struct session *session)
{
	struct session *next;

	if (session->sessions->closing)
		return;
	list_for_each(next, &session->sessions->all, link)
		if (!next->begun && next->state == SESSION_STARTING && are_of_one(next, session))
			return begin(next);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A round of calls to firewalld: each one is sent when the one before is answered. */
#include <errno.h>

#include "drivers/firewalls/firewalld_private.h"

enum { CALL_LIMIT_MS = 30 * 1000 }; /* it writes thousands of rules when it loads them anew */

static void go_on(struct firewalld *firewalld);

void firewalld_round_fini(struct round *round)
{
	strset_fini(&round->held);
	strset_fini(&round->elsewhere);
	strset_fini(&round->tried);
	strset_fini(&round->stored);
	free(round->path);
	*round = (struct round){ 0 };
}

static int on_reply(sd_bus_message *reply, void *ctx, sd_bus_error *ret_error UNUSED)
{
	struct firewalld *firewalld = ctx;
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	const char *words = error ? error->message ? error->message : error->name : NULL;
	const struct round_step *step = &firewalld->round.steps[firewalld->round.step];
	int r;

	firewalld->slot = sd_bus_slot_unref(firewalld->slot);
	r = step->done(firewalld, reply, words);
	if (r < 0)
		firewalld_round_ended(firewalld, r,
				      words ? words : "it answers what is not understood");
	else
		go_on(firewalld);
	return 0;
}

/* It is never started for us. */
static int make_call(struct firewalld *firewalld, sd_bus_message *message)
{
	int r = sd_bus_message_set_auto_start(message, false);

	if (r >= 0)
		r = sd_bus_call_async(firewalld->connection, &firewalld->slot, message, on_reply,
				      firewalld, (uint64_t)CALL_LIMIT_MS * 1000);
	sd_bus_message_unref(message);
	return r;
}

static void go_on(struct firewalld *firewalld)
{
	struct round *round = &firewalld->round;
	sd_bus_message *message;
	int r;

	for (; round->steps[round->step].begin; round->step++) {
		message = round->steps[round->step].begin(firewalld);
		if (!message)
			continue;
		r = make_call(firewalld, message);
		if (r < 0)
			firewalld_round_ended(firewalld, r, strerror(-r));
		return;
	}
	firewalld_round_ended(firewalld, 0, NULL);
}

void firewalld_round_begin(struct firewalld *firewalld)
{
	firewalld_round_fini(&firewalld->round);
	firewalld->round.steps = firewalld->leaving ? firewalld_leave_steps : firewalld_keep_steps;
	go_on(firewalld);
}

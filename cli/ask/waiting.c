/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All of it is the client's: Watch gives the state first and then each change, and says RESYNC when
 * changes were missed; an object that is not there afterwards is gone. An object that is not there
 * yet is waited for, too: its file may just have been dropped.
 */
#include "cli/ask/waiting.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "cli/args/kinds.h"
#include "cli/ask/last_lines.h"
#include "cli/ask/runs.h"
#include "cli/show/display.h"
#include "cli/show/object.h"
#include "cli/show/table.h"
#include "core/model/model.h"

/* The last of several still gets an answer when the time is over: is it so, and if not, why. */
enum { ANSWER_MS = 250 };

/* What was seen last. */
struct seen {
	bool there, stated; /* stated: the first SYNCED came */
	Api__State state;
	char *reason, *message;
};

struct wait {
	const struct waiting *waiting;
	const struct target *target;
	enum wait_goal goal;
	struct seen seen;
	bool reached;
	uint64_t since_ms; /* and has been so since; of the monotonic clock */
	unsigned restarts; /* of all its containers, as last seen */
	unsigned falls;    /* how often it was reached, and then not any more */
	char *ended;       /* which of its containers ended last, and how; NULL: none has */
	bool hopeless;     /* it does not come to it by itself */
	bool told_pull;    /* the last line that was told says how far a pull is */
};

static const char *const goal_names[WAIT_GOALS] = {
	[WAIT_READY] = "Ready",     [WAIT_STOPPED] = "Stopped", [WAIT_FAILED] = "Failed",
	[WAIT_DELETED] = "deleted", [WAIT_SETTLED] = "Ready",   [WAIT_RESTARTED] = "Ready",
};

const char *wait_goal_name(enum wait_goal goal)
{
	check(goal < WAIT_GOALS);
	return goal_names[goal];
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void waiting_init(struct waiting *waiting, struct client *client, const struct args *args,
		  const struct io *io)
{
	*waiting = (struct waiting){
		.client = client,
		.io = io,
		.deadline_ms = now_ms() + args->timeout_ms,
		.timeout_ms = args->timeout_ms,
	};
}

static void seen_fini(struct seen *seen)
{
	free(seen->reason);
	free(seen->message);
	*seen = (struct seen){ 0 };
}

/* "Pending, PullingImage: message". */
static void seen_add(const struct seen *seen, struct buf *out)
{
	if (!seen->there) {
		buf_add_str(out, "not there");
		return;
	}
	buf_add_str(out, model_state_name(seen->state).text);
	if (!str_empty(seen->reason))
		buf_printf(out, ", %s", seen->reason);
	if (!str_empty(seen->message))
		buf_printf(out, ": %s", seen->message);
}

/* For somebody who watches: each state on its way. How far a pull is stands on one line. */
static void tell(struct wait *wait)
{
	const struct waiting *waiting = wait->waiting;
	AUTO_BUF struct buf text = { 0 };
	bool pulls = str_equal(wait->seen.reason, "PullingImage");
	FILE *out = waiting->io->err;

	if (!waiting->io->progress || (wait->reached && waiting->result_follows))
		return;
	buf_printf(&text, "%s \"%s\": ", kind_name(wait->target->kind), wait->target->name);
	seen_add(&wait->seen, &text);
	if (pulls && wait->told_pull)
		display_line_again(text.data, out);
	else if (pulls)
		display_line(text.data, out);
	else
		text_print(text.data, out);
	if (!pulls)
		fputc('\n', out);
	wait->told_pull = pulls;
	fflush(out);
}

static bool goal_reached(enum wait_goal goal, const struct object *object)
{
	bool ready = object->state == API__STATE__STATE_READY;

	switch (goal) {
	case WAIT_READY:
		return ready;
	case WAIT_STOPPED:
		return object->state == API__STATE__STATE_STOPPED;
	case WAIT_FAILED:
		return object->state == API__STATE__STATE_FAILED;
	case WAIT_SETTLED:
		return ready ||
		       (object->state == API__STATE__STATE_STOPPED && str_empty(object->intent)) ||
		       (object->kind == KIND_CELL && object->api->cell->spec &&
			object->api->cell->spec->n_containers == 0);
	case WAIT_RESTARTED:
		return ready && str_empty(object->intent);
	default:
		return false;
	}
}

/* ---- whether it stays so ---- */

static void note_reached(struct wait *wait, const struct object *object, bool reached)
{
	struct runs runs = runs_of(object);

	if (wait->reached && (!reached || runs.restarts > wait->restarts)) {
		wait->falls++;
		wait->reached = false;
	}
	if (reached && !wait->reached)
		wait->since_ms = runs_for_long(&runs, WAITING_STEADY_MS) ? 0 : now_ms();
	wait->reached = reached;
	wait->restarts = runs.restarts;
	if (!runs.last_end)
		return;
	free(wait->ended);
	wait->ended =
		xasprintf(", container %s exited with code %u",
			  runs.last_end->id ? runs.last_end->id : "", runs.last_end->exit_code);
}

/* Only what runs can fall back. */
static bool is_steady(const struct wait *wait)
{
	bool runs = wait->seen.there && wait->seen.state == API__STATE__STATE_READY;

	return wait->reached && (!runs || now_ms() >= wait->since_ms + WAITING_STEADY_MS);
}

static uint64_t until_steady_ms(void *ctx)
{
	const struct wait *wait = ctx;
	uint64_t now = now_ms(), steady_ms = wait->since_ms + WAITING_STEADY_MS;

	if (!wait->reached)
		return 0;
	return steady_ms > now ? steady_ms - now : 1;
}

/* Somebody stopped it, and nobody has asked that it run again. */
static bool is_hopeless(enum wait_goal goal, const struct object *object)
{
	return goal == WAIT_SETTLED && object->state == API__STATE__STATE_STOPPED &&
	       !goal_reached(goal, object);
}

static void see(struct wait *wait, const Api__Object *api)
{
	struct seen *seen = &wait->seen;
	struct object object;
	bool changed;

	if (!object_read(api, &object))
		return;
	changed = !seen->there || seen->state != object.state ||
		  !str_equal(seen->reason, object.reason) ||
		  !str_equal(seen->message, object.explanation);
	free(seen->reason);
	free(seen->message);
	seen->there = true;
	seen->state = object.state;
	seen->reason = xstrdup_maybe(object.reason);
	seen->message = xstrdup_maybe(object.explanation);
	note_reached(wait, &object, goal_reached(wait->goal, &object));
	wait->hopeless = is_hopeless(wait->goal, &object);
	if (changed)
		tell(wait);
}

static void see_nothing(struct wait *wait)
{
	bool stated = wait->seen.stated;

	seen_fini(&wait->seen);
	wait->seen.stated = stated;
}

static bool on_event(const Api__WatchEvent *event, void *ctx)
{
	struct wait *wait = ctx;

	switch (event->type) {
	case API__WATCH_EVENT__TYPE__TYPE_ADDED:
	case API__WATCH_EVENT__TYPE__TYPE_MODIFIED:
		see(wait, event->object);
		break;
	case API__WATCH_EVENT__TYPE__TYPE_DELETED:
		see_nothing(wait);
		wait->reached = wait->goal == WAIT_DELETED;
		break;
	case API__WATCH_EVENT__TYPE__TYPE_RESYNC:
		see_nothing(wait);
		break;
	case API__WATCH_EVENT__TYPE__TYPE_SYNCED:
		wait->seen.stated = true;
		wait->reached |= wait->goal == WAIT_DELETED && !wait->seen.there;
		break;
	default: /* of a later daemon */
		break;
	}
	return !is_steady(wait) && !wait->hopeless && wait->falls < WAITING_FALLS_MAX;
}

/* "is not Ready after 60s" */
static char *failure(const struct wait *wait)
{
	const char *goal = wait_goal_name(wait->goal);

	if (wait->hopeless)
		return xasprintf("was stopped and stays so until it is started");
	if (wait->falls >= WAITING_FALLS_MAX)
		return xasprintf("does not stay %s: it was %u time%s%s", goal, wait->falls,
				 str_s(wait->falls), wait->ended ? wait->ended : "");
	return xasprintf("is not %s after %" PRIu64 "s", goal, wait->waiting->timeout_ms / 1000);
}

/* What the container printed that ended last, when it ought to run. */
static void print_last_lines(const struct wait *wait)
{
	Api__Selector selector = target_selector(wait->target);
	AUTO_REPLY Api__GetResponse *reply = NULL;
	struct client *client = wait->waiting->client;
	struct object object;
	struct error ignored;

	if (!wait->ended || !wait->seen.there || str_equal(wait_goal_name(wait->goal), "Stopped") ||
	    client_get(client, &selector, &reply, &ignored) < 0 || !reply->n_objects ||
	    !object_read(reply->objects[0], &object))
		return;
	last_lines_print_ended(client, &object, wait->waiting->io->err);
}

static enum cli_exit fail(const struct wait *wait, struct error *err)
{
	AUTO_BUF struct buf scope = { 0 }, seen = { 0 };
	AUTO_FREE char *why = failure(wait);

	target_add_scope(wait->target, &scope);
	seen_add(&wait->seen, &seen);
	error_set(err, -ETIMEDOUT, "%s \"%s\"%s %s; it is %s", kinds_singular(wait->target->kind),
		  wait->target->name, scope.len ? scope.data : "", why, seen.data);
	print_last_lines(wait);
	return CLI_FAILED;
}

enum cli_exit waiting_for(const struct waiting *waiting, const struct target *target,
			  enum wait_goal goal, struct error *err)
{
	struct wait wait = { .waiting = waiting, .target = target, .goal = goal };
	Api__Selector selector = target_selector(target);
	uint64_t now = now_ms();
	const struct client_watch watch = {
		.selector = &selector,
		.timeout_ms = waiting->deadline_ms > now + ANSWER_MS ? waiting->deadline_ms - now
								     : ANSWER_MS,
		.on_event = on_event,
		.quiet_ms = until_steady_ms,
		.ctx = &wait,
	};
	enum cli_exit code;
	int rc = client_watch(waiting->client, &watch, err);

	if (wait.reached && (rc == 0 || rc == -ETIMEDOUT) && wait.falls < WAITING_FALLS_MAX)
		code = CLI_DONE;
	else if (rc == 0 || (rc == -ETIMEDOUT && (wait.seen.stated || wait.seen.there)))
		code = fail(&wait, err);
	else
		code = client_exit(rc);
	seen_fini(&wait.seen);
	free(wait.ended);
	return code;
}

static bool is_there(const Api__Result *result)
{
	switch (result->outcome) {
	case API__OUTCOME__OUTCOME_FAILED:
	case API__OUTCOME__OUTCOME_NOT_FOUND:
	case API__OUTCOME__OUTCOME_WITHDRAWN:
	case API__OUTCOME__OUTCOME_UNKNOWN:
	case API__OUTCOME__OUTCOME_SKIPPED:
	case API__OUTCOME__OUTCOME_CONFLICT:
		return false;
	default:
		return result->key;
	}
}

static void note_done(Api__Result *result, enum wait_goal goal)
{
	if (result->outcome == API__OUTCOME__OUTCOME_ACCEPTED)
		result->outcome = goal == WAIT_DELETED ? API__OUTCOME__OUTCOME_DELETED
						       : API__OUTCOME__OUTCOME_DONE;
}

enum cli_exit waiting_for_results(const struct waiting *waiting, struct results *results,
				  enum wait_goal goal)
{
	enum cli_exit code = CLI_DONE;

	for (size_t i = 0; i < results->n && code != CLI_UNREACHABLE; i++) {
		struct error err = { 0 };
		struct key_parts parts;
		struct target target;
		enum cli_exit one;

		if (!is_there(results->items[i]) ||
		    !target_from_key(results->items[i]->key, &parts, &target))
			continue;
		one = waiting_for(waiting, &target, goal, &err);
		if (one == CLI_DONE) {
			note_done(results->items[i], goal);
		} else {
			cli_complain(waiting->io, err.msg);
			code = one;
		}
	}
	return code;
}

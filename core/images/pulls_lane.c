/* SPDX-License-Identifier: Apache-2.0 */
#include "core/images/pulls_private.h"

#include <errno.h>

#include "core/base/backoff.h"
#include "core/base/log.h"
#include "core/base/wall.h"

enum {
	QUIET_MS = 2000,   /* between two words on progress to those that are quiet, containers */
	QUIET_AT_ONCE = 8, /* where more are told, they are told as much more seldom */
};

static void start(struct pull *pull);

/* ---- those who watch ---- */

/* Whoever is told may leave, come, or want something else meanwhile. */
static void tell_list(struct list *watchers)
{
	struct list told, *link;

	list_swap_out(watchers, &told);
	while ((link = list_pop(&told))) {
		struct pull_watcher *watcher = list_entry(link, struct pull_watcher, link);

		list_append(watchers, link);
		watcher->on_change(watcher);
	}
}

static bool is_wanted(const struct pull *pull)
{
	return !list_empty(&pull->watchers) || !list_empty(&pull->quiet);
}

void lane_free(struct pull *pull)
{
	struct lane_pull *lane = lane_of(pull);

	check(!pull->active && !is_wanted(pull));
	list_remove(&pull->turn);
	timer_stop(&pull->next_try);
	map_remove(&pulls_of(pull)->by_key, &pull->node);
	image_pull_fini(&pull->running);
	free(pull->again);
	free(pull->digest);
	free(pull->image);
	free(pull->key);
	free(lane->realm);
	free(lane->namespace_);
	free(lane);
}

static void forget_first(struct pulls *pulls)
{
	struct pull *first = list_entry(pulls->ended.next, struct pull, turn);

	pulls->n_ended--;
	lane_free(first);
}

void lane_cancel(struct pull *pull)
{
	struct image_driver *images = pull->engine->images;

	if (!pull->active || pull->cancelled)
		return;
	pull->cancelled = true;
	images->ops->cancel(images, &pull->running);
}

/* It ended before it was tried, or before it came to an end by itself: the next try is the first.
 */
static void give_up(struct pull *pull)
{
	list_remove(&pull->turn);
	pull->state = PULL_FAILED;
	pull->status = error_set(&pull->err, -ECANCELED, "nobody wants it any more");
	pull->fault = IMAGE_FAULT_OTHER;
	pull->again_ms = 0;
}

/* What nobody wants is let go, or remembered for a while. */
static void settle(struct pull *pull)
{
	struct pulls *pulls = pulls_of(pull);

	if (pull->state == PULL_WAITS && !pull->n_patient) {
		timer_stop(&pull->next_try);
		pull->state = PULL_FAILED;
	}
	if (pull->telling || is_wanted(pull))
		return;
	lane_cancel(pull);
	if (pull->active)
		return;
	if (pull->state == PULL_RUNS) /* it had no turn yet */
		give_up(pull);
	if (list_linked(&pull->turn))
		return;
	list_append(&pulls->ended, &pull->turn);
	if (++pulls->n_ended > PULLS_REMEMBERED)
		forget_first(pulls);
}

static void tell(struct pull *pull, bool quiet_too)
{
	pull->telling++;
	tell_list(&pull->watchers);
	if (quiet_too)
		tell_list(&pull->quiet);
	pull->telling--;
	settle(pull);
}

void lane_watch(struct pull *pull, struct pull_watcher *watcher)
{
	check(!watcher->pull);
	watcher->pull = pull;
	list_append(watcher->quiet ? &pull->quiet : &pull->watchers, &watcher->link);
	pull->n_quiet += watcher->quiet;
	pull->n_patient += !watcher->once;
	pull->n_keeping += watcher->keeps;
}

void pull_watcher_leave(struct pull_watcher *watcher)
{
	struct pull *pull = watcher->pull;

	if (!pull)
		return;
	list_remove(&watcher->link);
	watcher->pull = NULL;
	pull->n_quiet -= watcher->quiet;
	pull->n_patient -= !watcher->once;
	pull->n_keeping -= watcher->keeps;
	settle(pull);
}

/* ---- tries ---- */

/* Nobody answers: a pull is tried again. */
static const struct backoff unreachable = { .first_ms = 2 * 1000, .last_ms = 5 * 60 * 1000 };
/* A pull that containerd or the disk ended is tried again. */
static const struct backoff other = { .first_ms = 5 * 1000, .last_ms = 5 * 60 * 1000 };
/* A registry without the image is asked for it again. */
static const struct backoff not_there = { .first_ms = 30 * 1000, .last_ms = 30 * 60 * 1000 };
/* A registry that wants other credentials, or fewer questions, is asked again. */
static const struct backoff refused = { .first_ms = 60 * 1000, .last_ms = 30 * 60 * 1000 };
/* What came was no image for this machine: it is asked for again. */
static const struct backoff useless = { .first_ms = 60 * 1000, .last_ms = 60 * 60 * 1000 };

/* How soon it is worth asking again. What somebody has to change first is looked at seldom. */
static uint64_t pause_ms(const struct pull *pull)
{
	static const struct backoff *const pauses[] = {
		[IMAGE_FAULT_NONE] = &other,           [IMAGE_FAULT_NOT_THERE] = &not_there,
		[IMAGE_FAULT_UNAUTHORIZED] = &refused, [IMAGE_FAULT_UNREACHABLE] = &unreachable,
		[IMAGE_FAULT_TOO_MANY] = &refused,     [IMAGE_FAULT_INVALID] = &useless,
		[IMAGE_FAULT_PLATFORM] = &useless,     [IMAGE_FAULT_OTHER] = &other,
	};
	uint64_t own_ms = backoff_ms(pauses[pull->fault], pull->failures - 1);
	uint64_t asked_ms = pull->running.retry_after_ms;

	return asked_ms > own_ms ? asked_ms : own_ms;
}

void lane_begin(struct pull *pull)
{
	struct pulls *pulls = pulls_of(pull);

	timer_stop(&pull->next_try);
	pull->state = PULL_RUNS;
	pull->outdated = false;
	if (pull->active) /* it is being cancelled: again then */
		return;
	list_remove(&pull->turn);
	image_pull_fini(&pull->running);
	if (pulls->n_active < PULLS_AT_ONCE)
		return start(pull);
	pull->running.progress.waits =
		xasprintf("its turn comes when one of %d others has ended", PULLS_AT_ONCE);
	list_append(&pulls->turn, &pull->turn);
}

static void on_again(struct timer *timer)
{
	struct pull *pull = container_of(timer, struct pull, next_try);

	lane_begin(pull);
	tell(pull, true);
}

/* With n_patient > 0 it is tried again. */
void lane_wait(struct pull *pull)
{
	struct loop *loop = pull->engine->loop;
	uint64_t now_ms = loop_now_ms(loop);

	pull->state = pull->n_patient ? PULL_WAITS : PULL_FAILED;
	if (pull->n_patient)
		timer_start(loop, &pull->next_try,
			    pull->again_ms > now_ms ? pull->again_ms - now_ms : 0, on_again);
}

static void fail(struct pull *pull, const struct error *err)
{
	struct loop *loop = pull->engine->loop;
	bool repeated = pull->failures && str_equal(pull->err.msg, err->msg);
	uint64_t wait_ms;

	pull->failures++;
	pull->status = err->code;
	pull->err = *err;
	pull->fault = pull->running.fault ? pull->running.fault : IMAGE_FAULT_OTHER;
	wait_ms = pause_ms(pull);
	pull->again_ms = loop_now_ms(loop) + wait_ms;
	free(pull->again);
	pull->again = wall_text(loop_wall_ms(loop) + (int64_t)wait_ms);
	lane_wait(pull);
	if (!repeated)
		log_warning("image %s cannot be pulled: %s realm=%s", pull->image, err->msg,
			    lane_of(pull)->realm);
}

static void succeed(struct pull *pull)
{
	pull->state = PULL_DONE;
	pull->failures = 0;
	pull->again_ms = 0;
	pull->missing = false;
	pull->done_ms = loop_now_ms(pull->engine->loop);
	pull->status = 0;
	pull->err = (struct error){ 0 };
	pull->fault = IMAGE_FAULT_NONE;
	free(pull->digest);
	pull->digest = take_ptr(pull->running.digest);
	log_info("image %s is there: %s%s realm=%s", pull->image, pull->digest ? pull->digest : "",
		 pull->running.changed ? ", which is new" : "", lane_of(pull)->realm);
}

static void start_next(struct pulls *pulls)
{
	while (!pulls->stopped && pulls->n_active < PULLS_AT_ONCE && !list_empty(&pulls->turn)) {
		struct pull *next = list_entry(list_pop(&pulls->turn), struct pull, turn);

		image_pull_fini(&next->running);
		start(next);
	}
}

/* What was cancelled may be wanted again by now, what ran may have had old credentials. */
static void on_ended(struct call *call)
{
	struct lane_pull *lane = container_of(call, struct lane_pull, call);
	struct pull *pull = &lane->pull;
	struct pulls *pulls = pulls_of(pull);
	struct engine *engine = pull->engine;
	bool cancelled = pull->cancelled, again = pull->outdated;

	pulls->n_active--;
	pull->active = pull->cancelled = false;
	pull->ended_seq = ++engine->seq;
	if (call->status == 0)
		succeed(pull);
	else if ((cancelled || again) && is_wanted(pull) && !pulls->stopped)
		lane_begin(pull);
	else if (cancelled)
		give_up(pull);
	else
		fail(pull, &call->err);
	start_next(pulls);
	tell(pull, true);
	pending_end(&engine->under_way);
}

static void on_progress(struct image_pull *running)
{
	struct pull *pull = container_of(running, struct pull, running);
	uint64_t now_ms = loop_now_ms(pull->engine->loop);
	bool quiet_too = now_ms >= pull->quiet_until_ms;

	if (quiet_too)
		pull->quiet_until_ms =
			now_ms + QUIET_MS * (uint64_t)(1 + pull->n_quiet / QUIET_AT_ONCE);
	tell(pull, quiet_too);
}

/* The realm may have gone, or have got other credentials, since somebody asked. */
static void start(struct pull *pull)
{
	struct lane_pull *lane = lane_of(pull);
	struct engine *engine = pull->engine;
	const struct object *realm = engine_find(engine, lane->realm);
	const Api__Realm *document = realm ? (const Api__Realm *)realm->spec : NULL;
	const Api__RealmSpec *spec = document ? document->spec : NULL;

	if (realm) {
		free(lane->namespace_);
		lane->namespace_ = engine_namespace(realm);
	}
	pull->running = (struct image_pull){
		.namespace_ = lane->namespace_,
		.realm = lane->realm,
		.image = pull->image,
		.credentials = spec ? spec->registry_credentials : NULL,
		.n_credentials = spec ? spec->n_registry_credentials : 0,
		.keeps = pull->n_keeping > 0,
		.on_progress = on_progress,
	};
	pull->active = true;
	pulls_of(pull)->n_active++;
	pending_begin(&engine->under_way);
	call_init(&lane->call, engine->loop, on_ended);
	engine->images->ops->pull(engine->images, &pull->running, &lane->call);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the plan of a cell says of the images of its containers. They are fetched in a lane of their
 * own (core/images/pulls.h), beside the slots: the plan only names the containers that wait for
 * one, as long as they do. What runs goes on until the image is there that it is to be replaced
 * with.
 */
#include "core/plan/plan_cell_steps.h"

#include <stdio.h>

#include "core/base/str.h"

/* The registry has to be asked before the container is made, or started by request. What has to be
 * there anyway is not asked for. */
static bool registry_is_due(const struct container *c)
{
	if (c->spec->image_pull_policy == API__IMAGE_PULL_POLICY__IMAGE_PULL_POLICY_NEVER)
		return false;
	return c->pull_requested ||
	       (c->spec->image_pull_policy == API__IMAGE_PULL_POLICY__IMAGE_PULL_POLICY_ALWAYS &&
		!c->image_asked);
}

bool container_has_image(const struct container *c)
{
	return c->image_ready && !registry_is_due(c);
}

static bool is_stopped(const struct container *c)
{
	return c->run == INTENT_STOP || c->run == INTENT_KILL;
}

static bool is_restarted(const struct container *c)
{
	return c->run == INTENT_RESTART || cell_intent(c->object) == INTENT_RESTART;
}

/* It is to be made, or started by request. */
static bool looks_for_image(const struct container *c)
{
	if (container_lives(c) && is_restarted(c))
		return registry_is_due(c);
	if (container_lives(c))
		return container_changed(c) && !container_has_image(c);
	if (c->record && c->snapshot && !container_changed(c) && !c->image_moved)
		return c->renew && registry_is_due(c);
	return !container_has_image(c);
}

bool container_waits_for_pull(const struct container *c)
{
	bool may_pull =
		c->spec && !is_stopped(c) &&
		c->spec->image_pull_policy != API__IMAGE_PULL_POLICY__IMAGE_PULL_POLICY_NEVER;

	if (!may_pull || !looks_for_image(c))
		return false;
	return registry_is_due(c) || (c->image_missing && !c->image_ready);
}

bool cell_restart_waits(const struct object *object)
{
	struct container *c;

	list_for_each(c, &object->cell.containers, link)
		if (c->spec && container_lives(c) && !is_stopped(c) && registry_is_due(c))
			return true;
	return false;
}

static void want_pull(struct planning *p, struct container *c)
{
	struct plan *plan = p->plan;

	plan->pulls = xrealloc(plan->pulls, (plan->n_pulls + 1) * sizeof(*plan->pulls));
	plan->pulls[plan->n_pulls++] = c;
}

/* What is under way goes on while a layer above is not Ready for a moment. */
void plan_pulls(struct planning *p)
{
	const struct object *parent = p->object->parent;
	bool usable = parent && object_is_usable(parent);
	struct container *c;

	list_for_each(c, &p->object->cell.containers, link)
		if ((usable || c->pull.pull) && container_waits_for_pull(c))
			want_pull(p, c);
}

/* ---- what is said ---- */

enum reason pull_reason(const struct pull *pull)
{
	static const enum reason reasons[] = {
		[IMAGE_FAULT_NONE] = REASON_IMAGE_FAILED,
		[IMAGE_FAULT_NOT_THERE] = REASON_IMAGE_NOT_FOUND,
		[IMAGE_FAULT_UNAUTHORIZED] = REASON_UNAUTHORIZED,
		[IMAGE_FAULT_UNREACHABLE] = REASON_REGISTRY_UNREACHABLE,
		[IMAGE_FAULT_TOO_MANY] = REASON_TOO_MANY_REQUESTS,
		[IMAGE_FAULT_INVALID] = REASON_IMAGE_FAILED,
		[IMAGE_FAULT_PLATFORM] = REASON_IMAGE_FAILED,
		[IMAGE_FAULT_OTHER] = REASON_IMAGE_FAILED,
	};

	return pull->state == PULL_RUNS || pull->state == PULL_DONE ? REASON_PULLING_IMAGE
								    : reasons[pull->fault];
}

static const char *remedy(enum image_fault fault)
{
	switch (fault) {
	case IMAGE_FAULT_NOT_THERE:
		return "; look at its name, or give the realm registryCredentials for it";
	case IMAGE_FAULT_UNAUTHORIZED:
		return "; give the realm registryCredentials that may read it";
	case IMAGE_FAULT_TOO_MANY:
		return "; some registries allow more to those who log in: registryCredentials";
	case IMAGE_FAULT_PLATFORM:
		return "; name another image";
	default:
		return "";
	}
}

enum { BYTES_TEXT = 24, WHY_BYTES = 251 };

static const char *bytes_text(uint64_t bytes, char text[BYTES_TEXT])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1000 && unit + 1 < ARRAY_SIZE(units); unit++)
		value /= 1024;
	snprintf(text, BYTES_TEXT, unit && value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return text;
}

static void progress_text(const struct pull *pull, char *text, size_t size)
{
	const struct image_progress *progress = &pull->running.progress;
	char whole[BYTES_TEXT], rate[BYTES_TEXT];
	unsigned percent = 0;

	if (progress->size)
		percent = (unsigned)((double)progress->fetched * 100 / (double)progress->size);
	if (progress->waits)
		snprintf(text, size, "pulling %s: %s", pull->image, progress->waits);
	else if (!progress->size)
		snprintf(text, size, "pulling %s: %s is asked for it", pull->image,
			 progress->host ? progress->host : "its registry");
	else
		snprintf(text, size, "pulling %s: %u %% of %s, %s/s", pull->image,
			 percent > 100 ? 100 : percent, bytes_text(progress->size, whole),
			 bytes_text(progress->bytes_per_second, rate));
}

void pull_text(const struct pull *pull, char *text, size_t size)
{
	const char *again = pull->state == PULL_WAITS ? pull->again : NULL;
	char why[WHY_BYTES];

	if (pull->state == PULL_RUNS || pull->state == PULL_DONE)
		return progress_text(pull, text, size);
	str_fit(why, sizeof(why), pull->err.msg);
	snprintf(text, size, "cannot pull %.150s: %s%s%s%s", pull->image, why, remedy(pull->fault),
		 again ? "; next try at " : "", again ? again : "");
}

void cell_say_pulls(struct planning *p)
{
	char text[PLAN_MESSAGE_BYTES];
	struct container *c;

	for (size_t i = 0; i < p->plan->n_pulls && !plan_has_reason(p); i++) {
		c = p->plan->pulls[i];
		if (!c->pull.pull)
			continue;
		pull_text(c->pull.pull, text, sizeof(text));
		plan_say(p, API__STATE__STATE_PENDING, pull_reason(c->pull.pull),
			 "container %s: %s%s", c->name, text,
			 container_runs(c) ? "; what runs goes on until it is there" : "");
	}
	for (size_t i = 0; i < p->plan->n_pulls && !plan_has_reason(p); i++)
		plan_say(p, API__STATE__STATE_PENDING, REASON_PULLING_IMAGE,
			 "container %s: its image is about to be pulled", p->plan->pulls[i]->name);
}

void cell_say_images_run(struct planning *p)
{
	struct container *c;

	list_for_each(c, &p->object->cell.containers, link)
		if (c->update.pin)
			plan_say(
				p, API__STATE__STATE_READY, REASON_IMAGE_HELD_BACK,
				"container %s runs %.80s: with %.80s, which %.150s stands for, it "
				"did not become Ready; it is updated when that stands for another, or by "
				"'kuke restart --pull'",
				c->name, c->update.from, c->update.to, c->update.image);
	plan_say(p, API__STATE__STATE_READY, REASON_NONE, "%s", "");
}

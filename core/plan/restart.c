/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plan/restart.h"

#include "core/base/backoff.h"

enum {
	FIRST_PAUSE_MS = 1000,    /* before a container that failed again starts; doubles */
	MAX_PAUSE_MS = 60 * 1000, /* the longest such pause */
	JITTER_PERCENT = 20,
	AT_ONCE_MAX = 5, /* with a fixed pause of 0 */
};

/* A pause of 0 is for what rarely ends; what ends again and again would keep a processor busy with
 * nothing but starting it. */
static uint64_t fixed_pause_ms(const Api__ContainerSpec *spec, unsigned in_row)
{
	if (spec->restart_backoff_seconds == 0 && in_row >= AT_ONCE_MAX)
		return FIRST_PAUSE_MS;
	return (uint64_t)spec->restart_backoff_seconds * 1000;
}

/* 0 .. JITTER_PERCENT, spread over the containers so that many that failed together do not come
 * back together. */
static unsigned jitter_percent(const char *seed, unsigned in_row)
{
	uint32_t h = 2166136261u + in_row;

	for (const char *p = seed; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return (h >> 8) % (JITTER_PERCENT + 1);
}

uint64_t restart_pause_ms(const Api__ContainerSpec *spec, unsigned in_row, const char *seed)
{
	static const struct backoff backoff = { FIRST_PAUSE_MS, MAX_PAUSE_MS };
	uint64_t pause_ms;

	if (in_row == 0)
		return 0;
	if (spec->has_restart_backoff_seconds)
		return fixed_pause_ms(spec, in_row);
	pause_ms = backoff_ms(&backoff, in_row - 1);
	return pause_ms - pause_ms * jitter_percent(seed, in_row) / 100;
}

uint64_t restart_loop_time(uint64_t now_ms, int64_t now_wall_ms, int64_t wall_ms)
{
	uint64_t ago_ms = wall_ms < now_wall_ms ? (uint64_t)(now_wall_ms - wall_ms) : 0;

	return ago_ms < now_ms ? now_ms - ago_ms : 0;
}

enum restart_verdict restart_judge(const struct container *container, uint64_t now_ms,
				   uint64_t *ret_at_ms)
{
	const Api__ContainerSpec *spec = container->spec;
	enum restart_policy policy = model_restart_policy(spec);
	uint64_t at_ms;

	if (container->stopping) /* we ended it ourselves, to bring it back */
		return RESTART_DUE;
	if (policy == RESTART_NEVER || (policy == RESTART_ON_FAILURE && container->exit_code == 0))
		return RESTART_DONE;
	if (policy == RESTART_ON_FAILURE && spec->has_restart_max_retries &&
	    container->restarts >= spec->restart_max_retries)
		return RESTART_GAVE_UP;
	at_ms = container->exited_ms +
		restart_pause_ms(spec, container->restarts_in_row, container->containerd_id);
	if (at_ms <= now_ms)
		return RESTART_DUE;
	*ret_at_ms = at_ms;
	return RESTART_LATER;
}

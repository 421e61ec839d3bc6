/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service manager hears of us (sd_notify): ready, how it goes and how many cells are as
 * they are declared, stopping. Silent where nobody listens.
 *
 * Ready means that the host has been looked at once and that the manifests have been read, or that
 * both were tried: without containerd there is work to do too, and a start must not time out.
 */
#pragma once

#include "core/state/engine.h"

enum notify_state {
	NOTIFY_LOOKING,       /* at the host, for the first time */
	NOTIFY_RUNNING,       /* all is well */
	NOTIFY_RUNTIME_AWAY,  /* containerd cannot be reached */
	NOTIFY_MANIFESTS_ILL, /* their directory as a whole */
};

struct notify {
	uv_prepare_t turn; /* of the loop: every change there is happens in one */
	struct timer limit;
	struct loop *loop;
	const struct engine *engine;
	enum notify_state state;
	bool limit_passed;
	unsigned cells, as_declared; /* as last said */
	uint64_t sent_ms;            /* loop time */
	struct timer again;          /* they have changed too soon after that */
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* Says that the first look is under way, and from then on what changes. Costs no wake-up. */
void notify_open(struct notify *notify, struct loop *loop, const struct engine *engine);

/* Says that we end, or with @restarting that we are back soon; @closed runs once, last. */
void notify_close(struct notify *notify, bool restarting, void (*closed)(void *ctx), void *ctx);

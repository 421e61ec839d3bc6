/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lane of pulls: images fetched beside the slots of containers, so that nothing else waits for
 * them. There is one pull for each realm and name (core/registry/reference.h, reference_name()),
 * whoever wants it: containers, and those who ask over the API. What failed is tried again by its
 * kind, while somebody wants it, with a backoff; the last outcome stays for those who come
 * meanwhile. Not more than some are under way at once.
 */
#pragma once

#include "core/driver/images.h"
#include "core/state/engine.h"
#include "core/state/pull.h"

enum {
	PULLS_AT_ONCE = 8,
	PULLS_REMEMBERED = 64, /* that ended and that nobody wants */
};

void pulls_init(struct engine *engine);

/* Begins no more and cancels what is under way; engine.under_way says when that has ended. */
void pulls_stop(struct engine *engine);

/* Nobody watches any more. */
void pulls_fini(struct engine *engine);

/*
 * The pull for an image of a realm. @anew: the registry is asked even if a pull of it has ended
 * before, or waits for its next try; one that runs is joined. @watcher, which watches none, hears
 * of it from the loop's next turn on; what it is by now is to be seen on return: it may have ended.
 */
struct pull *pulls_want(struct engine *engine, struct object *realm, const char *image, bool anew,
			struct pull_watcher *watcher);

/* What is known of it; NULL: nobody has asked for it lately. */
struct pull *pulls_find(const struct engine *engine, const char *realm, const char *image);

/* Hears no more. A pull that nobody wants any more is cancelled. */
void pull_watcher_leave(struct pull_watcher *watcher);

/* What has failed is tried again at once: somebody asked. */
void pull_retry(struct pull *pull);

/* The same for all of a realm: it has other credentials, or what a try that runs has is old. */
void pulls_credentials_changed(struct engine *engine, const struct object *realm);

/* Images came or changed by whatever hand: what was missing may be there. */
void pulls_images_changed(struct engine *engine, const struct object *realm);

/* Containerd is back: what it refused is tried again. */
void pulls_runtime_up(struct engine *engine);

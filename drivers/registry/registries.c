/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/base/backoff.h"
#include "drivers/registry/login.h"
#include "drivers/registry/question.h"
#include "drivers/registry/registry_private.h"

#define CERTS_PATH "/etc/containerd/certs.d"

/* A host that failed is asked again after so long; one that said "too many" without a time is left
 * alone longer. */
static const struct backoff site_pause = { .first_ms = 500, .last_ms = 30 * 1000 };
static const struct backoff too_many_pause = { .first_ms = 2000, .last_ms = 60 * 1000 };

/* ---- sites ---- */

static struct site *site_find(struct registries *registries, const char *authority)
{
	return map_entry(map_find(&registries->sites, authority), struct site, node);
}

const struct site *site_held(struct registries *registries, const char *authority)
{
	const struct site *site = site_find(registries, authority);

	return site && site->until_ms > loop_now_ms(registries->loop) ? site : NULL;
}

static void site_free(struct registries *registries, struct site *site)
{
	map_remove(&registries->sites, &site->node);
	free(site->authority);
	free(site);
}

void site_answers(struct registries *registries, const char *authority)
{
	struct site *site = site_find(registries, authority);

	if (site)
		site_free(registries, site);
}

void site_fails(struct registries *registries, const char *authority, bool too_many,
		uint64_t wait_ms)
{
	struct site *site = site_find(registries, authority);
	uint64_t until_ms;

	if (!site) {
		site = xnew(struct site);
		site->authority = xstrdup(authority);
		check(map_insert(&registries->sites, &site->node, site->authority));
	}
	if (!wait_ms)
		wait_ms = backoff_ms(too_many ? &too_many_pause : &site_pause, site->failures);
	/* Several that were on their way fail as one. */
	if (site->until_ms <= loop_now_ms(registries->loop))
		site->failures++;
	site->too_many = too_many;
	until_ms = loop_now_ms(registries->loop) + wait_ms;
	if (until_ms > site->until_ms)
		site->until_ms = until_ms;
}

void sites_free(struct registries *registries)
{
	struct site *site;

	map_for_each(site, &registries->sites, node)
		site_free(registries, site);
}

/* ---- life ---- */

int registries_open(struct registries **ret_registries, struct loop *loop,
		    const struct registries_options *options, struct error *err)
{
	struct registries *registries;
	struct http *http;
	int r = http_open(&http, loop, err);

	if (r < 0)
		return r;
	registries = xnew(struct registries);
	registries->loop = loop;
	registries->http = http;
	registries->certs_path = xstrdup(options->certs_path ? options->certs_path : CERTS_PATH);
	registries->agent = xstrdup(options->agent);
	registries->stall_limit_ms =
		options->stall_limit_ms ? options->stall_limit_ms : HTTP_STALL_LIMIT_MS;
	list_init(&registries->login_order);
	list_init(&registries->questions);
	list_init(&registries->preparations);
	*ret_registries = registries;
	return 0;
}

static void on_http_closed(void *ctx)
{
	struct registries *registries = ctx;
	void (*closed)(void *ctx) = registries->closed;
	void *closed_ctx = registries->closed_ctx;

	logins_free(registries);
	sites_free(registries);
	free(registries->certs_path);
	free(registries->agent);
	free(registries);
	closed(closed_ctx);
}

static void on_none(void *ctx)
{
	struct registries *registries = ctx;

	preparation_leave(registries);
	http_close(registries->http, on_http_closed, registries);
}

void registries_close(struct registries *registries, void (*closed)(void *ctx), void *ctx)
{
	struct question *question;

	registries->closing = true;
	registries->closed = closed;
	registries->closed_ctx = ctx;
	list_for_each(question, &registries->questions, link)
		question_cancel(question);
	logins_stop(registries);
	pending_await(&registries->under_way, on_none, registries);
}

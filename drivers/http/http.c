/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl says which descriptors it waits for and until when (socket and timer callbacks); the loop
 * says what happened. A handle is taken out of the multi handle only from outside of libcurl's
 * callbacks: what is to end there is ended on the next turn.
 */
#include "drivers/http/http.h"

#include <curl/curl.h>
#include <errno.h>

#include "core/base/fs.h"
#include "drivers/http/http_private.h"

/* A descriptor that libcurl waits for. */
struct watched {
	uv_poll_t poll;
	struct http *http;
	curl_socket_t fd;
};

/* ---- what has ended ---- */

static void check_ended(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		struct transfer *transfer;

		if (message->msg != CURLMSG_DONE)
			continue;
		check(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) ==
		      CURLE_OK);
		transfer_end(transfer, message->data.result);
	}
}

void http_act(struct http *http, curl_socket_t fd, int events)
{
	int running;

	check(curl_multi_socket_action(http->multi, fd, events, &running) == CURLM_OK);
	check_ended(http);
}

/* ---- descriptors ---- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watched *watched = container_of(poll, struct watched, poll);
	int flags = status < 0 ? CURL_CSELECT_ERR : 0;

	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	http_act(watched->http, watched->fd, flags);
}

static void http_gone(struct http *http)
{
	if (http->closed && http->n_watched == 0 && list_empty(&http->transfers)) {
		void (*closed)(void *ctx) = http->closed;
		void *ctx = http->closed_ctx;

		free(http);
		closed(ctx);
	}
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct watched *watched = container_of((uv_poll_t *)handle, struct watched, poll);
	struct http *http = watched->http;

	free(watched);
	http->n_watched--;
	http_gone(http);
}

static struct watched *watch(struct http *http, curl_socket_t fd)
{
	struct watched *watched = xnew(struct watched);

	watched->http = http;
	watched->fd = fd;
	check(uv_poll_init_socket(&http->loop->uv, &watched->poll, fd) == 0);
	http->n_watched++;
	curl_multi_assign(http->multi, fd, watched);
	return watched;
}

static int on_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct http *http = ctx;
	struct watched *watched = known;
	int events = 0;

	if (what == CURL_POLL_REMOVE) {
		if (watched) {
			uv_poll_stop(&watched->poll);
			uv_close((uv_handle_t *)&watched->poll, on_poll_closed);
			curl_multi_assign(http->multi, fd, NULL);
		}
		return 0;
	}
	if (!watched)
		watched = watch(http, fd);
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	check(uv_poll_start(&watched->poll, events, on_poll) == 0);
	return 0;
}

/* ---- time ---- */

static void on_due(struct timer *timer)
{
	http_act(container_of(timer, struct http, due), CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi UNUSED, long after_ms, void *ctx)
{
	struct http *http = ctx;

	if (after_ms < 0)
		timer_stop(&http->due);
	else
		timer_start(http->loop, &http->due, (uint64_t)after_ms, on_due);
	return 0;
}

/* ---- life ---- */

/* "3513523f.0": what OpenSSL looks up by the name of who signed. */
static bool is_hash(const char *name)
{
	return strspn(name, "0123456789abcdef") == 8 && str_equal(name + 8, ".0");
}

/*
 * A file of all certificates takes a third of a second to be read on a busy machine, with each
 * connection; one of a directory takes nothing.
 */
static bool has_hashed_cas(void)
{
	const char *path = curl_version_info(CURLVERSION_NOW)->capath;
	DIR *dir = path ? opendir(path) : NULL;
	struct dirent *entry;
	bool found = false;

	while (dir && !found && fs_next_entry(dir, &entry) > 0)
		found = is_hash(entry->d_name);
	if (dir)
		closedir(dir);
	return found;
}

int http_open(struct http **ret_http, struct loop *loop, struct error *err)
{
	struct http *http;
	CURLM *multi;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(multi = curl_multi_init()))
		return error_set(err, -ENOMEM, "libcurl cannot be started");
	http = xnew(struct http);
	http->loop = loop;
	http->multi = multi;
	http->hashed_cas = has_hashed_cas();
	list_init(&http->transfers);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, http);
	*ret_http = http;
	return 0;
}

static void on_closing(struct deferred *deferred)
{
	struct http *http = container_of(deferred, struct http, closing);

	curl_multi_cleanup(http->multi);
	timer_stop(&http->due);
	http_gone(http);
}

void http_close(struct http *http, void (*closed)(void *ctx), void *ctx)
{
	struct transfer *transfer;

	http->closed = closed;
	http->closed_ctx = ctx;
	list_for_each(transfer, &http->transfers, link)
		transfer_cancel(transfer);
	loop_defer(http->loop, &http->closing, on_closing);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <strings.h>

#include "core/base/buf.h"
#include "drivers/http/http_private.h"

static void answer_fini(struct http_answer *answer)
{
	free(answer->location);
	free(answer->content_type);
	free(answer->digest);
	free(answer->retry_after);
	free(answer->range);
	strv_fini(&answer->challenges);
	*answer = (struct http_answer){ .length = -1 };
}

/* ---- headers ---- */

/* The value of a header that is called so; NULL: it is another one. Free with free(). */
static char *value_of(const char *line, size_t len, const char *name)
{
	size_t at = strlen(name);

	if (len <= at || line[at] != ':' || strncasecmp(line, name, at) != 0)
		return NULL;
	for (at++; at < len && (line[at] == ' ' || line[at] == '\t');)
		at++;
	while (len > at && strchr(" \t\r\n", line[len - 1]))
		len--;
	return xstrndup(line + at, len - at);
}

static void take_header(struct http_answer *answer, const char *line, size_t len)
{
	const struct {
		const char *name;
		char **to;
	} wanted[] = {
		{ "Content-Type", &answer->content_type },
		{ "Docker-Content-Digest", &answer->digest },
		{ "Retry-After", &answer->retry_after },
		{ "Content-Range", &answer->range },
	};
	AUTO_FREE char *challenge = value_of(line, len, "WWW-Authenticate");

	if (challenge)
		strv_add(&answer->challenges, challenge);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		char *value = value_of(line, len, wanted[i].name);

		if (value) {
			free(*wanted[i].to);
			*wanted[i].to = value;
		}
	}
}

/* The last line is empty; an interim answer (1xx) is followed by another one. */
static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
	struct transfer *transfer = ctx;
	size_t len = size * n;

	transfer->header_bytes += len;
	if (transfer->header_bytes > HTTP_HEADER_MAX_BYTES || transfer->cancelled)
		return 0;
	if (len > 5 && strncasecmp(line, "HTTP/", 5) == 0)
		answer_fini(&transfer->request->answer);
	else
		take_header(&transfer->request->answer, line, len);
	return len;
}

static void announce(struct transfer *transfer)
{
	struct http_answer *answer = &transfer->request->answer;
	char *location = NULL;
	curl_off_t length = -1;

	if (transfer->answered)
		return;
	transfer->answered = true;
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &location);
	curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	answer->location = xstrdup_maybe(location);
	answer->length = length;
	transfer->request->on_answer(transfer->request);
}

static size_t on_data(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *transfer = ctx;

	announce(transfer);
	if (transfer->cancelled)
		return 0;
	if (transfer->request->on_data(transfer->request, data, size * n))
		return transfer->cancelled ? 0 : size * n;
	transfer->paused = true;
	return CURL_WRITEFUNC_PAUSE;
}

/* ---- the end ---- */

static int errno_of(CURLcode result)
{
	switch (result) {
	case CURLE_OK:
		return 0;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_ISSUER_ERROR:
		return -EKEYREJECTED;
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return -EPIPE;
	default:
		return -EPROTO;
	}
}

/* "quay.io:443", without what a URL may hold besides. */
static char *place_of(const char *url)
{
	const char *host = strstr(url, "://");
	size_t len;

	host = host ? host + 3 : url;
	len = strcspn(host, "/?#");
	for (const char *at; (at = memchr(host, '@', len)); host = at + 1)
		len -= (size_t)(at + 1 - host);
	return xstrndup(host, len);
}

static int explain(const struct transfer *transfer, CURLcode result, struct error *err)
{
	return error_set(err, errno_of(result), "%s: %s", transfer->place,
			 transfer->words[0] ? transfer->words : curl_easy_strerror(result));
}

static void transfer_free(struct transfer *transfer)
{
	if (transfer->begun)
		curl_multi_remove_handle(transfer->http->multi, transfer->easy);
	curl_easy_cleanup(transfer->easy);
	list_remove(&transfer->resuming.link);
	curl_slist_free_all(transfer->headers);
	list_remove(&transfer->link);
	free(transfer->place);
	free(transfer);
}

static void finish(struct transfer *transfer, int status, const struct error *err)
{
	struct http_request *request = transfer->request;

	transfer_free(transfer);
	request->state = NULL;
	request->on_end(request, status, err);
	answer_fini(&request->answer);
}

void transfer_end(struct transfer *transfer, CURLcode result)
{
	struct error err;
	int status = 0;

	if (transfer->cancelled) /* its end is on its way */
		return;
	if (result != CURLE_OK)
		status = explain(transfer, result, &err);
	else
		announce(transfer); /* one without data */
	if (!transfer->cancelled)
		finish(transfer, status, status < 0 ? &err : NULL);
}

static void on_ending(struct deferred *deferred)
{
	struct transfer *transfer = container_of(deferred, struct transfer, ending);
	struct error err;

	error_set(&err, -ECANCELED, "cancelled");
	finish(transfer, -ECANCELED, &err);
}

void transfer_cancel(struct transfer *transfer)
{
	if (transfer->cancelled)
		return;
	transfer->cancelled = true;
	loop_defer(transfer->http->loop, &transfer->ending, on_ending);
}

/* ---- the beginning ---- */

static void set_pem(CURL *easy, CURLoption option, const char *pem)
{
	struct curl_blob blob = { .data = (void *)pem,
				  .len = strlen(pem),
				  .flags = CURL_BLOB_COPY };

	curl_easy_setopt(easy, option, &blob);
}

/* Beside a CA of its own, the system's are those of its directory. */
static void set_tls(CURL *easy, const struct http_tls *tls)
{
	if (tls->ca)
		set_pem(easy, CURLOPT_CAINFO_BLOB, tls->ca);
	if (tls->cert) {
		set_pem(easy, CURLOPT_SSLCERT_BLOB, tls->cert);
		set_pem(easy, CURLOPT_SSLKEY_BLOB, tls->key ? tls->key : tls->cert);
	}
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls->skip_verify ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls->skip_verify ? 0L : 2L);
}

static void set_limits(CURL *easy, const struct http_request *request)
{
	uint32_t dial_ms = request->dial_limit_ms ? request->dial_limit_ms : HTTP_DIAL_LIMIT_MS;
	uint32_t stall_ms = request->stall_limit_ms ? request->stall_limit_ms : HTTP_STALL_LIMIT_MS;

	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)dial_ms);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)(stall_ms + 999) / 1000);
}

static void set_request(struct transfer *transfer, const struct http_request *request)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	if (str_equal(request->method, "HEAD"))
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (str_equal(request->method, "POST"))
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body ? request->body : "");
	for (size_t i = 0; request->headers && request->headers[i]; i++)
		transfer->headers = curl_slist_append(transfer->headers, request->headers[i]);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static void set_callbacks(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->words);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT,
			 1L); /* a thread that asks for a name is not waited for */
}

/* Not from inside of another one's callback. */
static void on_beginning(struct deferred *deferred)
{
	struct transfer *transfer = container_of(deferred, struct transfer, beginning);

	if (transfer->cancelled)
		return;
	transfer->begun = true;
	check(curl_multi_add_handle(transfer->http->multi, transfer->easy) == CURLM_OK);
}

void http_start(struct http *http, struct http_request *request)
{
	struct transfer *transfer = xnew(struct transfer);

	check(!request->state && !http->closed);
	request->state = transfer;
	request->answer = (struct http_answer){ .length = -1 };
	transfer->http = http;
	transfer->request = request;
	transfer->place = place_of(request->url);
	list_append(&http->transfers, &transfer->link);
	transfer->easy = curl_easy_init();
	check(transfer->easy);
	set_request(transfer, request);
	set_tls(transfer->easy, &request->tls);
	set_limits(transfer->easy, request);
	set_callbacks(transfer);
	loop_defer(http->loop, &transfer->beginning, on_beginning);
}

/* libcurl gives at once what it has kept. */
static void on_resuming(struct deferred *deferred)
{
	struct transfer *transfer = container_of(deferred, struct transfer, resuming);

	if (transfer->cancelled)
		return;
	transfer->paused = false;
	curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
	http_act(transfer->http, CURL_SOCKET_TIMEOUT, 0); /* it does not go on by itself */
}

void http_resume(struct http_request *request)
{
	struct transfer *transfer = request->state;

	if (transfer && transfer->paused && !transfer->cancelled &&
	    !list_linked(&transfer->resuming.link))
		loop_defer(transfer->http->loop, &transfer->resuming, on_resuming);
}

void http_cancel(struct http_request *request)
{
	if (request->state)
		transfer_cancel(request->state);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The multi handle and one transfer of it. Private to drivers/http. */
#pragma once

#include <curl/curl.h>

#include "drivers/http/http.h"

struct http {
	struct loop *loop;
	CURLM *multi;
	struct timer due;
	size_t n_watched;
	struct list transfers; /* struct transfer.link */
	struct deferred closing;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

struct transfer {
	struct list link;
	struct http *http;
	struct http_request *request;
	char *place; /* host and port, for errors */
	CURL *easy;
	struct curl_slist *headers;
	size_t header_bytes;
	bool begun, answered, paused, cancelled;
	char words[CURL_ERROR_SIZE];
	struct deferred beginning, resuming, ending;
};

/* Something happened to a descriptor; CURL_SOCKET_TIMEOUT: time has passed. */
void http_act(struct http *http, curl_socket_t fd, int events);

/* libcurl is done with it. */
void transfer_end(struct transfer *transfer, CURLcode result);
void transfer_cancel(struct transfer *transfer);

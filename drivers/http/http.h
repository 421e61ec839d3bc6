/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP on the loop: libcurl's multi interface, driven by the loop's descriptors and timers.
 * Everything here, callbacks too, runs on the loop's thread.
 *
 * Nothing is decided here: a redirect is an answer as any other, and whoever asked decides whether
 * to follow, and with which secrets.
 */
#pragma once

#include "core/base/str.h"
#include "core/loop/loop.h"

struct http;

/*
 * What a connection is made with: PEM, not files, since those that somebody names are not read on
 * the loop. Copied.
 */
struct http_tls {
	const char *ca;         /* certificates beside the system's; NULL: none */
	const char *cert, *key; /* of the client; NULL: none. @key NULL: it is in @cert */
	bool skip_verify;       /* whoever answers */
};

enum {
	HTTP_HEADER_MAX_BYTES = 64 * 1024, /* of an answer, all together */
	HTTP_DIAL_LIMIT_MS = 30 * 1000,    /* where nothing else is said */
	HTTP_STALL_LIMIT_MS = 30 * 1000,   /* without any byte */
};

struct http_answer {
	long status;            /* 200 */
	char *location;         /* where a redirect leads, absolute; NULL: none */
	char *content_type;     /* NULL: none */
	char *digest;           /* Docker-Content-Digest; NULL: none */
	char *retry_after;      /* NULL: none */
	char *range;            /* Content-Range; NULL: none */
	struct strv challenges; /* WWW-Authenticate, each line's value */
	int64_t length;         /* Content-Length; -1: not said */
};

/* One request, embedded in its owner. */
struct http_request {
	/* in, copied by http_start() */
	const char *method; /* "GET", "HEAD", "POST" */
	const char *url;    /* http or https */
	const char *const
		*headers; /* "Name: value", ends with NULL; NULL: none. May hold what is secret */
	const char *body; /* of a POST; NULL: none */
	struct http_tls tls;
	uint32_t dial_limit_ms, stall_limit_ms; /* 0: as above */

	/* The status and headers are there, before any data. */
	void (*on_answer)(struct http_request *request);
	/* What of @len bytes was taken: all of them, or none; then the request rests until
	 * http_resume(). */
	bool (*on_data)(struct http_request *request, const char *data, size_t len);
	/*
	 * Once, last, whatever happens. 0: the answer has come to its end. -ECONNREFUSED nobody is
	 * there, or the name is not known; -ETIMEDOUT; -EPIPE it broke off on the way; -EPROTO it
	 * is no HTTP; -EKEYREJECTED the certificate, which says who it is for; -ECANCELED. @err
	 * names host and port, and nothing that is secret.
	 */
	void (*on_end)(struct http_request *request, int status, const struct error *err);

	/* out, until on_end has returned */
	struct http_answer answer;

	void *state; /* NULL: not running */
};

int http_open(struct http **ret_http, struct loop *loop, struct error *err);

/* Ends what runs (-ECANCELED). @closed runs once, last. */
void http_close(struct http *http, void (*closed)(void *ctx), void *ctx);

void http_start(struct http *http, struct http_request *request);

/* What on_data did not take comes again, and what follows. */
void http_resume(struct http_request *request);

/* on_end follows with -ECANCELED, never from inside. */
void http_cancel(struct http_request *request);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question at one host, until it answers: with what its challenge asks for, and where its
 * redirects lead. What is secret goes to the host that it is for, and no further. Private to
 * drivers/registry.
 */
#pragma once

#include "drivers/registry/login.h"

struct exchange {
	/* in, valid until on_end */
	struct registry_session *session;
	struct endpoint *endpoint;
	const char *method, *path; /* behind the host's URL: "/library/nginx/manifests/latest" */
	const char *accept, *what; /* "nginx:1": what is asked for, in errors */
	int64_t first;             /* byte; 0: all */

	/* 2xx or 416: its headers, in @http.answer. <0: it is not what was asked for; @err. */
	int (*on_well)(struct exchange *exchange, struct error *err);
	/* Of 2xx: all, or none. */
	bool (*on_data)(struct exchange *exchange, const char *data, size_t len);
	/* Once, last. @err is not NULL with another status than 0. */
	void (*on_end)(struct exchange *exchange, int status, const struct error *err);

	/* out */
	enum image_fault fault;
	enum answer answer; /* ANSWER_WELL where none came, too */
	uint64_t retry_after_ms;
	struct http_request http;

	/* its own */
	char *url, *location;
	unsigned redirects;
	bool away;                          /* a redirect led to another host */
	bool well, rested, slow, cancelled; /* rested: on_data took none lately */
	bool showed_basic, showed_token;    /* with the last request */
	bool fresh, renewed, widened;       /* the token was fetched for this; once anew, why */
	long code;
	struct strv challenges;
	struct buf body; /* of what is not well */
	size_t window_bytes;
	int status;
	struct error err;
	struct timer pace;
	struct deferred turn;
	struct login_waiter waiter;
};

void exchange_start(struct exchange *exchange);
/* From on_data: it ends with that. */
void exchange_refuse(struct exchange *exchange, int status, const struct error *err);
void exchange_resume(struct exchange *exchange);

/* on_end follows with -ECANCELED, later. */
void exchange_cancel(struct exchange *exchange);

/* Those of its next request, and what it shows with them; behind the last one there is a NULL. */
void exchange_add_headers(struct exchange *exchange, struct strv *headers);

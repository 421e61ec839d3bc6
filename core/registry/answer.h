/* SPDX-License-Identifier: Apache-2.0 */
/* What a registry's answer means: whether to ask again and when, and its own words for what is
 * wrong. Pure. */
#pragma once

#include "core/base/buf.h"

enum answer {
	ANSWER_WELL,      /* 2xx */
	ANSWER_LOG_IN,    /* 401: with what its challenge asks for */
	ANSWER_DENIED,    /* 403: final */
	ANSWER_NOT_THERE, /* 404: final; or needs credentials, which many do not tell */
	ANSWER_LATER,     /* 408, 425, 429: when it says, with everything of this registry */
	ANSWER_BROKEN,    /* 5xx: a few times, elsewhere first */
	ANSWER_REFUSED,   /* anything else: final */
};

enum answer answer_of_status(long status);

enum {
	RETRY_AFTER_MAX_MS = 60 * 60 * 1000, /* whatever a registry asks for */
	ANSWER_WORDS_MAX_BYTES = 512,
};

/* The header Retry-After (RFC 9110, 10.2.3), seconds or a date, at @now_ms since the epoch: how
 * long to wait, at most RETRY_AFTER_MAX_MS. -1: it says nothing that can be read. */
int64_t answer_retry_after_ms(const char *value, int64_t now_ms);

/* The header Content-Range (RFC 9110, 14.4): its first byte, and of how many; *ret_total -1 where
 * it does not say that. */
bool answer_content_range(const char *value, int64_t *ret_first, int64_t *ret_total);

/* What stands in the JSON of an error (OCI distribution specification, "Error Codes"), "DENIED:
 * requested access ...", or else the text itself where it is one line of text: printable, at most
 * ANSWER_WORDS_MAX_BYTES. Nothing is added when nothing can be read. */
void answer_add_words(const char *body, size_t len, struct buf *out);

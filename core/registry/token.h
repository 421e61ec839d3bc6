/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of registries: what is asked of the server that a challenge names, and what it answers
 * (distribution's "Token Authentication Specification" and its OAuth2 form). Pure.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/registry/challenge.h"

struct token {
	char *text;            /* shown as "Authorization: Bearer <text>" */
	int64_t expires_at_ms; /* wall clock; some seconds early, for the way */
};

/* Overwrites it before it is freed. */
void token_fini(struct token *token);

/* The scope to pull @repository, with what @challenge asks for: sorted, each once, blanks between.
 * Free with free(). */
char *token_scope(const struct challenge *challenge, const char *repository);

/* The URL to GET a token from, without a secret: that goes as Basic authorization. */
void token_add_url(const struct challenge *challenge, const char *scope, struct buf *url);

/* The form to POST to the challenge's realm (OAuth2): with @username a password, with none @secret
 * is a refresh token. */
void token_add_form(const struct challenge *challenge, const char *scope, const char *username,
		    const char *secret, struct buf *form);

/* What the server answered at @now_ms since the epoch. -EBADMSG. No error has what is secret in it.
 */
int token_parse(const char *body, size_t len, int64_t now_ms, struct token *ret_token,
		struct error *err);

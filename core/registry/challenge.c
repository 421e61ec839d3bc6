/* SPDX-License-Identifier: Apache-2.0 */
#include "core/registry/challenge.h"

#include <errno.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/registry/registry_hosts.h"

/* RFC 9110, 5.6.2 */
#define TOKEN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"
#define BLANK " \t"

void challenge_fini(struct challenge *challenge)
{
	free(challenge->realm);
	free(challenge->service);
	free(challenge->scope);
	free(challenge->error);
	*challenge = (struct challenge){ 0 };
}

static const char *skip(const char *s, const char *set)
{
	return s + strspn(s, set);
}

/* A quoted string or a token; where it ends, NULL when it does not. */
static const char *read_value(const char *s, struct buf *value)
{
	size_t len = strspn(s, TOKEN);

	if (*s != '"') {
		buf_add(value, s, len);
		return len ? s + len : NULL;
	}
	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
		buf_add(value, s, 1);
	}
	return *s == '"' ? s + 1 : NULL;
}

static void set_param(struct challenge *challenge, const char *name, size_t len, const char *value)
{
	const struct {
		const char *name;
		char **to;
	} params[] = {
		{ "realm", &challenge->realm },
		{ "service", &challenge->service },
		{ "scope", &challenge->scope },
		{ "error", &challenge->error },
	};

	for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
		if (strlen(params[i].name) == len && strncasecmp(params[i].name, name, len) == 0)
			str_replace(params[i].to, value);
	}
}

/* "name=value" at @s; where it ends. NULL: none stands there, or it does not end. */
static const char *read_param(const char *s, struct challenge *challenge)
{
	AUTO_BUF struct buf value = { 0 };
	size_t len = strspn(s, TOKEN);
	const char *at = skip(s + len, BLANK);

	if (len == 0 || *at != '=')
		return NULL;
	at = read_value(skip(at + 1, BLANK), &value);
	if (at)
		set_param(challenge, s, len, value.len ? value.data : "");
	return at;
}

static enum challenge_scheme scheme_of(const char *s, size_t len)
{
	if (len == strlen("Bearer") && strncasecmp(s, "Bearer", len) == 0)
		return CHALLENGE_BEARER;
	if (len == strlen("Basic") && strncasecmp(s, "Basic", len) == 0)
		return CHALLENGE_BASIC;
	return CHALLENGE_NONE;
}

/* Of schemes that we do not know: up to the next blank or comma. */
static const char *skip_token68(const char *s)
{
	return skip(skip(s, TOKEN "/"), "=");
}

/* One scheme with its parameters, at @s; where the next one begins. NULL: nothing can be read
 * there. */
static const char *read_challenge(const char *s, struct challenge *challenge)
{
	size_t len = strspn(s, TOKEN);
	const char *at = skip(s + len, BLANK), *next;

	if (len == 0)
		return NULL;
	challenge->scheme = scheme_of(s, len);
	while ((next = read_param(at, challenge))) {
		at = skip(next, BLANK);
		if (*at != ',')
			return at;
		at = skip(at, "," BLANK);
	}
	if (at == skip(s + len, BLANK)) /* no parameter at all */
		at = skip(skip_token68(at), BLANK);
	return skip(at, "," BLANK);
}

static bool can_be_met(const struct challenge *challenge)
{
	return challenge->scheme == CHALLENGE_BASIC ||
	       (challenge->scheme == CHALLENGE_BEARER && !str_empty(challenge->realm));
}

void challenge_read(const char *header, struct challenge *challenge)
{
	AUTO_FREE char *text = xstrndup(header, CHALLENGE_HEADER_MAX_BYTES);
	const char *at = skip(text, "," BLANK), *next;

	for (; *at; at = next) {
		AUTO(challenge_fini) struct challenge one = { 0 };

		next = read_challenge(at, &one);
		if (next == at)
			next = NULL;
		if (next && can_be_met(&one) && one.scheme > challenge->scheme) {
			challenge_fini(challenge);
			*challenge = one;
			one = (struct challenge){ 0 };
		}
		if (!next)
			return;
	}
}

/* ---- where secrets may go ---- */

int challenge_check_url(const char *url, bool plain, struct error *err)
{
	static const char http[] = "http://", https[] = "https://";
	const char *host = url + strcspn(url, "/");

	host = skip(host, "/");
	if (memchr(host, '@', strcspn(host, "/?#")) || strpbrk(url, BLANK "\r\n\\"))
		return error_set(err, -EACCES,
				 "the registry names \"%.200s\" for tokens, which is no plain URL",
				 url);
	if (strncasecmp(url, https, strlen(https)) == 0)
		return 0;
	if (strncasecmp(url, http, strlen(http)) == 0 && plain && registry_is_loopback(host))
		return 0;
	return error_set(
		err, -EACCES,
		"the registry names \"%.200s\" for tokens; expected https, so that nobody on "
		"the way reads what is sent there",
		url);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/registry/token.h"

#include <errno.h>

#include "core/base/str.h"
#include "core/registry/json.h"

#define CLIENT_ID "kukeon"

enum {
	SCOPES_MAX = 16,
	TOKEN_MAX_BYTES = 64 * 1024,
	LIFE_DEFAULT_S = 60,    /* of a token that says nothing */
	LIFE_MAX_S = 24 * 3600, /* whatever a server says */
	EARLY_S = 10,           /* a request with it may be on the way that long */
};

void token_fini(struct token *token)
{
	if (token->text)
		explicit_bzero(token->text, strlen(token->text));
	free(token->text);
	*token = (struct token){ 0 };
}

/* ---- scope ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *token_scope(const struct challenge *challenge, const char *repository)
{
	AUTO(strv_fini) struct strv scopes = { 0 };
	AUTO_FREE char *own = xasprintf("repository:%s:pull", repository);
	AUTO_FREE char *asked = xstrdup(challenge->scope ? challenge->scope : "");
	struct buf out = { 0 };
	char *rest = asked, *word;

	strv_add(&scopes, own);
	while ((word = strtok_r(rest, " ", &rest)) && scopes.n < SCOPES_MAX) {
		if (!strv_has(&scopes, word))
			strv_add(&scopes, word);
	}
	qsort(scopes.items, scopes.n, sizeof(*scopes.items), compare);
	for (size_t i = 0; i < scopes.n; i++)
		buf_printf(&out, "%s%s", i ? " " : "", scopes.items[i]);
	return buf_take(&out);
}

/* ---- asking ---- */

/* RFC 3986, 2.1: all but the unreserved. */
static void add_escaped(const char *text, struct buf *out)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

	for (; *text; text++) {
		if (strchr(plain, *text))
			buf_add(out, text, 1);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
	}
}

static void add_param(const char *name, const char *value, char before, struct buf *out)
{
	if (str_empty(value))
		return;
	buf_add(out, &before, 1);
	buf_printf(out, "%s=", name);
	add_escaped(value, out);
}

void token_add_url(const struct challenge *challenge, const char *scope, struct buf *url)
{
	AUTO_FREE char *words = xstrdup(scope);
	char *rest = words, *word, before = strchr(challenge->realm, '?') ? '&' : '?';

	buf_add_str(url, challenge->realm);
	if (!str_empty(challenge->service)) {
		add_param("service", challenge->service, before, url);
		before = '&';
	}
	for (; (word = strtok_r(rest, " ", &rest)); before = '&')
		add_param("scope", word, before, url);
}

void token_add_form(const struct challenge *challenge, const char *scope, const char *username,
		    const char *secret, struct buf *form)
{
	bool password = !str_empty(username);

	buf_printf(form, "grant_type=%s", password ? "password" : "refresh_token");
	add_param("service", challenge->service, '&', form);
	add_param("client_id", CLIENT_ID, '&', form);
	add_param("scope", scope, '&', form);
	add_param("username", username, '&', form);
	add_param(password ? "password" : "refresh_token", secret, '&', form);
}

/* ---- the answer ---- */

/* What may stand in a header. */
static bool is_token(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > TOKEN_MAX_BYTES)
		return false;
	for (const char *s = text; *s; s++) {
		if (*s <= 0x20 || *s >= 0x7f)
			return false;
	}
	return true;
}

static json_int_t life_s(const json_t *root)
{
	const json_t *expires = json_object_get(root, "expires_in");
	json_int_t s = json_is_integer(expires) ? json_integer_value(expires) : LIFE_DEFAULT_S;

	s = s < LIFE_MAX_S ? s : LIFE_MAX_S;
	return s > 2 * EARLY_S ? s - EARLY_S : s / 2;
}

int token_parse(const char *body, size_t len, int64_t now_ms, struct token *ret_token,
		struct error *err)
{
	AUTO(registry_json_unref) json_t *root = NULL;
	const char *text;
	int r = registry_json_parse("token", body, len, &root, NULL);

	if (r < 0)
		return error_set(err, -EBADMSG, "the server of tokens did not answer with JSON");
	text = registry_json_string(root, "access_token");
	if (!*text)
		text = registry_json_string(root, "token");
	if (!is_token(text))
		return error_set(err, -EBADMSG, "the server of tokens gave none");
	*ret_token = (struct token){
		.text = xstrdup(text),
		.expires_at_ms = now_ms + (life_s(root) > 0 ? life_s(root) : 0) * 1000,
	};
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/registry/registry_exchange.h"
#include "drivers/registry/registry_words.h"

static void add_authorization(struct exchange *exchange, struct strv *headers)
{
	const struct secret *secret = &exchange->endpoint->secret;
	const struct registry_login *login = exchange->endpoint->login;
	const char *token = login_scheme(login) == CHALLENGE_BEARER ? login_token(login) : NULL;
	AUTO_BUF struct buf header = { 0 };

	if (secret->text && secret->kind == LOGIN_REGISTRY_TOKEN) {
		buf_printf(&header, "Authorization: Bearer %s", secret->text);
	} else if (token) {
		buf_printf(&header, "Authorization: Bearer %s", token);
		exchange->showed_token = true;
	} else if (login_scheme(login) == CHALLENGE_BASIC && secret->text &&
		   secret->kind == LOGIN_PASSWORD) {
		words_add_basic(secret, &header);
		exchange->showed_basic = true;
	}
	if (!header.len)
		return;
	strv_add(headers, header.data);
	explicit_bzero(header.data, header.len);
}

static void add_header(struct strv *headers, const char *name, const char *value)
{
	AUTO_FREE char *header = xasprintf("%s: %s", name, value);

	strv_add(headers, header);
}

void exchange_add_headers(struct exchange *exchange, struct strv *headers)
{
	add_header(headers, "User-Agent", exchange->session->registries->agent);
	add_header(headers, "Accept", exchange->accept);
	if (exchange->first) {
		AUTO_FREE char *range = xasprintf("bytes=%lld-", (long long)exchange->first);

		add_header(headers, "Range", range);
	}
	exchange->showed_basic = exchange->showed_token = false;
	if (!exchange->away) {
		const struct strv *own = &exchange->endpoint->host.headers;

		for (size_t i = 0; i < own->n; i++)
			strv_add(headers, own->items[i]);
		add_authorization(exchange, headers);
	}
	headers->items = xrealloc(headers->items, (headers->n + 1) * sizeof(char *));
	headers->items[headers->n] = NULL;
}

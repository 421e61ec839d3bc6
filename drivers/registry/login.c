/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/registry/login.h"

#include <errno.h>

#include "drivers/registry/registry_words.h"

enum {
	LOGINS_MAX = 256,
	TOKEN_BODY_MAX_BYTES = 256 * 1024,
};

struct registry_login {
	struct map_node node;
	struct list link; /* registries.login_order */
	struct registries *registries;
	char *key;
	unsigned refs; /* endpoints of sessions, and a fetch */
	struct challenge challenge;
	struct token token;

	/* a fetch */
	struct list waiters;          /* struct login_waiter.link */
	struct http_request http;     /* of tokens' server */
	struct buf url, form, header; /* of it; secret */
	bool fetching, posted;
	struct buf body;
	long code;
	uint64_t retry_after_ms;
	int status;
	struct error err;
	struct deferred turn;
};

static void forget_buf(struct buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->capacity);
	buf_fini(buf);
	*buf = (struct buf){ 0 };
}

/* ---- those that are known ---- */

static void login_free(struct registry_login *login)
{
	map_remove(&login->registries->logins, &login->node);
	list_remove(&login->link);
	challenge_fini(&login->challenge);
	token_fini(&login->token);
	forget_buf(&login->body);
	free(login->key);
	free(login);
}

/* Apart for each realm and each secret: who gives another one begins anew. */
static char *key_of(const struct registry_session *session, const struct endpoint *endpoint)
{
	AUTO_FREE char *secret =
		xasprintf("%d\n%s\n%s", (int)endpoint->secret.kind,
			  endpoint->secret.username ? endpoint->secret.username : "",
			  endpoint->secret.text ? endpoint->secret.text : "");
	char hex[SHA256_HEX_BYTES];

	sha256_hex(secret, strlen(secret), hex);
	explicit_bzero(secret, strlen(secret));
	return xasprintf("%s\n%s\n%s\n%s", session->realm, endpoint->host.url,
			 session->inputs->reference.repository, hex);
}

static void trim(struct registries *registries)
{
	struct registry_login *login;

	list_for_each(login, &registries->login_order, link) {
		if (registries->logins.count <= LOGINS_MAX)
			return;
		if (login->refs == 0)
			login_free(login);
	}
}

struct registry_login *login_take(struct registry_session *session, const struct endpoint *endpoint)
{
	struct registries *registries = session->registries;
	char *key = key_of(session, endpoint);
	struct registry_login *login =
		map_entry(map_find(&registries->logins, key), struct registry_login, node);

	if (login) {
		free(key);
		list_remove(&login->link);
	} else {
		login = xnew(struct registry_login);
		login->registries = registries;
		login->key = key;
		list_init(&login->waiters);
		check(map_insert(&registries->logins, &login->node, key));
	}
	login->refs++;
	list_append(&registries->login_order, &login->link);
	trim(registries);
	return login;
}

void login_give_back(struct registry_login *login)
{
	if (!login)
		return;
	login->refs--;
	trim(login->registries);
}

enum challenge_scheme login_scheme(const struct registry_login *login)
{
	return login->challenge.scheme;
}

void login_challenged(struct registry_login *login, struct challenge *challenge)
{
	if (login->fetching) /* for one that was made before */
		return;
	token_fini(&login->token);
	challenge_fini(&login->challenge);
	login->challenge = *challenge;
	*challenge = (struct challenge){ 0 };
}

const char *login_token(const struct registry_login *login)
{
	if (!login->token.text ||
	    login->token.expires_at_ms <= loop_wall_ms(login->registries->loop))
		return NULL;
	return login->token.text;
}

/* ---- a fetch ---- */

static void fetch_done(struct registry_login *login, enum answer said)
{
	struct registries *registries = login->registries;
	const struct error err = login->err; /* who is told may begin anew */
	int status = login->status;
	uint64_t retry_after_ms = login->retry_after_ms;
	struct list waiters, *link;

	login->fetching = false;
	forget_buf(&login->body);
	if (status < 0) /* it may name another server by now: it is asked anew what it wants */
		challenge_fini(&login->challenge);
	list_swap_out(&login->waiters, &waiters);
	while ((link = list_pop(&waiters))) {
		struct login_waiter *waiter = list_entry(link, struct login_waiter, link);

		waiter->on_token(waiter, status, said, retry_after_ms, &err);
	}
	login_give_back(login);
	pending_end(&registries->under_way);
}

static void on_answer(struct http_request *http)
{
	struct registry_login *login = container_of(http, struct registry_login, http);
	int64_t wait_ms = -1;

	login->code = http->answer.status;
	if (http->answer.retry_after)
		wait_ms = answer_retry_after_ms(http->answer.retry_after,
						loop_wall_ms(login->registries->loop));
	login->retry_after_ms = wait_ms > 0 ? (uint64_t)wait_ms : 0;
}

static bool on_data(struct http_request *http, const char *data, size_t len)
{
	struct registry_login *login = container_of(http, struct registry_login, http);

	if (login->body.len + len <= TOKEN_BODY_MAX_BYTES)
		buf_add(&login->body, data, len);
	else
		login->code = 0; /* no token is so long */
	return true;
}

static void on_turn(struct deferred *deferred);

static void on_end(struct http_request *http, int status, const struct error *err)
{
	struct registry_login *login = container_of(http, struct registry_login, http);

	login->status = status;
	if (err)
		login->err = *err;
	loop_defer(login->registries->loop, &login->turn, on_turn);
}

/* Whose certificate it has to have: tokens' servers stand beside their registry. It is taken
 * unseen only where the registry's is, and shown ours only by the same. */
static struct http_tls tls_of(const struct endpoint *endpoint, const char *url)
{
	bool same = url_is_same_place(endpoint->host.url, url);

	return (struct http_tls){
		.ca = endpoint->ca,
		.cert = same ? endpoint->cert : NULL,
		.key = same ? endpoint->key : NULL,
		.skip_verify = same && endpoint->host.skip_verify,
	};
}

static void ask_server(struct registry_login *login, const struct endpoint *endpoint)
{
	AUTO_FREE char *agent = xasprintf("User-Agent: %s", login->registries->agent);
	const char *const headers[] = { agent, login->header.len ? login->header.data : NULL,
					NULL };

	buf_fini(&login->body);
	login->body = (struct buf){ 0 };
	login->code = 0;
	login->retry_after_ms = 0;
	login->http = (struct http_request){
		.method = login->posted ? "POST" : "GET",
		.url = login->url.data,
		.headers = headers,
		.body = login->posted ? login->form.data : NULL,
		.tls = tls_of(endpoint, login->url.data),
		.stall_limit_ms = login->registries->stall_limit_ms,
		.on_answer = on_answer,
		.on_data = on_data,
		.on_end = on_end,
	};
	http_start(login->registries->http, &login->http);
	forget_buf(&login->url);
	forget_buf(&login->form);
	forget_buf(&login->header);
}

/* With a secret first as OAuth2 has it, then, where a server does not know that, as Basic. */
static void begin(struct registry_login *login, bool post)
{
	const struct login_waiter *waiter =
		list_entry(login->waiters.next, struct login_waiter, link);
	const struct secret *secret = &waiter->endpoint->secret;
	AUTO_FREE char *scope =
		token_scope(&login->challenge, waiter->session->inputs->reference.repository);

	login->posted = post;
	if (post) {
		buf_add_str(&login->url, login->challenge.realm);
		token_add_form(&login->challenge, scope, secret->username, secret->text,
			       &login->form);
	} else {
		token_add_url(&login->challenge, scope, &login->url);
		if (secret->text && secret->kind == LOGIN_PASSWORD)
			words_add_basic(secret, &login->header);
	}
	ask_server(login, waiter->endpoint);
}

static bool is_unknown_form(const struct registry_login *login)
{
	return login->code == 400 || login->code == 401 || login->code == 404 || login->code == 405;
}

static bool may_ask_otherwise(const struct registry_login *login)
{
	const struct login_waiter *waiter =
		list_entry(login->waiters.next, struct login_waiter, link);

	return login->posted && is_unknown_form(login) && !list_empty(&login->waiters) &&
	       waiter->endpoint->secret.kind == LOGIN_PASSWORD;
}

/* What the server said, as an error. */
static enum answer judge(struct registry_login *login)
{
	enum answer said = answer_of_status(login->code);
	const struct login_waiter *waiter =
		list_entry(login->waiters.next, struct login_waiter, link);
	AUTO_BUF struct buf words = { 0 };

	if (login->status < 0)
		return ANSWER_WELL;
	if (said == ANSWER_WELL) {
		login->status = token_parse(login->body.data ? login->body.data : "",
					    login->body.len, loop_wall_ms(login->registries->loop),
					    &login->token, &login->err);
		return said;
	}
	if (list_empty(&login->waiters))
		return said;
	words_add_answer(login->body.data, login->body.len, &waiter->endpoint->secret, NULL,
			 &words);
	login->status = error_set(&login->err, -EACCES, "no token: HTTP %ld%s%s", login->code,
				  words.len ? ": " : "", words.len ? words.data : "");
	return said;
}

static void on_turn(struct deferred *deferred)
{
	struct registry_login *login = container_of(deferred, struct registry_login, turn);

	if (login->status == 0 && !login->registries->closing && may_ask_otherwise(login)) {
		begin(login, false);
		return;
	}
	fetch_done(login, judge(login));
}

/* Where a registry may not name any server. */
static void refuse(struct registry_login *login)
{
	login->code = 0;
	login->retry_after_ms = 0;
	loop_defer(login->registries->loop, &login->turn, on_turn);
}

void login_await(struct registry_login *login, struct login_waiter *waiter)
{
	const struct secret *secret = &waiter->endpoint->secret;
	bool plain = waiter->endpoint->host.plain;

	list_append(&login->waiters, &waiter->link);
	if (login->fetching)
		return;
	login->fetching = true;
	login->posted = false;
	login->refs++;
	pending_begin(&login->registries->under_way);
	token_fini(&login->token);
	login->status = challenge_check_url(login->challenge.realm, plain, &login->err);
	if (login->status < 0)
		refuse(login);
	else
		begin(login, secret->text != NULL);
}

void login_leave(struct login_waiter *waiter)
{
	list_remove(&waiter->link);
}

void logins_stop(struct registries *registries)
{
	struct registry_login *login;

	list_for_each(login, &registries->login_order, link)
		http_cancel(&login->http);
}

void logins_free(struct registries *registries)
{
	struct registry_login *login;

	list_for_each(login, &registries->login_order, link)
		login_free(login);
}

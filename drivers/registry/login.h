/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one realm shows one host for one repository, with one secret: the challenge that the host
 * made last, and a token. Found in a map, so that its cost does not grow with their number; at most
 * LOGINS_MAX are kept, and one token is fetched at a time for each.
 */
#pragma once

#include "core/registry/answer.h"
#include "core/registry/challenge.h"
#include "core/registry/token.h"
#include "drivers/registry/registry_private.h"

struct login_waiter {
	struct list link;
	struct registry_session *session;
	const struct endpoint *endpoint;
	/* 0, or why there is none: @said is the answer of tokens' server, or ANSWER_WELL where
	 * there was none. */
	void (*on_token)(struct login_waiter *waiter, int status, enum answer said,
			 uint64_t retry_after_ms, const struct error *err);
};

struct registry_login *login_take(struct registry_session *session,
				  const struct endpoint *endpoint);
void login_give_back(struct registry_login *login);

/* The scheme that is known to be wanted. */
enum challenge_scheme login_scheme(const struct registry_login *login);

/* Takes over what the host wants; whatever token there was goes. */
void login_challenged(struct registry_login *login, struct challenge *challenge);

/* Valid until the loop's next turn; NULL: there is none that is still good. */
const char *login_token(const struct registry_login *login);

/* Fetches one, for all who wait; on_token runs later, unless login_leave() comes first. */
void login_await(struct registry_login *login, struct login_waiter *waiter);
void login_leave(struct login_waiter *waiter);

void logins_stop(struct registries *registries);
void logins_free(struct registries *registries);

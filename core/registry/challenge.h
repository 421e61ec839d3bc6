/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a registry wants to see before it answers: the header WWW-Authenticate of its 401 (RFC
 * 9110, 11.6.1), as the token protocol of registries uses it. Pure.
 */
#pragma once

#include "core/base/error.h"

enum challenge_scheme {
	CHALLENGE_NONE, /* none that we can meet */
	CHALLENGE_BASIC,
	CHALLENGE_BEARER,
};

struct challenge {
	enum challenge_scheme scheme;
	char *realm;   /* of Bearer: the URL that gives tokens; never NULL then */
	char *service; /* NULL: not said */
	char *scope;   /* several, with spaces between them; NULL: not said */
	char *error;   /* "invalid_token", "insufficient_scope"; NULL: not said */
};

enum {
	CHALLENGE_HEADER_MAX_BYTES = 8192,
};

void challenge_fini(struct challenge *challenge);

/*
 * The best of what @header, one line's value, offers: Bearer with a realm, else Basic. A header
 * that cannot be read further counts up to there. Call it for each such header with the same
 * @challenge, which is zeroed at first; a better one replaces what stands there.
 */
void challenge_read(const char *header, struct challenge *challenge);

/*
 * Whether what is secret may be sent to @url, which a registry named: over https, or
 * over plain http from a registry that is itself spoken to so (@plain) and only to this host's
 * loopback. -EACCES says why not.
 */
int challenge_check_url(const char *url, bool plain, struct error *err);

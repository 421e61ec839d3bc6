/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a registry puts into WWW-Authenticate: no crash; no URL with a secret for a stranger. */
#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/registry/challenge.h"
#include "core/registry/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO(challenge_fini) struct challenge challenge = { 0 };
	AUTO_FREE char *text = xstrndup((const char *)data, len);
	AUTO_FREE char *scope = NULL;
	AUTO_BUF struct buf url = { 0 }, form = { 0 };
	struct error err;

	challenge_read(text, &challenge);
	if (challenge.scheme != CHALLENGE_BEARER)
		return 0;
	check(!str_empty(challenge.realm));
	challenge_check_url(challenge.realm, true, &err);
	scope = token_scope(&challenge, "a/b");
	check(strstr(scope, "repository:a/b:pull"));
	token_add_url(&challenge, scope, &url);
	token_add_form(&challenge, scope, "u", "s", &form);
	return 0;
}

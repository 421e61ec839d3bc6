/* SPDX-License-Identifier: Apache-2.0 */
/* What registries ask for before they answer, and where a secret may be sent. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/registry/challenge.h"

static const char *text_of(const struct challenge *challenge, char *text, size_t size)
{
	static const char *const names[] = { "none", "basic", "bearer" };

	snprintf(text, size, "%s|%s|%s|%s|%s", names[challenge->scheme],
		 challenge->realm ? challenge->realm : "",
		 challenge->service ? challenge->service : "",
		 challenge->scope ? challenge->scope : "",
		 challenge->error ? challenge->error : "");
	return text;
}

static void test_headers(void **state UNUSED)
{
	static const struct {
		const char *header, *expected;
	} rows[] = {
		{ "", "none||||" },
		{ "Basic realm=\"x\"", "basic|x|||" },
		{ "basic", "basic||||" },
		{ "Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:a/b:pull,push\"",
		  "bearer|https://a/t|s|repository:a/b:pull,push|" },
		{ "bearer  scope = \"a b\" , realm=\"u\"", "bearer|u||a b|" },
		{ "BEARER REALM=u,Service=s,error=\"invalid_token\"", "bearer|u|s||invalid_token" },
		{ "Bearer service=\"s\"", "none||||" },
		{ "Bearer realm=\"\"", "none||||" },
		{ "Basic realm=\"x\", Bearer realm=\"u\",service=\"s\"", "bearer|u|s||" },
		{ "Bearer realm=\"u\", Basic realm=\"x\"", "bearer|u|||" },
		{ "Negotiate, Basic realm=\"x\"", "basic|x|||" },
		{ "Negotiate YWJj/+==, Bearer realm=u", "bearer|u|||" },
		{ "Digest realm=\"d\", nonce=\"n\", Basic realm=\"x\"", "basic|x|||" },
		{ "Bearer realm=\"a\\\"b\\\\c\"", "bearer|a\"b\\c|||" },
		{ ", ,Bearer realm=u, ,", "bearer|u|||" },
		{ "Bearer realm=\"u", "none||||" }, /* cut off */
		{ "Bearer realm=", "none||||" },
		{ "Bearer realm=\"u\",scope=\"", "bearer|u|||" },
		{ "Basic realm=\"x\" junk", "basic|x|||" },
		{ "\x01\x02", "none||||" },
		{ "Bearer realm=\"u\",realm=\"v\"", "bearer|v|||" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(challenge_fini) struct challenge challenge = { 0 };
		char text[256];

		challenge_read(rows[i].header, &challenge);
		if (!str_equal(text_of(&challenge, text, sizeof(text)), rows[i].expected))
			fail_msg("%s: %s, expected %s", rows[i].header, text, rows[i].expected);
	}
}

static void test_several_headers(void **state UNUSED)
{
	AUTO(challenge_fini) struct challenge challenge = { 0 };
	char text[256];

	challenge_read("Basic realm=\"x\"", &challenge);
	challenge_read("Bearer realm=\"u\"", &challenge);
	challenge_read("Basic realm=\"y\"", &challenge);
	assert_string_equal(text_of(&challenge, text, sizeof(text)), "bearer|u|||");
}

static void test_length(void **state UNUSED)
{
	AUTO(challenge_fini) struct challenge challenge = { 0 };
	AUTO_BUF struct buf header = { 0 };

	for (size_t i = 0; i < CHALLENGE_HEADER_MAX_BYTES; i++)
		buf_add_str(&header, "x,");
	buf_add_str(&header, "Bearer realm=u");
	challenge_read(header.data, &challenge);
	assert_int_equal(challenge.scheme, CHALLENGE_NONE);
}

static void test_urls(void **state UNUSED)
{
	static const struct {
		const char *url;
		bool plain, well;
	} rows[] = {
		{ "https://auth.example/token", false, true },
		{ "HTTPS://auth.example/token", true, true },
		{ "http://auth.example/token", true, false },
		{ "http://127.0.0.1:5001/token", true, true },
		{ "http://127.0.0.1:5001/token", false, false },
		{ "http://localhost/token", true, true },
		{ "http://localhost.example/token", true, false },
		{ "http://127.0.0.1.example/token", true, false },
		{ "http://[::1]:5001/token", true, true },
		{ "http://[::1].example/token", true, false },
		{ "http://127.0.0.1@example/token", true, false },
		{ "https://user:secret@example/token", false, false },
		{ "https://a\r\nHost: b", false, false },
		{ "https://127.0.0.1\\@b/", false, false },
		{ "file:///etc/shadow", true, false },
		{ "ftp://127.0.0.1/", true, false },
		{ "/token", true, false },
		{ "", true, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = { 0 };
		int r = challenge_check_url(rows[i].url, rows[i].plain, &err);

		if (r != (rows[i].well ? 0 : -EACCES))
			fail_msg("%s: %d %s", rows[i].url, r, err.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_several_headers),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What registries and their servers of tokens answer, and what these are asked. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/str.h"
#include "core/registry/answer.h"
#include "core/registry/token.h"

#define NOW_MS 1700000000000 /* Tue, 14 Nov 2023 22:13:20 GMT */

static void test_status(void **state UNUSED)
{
	static const struct {
		long status;
		enum answer answer;
	} rows[] = {
		{ 200, ANSWER_WELL },      { 206, ANSWER_WELL },    { 301, ANSWER_REFUSED },
		{ 400, ANSWER_REFUSED },   { 401, ANSWER_LOG_IN },  { 403, ANSWER_DENIED },
		{ 404, ANSWER_NOT_THERE }, { 408, ANSWER_LATER },   { 429, ANSWER_LATER },
		{ 500, ANSWER_BROKEN },    { 503, ANSWER_BROKEN },  { 600, ANSWER_REFUSED },
		{ 0, ANSWER_REFUSED },     { 100, ANSWER_REFUSED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(answer_of_status(rows[i].status), rows[i].answer);
}

static void test_retry_after(void **state UNUSED)
{
	static const struct {
		const char *value;
		int64_t expected;
	} rows[] = {
		{ "0", 0 },
		{ "7", 7000 },
		{ "1.5", 1500 },
		{ "999999", RETRY_AFTER_MAX_MS },
		{ "99999999999999999999", RETRY_AFTER_MAX_MS },
		{ "Tue, 14 Nov 2023 22:13:50 GMT", 30000 },
		{ "Tue, 14 Nov 2023 22:13:20 GMT", 0 },
		{ "Mon, 13 Nov 2023 22:13:20 GMT", 0 },
		{ "Thu, 14 Nov 2024 22:13:20 GMT", RETRY_AFTER_MAX_MS },
		{ "", -1 },
		{ "-1", -1 },
		{ "soon", -1 },
		{ "7s", -1 },
		{ "Tue, 14 Nov 2023 22:13:50 GMT and more", -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t ms = answer_retry_after_ms(rows[i].value, NOW_MS);

		if (ms != rows[i].expected)
			fail_msg("%s: %lld", rows[i].value, (long long)ms);
	}
}

static void test_content_range(void **state UNUSED)
{
	static const struct {
		const char *value;
		bool can_be_read;
		int64_t first, total;
	} rows[] = {
		{ "bytes 5-9/10", true, 5, 10 },
		{ "Bytes 0-0/*", true, 0, -1 },
		{ "bytes 5-9/9", false, 0, 0 },
		{ "bytes 9-5/10", false, 0, 0 },
		{ "bytes 5-9", false, 0, 0 },
		{ "bytes */10", false, 0, 0 },
		{ "bytes 5-9/10 and more", false, 0, 0 },
		{ "bytes -5-9/10", false, 0, 0 },
		{ "bytes 5-99999999999999999999/*", false, 0, 0 },
		{ "lines 5-9/10", false, 0, 0 },
		{ "", false, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t first = 0, total = 0;

		if (answer_content_range(rows[i].value, &first, &total) != rows[i].can_be_read ||
		    first != rows[i].first || total != rows[i].total)
			fail_msg("%s: %lld %lld", rows[i].value, (long long)first,
				 (long long)total);
	}
}

static void test_words(void **state UNUSED)
{
	static const struct {
		const char *body, *expected;
	} rows[] = {
		{ "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"access denied\"}]}",
		  "DENIED: access denied" },
		{ "{\"errors\":[{\"code\":\"A\"},{\"message\":\"b\"},{}]}", "A; b" },
		{ "{\"errors\":[]}", "" },
		{ "{\"errors\":[7,\"x\"]}", "" },
		{ "{\"details\":\"incorrect username or password\"}",
		  "incorrect username or password" },
		{ "{\"error\":\"invalid_grant\",\"error_description\":\"no\"}", "no" },
		{ "toomanyrequests: slow down\n", "toomanyrequests: slow down" },
		{ "<html>no</html>", "" },
		{ "", "" },
		{ "{\"errors\":[{\"code\":\"X\",\"message\":\"a\\u001b[31m\\n  b\"}]}",
		  "X: a [31m b" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_BUF struct buf out = { 0 };

		answer_add_words(rows[i].body, strlen(rows[i].body), &out);
		if (!str_equal(out.data ? out.data : "", rows[i].expected))
			fail_msg("%s: \"%s\"", rows[i].body, out.data);
	}
}

static void test_words_are_bounded(void **state UNUSED)
{
	AUTO_BUF struct buf body = { 0 }, out = { 0 };

	buf_add_str(&body, "{\"errors\":[{\"message\":\"");
	for (int i = 0; i < 2000; i++)
		buf_add_str(&body, "word ");
	buf_add_str(&body, "\"}]}");
	answer_add_words(body.data, body.len, &out);
	assert_in_range(out.len, ANSWER_WORDS_MAX_BYTES - 5, ANSWER_WORDS_MAX_BYTES);
}

static void test_scope(void **state UNUSED)
{
	static const struct {
		const char *asked, *expected;
	} rows[] = {
		{ NULL, "repository:a/b:pull" },
		{ "", "repository:a/b:pull" },
		{ "repository:a/b:pull", "repository:a/b:pull" },
		{ "z x  repository:a/b:pull x", "repository:a/b:pull x z" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct challenge challenge = { .scope = (char *)rows[i].asked };
		AUTO_FREE char *scope = token_scope(&challenge, "a/b");

		assert_string_equal(scope, rows[i].expected);
	}
}

static void test_asking(void **state UNUSED)
{
	const struct challenge plain = { .realm = (char *)"https://t/x", .service = (char *)"s 1" };
	const struct challenge query = { .realm = (char *)"https://t/x?a=b" };
	AUTO_BUF struct buf url = { 0 }, other = { 0 }, form = { 0 }, refresh = { 0 };

	token_add_url(&plain, "repository:a/b:pull x", &url);
	assert_string_equal(url.data,
			    "https://t/x?service=s%201&scope=repository%3Aa%2Fb%3Apull&scope=x");
	token_add_url(&query, "x", &other);
	assert_string_equal(other.data, "https://t/x?a=b&scope=x");
	token_add_form(&plain, "a b", "u&", "p=\xc3\xa9", &form);
	assert_string_equal(form.data,
			    "grant_type=password&service=s%201&client_id=kukeon&scope=a%20b"
			    "&username=u%26&password=p%3D%C3%A9");
	token_add_form(&query, "a", "", "r", &refresh);
	assert_string_equal(refresh.data,
			    "grant_type=refresh_token&client_id=kukeon&scope=a&refresh_token=r");
}

static void test_tokens(void **state UNUSED)
{
	static const struct {
		const char *body, *token;
		int64_t life_ms;
	} rows[] = {
		{ "{\"token\":\"t\"}", "t", 50000 },
		{ "{\"token\":\"t\",\"access_token\":\"a\",\"expires_in\":300}", "a", 290000 },
		{ "{\"access_token\":\"a\",\"token\":\"\",\"expires_in\":4}", "a", 2000 },
		{ "{\"token\":\"t\",\"expires_in\":-5}", "t", 0 },
		{ "{\"token\":\"t\",\"expires_in\":99999999999}", "t", 86390000 },
		{ "{\"token\":\"t\",\"expires_in\":\"soon\"}", "t", 50000 },
		{ "{\"token\":\"a b\"}", NULL, 0 },
		{ "{\"token\":\"a\\r\\nb\"}", NULL, 0 },
		{ "{\"token\":7}", NULL, 0 },
		{ "{}", NULL, 0 },
		{ "", NULL, 0 },
		{ "secret", NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(token_fini) struct token token = { 0 };
		struct error err = { 0 };
		int r = token_parse(rows[i].body, strlen(rows[i].body), NOW_MS, &token, &err);

		if (r != (rows[i].token ? 0 : -EBADMSG))
			fail_msg("%s: %d %s", rows[i].body, r, err.msg);
		if (rows[i].token && (!str_equal(token.text, rows[i].token) ||
				      token.expires_at_ms != NOW_MS + rows[i].life_ms))
			fail_msg("%s: %s %lld", rows[i].body, token.text,
				 (long long)(token.expires_at_ms - NOW_MS));
		assert_null(strstr(err.msg, "secret"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_content_range),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_words_are_bounded),
		cmocka_unit_test(test_scope),
		cmocka_unit_test(test_asking),
		cmocka_unit_test(test_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a registry's answers, and that nothing secret is in it; which URLs are one place.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "drivers/registry/registry_words.h"

static char authority[] = "r.example", username[] = "alice", password[] = "pass word";

static const struct secret alice = { .username = username, .text = password };

static void test_basic(void **state UNUSED)
{
	AUTO_BUF struct buf header = { 0 };

	words_add_basic(&alice, &header);
	assert_string_equal(header.data, "Authorization: Basic YWxpY2U6cGFzcyB3b3Jk");
	assert_int_equal(header.len, strlen(header.data));
}

static void test_says_back(void **state UNUSED)
{
	static const struct {
		const char *body, *expected;
	} rows[] = {
		{ "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\"}]}", "DENIED: no" },
		{ "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"pass word is wrong\"}]}", "" },
		{ "{\"errors\":[{\"message\":\"Basic YWxpY2U6cGFzcyB3b3Jk\"}]}", "" },
		{ "you showed t0ken", "" },
		{ "you are alice", "you are alice" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_BUF struct buf words = { 0 };

		words_add_answer(rows[i].body, strlen(rows[i].body), &alice, "t0ken", &words);
		if (!str_equal(words.data, rows[i].expected))
			fail_msg("%s: \"%s\"", rows[i].body, words.data ? words.data : "");
	}
}

static void test_faults(void **state UNUSED)
{
	static const struct {
		long code;
		bool secret, withheld;
		int status;
		enum image_fault fault;
		const char *words;
	} rows[] = {
		{ 404, false, false, -ENOENT, IMAGE_FAULT_NOT_THERE,
		  "r.example says not found (HTTP 404, SAID): nginx is not there, or needs "
		  "credentials (registryCredentials of the realm)" },
		{ 401, true, false, -EACCES, IMAGE_FAULT_UNAUTHORIZED,
		  "r.example says unauthorized (HTTP 401, SAID): nginx is not there, or needs "
		  "other credentials than the realm has for it" },
		{ 401, false, true, -EACCES, IMAGE_FAULT_UNAUTHORIZED,
		  "r.example says unauthorized (HTTP 401, SAID): nginx is not there, the "
		  "credentials for it were not sent, as it is spoken to without TLS" },
		{ 403, true, false, -EACCES, IMAGE_FAULT_UNAUTHORIZED,
		  "r.example says denied (HTTP 403, SAID): nginx is not there, or needs other "
		  "credentials than the realm has for it" },
		{ 429, false, false, -EBUSY, IMAGE_FAULT_TOO_MANY,
		  "r.example says too many requests (HTTP 429, SAID)" },
		{ 502, false, false, -EPIPE, IMAGE_FAULT_UNREACHABLE,
		  "r.example says that it is broken (HTTP 502, SAID)" },
		{ 400, false, false, -EPROTO, IMAGE_FAULT_OTHER,
		  "r.example says no (HTTP 400, SAID)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct endpoint endpoint = {
			.authority = authority,
			.secret = { .text = rows[i].secret ? password : NULL },
			.withheld = rows[i].withheld,
		};
		const struct words_of words = {
			.endpoint = &endpoint,
			.what = "nginx",
			.answer = answer_of_status(rows[i].code),
			.code = rows[i].code,
			.said = "SAID",
		};
		enum image_fault fault;
		struct error err;

		assert_int_equal(words_of_answer(&words, &fault, &err), rows[i].status);
		assert_int_equal(fault, rows[i].fault);
		assert_string_equal(err.msg, rows[i].words);
	}
}

static void test_places(void **state UNUSED)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "https://a/x", "https://A/y?z", true },
		{ "https://a/x", "http://a/x", false },
		{ "https://a:5000/x", "https://a:5001/x", false },
		{ "https://a/x", "https://a.b/x", false },
		{ "https://a/x", "https://a@b/x", false },
		{ "https://a", "https://a?b", true },
		{ "https://a", "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (url_is_same_place(rows[i].a, rows[i].b) != rows[i].same)
			fail_msg("%s %s", rows[i].a, rows[i].b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_basic),
		cmocka_unit_test(test_says_back),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

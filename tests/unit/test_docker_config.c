/* SPDX-License-Identifier: Apache-2.0 */
/* What docker and podman log in with: whose it is, what of a file counts, what is wrong with it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/registry/docker_config.h"

/* "YTpi" is a:b, "YzpkOmU=" c:d:e, "Og==" a colon, "eA==" x. */
#define FILE_TEXT                                                                                  \
	"{\"auths\":{"                                                                             \
	"\"https://index.docker.io/v1/\":{\"auth\":\"YTpi\"},"                                     \
	"\"quay.io\":{\"auth\":\"YzpkOmU=\"},"                                                     \
	"\"quay.io/team\":{\"username\":\"u\",\"password\":\"p\"},"                                \
	"\"quay.io/team/app\":{\"identitytoken\":\"it\",\"auth\":\"YTpi\"},"                       \
	"\"https://HOST:5000/v2/\":{\"registrytoken\":\"rt\"},"                                    \
	"\"empty.example\":{},"                                                                    \
	"\"colon.example\":{\"auth\":\"Og==\"},"                                                   \
	"\"none.example\":{\"auth\":\"eA==\"},"                                                    \
	"\"junk.example\":{\"auth\":\"***\"},"                                                     \
	"\"wrong.example\":7},"                                                                    \
	"\"credsStore\":\"pass\","                                                                 \
	"\"credHelpers\":{\"ecr.example\":\"ecr-login\",\"bad.example\":\"../x\",\"num.example\":7}}"

static void test_find(void **state UNUSED)
{
	static const struct {
		const char *image, *expected;
	} rows[] = {
		{ "nginx", "0 a b" },
		{ "team/app", "0 a b" },
		{ "quay.io/other/app", "0 c d:e" },
		{ "quay.io/teams/app", "0 c d:e" },
		{ "quay.io/team", "0 u p" },
		{ "quay.io/team/x", "0 u p" },
		{ "quay.io/team/app:1", "1  it" },
		{ "quay.io/team/app/deep", "1  it" },
		{ "quay.io/team/apps", "0 u p" },
		{ "host:5000/a", "2  rt" },
		{ "host:5001/a", "-" },
		{ "empty.example/a", "-" },
		{ "colon.example/a", "-" },
		{ "none.example/a", "-" },
		{ "junk.example/a", "-" },
		{ "wrong.example/a", "-" },
		{ "ecr.example/a", "ecr-login" },
		{ "bad.example/a", "-" },
		{ "num.example/a", "-" },
	};
	AUTO(docker_config_fini) struct docker_config config = { 0 };
	struct error err = { 0 };

	if (docker_config_parse(FILE_TEXT, strlen(FILE_TEXT), &config, &err) < 0)
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(reference_fini) struct reference reference = { 0 };
		const struct docker_login *login;
		char text[64] = "-";
		const char *helper;

		assert_int_equal(reference_parse(rows[i].image, &reference, &err), 0);
		login = docker_config_find(&config, &reference);
		helper = docker_config_helper(&config, &reference);
		if (login)
			snprintf(text, sizeof(text), "%d %s %s", (int)login->kind, login->username,
				 login->secret);
		if (!str_equal(helper ? helper : text, rows[i].expected))
			fail_msg("%s: \"%s\", expected \"%s\"", rows[i].image, text,
				 rows[i].expected);
	}
}

static void test_wrong(void **state UNUSED)
{
	static const struct {
		const char *text;
		int code;
	} rows[] = {
		{ "", -EBADMSG },
		{ "[]", -EBADMSG },
		{ "{", -EBADMSG },
		{ "{\"auths\":[]}", -EBADMSG },
		{ "{\"credHelpers\":\"x\"}", -EBADMSG },
		{ "{}", 0 },
		{ "{\"auths\":{}}", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(docker_config_fini) struct docker_config config = { 0 };
		struct error err = { 0 };
		int r = docker_config_parse(rows[i].text, strlen(rows[i].text), &config, &err);

		if (r != rows[i].code)
			fail_msg("%s: %d %s", rows[i].text, r, err.msg);
	}
}

static void test_bounds(void **state UNUSED)
{
	AUTO(docker_config_fini) struct docker_config config = { 0 };
	AUTO_BUF struct buf text = { 0 };
	struct error err = { 0 };

	buf_add_str(&text, "{\"auths\":{");
	for (int i = 0; i < 1025; i++)
		buf_printf(&text, "%s\"h%d.example\":{\"auth\":\"YTpi\"}", i ? "," : "", i);
	buf_add_str(&text, "}}");
	assert_int_equal(docker_config_parse(text.data, text.len, &config, &err), -EFBIG);
	assert_string_equal(err.msg, "it has more than 1024 registries");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

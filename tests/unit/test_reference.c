/* SPDX-License-Identifier: Apache-2.0 */
/* Names of images: what Docker makes of them, what is wrong with them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/registry/reference.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX64

static void test_names(void **state UNUSED)
{
	static const struct {
		const char *text, *name, *short_;
	} rows[] = {
		{ "nginx", "docker.io/library/nginx:latest", "nginx:latest" },
		{ "nginx:1.27", "docker.io/library/nginx:1.27", "nginx:1.27" },
		{ "library/nginx", "docker.io/library/nginx:latest", "nginx:latest" },
		{ "team/app", "docker.io/team/app:latest", "team/app:latest" },
		{ "docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest" },
		{ "index.docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest" },
		{ "docker.io/library/nginx:latest", "docker.io/library/nginx:latest",
		  "nginx:latest" },
		{ "localhost/app", "localhost/app:latest", "localhost/app:latest" },
		{ "localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app:latest" },
		{ "localhost:5000/app:v1", "localhost:5000/app:v1", "localhost:5000/app:v1" },
		{ "localhost:5000", "docker.io/library/localhost:5000", "localhost:5000" },
		{ "quay.io/a/b/c_d__e-f---g.h", "quay.io/a/b/c_d__e-f---g.h:latest",
		  "quay.io/a/b/c_d__e-f---g.h:latest" },
		{ "Host/app", "Host/app:latest", "Host/app:latest" },
		{ "[::1]:5000/app:v1", "[::1]:5000/app:v1", "[::1]:5000/app:v1" },
		{ "[fe80::1]/app", "[fe80::1]/app:latest", "[fe80::1]/app:latest" },
		{ "app@" DIGEST, "docker.io/library/app@" DIGEST, "app@" DIGEST },
		{ "app:1@" DIGEST, "docker.io/library/app@" DIGEST, "app:1@" DIGEST },
		{ "h:5000/app@" DIGEST, "h:5000/app@" DIGEST, "h:5000/app@" DIGEST },
		{ HEX64 "0", "docker.io/library/" HEX64 "0:latest", HEX64 "0:latest" },
		{ HEX64 ":1", "docker.io/library/" HEX64 ":1", HEX64 ":1" },
		{ "docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest" },
		{ "docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest" },
		{ "docker.io/library/a.b/c", "docker.io/library/a.b/c:latest",
		  "library/a.b/c:latest" },
		{ "docker.io/localhost/c", "docker.io/localhost/c:latest",
		  "docker.io/localhost/c:latest" },
		{ "docker.io/library/localhost", "docker.io/library/localhost:latest",
		  "localhost:latest" },
		{ "a/" HEX64, "docker.io/a/" HEX64 ":latest", "a/" HEX64 ":latest" },
		{ "app:A_b.c-D", "docker.io/library/app:A_b.c-D", "app:A_b.c-D" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(reference_fini) struct reference reference = { 0 }, again = { 0 };
		AUTO_FREE char *name = NULL, *short_ = NULL, *same = NULL, *once = NULL;
		struct error err = { 0 };

		if (reference_parse(rows[i].text, &reference, &err) < 0)
			fail_msg("%s: %s", rows[i].text, err.msg);
		name = reference_name(&reference);
		short_ = reference_short(&reference);
		assert_string_equal(name, rows[i].name);
		assert_string_equal(short_, rows[i].short_);
		assert_int_equal(reference_parse(short_, &again, &err), 0);
		same = reference_name(&again);
		assert_string_equal(same, name);
		once = reference_name_of(name);
		assert_string_equal(once, name);
	}
}

static void test_wrong(void **state UNUSED)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "", "there is no repository" },
		{ ":1", "there is no repository" },
		{ "@" DIGEST, "there is no repository" },
		{ "Nginx", "has upper-case letters" },
		{ "quay.io/Team/app", "has upper-case letters" },
		{ "team/App", "has upper-case letters" },
		{ HEX64, "write NAME@sha256:01234567..." },
		{ "https://quay.io/app", "an image is no URL" },
		{ "docker://nginx", "an image is no URL" },
		{ "nginx:", "\"\" is no tag" },
		{ "nginx:-x", "\"-x\" is no tag" },
		{ "nginx:.x", "\".x\" is no tag" },
		{ "nginx:a:b", "no repository" },
		{ "nginx:a b", "is no tag" },
		{ "a//b", "is no repository" },
		{ "/a", "is no repository" },
		{ "a/", "is no repository" },
		{ "a..b", "is no repository" },
		{ "a___b", "is no repository" },
		{ "a.-b", "is no repository" },
		{ "-a", "is no repository" },
		{ "a-", "is no repository" },
		{ "a b", "is no repository" },
		{ "n\xc3\xa9", "is no repository" },
		{ "quay.io/", "is no repository" },
		{ "-quay.io/a", "is no registry" },
		{ "quay..io/a", "is no registry" },
		{ "quay.io:/a", "is no registry" },
		{ "quay.io:x/a", "is no registry" },
		{ "quay.io:65536/a", "is no registry" },
		{ "quay.io:123456/a", "is no registry" },
		{ "[::1/a", "is no registry" },
		{ "[x:]/a", "is no registry" },
		{ "a@", "is no digest" },
		{ "a@sha256:abc", "is no digest" },
		{ "a@sha512:" HEX64 HEX64, "is no digest" },
		{ "a@SHA256:" HEX64, "is no digest" },
		{ "a@" DIGEST "@" DIGEST, "is no digest" },
		{ "a:1@" DIGEST "0", "is no digest" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(reference_fini) struct reference reference = { 0 };
		AUTO_FREE char *name = NULL;
		struct error err = { 0 };

		if (reference_parse(rows[i].text, &reference, &err) != -EINVAL)
			fail_msg("\"%s\" was taken", rows[i].text);
		if (!strstr(err.msg, rows[i].message))
			fail_msg("\"%s\": %s", rows[i].text, err.msg);
		name = reference_name_of(rows[i].text);
		assert_string_equal(name, rows[i].text);
	}
}

static void test_bounds(void **state UNUSED)
{
	char text[600];
	struct error err;

	for (size_t len = 240; len < 260; len++) { /* with "docker.io/" and "a/" before it */
		AUTO(reference_fini) struct reference reference = { 0 };

		memset(text, 'a', sizeof(text));
		memcpy(text, "a/", 2);
		text[len] = '\0';
		assert_int_equal(reference_parse(text, &reference, &err),
				 len + strlen("docker.io/") <= REFERENCE_NAME_MAX_BYTES ? 0
											: -EINVAL);
	}
	for (size_t len = 120; len < 140; len++) {
		AUTO(reference_fini) struct reference reference = { 0 };

		memset(text, 'a', sizeof(text));
		memcpy(text, "a:", 2);
		text[2 + len] = '\0';
		assert_int_equal(reference_parse(text, &reference, &err),
				 len <= REFERENCE_TAG_MAX_BYTES ? 0 : -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

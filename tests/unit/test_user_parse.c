/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "core/base/buf.h"
#include "drivers/oci/user_parse.h"

static const char passwd[] = "# comment\n"
			     "root:x:0:0:root:/root:/bin/sh\n"
			     "broken:x:many:0::/:\n"
			     "short:x:7\n"
			     "app:x:1500:1600:An app:/home/app:/bin/sh\n"
			     "\n"
			     "app:x:1:1::/second:\n"
			     "homeless:x:1501:1601:::\n"
			     "relative:x:1502:1602::home:\n"
			     "last:x:1503:1603::/last:/bin/sh";
static const char group[] = "root:x:0:\n"
			    "app:x:1600:app\n"
			    "audio:x:29:other,app\n"
			    "broken:x::app\n"
			    "video:x:44:app,last\n"
			    "again:x:44:app\n"
			    "apps:x:45:apps,ap\n"
			    "empty:x:46:,,\n"
			    "last:x:47:last";

/* "uid gid home groups..." */
static char *describe(const struct user *user)
{
	struct buf text = { 0 };

	buf_printf(&text, "%u %u %s", user->uid, user->gid, user->home ? user->home : "-");
	for (size_t i = 0; i < user->n_groups; i++)
		buf_printf(&text, " %u", user->groups[i]);
	return buf_take(&text);
}

static void expect(const char *spec, const struct user_files *files, const char *expected,
		   const char *problem)
{
	struct user user = { 0 };
	struct error err = { 0 };
	int r = user_find(spec, "user", files, &user, &err);
	AUTO_FREE char *actual = describe(&user);

	if (r != (problem ? -EINVAL : 0))
		fail_msg("user \"%s\": returned %d: %s", spec, r, err.msg);
	if (problem)
		assert_string_equal(err.msg, problem);
	else
		assert_string_equal(actual, expected);
	user_fini(&user);
}

#define NO_USER(spec)                                                                              \
	"user \"" spec "\" is no user: expected user or user:group, each a name or a number"
#define UNKNOWN(spec, file, name)                                                                  \
	"user \"" spec "\": " file " of the image does not know \"" name                           \
	"\": use a name from it, or a number"

static void test_with_files(void **state UNUSED)
{
	static const struct {
		const char *spec, *expected, *problem;
	} rows[] = {
		{ "", "0 0 /root", NULL },
		{ "root", "0 0 /root", NULL },
		{ "0", "0 0 /root", NULL },
		{ "app", "1500 1600 /home/app 29 44", NULL },
		{ "1500", "1500 1600 /home/app 29 44", NULL },
		{ "app:video", "1500 44 /home/app", NULL },
		{ "app:7", "1500 7 /home/app", NULL },
		{ "app:root", "1500 0 /home/app", NULL },
		{ "7000", "7000 0 -", NULL },
		{ "7000:audio", "7000 29 -", NULL },
		{ "homeless", "1501 1601 -", NULL },
		{ "relative", "1502 1602 -", NULL },
		{ "last", "1503 1603 /last 44 47", NULL },
		{ "4294967294:4294967294", "4294967294 4294967294 -", NULL },
		{ "nobody", NULL, UNKNOWN("nobody", "/etc/passwd", "nobody") },
		{ "broken", NULL, UNKNOWN("broken", "/etc/passwd", "broken") },
		{ "short", NULL, UNKNOWN("short", "/etc/passwd", "short") },
		{ "app:users", NULL, UNKNOWN("app:users", "/etc/group", "users") },
		{ "app:broken", NULL, UNKNOWN("app:broken", "/etc/group", "broken") },
		{ "4294967295", NULL, UNKNOWN("4294967295", "/etc/passwd", "4294967295") },
		{ "-1", NULL, UNKNOWN("-1", "/etc/passwd", "-1") },
		{ "app:", NULL, NO_USER("app:") },
		{ ":app", NULL, NO_USER(":app") },
		{ "a:b:c", NULL, NO_USER("a:b:c") },
	};
	const struct user_files files = { .passwd = passwd, .group = group };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect(rows[i].spec, &files, rows[i].expected, rows[i].problem);
}

/* Numbers, and root, need no files. */
static void test_without_files(void **state UNUSED)
{
	struct error why;
	const struct user_files files = { .passwd_why = &why, .group_why = &why };

	error_set(&why, -ENOENT, "the image has no /etc/passwd");
	expect("", &files, "0 0 -", NULL);
	expect("root:root", &files, "0 0 -", NULL);
	expect("5:6", &files, "5 6 -", NULL);
	expect("app", &files, NULL,
	       "user \"app\": the image has no /etc/passwd, so \"app\" is not known: use a number");
	expect("5:app", &files, NULL,
	       "user \"5:app\": the image has no /etc/passwd, so \"app\" is not known: use a "
	       "number");
}

static void test_too_many_groups(void **state UNUSED)
{
	AUTO_BUF struct buf many = { 0 };
	struct user_files files = { .passwd = passwd };

	for (int i = 0; i < USER_GROUPS_MAX + 1; i++)
		buf_printf(&many, "g%d:x:%d:app\n", i, 10000 + i);
	files.group = many.data;
	expect("app", &files, NULL,
	       "user: it is in more than 1024 groups of the image's /etc/group: name one group, as "
	       "in \"user:group\"");
	expect("app:g1024", &files, "1500 11024 /home/app", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_with_files),
		cmocka_unit_test(test_without_files),
		cmocka_unit_test(test_too_many_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

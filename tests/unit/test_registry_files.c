/* SPDX-License-Identifier: Apache-2.0 */
/* What stands for a registry in certs.d, and which of a realm's credentials it is asked with. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "drivers/registry/endpoint.h"
#include "tests/unit/scratch.h"

static char dir[64];

static void write_file(const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	AUTO_FREE char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	struct error err;

	assert_int_equal(fs_make_dirs(parent, 0755, &err), 0);
	assert_int_equal(fs_write_file_atomic(path, text, strlen(text), 0600, &err), 0);
}

static int make_dir(void **state UNUSED)
{
	snprintf(dir, sizeof(dir), "%s/kukeon-registry-XXXXXX", SCRATCH);
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state UNUSED)
{
	return fs_remove_tree(AT_FDCWD, dir, NULL);
}

/* ---- certs.d ---- */

static void hosts_of(const char *registry, struct registry_hosts *hosts)
{
	AUTO_FREE char *paths = xasprintf("%s/none:%s/certs.d", dir, dir);
	struct error err;

	if (hosts_read(paths, registry, hosts, &err) < 0)
		fail_msg("%s: %s", registry, err.msg);
}

static void assert_hosts(const char *registry, const char *url, size_t n)
{
	AUTO(registry_hosts_fini) struct registry_hosts hosts = { 0 };

	hosts_of(registry, &hosts);
	if (hosts.n != n || !str_equal(hosts.items[0].url, url))
		fail_msg("%s: %zu hosts, %s first", registry, hosts.n, hosts.items[0].url);
}

static void test_hosts(void **state UNUSED)
{
	write_file("certs.d/b.example_5000_/hosts.toml", "[host.\"https://m.example\"]\n");
	write_file("certs.d/b.example:5000/hosts.toml", "[host.\"https://never.example\"]\n");
	assert_hosts("a.example", "https://a.example/v2", 1);
	assert_hosts("b.example:5000", "https://m.example/v2", 2);
	assert_hosts("localhost:5000", "http://localhost:5000/v2", 1);
	write_file("certs.d/_default/hosts.toml", "[host.\"https://d.example\"]\n");
	assert_hosts("a.example", "https://d.example/v2", 2);
}

static void test_docker_layout(void **state UNUSED)
{
	AUTO(registry_hosts_fini) struct registry_hosts hosts = { 0 };

	write_file("certs.d/localhost:5000/z.crt", "");
	write_file("certs.d/localhost:5000/ca.crt", "");
	write_file("certs.d/localhost:5000/a.cert", "");
	write_file("certs.d/localhost:5000/b.cert", "");
	write_file("certs.d/localhost:5000/b.key", "");
	write_file("certs.d/localhost:5000/readme", "");
	hosts_of("localhost:5000", &hosts);
	assert_int_equal(hosts.n, 1);
	assert_string_equal(hosts.items[0].url, "https://localhost:5000/v2");
	assert_false(hosts.items[0].plain);
	assert_int_equal(hosts.items[0].ca.n, 2);
	assert_true(str_ends_with(hosts.items[0].ca.items[0], "/ca.crt"));
	assert_int_equal(hosts.items[0].client.n, 4);
	assert_string_equal(hosts.items[0].client.items[1], "");
	assert_true(str_ends_with(hosts.items[0].client.items[3], "/b.key"));
}

static void test_bad_hosts(void **state UNUSED)
{
	AUTO_FREE char *path = xasprintf("%s/certs.d", dir);
	struct registry_hosts hosts;
	struct error err;

	write_file("certs.d/a.example/hosts.toml", "server = [\n");
	assert_int_equal(hosts_read(path, "a.example", &hosts, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "certs.d/a.example/hosts.toml: line "));
}

/* ---- credentials ---- */

static struct credential credential(const char *server, const char *username, const char *password)
{
	return (struct credential){ .server_address = (char *)server,
				    .username = (char *)username,
				    .password = (char *)password };
}

static void assert_secret(const struct credential *credentials, size_t n, const char *image,
			  const char *expected)
{
	AUTO(secret_fini) struct secret secret = { 0 };
	AUTO(reference_fini) struct reference reference = { 0 };
	AUTO_FREE char *text = NULL;
	struct error err;

	assert_int_equal(reference_parse(image, &reference, &err), 0);
	if (secret_read(credentials, n, &reference, &secret, &err) < 0)
		fail_msg("%s: %s", image, err.msg);
	text = secret.text ? xasprintf("%d %s %s", (int)secret.kind, secret.username, secret.text)
			   : xstrdup("none");
	if (!str_equal(text, expected))
		fail_msg("%s: \"%s\", expected \"%s\"", image, text, expected);
}

static void test_longest_prefix(void **state UNUSED)
{
	const struct credential all[] = {
		credential("docker.io", "hub", "p"),
		credential("r.example", "short", "p"),
		credential("r.example/team", "long", "p"),
		credential("r.example/team/", "second", "p"),
		credential("https://t.example:5000", NULL, "identity"),
	};
	static const struct {
		const char *image, *secret;
	} rows[] = {
		{ "nginx", "0 hub p" },
		{ "r.example/other", "0 short p" },
		{ "r.example/teams/x", "0 short p" },
		{ "r.example/team/x", "0 long p" },
		{ "r.example:5000/team/x", "none" },
		{ "t.example:5000/x", "1  identity" },
		{ "evil-r.example/team/x", "none" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_secret(all, ARRAY_SIZE(all), rows[i].image, rows[i].secret);
}

static void test_docker_config(void **state UNUSED)
{
	AUTO_FREE char *path = xasprintf("%s/config.json", dir);
	struct credential all[] = {
		{ .docker_config = path },
		credential("r.example/team", "own", "p"),
		{ .server_address = (char *)"only.example", .docker_config = path },
	};

	write_file("config.json", "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"YTpi\"},"
				  "\"r.example\":{\"auth\":\"YTpi\"},"
				  "\"r.example/team/deep\":{\"identitytoken\":\"t\"}}}");
	assert_secret(all, 2, "nginx", "0 a b");
	assert_secret(all, 2, "r.example/x", "0 a b");
	assert_secret(all, 2, "r.example/team/x", "0 own p");
	assert_secret(all, 2, "r.example/team/deep/x", "1  t");
	assert_secret(all + 2, 1, "r.example/x", "none");
}

static void test_password_file(void **state UNUSED)
{
	static const struct {
		const char *text, *password;
	} rows[] = {
		{ "p w", "p w" },   { "p\n", "p" }, { "p\r\n", "p" },
		{ "p\n\n", "p\n" }, { "", NULL },   { "\n", NULL },
	};
	AUTO_FREE char *path = xasprintf("%s/password", dir);
	const struct credential own = { .server_address = (char *)"docker.io",
					.username = (char *)"u",
					.password_file = path };
	struct reference reference;

	assert_int_equal(reference_parse("nginx", &reference, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(secret_fini) struct secret secret = { 0 };
		struct error err;
		int r;

		write_file("password", rows[i].text);
		r = secret_read(&own, 1, &reference, &secret, &err);
		if (r != (rows[i].password ? 0 : -EBADMSG) ||
		    !str_equal(secret.text, rows[i].password))
			fail_msg("row %zu: %d", i, r);
	}
	reference_fini(&reference);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hosts),          TEST(docker_layout), TEST(bad_hosts),
		TEST(longest_prefix), TEST(docker_config), TEST(password_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "core/base/buf.h"
#include "drivers/oci/image.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static void test_config(void **state UNUSED)
{
	static const char text[] =
		"{\"config\":{\"Env\":[\"A=1\"],\"Entrypoint\":[\"/e\"],\"Cmd\":null,\"User\":\"7\",\"WorkingDir\":\"/w\","
		"\"StopSignal\":\"SIGQUIT\",\"Other\":{}},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" A
		"\",\"" B "\"]}}";
	struct image_config config;
	struct error err = { 0 };

	assert_int_equal(image_config_parse(text, strlen(text), &config, &err), 0);
	assert_int_equal(config.env.n, 1);
	assert_string_equal(config.entrypoint.items[0], "/e");
	assert_int_equal(config.cmd.n, 0);
	assert_string_equal(config.user, "7");
	assert_string_equal(config.working_dir, "/w");
	assert_string_equal(config.stop_signal, "SIGQUIT");
	assert_int_equal(config.diff_ids.n, 2);
	image_config_fini(&config);
}

static void test_config_more(void **state UNUSED)
{
	static const char text[] =
		"{\"config\":{\"Volumes\":{\"/data\":{},\"/log\":{}},\"ExposedPorts\":{\"80/tcp\":{}},"
		"\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"true\"],\"Interval\":30000000000,\"Timeout\":1,"
		"\"StartPeriod\":-5,\"Retries\":3}},\"rootfs\":{\"diff_ids\":[\"" A "\"]}}";
	AUTO_FREE char *words = NULL;
	struct image_config config;
	struct error err = { 0 };

	assert_int_equal(image_config_parse(text, strlen(text), &config, &err), 0);
	assert_int_equal(config.volumes.n, 2);
	assert_string_equal(config.volumes.items[1], "/log");
	assert_int_equal(config.exposed_ports.n, 1);
	assert_string_equal(config.exposed_ports.items[0], "80/tcp");
	assert_int_equal(config.health.test.n, 2);
	assert_string_equal(config.health.test.items[1], "true");
	assert_int_equal(config.health.interval_ms, 30000);
	assert_int_equal(config.health.timeout_ms, 1);
	assert_int_equal(config.health.start_period_ms, 0);
	assert_int_equal(config.health.retries, 3);
	words = image_health_text(&config.health);
	assert_string_equal(words, "CMD-SHELL true, every 30s, at most 1ms, 3 times");
	image_config_fini(&config);
}

#define RUN(run) "{\"config\":{" run "},\"rootfs\":{\"diff_ids\":[\"" A "\"]}}"

static void test_config_more_refused(void **state UNUSED)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ RUN("\"Volumes\":[\"/data\"]"), "Volumes is no object" },
		{ RUN("\"ExposedPorts\":80"), "ExposedPorts is no object" },
		{ RUN("\"Healthcheck\":[]"), "Healthcheck is no object" },
		{ RUN("\"Healthcheck\":{\"Test\":\"true\"}"), "Test is no list" },
		{ RUN("\"Healthcheck\":{\"Interval\":\"30s\"}"), "Interval is no whole" },
		{ RUN("\"Healthcheck\":{\"Retries\":1.5}"), "Retries is no whole" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image_config config = { 0 };
		struct error err = { 0 };

		assert_int_equal(
			image_config_parse(cases[i].text, strlen(cases[i].text), &config, &err),
			-EBADMSG);
		if (!strstr(err.msg, cases[i].message))
			fail_msg("expected \"%s\", got: %s", cases[i].message, err.msg);
	}
}

static void test_health_of_no_known_form(void **state UNUSED)
{
	static const char text[] =
		RUN("\"Healthcheck\":{\"Test\":[\"true\"],\"Retries\":9999999999}");
	struct image_config config;
	struct error err = { 0 };

	assert_int_equal(image_config_parse(text, strlen(text), &config, &err), 0);
	assert_int_equal(config.health.test.n, 0);
	assert_null(image_health_text(&config.health));
	assert_int_equal(config.health.retries, 1000);
	image_config_fini(&config);
}

static void test_config_too_many_volumes(void **state UNUSED)
{
	AUTO_BUF struct buf buf = { 0 };
	struct image_config config;
	struct error err = { 0 };

	buf_printf(&buf, "{\"config\":{\"Volumes\":{");
	for (int i = 0; i < 65; i++)
		buf_printf(&buf, "%s\"/%d\":{}", i ? "," : "", i);
	buf_printf(&buf, "}},\"rootfs\":{\"diff_ids\":[\"" A "\"]}}");
	assert_int_equal(image_config_parse(buf.data, buf.len, &config, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "at most 64"));
}

static void test_config_names(void **state UNUSED)
{
	static const char text[] =
		"{\"Config\":{\"user\":\"7\",\"USER\":\"8\",\"workingdir\":\"/w\",\"env\":[\"A=1\"]},"
		"\"rootfs\":{\"diff_ids\":[\"" A "\"]}}";
	struct image_config config;
	struct error err = { 0 };

	assert_int_equal(image_config_parse(text, strlen(text), &config, &err), 0);
	assert_int_equal(config.env.n, 1);
	assert_string_equal(config.user, "7");
	assert_string_equal(config.working_dir, "/w");
	image_config_fini(&config);
}

static void test_config_refused(void **state UNUSED)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "", "no JSON object" },
		{ "[]", "no JSON object" },
		{ "{}", "rootfs.diff_ids has 0 entries" },
		{ "{\"rootfs\":{\"diff_ids\":[\"../../x\"]}}", "diff_ids[0] is no digest" },
		{ "{\"rootfs\":{\"diff_ids\":[\"sha256:ABC\"]}}", "diff_ids[0] is no digest" },
		{ "{\"config\":{\"Env\":[1]},\"rootfs\":{\"diff_ids\":[\"" A "\"]}}",
		  "Env[0] is no string" },
		{ "{\"config\":{\"Cmd\":\"sh\"},\"rootfs\":{\"diff_ids\":[\"" A "\"]}}",
		  "Cmd is no list" },
		{ "{\"config\":{\"Cmd\":[\"a\\u0000b\"]}}", "no JSON object" },
		{ "{\"config\":{\"User\":1000}}", "User is no string" },
		{ "{\"config\":{\"User\":[\"app\"]}}", "User is no string" },
		{ "{\"config\":{\"User\":false}}", "User is no string" },
		{ "{\"config\":{\"WorkingDir\":{}}}", "WorkingDir is no string" },
		{ "{\"config\":{\"StopSignal\":9}}", "StopSignal is no string" },
		{ "{\"config\":{\"Env\":{}}}", "Env is no list" },
		{ "{\"config\":{\"Entrypoint\":\"/e\"}}", "Entrypoint is no list" },
		{ "{\"config\":[{\"User\":\"app\"}]}", "config is no object" },
		{ "{\"config\":\"app\"}", "config is no object" },
		{ "{\"rootfs\":{\"diff_ids\":\"" A "\"}}", "diff_ids is no list" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image_config config = { 0 };
		struct error err = { 0 };

		assert_int_equal(
			image_config_parse(cases[i].text, strlen(cases[i].text), &config, &err),
			-EBADMSG);
		if (!strstr(err.msg, cases[i].message))
			fail_msg("%s: expected \"%s\", got \"%s\"", cases[i].text, cases[i].message,
				 err.msg);
		assert_null(config.user);
	}
}

/* Lists that are longer than anything honest, and a document over the bound. */
static void test_config_bounds(void **state UNUSED)
{
	struct buf buf AUTO_BUF = { 0 };
	struct image_config config;
	struct error err = { 0 };

	buf_add_str(&buf, "{\"config\":{\"Env\":[\"\"");
	for (int i = 0; i < 5000; i++)
		buf_add_str(&buf, ",\"A=1\"");
	buf_add_str(&buf, "]}}");
	assert_int_equal(image_config_parse(buf.data, buf.len, &config, &err), -EBADMSG);
	AUTO_FREE char *big = xcalloc(1, IMAGE_DOCUMENT_MAX_BYTES + 1);
	assert_int_equal(image_config_parse(big, IMAGE_DOCUMENT_MAX_BYTES + 1, &config, &err),
			 -EFBIG);
}

/* Refused before it is parsed: 4 MiB would become 300. */
static const struct platform amd64 = { "linux", "amd64", "v2" }, arm64 = { "linux", "arm64", "v8" };

static void test_values_bound(void **state UNUSED)
{
	static const char *const values[] = { "{},", "[],", "1,", "\"a\":{},", "[" };
	struct image_config config;
	struct image_manifest manifest;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		AUTO_BUF struct buf buf = { 0 };
		struct error err = { 0 };

		buf_add_str(&buf, "{\"history\":[");
		while (buf.len < IMAGE_DOCUMENT_MAX_BYTES - 16)
			buf_add_str(&buf, values[i]);
		assert_int_equal(image_config_parse(buf.data, buf.len, &config, &err), -EFBIG);
		assert_non_null(strstr(err.msg, "holds more than"));
		assert_int_equal(image_manifest_parse(buf.data, buf.len, &amd64, &manifest, &err),
				 -EFBIG);
	}
}

/* What stands in a text is no value. */
static void test_values_in_texts(void **state UNUSED)
{
	AUTO_BUF struct buf buf = { 0 };
	struct image_config config;
	struct error err = { 0 };

	buf_add_str(&buf, "{\"comment\":\"\\\"");
	for (int i = 0; i < 100 * 1000; i++)
		buf_add_str(&buf, "{,[");
	buf_add_str(&buf, "\\\\\",\"rootfs\":{\"diff_ids\":[\"" A "\"]}}");
	assert_int_equal(image_config_parse(buf.data, buf.len, &config, &err), 0);
	image_config_fini(&config);
}

static void test_manifest(void **state UNUSED)
{
	static const char text[] =
		"{\"config\":{\"mediaType\":\"c\",\"digest\":\"" A "\",\"size\":3},"
		"\"layers\":[{\"mediaType\":\"l\",\"digest\":\"" B "\",\"size\":5}]}";
	struct image_manifest manifest;
	struct error err = { 0 };

	assert_int_equal(image_manifest_parse(text, strlen(text), &amd64, &manifest, &err), 0);
	assert_false(manifest.is_index);
	assert_string_equal(manifest.blob.digest, A);
	assert_int_equal(manifest.n_layers, 1);
	assert_string_equal(manifest.layers[0].digest, B);
	assert_string_equal(manifest.layers[0].media_type, "l");
	assert_int_equal(manifest.layers[0].size, 5);
	image_manifest_fini(&manifest);
}

#define ENTRY(digest, os, arch)                                                                    \
	"{\"digest\":\"" digest "\",\"size\":1,\"platform\":{\"os\":\"" os                         \
	"\",\"architecture\":\"" arch "\"}}"

static void test_index(void **state UNUSED)
{
	static const char text[] =
		"{\"manifests\":[" ENTRY(A, "windows", "amd64") "," ENTRY(B, "linux", "amd64") "]}";
	static const char single[] = "{\"manifests\":[{\"digest\":\"" A "\",\"size\":1}]}";
	struct image_manifest manifest;
	struct error err = { 0 };

	assert_int_equal(image_manifest_parse(text, strlen(text), &amd64, &manifest, &err), 0);
	assert_true(manifest.is_index);
	assert_string_equal(manifest.blob.digest, B);
	image_manifest_fini(&manifest);
	assert_int_equal(image_manifest_parse(text, strlen(text), &arm64, &manifest, &err),
			 -ENOENT);
	assert_non_null(strstr(err.msg, "linux/arm64"));
	assert_int_equal(image_manifest_parse(single, strlen(single), &arm64, &manifest, &err), 0);
	assert_string_equal(manifest.blob.digest, A);
	image_manifest_fini(&manifest);
}

#define LEVEL(digest, arch, variant)                                                               \
	"{\"digest\":\"" digest "\",\"size\":1,\"platform\":{\"os\":\"linux\","                    \
	"\"architecture\":\"" arch "\",\"variant\":\"" variant "\"}}"

/* The highest level that the host has; what a builder says of an image is none. */
static void test_index_choice(void **state UNUSED)
{
	static const char text[] = "{\"manifests\":[" ENTRY(A, "unknown", "unknown") "," LEVEL(
		A, "amd64", "v3") "," ENTRY(C, "linux", "amd64") "," LEVEL(B, "amd64", "v2") "]}";
	static const char attested[] = "{\"manifests\":[" ENTRY(B, "linux", "amd64") "," ENTRY(
		A, "unknown", "unknown") "]}";
	struct image_manifest manifest;
	struct error err = { 0 };

	assert_int_equal(image_manifest_parse(text, strlen(text), &amd64, &manifest, &err), 0);
	assert_string_equal(manifest.blob.digest, B);
	assert_int_equal(manifest.n_others, 1);
	assert_string_equal(manifest.others[0].digest, C);
	image_manifest_fini(&manifest);
	assert_int_equal(image_manifest_parse(attested, strlen(attested), &amd64, &manifest, &err),
			 0);
	assert_string_equal(manifest.blob.digest, B);
	assert_int_equal(manifest.n_others, 0);
	image_manifest_fini(&manifest);
	assert_int_equal(image_manifest_parse(attested, strlen(attested), &arm64, &manifest, &err),
			 -ENOENT);
}

static void test_many_choices(void **state UNUSED)
{
	AUTO_BUF struct buf buf = { 0 };
	struct image_manifest manifest;
	struct error err = { 0 };

	buf_add_str(&buf, "{\"manifests\":[");
	for (int i = 0; i < 1000; i++)
		buf_add_str(&buf, ENTRY(A, "linux", "amd64") ",");
	buf_add_str(&buf, LEVEL(B, "amd64", "v2") "]}");
	assert_int_equal(image_manifest_parse(buf.data, buf.len, &amd64, &manifest, &err), 0);
	assert_string_equal(manifest.blob.digest, B);
	assert_true(manifest.n_others < 16);
	image_manifest_fini(&manifest);
}

static void test_manifest_refused(void **state UNUSED)
{
	static const char *const cases[] = {
		"{}",
		"{\"config\":{\"digest\":\"" A "\"}}",
		"{\"config\":{\"digest\":\"" A "\"},\"layers\":[]}",
		"{\"config\":{\"digest\":\"" A "\"},\"layers\":[{\"digest\":\"x\"}]}",
		"{\"config\":{\"digest\":\"" A "\"},\"layers\":[{\"digest\":\"" B
		"\",\"size\":-1}]}",
		"{\"config\":{\"digest\":\"" A "\"},\"layers\":[7]}",
		"{\"manifests\":[7]}",
		"{\"schemaVersion\":1,\"fsLayers\":[{\"blobSum\":\"" A "\"}]}",
		"{\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"config\":{\"digest\":\"" A
		"\"},\"layers\":[{\"digest\":\"" B "\"}]}",
		"{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"manifests\":[{"
		"\"digest\":\"" A "\"}]}",
		"{\"manifests\":[{\"digest\":\"" A "\"}],\"config\":{\"digest\":\"" A
		"\"},\"layers\":[{\"digest\":\"" B "\"}]}",
		"{\"config\":{\"digest\":\"" A "\"},\"layers\":[{\"digest\":\"" B
		"\",\"size\":\"5\"}]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image_manifest manifest = { 0 };
		struct error err = { 0 };

		assert_true(image_manifest_parse(cases[i], strlen(cases[i]), &amd64, &manifest,
						 &err) < 0);
		assert_true(err.msg[0]);
		assert_null(manifest.layers);
	}
}

/* Vector of the OCI image specification's rule: ChainID(a, b) = sha256("a b"). */
static void test_chain_id(void **state UNUSED)
{
	struct strv diff_ids AUTO(strv_fini) = { 0 };
	char hex[SHA256_HEX_BYTES];

	strv_add(&diff_ids, A);
	strv_add(&diff_ids, B);
	AUTO_FREE char *one = image_chain_id(&diff_ids, 1);
	AUTO_FREE char *two = image_chain_id(&diff_ids, 2);

	sha256_hex(A " " B, strlen(A " " B), hex);
	assert_string_equal(one, A);
	assert_string_equal(two + strlen("sha256:"), hex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_config_more),
		cmocka_unit_test(test_config_more_refused),
		cmocka_unit_test(test_health_of_no_known_form),
		cmocka_unit_test(test_config_too_many_volumes),
		cmocka_unit_test(test_config_names),
		cmocka_unit_test(test_config_refused),
		cmocka_unit_test(test_manifest),
		cmocka_unit_test(test_config_bounds),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_index_choice),
		cmocka_unit_test(test_many_choices),
		cmocka_unit_test(test_manifest_refused),
		cmocka_unit_test(test_chain_id),
		cmocka_unit_test(test_values_bound),
		cmocka_unit_test(test_values_in_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

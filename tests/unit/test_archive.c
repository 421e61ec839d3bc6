/* SPDX-License-Identifier: Apache-2.0 */
/* What archives of images say is in them: OCI layouts and docker save. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/registry/archive.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ENTRY(more) "{\"mediaType\":\"t\",\"digest\":\"sha256:" HEX "\",\"size\":7" more "}"

static void print(const struct archive_images *images, struct buf *out)
{
	for (size_t i = 0; i < images->n; i++) {
		const struct archive_image *image = &images->items[i];

		buf_printf(out, "%s[", i ? " " : "");
		for (size_t j = 0; j < image->names.n; j++)
			buf_printf(out, "%s%s", j ? "," : "", image->names.items[j]);
		buf_printf(out, "%s%s|%s", image->tag ? ":" : "", image->tag ? image->tag : "",
			   image->digest ? image->media_type : image->config);
		for (size_t j = 0; j < image->layers.n; j++)
			buf_printf(out, " %s", image->layers.items[j]);
		buf_add_str(out, "]");
	}
}

typedef int (*parse_fn)(const char *text, size_t len, struct archive_images *ret,
			struct error *err);

struct row {
	const char *text, *expected;
};

static void play(parse_fn parse, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(archive_images_fini) struct archive_images images = { 0 };
		AUTO_BUF struct buf out = { 0 };
		struct error err = { 0 };

		if (parse(rows[i].text, strlen(rows[i].text), &images, &err) < 0)
			fail_msg("%s: %s", rows[i].text, err.msg);
		print(&images, &out);
		assert_string_equal(out.data, rows[i].expected);
	}
}

static void play_wrong(parse_fn parse, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(archive_images_fini) struct archive_images images = { 0 };
		struct error err = { 0 };

		if (parse(rows[i].text, strlen(rows[i].text), &images, &err) >= 0)
			fail_msg("%s: was taken", rows[i].text);
		if (!strstr(err.msg, rows[i].expected))
			fail_msg("%s: %s", rows[i].text, err.msg);
	}
}

static void test_layout(void **state UNUSED)
{
	static const struct row rows[] = {
		{ "{\"manifests\":[" ENTRY("") "]}", "[|t]" },
		{ "{\"manifests\":[" ENTRY(
			  ",\"annotations\":{\"io.containerd.image.name\":\"nginx:1\","
			  "\"org.opencontainers.image.ref.name\":\"1\"}") "]}",
		  "[docker.io/library/nginx:1|t]" },
		{ "{\"manifests\":[" ENTRY(",\"annotations\":{\"org.opencontainers.image.ref.name\":\"v1\"}") "," ENTRY(
			  ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"quay.io/a/b:2\"}") "]}",
		  "[:v1|t] [quay.io/a/b:2|t]" },
	};
	static const struct row wrong[] = {
		{ "[]", "the index.json is no JSON object" },
		{ "{}", "expected 1 to 256 images, there are 0" },
		{ "{\"manifests\":[]}", "expected 1 to 256 images" },
		{ "{\"manifests\":[7]}", "image 0 of the archive: \"\" is no digest" },
		{ "{\"manifests\":[" ENTRY("") ",{\"digest\":\"sha512:" HEX HEX "\",\"size\":1}]}",
		  "image 1 of the archive: \"sha512:" },
		{ "{\"manifests\":[{\"digest\":\"sha256:" HEX "\"}]}", "it has no size" },
		{ "{\"manifests\":[{\"digest\":\"sha256:" HEX "\",\"size\":-1}]}",
		  "it has no size" },
		{ "{\"manifests\":[{\"digest\":\"sha256:../" HEX "\",\"size\":1}]}",
		  "is no digest" },
		{ "{\"manifests\":[" ENTRY(
			  ",\"annotations\":{\"io.containerd.image.name\":\"A B\"}") "]}",
		  "image 0 of the archive: name \"A B\": " },
	};

	play(archive_parse_layout, rows, ARRAY_SIZE(rows));
	play_wrong(archive_parse_layout, wrong, ARRAY_SIZE(wrong));
}

static void test_docker(void **state UNUSED)
{
	static const struct row rows[] = {
		{ "[{\"Config\":\"c.json\",\"RepoTags\":[\"nginx:1\",\"nginx:1\",\"a/b:2\"],"
		  "\"Layers\":[\"x/layer.tar\",\"y/layer.tar\"]}]",
		  "[docker.io/library/nginx:1,docker.io/a/b:2|c.json x/layer.tar y/layer.tar]" },
		{ "[{\"Config\":\"c\",\"RepoTags\":null,\"Layers\":[\"l\"]},"
		  "{\"Config\":\"d..\",\"Layers\":[\"..l\"]}]",
		  "[|c l] [|d.. ..l]" },
	};
	static const struct row wrong[] = {
		{ "{}", "the manifest.json is no JSON list" },
		{ "[]", "expected 1 to 256 images" },
		{ "[{}]", "Config: expected an entry" },
		{ "[{\"Config\":\"/etc/shadow\",\"Layers\":[\"l\"]}]",
		  "Config: expected an entry" },
		{ "[{\"Config\":\"a/../../b\",\"Layers\":[\"l\"]}]", "Config: expected an entry" },
		{ "[{\"Config\":\"..\",\"Layers\":[\"l\"]}]", "Config: expected an entry" },
		{ "[{\"Config\":\"c\"}]", "Layers: expected 1 to 500 entries" },
		{ "[{\"Config\":\"c\",\"Layers\":[]}]", "Layers: expected 1 to 500 entries" },
		{ "[{\"Config\":\"c\",\"Layers\":[7]}]", "layer 0: expected an entry" },
		{ "[{\"Config\":\"c\",\"Layers\":[\"l\",\"../m\"]}]",
		  "layer 1: expected an entry" },
		{ "[{\"Config\":\"c\",\"Layers\":[\"l\"],\"RepoTags\":[7]}]",
		  "RepoTags: expected names" },
		{ "[{\"Config\":\"c\",\"Layers\":[\"l\"],\"RepoTags\":[\"A\"]}]", "name \"A\": " },
	};

	play(archive_parse_docker, rows, ARRAY_SIZE(rows));
	play_wrong(archive_parse_docker, wrong, ARRAY_SIZE(wrong));
}

static void test_paths(void **state UNUSED)
{
	AUTO_FREE char *blob = archive_blob_path("sha256:" HEX);
	char path[ARCHIVE_PATH_MAX_BYTES + 2];

	assert_string_equal(blob, "blobs/sha256/" HEX);
	assert_true(archive_path_is_inside("a/b"));
	assert_true(archive_path_is_inside("./a"));
	assert_true(archive_path_is_inside("a/..b/c.."));
	assert_false(archive_path_is_inside(""));
	assert_false(archive_path_is_inside("/a"));
	assert_false(archive_path_is_inside("a/.."));
	assert_false(archive_path_is_inside("../a"));
	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_false(archive_path_is_inside(path));
	path[sizeof(path) - 2] = '\0';
	assert_true(archive_path_is_inside(path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_docker),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Archives as they come, honest and not: what is taken out of them, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#include "core/base/buf.h"
#include "drivers/archive/docker_manifest.h"
#include "drivers/archive/link_names.h"
#include "drivers/archive/unpacker.h"

#define EMPTY "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* ---- archives ---- */

enum packing { PLAIN, GZIP, ZSTD, XZ };

static la_ssize_t on_write(struct archive *archive, void *ctx, const void *data, size_t len)
{
	(void)archive;
	buf_add(ctx, data, len);
	return (la_ssize_t)len;
}

static struct archive *tar_open(struct buf *out, enum packing packing)
{
	struct archive *tar = archive_write_new();

	archive_write_set_format_gnutar(tar);
	archive_write_set_bytes_in_last_block(tar, 1);
	if (packing == GZIP)
		archive_write_add_filter_gzip(tar);
	if (packing == ZSTD)
		archive_write_add_filter_zstd(tar);
	if (packing == XZ)
		archive_write_add_filter_xz(tar);
	assert_int_equal(archive_write_open(tar, out, NULL, on_write, NULL), ARCHIVE_OK);
	return tar;
}

static void tar_close(struct archive *tar)
{
	assert_int_equal(archive_write_close(tar), ARCHIVE_OK);
	archive_write_free(tar);
}

/* @type: AE_IFREG with @text of @size bytes (over and over), AE_IFLNK to @text, another without. A
 * hard link: type 0. */
static void tar_add(struct archive *tar, const char *name, unsigned type, const char *text,
		    uint64_t size)
{
	struct archive_entry *entry = archive_entry_new();
	char piece[4096];

	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, type ? type : AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, type == AE_IFREG ? (la_int64_t)size : 0);
	if (type == AE_IFLNK)
		archive_entry_set_symlink(entry, text);
	if (!type)
		archive_entry_set_hardlink(entry, text);
	assert_true(archive_write_header(tar, entry) >= ARCHIVE_WARN);
	memset(piece, text && *text ? *text : 0, sizeof(piece));
	if (type == AE_IFREG && size <= strlen(text ? text : ""))
		archive_write_data(tar, text, size);
	else if (type == AE_IFREG)
		for (uint64_t done = 0; done < size; done += sizeof(piece))
			archive_write_data(tar, piece,
					   size - done < sizeof(piece) ? size - done
								       : sizeof(piece));
	archive_entry_free(entry);
}

/* ---- reading ---- */

struct reading {
	struct loop loop;
	struct unpacker *unpacker;
	const char *data;
	size_t len, at, step; /* so many bytes at once at most */
	struct buf got;       /* what came, in words */
	uint64_t bytes;
	uint64_t stop_at; /* nothing is taken any more after so many bytes; 0: all is */
	bool over, closed;
	int status;
	struct error err;
};

static void give(struct reading *r)
{
	size_t room;

	while (r->at < r->len && (room = unpacker_room(r->unpacker)) > 0) {
		size_t len = r->len - r->at < room ? r->len - r->at : room;

		len = r->step && len > r->step ? r->step : len;
		unpacker_give(r->unpacker, r->data + r->at, len);
		r->at += len;
	}
	if (r->at == r->len)
		unpacker_end_input(r->unpacker);
}

static void on_room(void *ctx)
{
	give(ctx);
}

static void note(struct reading *r, const struct unpacked *piece)
{
	if (piece->kind == UNPACKED_LINK)
		buf_printf(&r->got, "%s -> %s\n", piece->name, piece->target);
	if (piece->kind == UNPACKED_FILE)
		buf_printf(&r->got, "%s %llu\n", piece->name, (unsigned long long)piece->size);
	if (piece->last)
		buf_printf(&r->got, "%s\n", piece->digest);
	r->bytes += piece->len;
}

static void on_piece(void *ctx)
{
	struct reading *r = ctx;
	struct unpacked *piece;

	while ((!r->stop_at || r->bytes < r->stop_at) && (piece = unpacker_next(r->unpacker))) {
		note(r, piece);
		unpacked_free(piece);
	}
	if (unpacker_ended(r->unpacker, &r->status, &r->err))
		r->over = true;
}

static void on_closed(void *ctx)
{
	((struct reading *)ctx)->closed = true;
}

static void reading_begin(struct reading *r, const struct buf *archive,
			  const struct unpacker_limits *limits)
{
	const struct unpacker_listener listener = { .on_room = on_room,
						    .on_piece = on_piece,
						    .ctx = r };

	assert_int_equal(loop_open(&r->loop, LOOP_CLOCK_BOOTTIME, NULL), 0);
	r->data = archive->data ? archive->data : "";
	r->len = archive->len;
	buf_add_str(&r->got, "");
	r->unpacker = unpacker_open(&r->loop, limits, &listener);
	give(r);
}

static void reading_end(struct reading *r)
{
	unpacker_close(r->unpacker, on_closed, r);
	while (!r->closed)
		uv_run(&r->loop.uv, UV_RUN_ONCE);
	loop_close(&r->loop);
	buf_fini(&r->got);
}

static void read_all(struct reading *r, const struct buf *archive,
		     const struct unpacker_limits *limits)
{
	reading_begin(r, archive, limits);
	while (!r->over)
		uv_run(&r->loop.uv, UV_RUN_ONCE);
}

/* Refused with these words. */
static void expect_refusal(const struct buf *archive, const struct unpacker_limits *limits,
			   int code, const char *words)
{
	struct reading r = { 0 };

	read_all(&r, archive, limits);
	if (r.status != code || !strstr(r.err.msg, words))
		fail_msg("status %d, \"%s\"; expected %d, \"%s\"; got:\n%s", r.status, r.err.msg,
			 code, words, r.got.data);
	reading_end(&r);
}

/* ---- tests ---- */

static void fill_honest(struct archive *tar)
{
	tar_add(tar, "./", AE_IFDIR, NULL, 0);
	tar_add(tar, "./a/abc", AE_IFREG, "abc", 3);
	tar_add(tar, "empty", AE_IFREG, "", 0);
	tar_add(tar, "a/b/link", AE_IFLNK, "../abc", 0);
	tar_add(tar, "hard", 0, "a/abc", 0);
	tar_add(tar, "dev", AE_IFCHR, NULL, 0);
	tar_add(tar, "fifo", AE_IFIFO, NULL, 0);
	tar_add(tar, "large", AE_IFREG, "x", 3 << 20);
}

static void test_packings(void **state)
{
	static const char expected[] = "a/abc 3\n" ABC "\nempty 0\n" EMPTY "\n"
				       "a/b/link -> a/abc\nhard -> a/abc\nlarge 3145728\n"
				       "sha256:";

	(void)state;
	for (int packing = PLAIN; packing <= ZSTD; packing++)
		for (size_t step = 0; step <= 1000; step += 1000) {
			AUTO_BUF struct buf archive = { 0 };
			struct archive *tar = tar_open(&archive, (enum packing)packing);
			struct reading r = { .step = step };

			fill_honest(tar);
			tar_close(tar);
			read_all(&r, &archive, &unpacker_usual_limits);
			if (r.status)
				fail_msg("packing %d, step %zu: %s", packing, step, r.err.msg);
			if (strncmp(r.got.data, expected, strlen(expected)) != 0)
				fail_msg("got:\n%s-- expected:\n%s", r.got.data, expected);
			assert_int_equal(r.bytes, 3 + (3 << 20));
			assert_int_equal(unpacker_bytes(r.unpacker), r.bytes);
			reading_end(&r);
		}
}

/* Nobody takes: nothing is read beyond the bound. */
static void test_back_pressure(void **state)
{
	AUTO_BUF struct buf archive = { 0 };
	struct archive *tar = tar_open(&archive, PLAIN);
	struct reading r = { .stop_at = 1 };

	(void)state;
	tar_add(tar, "large", AE_IFREG, "x", 32 << 20);
	tar_close(tar);
	reading_begin(&r, &archive, &unpacker_usual_limits);
	while (unpacker_bytes(r.unpacker) < UNPACKER_OUT_BYTES / 2)
		uv_run(&r.loop.uv, UV_RUN_ONCE);
	for (int i = 0; i < 20; i++) {
		uv_run(&r.loop.uv, UV_RUN_NOWAIT);
		usleep(5000);
	}
	assert_true(unpacker_bytes(r.unpacker) <=
		    UNPACKER_OUT_BYTES + 2 * UNPACKER_PIECE_BYTES + 1);
	assert_true(r.at <= UNPACKER_OUT_BYTES + 3 * UNPACKER_IN_BYTES);
	assert_false(r.over);
	reading_end(&r);
}

static void test_names_out(void **state)
{
	static const struct {
		const char *name, *link, *words;
		unsigned type;
	} rows[] = {
		{ "../x", NULL, "name of entry \"../x\"", AE_IFREG },
		{ "/etc/x", NULL, "name of entry \"/etc/x\"", AE_IFREG },
		{ "a/../../x", NULL, "name of entry", AE_IFREG },
		{ "a", "/etc/passwd", "link out of the archive: \"/etc/passwd\"", AE_IFLNK },
		{ "a/b", "../../x", "link out of the archive", AE_IFLNK },
		{ "a", "../x", "link out of the archive", 0 },
		{ "a", "/x", "link out of the archive", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_BUF struct buf archive = { 0 };
		struct archive *tar = tar_open(&archive, PLAIN);

		tar_add(tar, rows[i].name, rows[i].type, rows[i].link, 0);
		tar_close(tar);
		expect_refusal(&archive, &unpacker_usual_limits, -EBADMSG, rows[i].words);
	}
}

static void test_bounds(void **state)
{
	struct unpacker_limits few = unpacker_usual_limits, small = few, tight = few;
	AUTO_BUF struct buf many = { 0 }, large = { 0 }, bomb = { 0 };
	struct archive *tar = tar_open(&many, PLAIN);

	(void)state;
	for (int i = 0; i < 20; i++)
		tar_add(tar, "d", AE_IFDIR, NULL, 0);
	tar_close(tar);
	few.entries = 19;
	expect_refusal(&many, &few, -EFBIG, "more than 19 entries");

	tar = tar_open(&large, PLAIN);
	tar_add(tar, "a", AE_IFREG, "x", 600);
	tar_add(tar, "b", AE_IFREG, "x", 600);
	tar_close(tar);
	small.bytes = 1000;
	expect_refusal(&large, &small, -EFBIG, "entry \"b\" has 600 bytes");

	tar = tar_open(&bomb, GZIP);
	tar_add(tar, "zeros", AE_IFREG, "", 8 << 20);
	tar_close(tar);
	tight.ratio_from_bytes = 1 << 20;
	tight.ratio = 100;
	expect_refusal(&bomb, &tight, -EFBIG, "no archive of images");
	{
		struct reading r = { 0 };

		read_all(&r, &bomb, &unpacker_usual_limits);
		assert_int_equal(r.status, 0);
		reading_end(&r);
	}
}

static void test_junk(void **state)
{
	AUTO_BUF struct buf junk = { 0 }, cut = { 0 }, xz = { 0 }, gzip = { 0 };
	struct archive *tar = tar_open(&cut, PLAIN);

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_add(&junk, &(char){ (char)(i * 7919 >> 3) }, 1);
	expect_refusal(&junk, &unpacker_usual_limits, -EBADMSG, "no tar, plain or packed");

	tar_add(tar, "a", AE_IFREG, "x", 100000);
	tar_close(tar);
	cut.len = 50000;
	expect_refusal(&cut, &unpacker_usual_limits, -EBADMSG, "damaged");

	tar = tar_open(&gzip, GZIP);
	tar_add(tar, "a", AE_IFREG, "x", 3 << 20);
	tar_close(tar);
	gzip.len /= 2;
	expect_refusal(&gzip, &unpacker_usual_limits, -EBADMSG, "damaged");

	tar = tar_open(&xz, XZ);
	tar_add(tar, "a", AE_IFREG, "x", 100);
	tar_close(tar);
	expect_refusal(&xz, &unpacker_usual_limits, -EBADMSG, "no tar");
}

/* Whatever it is at, it can be cut. */
static void test_cut_off(void **state)
{
	AUTO_BUF struct buf archive = { 0 };
	struct archive *tar = tar_open(&archive, PLAIN);

	(void)state;
	tar_add(tar, "large", AE_IFREG, "x", 8 << 20);
	tar_close(tar);
	for (size_t len = 0; len <= archive.len; len += archive.len / 4) {
		struct buf part = { .data = archive.data, .len = len };
		struct reading r = { .stop_at = 1 };

		reading_begin(&r, &part, &unpacker_usual_limits);
		for (int i = 0; i < 3; i++)
			uv_run(&r.loop.uv, UV_RUN_NOWAIT);
		reading_end(&r);
	}
}

static void expect_name(char *got, const char *expected)
{
	AUTO_FREE char *text = got;

	if (expected)
		assert_string_equal(text, expected);
	else
		assert_null(text);
}

static void test_link_names(void **state)
{
	AUTO_BUF struct buf long_name = { 0 };

	(void)state;
	expect_name(entry_name("./a//b/."), "a/b");
	expect_name(entry_name("."), "");
	expect_name(entry_name("a/../b"), NULL);
	expect_name(entry_name("/a"), NULL);
	expect_name(entry_name("a/..b"), "a/..b");
	expect_name(entry_link("id2/layer.tar", "../id1/layer.tar"), "id1/layer.tar");
	expect_name(entry_link("a", "b"), "b");
	expect_name(entry_link("a/b", ".."), NULL);
	expect_name(entry_link("a/b", "../.."), NULL);
	expect_name(entry_link("a/b", ""), NULL);
	for (int i = 0; i < 5000; i++)
		buf_add_str(&long_name, "x");
	expect_name(entry_name(long_name.data), NULL);
	expect_name(entry_link("a", long_name.data), NULL);
}

static void test_docker_manifest(void **state)
{
	const struct image_blob config = { .media_type = (char *)"c",
					   .digest = (char *)"d1",
					   .size = 5 };
	const struct image_blob layers[] = {
		{ .media_type = (char *)layer_media_type("\x1f\x8b\x08", 3),
		  .digest = (char *)"d2",
		  .size = 6 },
		{ .media_type = (char *)layer_media_type("\x28\xb5\x2f\xfd", 4),
		  .digest = (char *)"d3",
		  .size = 7 },
	};
	AUTO_FREE char *text = docker_manifest(&config, layers, ARRAY_SIZE(layers));

	(void)state;
	assert_string_equal(
		text,
		"{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
		"\"config\":{\"mediaType\":\"c\",\"digest\":\"d1\",\"size\":5},\"layers\":["
		"{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"d2\","
		"\"size\":6},"
		"{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+zstd\",\"digest\":\"d3\","
		"\"size\":7}]}");
	assert_string_equal(layer_media_type("ustar", 5), "application/vnd.oci.image.layer.v1.tar");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packings),   cmocka_unit_test(test_back_pressure),
		cmocka_unit_test(test_names_out),  cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_junk),       cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_link_names), cmocka_unit_test(test_docker_manifest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

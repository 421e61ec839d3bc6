/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "core/base/fs.h"
#include "drivers/oci/layers.h"

enum { LIMIT_BYTES = 64 };

/* Three layers, the topmost first; /tmp and its kernel filesystem take whiteouts from anybody. */
struct fixture {
	char dir[64];
	struct strv layers;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "/tmp/kukeon-layers-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	for (int i = 0; i < 3; i++) {
		AUTO_FREE char *layer = xasprintf("%s/%d", f->dir, i);

		assert_int_equal(mkdir(layer, 0755), 0);
		strv_add(&f->layers, layer);
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fs_remove_tree(AT_FDCWD, f->dir, NULL);
	strv_fini(&f->layers);
	free(f);
	return 0;
}

static char *place(struct fixture *f, int layer, const char *path)
{
	AUTO_FREE char *full = xasprintf("%s/%d/%s", f->dir, layer, path);
	AUTO_FREE char *parent = xstrdup(full);

	*strrchr(parent, '/') = '\0';
	assert_int_equal(fs_make_dirs(parent, 0755, NULL), 0);
	return take_ptr(full);
}

static void put(struct fixture *f, int layer, const char *path, const char *content)
{
	AUTO_FREE char *full = place(f, layer, path);

	assert_int_equal(fs_write_file_atomic(full, content, strlen(content), 0644, NULL), 0);
}

static void link_to(struct fixture *f, int layer, const char *path, const char *target)
{
	AUTO_FREE char *full = place(f, layer, path);

	assert_int_equal(symlink(target, full), 0);
}

static void node(struct fixture *f, int layer, const char *path, mode_t mode)
{
	AUTO_FREE char *full = place(f, layer, path);

	assert_int_equal(mknod(full, mode, makedev(0, 0)), 0);
}

/* @expected NULL: fails with @code and a text that holds @part. */
static void expect(struct fixture *f, const char *path, const char *expected, int code,
		   const char *part)
{
	AUTO_BUF struct buf content = { 0 };
	struct error err = { 0 };
	int r = layers_read_file(&f->layers, path, LIMIT_BYTES, &content, &err);

	if (r != code)
		fail_msg("%s: expected %d, got %d: %s", path, code, r, err.msg);
	if (expected)
		assert_string_equal(content.data, expected);
	else if (!strstr(err.msg, part) || !strstr(err.msg, path))
		fail_msg("%s: \"%s\" is not in: %s", path, part, err.msg);
}

static void test_order(void **state)
{
	struct fixture *f = *state;

	put(f, 2, "etc/lowest", "lowest");
	put(f, 2, "etc/both", "lower");
	put(f, 1, "etc/both", "upper");
	put(f, 0, "other", "");
	expect(f, "/etc/lowest", "lowest", 0, NULL);
	expect(f, "/etc/both", "upper", 0, NULL);
	expect(f, "//etc/./both", "upper", 0, NULL);
	expect(f, "/other", "", 0, NULL);
	expect(f, "/etc/none", NULL, -ENOENT, "the image has no /etc/none");
	expect(f, "/other/x", NULL, -ENOENT, "the image has no");
}

static void test_hidden(void **state)
{
	struct fixture *f = *state;

	put(f, 2, "etc/gone", "x");
	node(f, 1, "etc/gone", S_IFCHR);
	expect(f, "/etc/gone", NULL, -ENOENT, "the image has no");
	put(f, 2, "dir/below", "x");
	node(f, 1, "dir", S_IFCHR);
	expect(f, "/dir/below", NULL, -ENOENT, "the image has no");
	put(f, 2, "over/below", "x");
	put(f, 0, "over", "now a file");
	expect(f, "/over/below", NULL, -ENOENT, "the image has no");
	put(f, 0, "etc/gone", "back");
	expect(f, "/etc/gone", "back", 0, NULL);
}

static void test_opaque(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *dir = place(f, 1, "etc");

	put(f, 2, "etc/old", "x");
	put(f, 1, "etc/new", "new");
	if (setxattr(dir, "trusted.overlay.opaque", "y", 1, 0) < 0 &&
	    setxattr(dir, "user.overlay.opaque", "y", 1, 0) < 0)
		skip();
	expect(f, "/etc/new", "new", 0, NULL);
	expect(f, "/etc/old", NULL, -ENOENT, "the image has no");
}

static void test_links(void **state)
{
	struct fixture *f = *state;

	put(f, 2, "usr/lib/group", "found");
	link_to(f, 1, "etc/group", "../usr/lib/group");
	link_to(f, 0, "etc/absolute", "/usr/lib/group");
	link_to(f, 2, "conf", "./etc/../etc/.");
	link_to(f, 0, "etc/out", "../../../../../../usr/lib/group");
	expect(f, "/etc/group", "found", 0, NULL);
	expect(f, "/etc/absolute", "found", 0, NULL);
	expect(f, "/conf/group", "found", 0, NULL);
	expect(f, "/etc/out", "found", 0, NULL);
	/* A link that would lead to the host stays inside. */
	link_to(f, 0, "etc/passwd", "/etc/hostname");
	expect(f, "/etc/passwd", NULL, -ENOENT, "the image has no");
	link_to(f, 0, "etc/loop", "loop");
	expect(f, "/etc/loop", NULL, -ELOOP, "cannot be read: Too many levels");
}

static void test_hostile(void **state)
{
	struct fixture *f = *state;
	char big[LIMIT_BYTES + 2];

	node(f, 0, "etc/fifo", S_IFIFO | 0644);
	expect(f, "/etc/fifo", NULL, -EINVAL, "is no regular file");
	put(f, 0, "etc/dir/file", "");
	expect(f, "/etc/dir", NULL, -EINVAL, "is no regular file");
	expect(f, "/", NULL, -EINVAL, "is no regular file");
	memset(big, 'x', sizeof(big));
	big[LIMIT_BYTES + 1] = '\0';
	put(f, 0, "etc/big", big);
	expect(f, "/etc/big", NULL, -EFBIG, "has more than 64 bytes");
	big[LIMIT_BYTES] = '\0';
	put(f, 0, "etc/full", big);
	expect(f, "/etc/full", big, 0, NULL);
	strv_fini(&f->layers);
	strv_add(&f->layers, "/tmp/kukeon-layers-no-such");
	expect(f, "/etc/passwd", NULL, -ESTALE, "cannot be read");
}

static char *layers_of(const char *type, const char *source, const char *options)
{
	AUTO(strv_fini) struct strv words = { 0 }, layers = { 0 };
	AUTO_FREE char *copy = xstrdup(options);
	Ctd__Mount mount = CTD__MOUNT__INIT;
	Ctd__Mount *mounts[] = { &mount };
	struct buf text = { 0 };
	struct error err;

	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		strv_add(&words, word);
	mount.type = (char *)type;
	mount.source = (char *)source;
	mount.options = words.items;
	mount.n_options = words.n;
	if (layers_find(mounts, 1, &layers, &err) < 0)
		buf_printf(&text, "error: %s", err.msg);
	for (size_t i = 0; i < layers.n; i++)
		buf_printf(&text, "%s%s", i ? " " : "", layers.items[i]);
	return buf_take(&text);
}

static void test_find(void **state UNUSED)
{
#define UNKNOWN(type)                                                                              \
	"error: files of the image cannot be read from a snapshot of type \"" type                 \
	"\"; only overlayfs and native are known"
	static const struct {
		const char *type, *source, *options, *expected;
	} rows[] = {
		{ "overlay", "overlay", "index=off workdir=/w upperdir=/u lowerdir=/b:/a",
		  "/u /b /a" },
		{ "overlay", "overlay", "lowerdir=/b:/a upperdir=/u", "/u /b /a" },
		{ "overlay", "overlay", "lowerdir=/b", "/b" },
		{ "bind", "/snapshots/7", "rbind rw", "/snapshots/7" },
		{ "overlay", "overlay", "index=off", UNKNOWN("overlay") },
		{ "overlay", "overlay", "lowerdir=b:/a", UNKNOWN("overlay") },
		{ "overlay", "overlay", "lowerdir=/b:", UNKNOWN("overlay") },
		{ "bind", "", "rbind", UNKNOWN("bind") },
		{ "ext4", "/dev/mapper/x", "", UNKNOWN("ext4") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *actual = layers_of(rows[i].type, rows[i].source, rows[i].options);

		assert_string_equal(actual, rows[i].expected);
	}
#undef UNKNOWN
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order), TEST(test_hidden),  TEST(test_opaque),
		TEST(test_links), TEST(test_hostile), cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

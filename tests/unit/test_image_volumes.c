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
#include <unistd.h>

#include "core/base/fs.h"
#include "drivers/containerd/volume_tree.h"
#include "drivers/containerd/volumes.h"

enum { DEEP = 300, BIG_BYTES = 3 * 1024 * 1024 };

/* Three layers, the topmost first, and where the volumes go. */
struct fixture {
	char dir[64];
	struct inputs inputs;
	atomic_bool stop;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "/tmp/kukeon-volumes-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	for (int i = 0; i < 3; i++) {
		AUTO_FREE char *layer = xasprintf("%s/%d", f->dir, i);

		assert_int_equal(mkdir(layer, 0755), 0);
		strv_add(&f->inputs.layers, layer);
	}
	strv_add(&f->inputs.volume_targets, "/data");
	f->inputs.volumes_path = xasprintf("%s/.volumes/n+i", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fs_remove_tree(AT_FDCWD, f->dir, NULL);
	inputs_fini(&f->inputs);
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

static void whiteout(struct fixture *f, int layer, const char *path)
{
	AUTO_FREE char *full = place(f, layer, path);

	assert_int_equal(mknod(full, S_IFCHR, makedev(0, 0)), 0);
}

static void make(struct fixture *f)
{
	struct error err = { 0 };

	if (volumes_make(&f->inputs, &f->stop, &err) < 0)
		fail_msg("%s", err.msg);
}

static void expect_failure(struct fixture *f, int code, const char *part)
{
	struct error err = { 0 };
	int r = volumes_make(&f->inputs, &f->stop, &err);

	if (r != code || !strstr(err.msg, part))
		fail_msg("expected %d with \"%s\", got %d: %s", code, part, r, err.msg);
	assert_int_equal(access(f->inputs.volumes_path, F_OK), -1);
}

static char *in_volume(struct fixture *f, const char *path)
{
	return xasprintf("%s/0/%s", f->inputs.volumes_path, path);
}

/* NULL: it is not there. */
static void expect(struct fixture *f, const char *path, const char *content)
{
	AUTO_FREE char *full = in_volume(f, path);
	AUTO_BUF struct buf actual = { 0 };
	int r = fs_read_file(AT_FDCWD, full, 4096, &actual, NULL);

	if (!content && r != -ENOENT)
		fail_msg("%s is there", path);
	if (content && (r < 0 || !str_equal(actual.data, content)))
		fail_msg("%s: expected \"%s\", got %d \"%s\"", path, content, r,
			 actual.data ? actual.data : "");
}

static struct stat look(struct fixture *f, const char *path)
{
	AUTO_FREE char *full = in_volume(f, path);
	struct stat st = { 0 };

	if (lstat(full, &st) < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return st;
}

static void test_merged(void **state)
{
	struct fixture *f = *state;

	put(f, 2, "data/lowest", "lowest");
	put(f, 2, "data/both", "lower");
	put(f, 2, "data/gone", "x");
	put(f, 2, "data/sub/below", "x");
	put(f, 2, "data/was-dir/x", "x");
	put(f, 2, "data/was-file", "x");
	put(f, 1, "data/both", "upper");
	whiteout(f, 1, "data/gone");
	put(f, 1, "data/was-dir", "now a file");
	put(f, 1, "data/was-file/x", "now a directory");
	put(f, 0, "data/sub/more", "more");
	put(f, 0, "other", "not of the volume");
	make(f);
	expect(f, "lowest", "lowest");
	expect(f, "both", "upper");
	expect(f, "gone", NULL);
	expect(f, "sub/below", "x");
	expect(f, "sub/more", "more");
	expect(f, "was-dir", "now a file");
	expect(f, "was-file/x", "now a directory");
	expect(f, "other", NULL);
}

static void test_hidden_above(void **state)
{
	struct fixture *f = *state;

	strv_fini(&f->inputs.volume_targets);
	strv_add(&f->inputs.volume_targets, "/var/data");
	put(f, 2, "var/data/old", "x");
	whiteout(f, 1, "var");
	make(f);
	expect(f, "old", NULL);
	assert_int_equal(look(f, "").st_mode & ALLPERMS, 0755);
	put(f, 0, "var/data/new", "new");
	make(f);
	expect(f, "old", NULL);
	expect(f, "new", "new");
}

static void test_opaque(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *dir = place(f, 1, "data/sub");
	AUTO_FREE char *copied = in_volume(f, "sub");
	char value;

	put(f, 2, "data/sub/old", "x");
	put(f, 1, "data/sub/new", "new");
	if (setxattr(dir, "trusted.overlay.opaque", "y", 1, 0) < 0 &&
	    setxattr(dir, "user.overlay.opaque", "y", 1, 0) < 0)
		skip();
	make(f);
	expect(f, "sub/old", NULL);
	expect(f, "sub/new", "new");
	assert_int_equal(getxattr(copied, "trusted.overlay.opaque", &value, 1), -1);
	assert_int_equal(getxattr(copied, "user.overlay.opaque", &value, 1), -1);
}

static void test_attributes(void **state)
{
	static const struct timespec times[] = { { 1000, 0 }, { 2000, 5 } };
	struct fixture *f = *state;
	AUTO_FREE char *file = place(f, 0, "data/tool"), *dir = place(f, 0, "data");
	AUTO_FREE char *copied = in_volume(f, "tool"), *pipe = place(f, 0, "data/pipe");
	bool root = getuid() == 0, marked;
	char value[8];

	put(f, 0, "data/tool", "#!");
	if (root)
		assert_int_equal(chown(file, 101, 102), 0);
	assert_int_equal(chmod(file, 04751), 0);
	assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
	assert_int_equal(mkfifo(pipe, 0622), 0);
	marked = setxattr(file, "user.mark", "m", 1, 0) == 0; /* not on every tmpfs */
	assert_int_equal(chmod(dir, 01770), 0);
	make(f);
	assert_int_equal(look(f, "").st_mode & ALLPERMS, 01770);
	assert_int_equal(look(f, "tool").st_mode & ALLPERMS, 04751);
	assert_int_equal(look(f, "tool").st_mtim.tv_sec, 2000);
	assert_int_equal(look(f, "tool").st_mtim.tv_nsec, 5);
	assert_true(S_ISFIFO(look(f, "pipe").st_mode));
	if (root)
		assert_int_equal(look(f, "tool").st_gid, 102);
	if (marked)
		assert_int_equal(getxattr(copied, "user.mark", value, sizeof(value)), 1);
}

/* Links are copied as they are; only those in the volume's own path are followed, in the image. */
static void test_links(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *outside = xasprintf("%s/outside", f->dir);
	AUTO_FREE char *data = place(f, 2, "data"), *out = place(f, 2, "srv/real/out");

	assert_int_equal(fs_make_dirs(outside, 0755, NULL), 0);
	assert_int_equal(symlink("../srv/real", data), 0);
	assert_int_equal(symlink(outside, out), 0);
	put(f, 2, "srv/real/a", "a");
	put(f, 1, "srv/real/out/b", "b"); /* a directory in its place: nothing is written outside */
	make(f);
	expect(f, "a", "a");
	expect(f, "out/b", "b");
	assert_int_equal(rmdir(outside), 0);
}

static void test_holes(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *file = place(f, 0, "data/sparse");
	AUTO_CLOSE int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;

	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	assert_int_equal(pwrite(fd, "x", 1, BIG_BYTES), 1);
	make(f);
	st = look(f, "sparse");
	assert_true(st.st_size == (off_t)1 << 40);
	assert_true(st.st_blocks * 512 < BIG_BYTES);
}

static void test_failures(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *deep = place(f, 2, "data/0");
	AUTO_FREE char *link = place(f, 1, "data"), *file = place(f, 0, "data");
	struct error err;

	put(f, 2, "data/x", "x");
	atomic_store(&f->stop, true);
	assert_int_equal(volumes_make(&f->inputs, &f->stop, &err), -ECANCELED);
	atomic_store(&f->stop, false);
	for (int i = 0; i < 70; i++) {
		char *next = xasprintf("%s/d", deep);

		free(deep);
		deep = next;
	}
	assert_int_equal(fs_make_dirs(deep, 0755, NULL), 0);
	expect_failure(f, -ELOOP, "nested deeper");
	put(f, 0, "data", "a file");
	expect_failure(f, -EINVAL, "/data of the image is no directory");
	assert_int_equal(symlink("/", link), 0);
	assert_int_equal(unlink(file), 0);
	expect_failure(f, -EINVAL, "leads to its root");
	deep[strlen(f->dir) + strlen("/2/data/0")] = '\0';
	assert_int_equal(volume_tree_remove(deep, &f->stop, NULL), 0); /* for teardown */
}

/* A container may write deeper than descriptors or names of paths go, and names like ours. */
static void test_removed(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *root = in_volume(f, "");
	AUTO_CLOSE int fd = -1;
	struct error err = { 0 };

	make(f);
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < DEEP; i++) {
		int next;

		assert_int_equal(mkdirat(fd, "0", 0700), 0);
		next = openat(fd, "0", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_int_equal(symlinkat(f->dir, fd, "1"), 0);
		close(fd);
		fd = next;
	}
	if (volume_tree_remove(f->inputs.volumes_path, &f->stop, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(access(f->inputs.volumes_path, F_OK), -1);
	assert_int_equal(access(f->dir, F_OK), 0);
	assert_int_equal(volume_tree_remove(f->inputs.volumes_path, &f->stop, &err), 0);
}

/* What an earlier container has left is not the next one's. */
static void test_fresh(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *old = in_volume(f, "old");

	make(f);
	assert_int_equal(fs_write_file_atomic(old, "x", 1, 0644, NULL), 0);
	make(f);
	expect(f, "old", NULL);
}

static void test_names(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *dir = xasprintf("%s/.volumes", f->dir);
	AUTO_FREE char *path = volumes_path("/x", "kukeon-default", "s_t_c_web");
	AUTO_FREE char *namespace_ = NULL, *id = NULL;
	struct strv names AUTO(strv_fini) = { 0 };
	struct error err;

	assert_null(volumes_path(NULL, "n", "i"));
	assert_string_equal(path, "/x/kukeon-default+s_t_c_web");
	assert_true(volumes_split(strrchr(path, '/') + 1, &namespace_, &id));
	assert_string_equal(namespace_, "kukeon-default");
	assert_string_equal(id, "s_t_c_web");
	assert_false(volumes_split("lost+", &namespace_, &id));
	assert_false(volumes_split("+found", &namespace_, &id));
	assert_false(volumes_split("lost", &namespace_, &id));
	assert_int_equal(volumes_list(dir, &names, &err), 0);
	assert_int_equal(names.n, 0);
	make(f);
	assert_int_equal(volumes_list(dir, &names, &err), 0);
	assert_int_equal(names.n, 1);
	assert_string_equal(names.items[0], "n+i");
}

static void test_owners(void **state UNUSED)
{
	struct host_things things = { 0 };
	struct strv names AUTO(strv_fini) = { 0 };

	host_things_add(&things, HOST_CONTAINER, "n/a", "r/s/t/a");
	host_things_add(&things, HOST_SNAPSHOT, "n/b", "r/s/t/b");
	host_things_add(&things, HOST_TASK, "n/c", "r/s/t/c");
	strv_add(&names, "n+a");
	strv_add(&names, "n+b");
	strv_add(&names, "n+c");
	strv_add(&names, "stray");
	volumes_add(&names, &things);
	assert_int_equal(things.n, 6);
	assert_string_equal(things.items[3].name, "n/a");
	assert_string_equal(things.items[3].id, "a");
	assert_string_equal(things.items[3].owner, "r/s/t/a");
	assert_string_equal(things.items[4].owner, "r/s/t/b");
	assert_null(things.items[5].owner);
	assert_non_null(things.items[5].why);
	assert_string_equal(host_kind_name(things.items[5].kind), "volumes");
	host_things_fini(&things);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_merged),
		TEST(test_hidden_above),
		TEST(test_opaque),
		TEST(test_attributes),
		TEST(test_links),
		TEST(test_holes),
		TEST(test_failures),
		TEST(test_removed),
		TEST(test_fresh),
		TEST(test_names),
		cmocka_unit_test(test_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

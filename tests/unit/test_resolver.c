/* SPDX-License-Identifier: Apache-2.0 */
/* What cells are given of the host's resolvers, and that it follows the host's files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/base/fs.h"
#include "core/config/resolv.h"
#include "watchers/resolver_watcher.h"

enum { LIMIT_MS = 5000, CHECK_MS = 5 };

static const struct {
	const char *host, *cell;
	size_t n;
} rows[] = {
	{ "", "", 0 },
	{ "nameserver 192.0.2.1\nnameserver 192.0.2.2\n",
	  "nameserver 192.0.2.1\nnameserver 192.0.2.2\n", 2 },
	{ "# made by x\nnameserver 127.0.0.53\noptions edns0\nsearch a.example b.example\n",
	  "options edns0\nsearch a.example b.example\n", 0 },
	{ "nameserver 127.0.0.1\nnameserver 192.0.2.1 # the other\nnameserver ::1\n",
	  "nameserver 192.0.2.1\n", 1 },
	{ "nameserver 2001:db8::1\nnameserver fe80::1%eth0\nnameserver fe80::1\n",
	  "nameserver 2001:db8::1\n", 1 },
	{ "nameserver 0.0.0.0\nnameserver ::\nnameserver ::ffff:127.0.0.1\nnameserver\n", "", 0 },
	{ "nameserver 1.2.3\nnameserver x\n nameserver 192.0.2.1\nnameservers 192.0.2.2\n", "", 0 },
	{ "nameserver\t192.0.2.1  \r\ndomain\texample\nsortlist 10.0.0.0/8\nlookup file bind",
	  "nameserver 192.0.2.1\ndomain example\nsortlist 10.0.0.0/8\n", 1 },
};

static void test_render(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_BUF struct buf text = { 0 };

		assert_int_equal(resolv_render(rows[i].host, &text), rows[i].n);
		assert_string_equal(text.data ? text.data : "", rows[i].cell);
	}
}

/* ---- files ---- */

struct fixture {
	char dir[64];
	char *etc, *host, *stub, *target;
	struct loop loop;
	struct resolver_watcher *watcher;
	struct timer check;
	const char *wanted; /* content of the target */
	int left_ms;
	bool closed;
};

static void put(const char *path, const char *text)
{
	assert_int_equal(fs_write_file_atomic(path, text, strlen(text), 0644, NULL), 0);
}

static void make_dir(const char *path)
{
	assert_int_equal(fs_make_dirs(path, 0755, NULL), 0);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "/tmp/kukeon-resolver-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	f->etc = xasprintf("%s/etc", f->dir);
	f->host = xasprintf("%s/resolv.conf", f->etc);
	f->stub = xasprintf("%s/run/resolve/resolv.conf", f->dir);
	f->target = xasprintf("%s/ours/resolv.conf", f->dir);
	make_dir(f->etc);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fs_remove_tree(AT_FDCWD, f->dir, NULL);
	free(f->etc);
	free(f->host);
	free(f->stub);
	free(f->target);
	free(f);
	return 0;
}

static bool holds(const struct fixture *f, const char *wanted)
{
	AUTO_BUF struct buf text = { 0 };

	return fs_read_file(AT_FDCWD, f->target, RESOLV_MAX_BYTES, &text, NULL) == 0 &&
	       strcmp(text.data, wanted) == 0;
}

static void on_check(struct timer *timer)
{
	struct fixture *f = container_of(timer, struct fixture, check);

	f->left_ms -= CHECK_MS;
	if (holds(f, f->wanted) || f->left_ms <= 0)
		uv_stop(&f->loop.uv);
	else
		timer_start(&f->loop, timer, CHECK_MS, on_check);
}

static void await(struct fixture *f, const char *wanted)
{
	f->wanted = wanted;
	f->left_ms = LIMIT_MS;
	timer_start(&f->loop, &f->check, 1, on_check);
	loop_run(&f->loop);
	if (!holds(f, wanted))
		fail_msg("in vain for: %s", wanted);
}

static ino_t inode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static void start(struct fixture *f)
{
	const struct resolver_options options = { { f->host, f->stub }, f->target };
	struct error err;

	assert_int_equal(loop_open(&f->loop, LOOP_CLOCK_BOOTTIME, &err), 0);
	if (resolver_open(&f->watcher, &f->loop, &options, &err) < 0)
		fail_msg("%s", err.msg);
}

static void on_closed(void *ctx)
{
	struct fixture *f = ctx;

	f->closed = true;
	uv_stop(&f->loop.uv);
}

static void stop(struct fixture *f)
{
	f->closed = false;
	resolver_close(f->watcher, on_closed, f);
	assert_false(f->closed);
	loop_run(&f->loop);
	assert_true(f->closed);
	loop_close(&f->loop);
}

static void test_follows(void **state)
{
	struct fixture *f = *state;
	ino_t inode;

	put(f->host, "nameserver 192.0.2.1\n");
	start(f);
	assert_true(holds(f, "nameserver 192.0.2.1\n"));
	inode = inode_of(f->target);
	put(f->host, "nameserver 192.0.2.22\nsearch example\n");
	await(f, "nameserver 192.0.2.22\nsearch example\n");
	assert_int_equal(unlink(f->host), 0);
	await(f, "");
	put(f->host, "nameserver 192.0.2.3\n");
	await(f, "nameserver 192.0.2.3\n");
	assert_int_equal(inode_of(f->target), inode);
	assert_int_equal(unlink(f->target), 0); /* nobody told us: it is seen */
	await(f, "nameserver 192.0.2.3\n");
	stop(f);
}

/* A link whose directory comes later, as at boot. */
static void test_stub(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *dir = xasprintf("%s/run/resolve", f->dir);
	AUTO_FREE char *file = xasprintf("%s/stub-resolv.conf", dir);

	assert_int_equal(symlink("../run/resolve/stub-resolv.conf", f->host), 0);
	start(f);
	assert_true(holds(f, ""));
	make_dir(dir);
	put(file, "nameserver 127.0.0.53\noptions edns0\n");
	await(f, "options edns0\n");
	put(f->stub, "nameserver 192.0.2.7\n");
	await(f, "nameserver 192.0.2.7\n");
	put(f->stub, "nameserver 192.0.2.8\n");
	await(f, "nameserver 192.0.2.8\n");
	put(file, "nameserver 192.0.2.9\n"); /* reachable: nobody asks the stub */
	await(f, "nameserver 192.0.2.9\n");
	stop(f);
}

/* What was good stays while the host's file cannot be read. */
static void test_damage(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *big = xcalloc(RESOLV_MAX_BYTES + 2, 1);

	put(f->host, "nameserver 192.0.2.1\n");
	start(f);
	stop(f);
	memset(big, '\n', RESOLV_MAX_BYTES + 1);
	put(f->host, big);
	start(f);
	assert_true(holds(f, "nameserver 192.0.2.1\n"));
	put(f->host, "nameserver 192.0.2.2\n");
	await(f, "nameserver 192.0.2.2\n");
	stop(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_render),
		TEST(test_follows),
		TEST(test_stub),
		TEST(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The network driver on the real plugins and kernel, for programs that test it: opened, its methods
 * waited for, and the host looked at. To be embedded; includes cmocka. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/journal/journal_test.h"
#include "drivers/cni/cni.h"
#include "drivers/netlink/nl.h"

enum { SKIPPED = 77, TMPFS = 0x01021994 };

#define TEST_DIR "/run/cni-test"

static const char SPACE[] = "main/web", CELL[] = "main/web/app/one";

struct fixture {
	struct loop loop;
	struct journal *journal;
	struct network *network;
	unsigned disturbed; /* times that another hand changed the filter */
	unsigned others;    /* times that rules of others changed */
	bool closed;
};

struct waited {
	struct call call;
	bool done;
};

static inline double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static inline void on_done(struct call *call)
{
	container_of(call, struct waited, call)->done = true;
}

static inline struct call *waited_init(struct waited *waited, struct fixture *f)
{
	*waited = (struct waited){ 0 };
	call_init(&waited->call, &f->loop, on_done);
	return &waited->call;
}

static inline int wait_for(struct waited *waited, struct fixture *f)
{
	while (!waited->done)
		uv_run(&f->loop.uv, UV_RUN_ONCE);
	if (waited->call.status < 0)
		print_message("  (%s)\n", waited->call.err.msg);
	return waited->call.status;
}

static inline void on_closed(void *ctx)
{
	((struct fixture *)ctx)->closed = true;
}

static inline void wait_closed(struct fixture *f)
{
	while (!f->closed)
		uv_run(&f->loop.uv, UV_RUN_ONCE);
	f->closed = false;
}

static inline void on_filter(void *ctx)
{
	((struct fixture *)ctx)->disturbed++;
}

static inline void on_rules(void *ctx, const char *bridge UNUSED)
{
	((struct fixture *)ctx)->others++;
}

static inline void open_driver(struct fixture *f)
{
	const struct filter_listener listener = { .ctx = f,
						  .on_filter = on_filter,
						  .on_rules = on_rules };
	const char *bin_dirs = getenv("CNI_PATH");
	char pool[] = "10.88.0.0/16", *const pools[] = { pool };
	struct cni_options options = { .conf_dir = TEST_DIR "/net.d",
				       .bin_dirs = bin_dirs ? bin_dirs
							    : "/nowhere:/opt/cni/bin:/usr/lib/cni",
				       .netns_dir = TEST_DIR "/netns",
				       .subnet_pools = pools,
				       .n_subnet_pools = ARRAY_SIZE(pools) };
	struct error err = { 0 };

	if (loop_open(&f->loop, LOOP_CLOCK_BOOTTIME, &err) < 0 ||
	    fs_make_dirs(TEST_DIR, 0755, &err) < 0 ||
	    journal_open(&f->journal, &f->loop, TEST_DIR "/journal", &err) < 0)
		fail_msg("%s", err.msg);
	options.journal = f->journal;
	if (cni_open(&f->network, &f->loop, &options, &err) < 0 ||
	    f->network->ops->watch_filter(f->network, &listener, &err) < 0)
		fail_msg("%s", err.msg);
}

static inline void close_driver(struct fixture *f)
{
	f->network->ops->close(f->network, on_closed, f);
	wait_closed(f);
	journal_close(f->journal, on_closed, f);
	wait_closed(f);
	loop_close(&f->loop);
}

static inline void reopen(struct fixture *f)
{
	close_driver(f);
	open_driver(f);
}

static inline int setup(void **state)
{
	fs_remove_tree(AT_FDCWD, TEST_DIR, NULL);
	*state = xnew(struct fixture);
	open_driver(*state);
	return 0;
}

static inline int teardown(void **state)
{
	close_driver(*state);
	free(*state);
	return 0;
}

/* ---- the methods, waited for ---- */

static inline int ensure(struct fixture *f, const struct space_request *request,
			 struct space_fact *ret)
{
	struct waited w;

	f->network->ops->ensure_space(f->network, request, ret, waited_init(&w, f));
	return wait_for(&w, f);
}

static inline void ensure_space(struct fixture *f, const char *key)
{
	struct space_fact fact = { 0 };

	assert_int_equal(ensure(f, &(struct space_request){ .space_key = key }, &fact), 0);
	space_fact_fini(&fact);
}

static inline int remove_space(struct fixture *f, const char *key)
{
	struct waited w;

	f->network->ops->remove_space(f->network, key, waited_init(&w, f));
	return wait_for(&w, f);
}

static inline int create_netns(struct fixture *f, const char *key)
{
	struct waited w;

	f->network->ops->create_netns(f->network, key, waited_init(&w, f));
	return wait_for(&w, f);
}

static inline int attach(struct fixture *f, const char *key, const char *ip,
			 struct attachment_fact *ret)
{
	struct waited w;

	f->network->ops->attach(f->network,
				&(struct attach_request){ .cell_key = key, .wanted_ip = ip }, ret,
				waited_init(&w, f));
	return wait_for(&w, f);
}

static inline int detach(struct fixture *f, const char *key)
{
	struct waited w;

	f->network->ops->detach(f->network, key, waited_init(&w, f));
	return wait_for(&w, f);
}

static inline int join(struct fixture *f, const char *key, const char *space, struct join_fact *ret)
{
	struct waited w;

	f->network->ops->join(f->network,
			      &(struct join_request){ .cell_key = key, .space_key = space }, ret,
			      waited_init(&w, f));
	return wait_for(&w, f);
}

static inline int leave(struct fixture *f, const char *key, const char *space)
{
	struct waited w;

	f->network->ops->leave(f->network, key, space, waited_init(&w, f));
	return wait_for(&w, f);
}

static inline void list(struct fixture *f, struct network_facts *ret)
{
	struct waited w;

	f->network->ops->list(f->network, ret, waited_init(&w, f));
	assert_int_equal(wait_for(&w, f), 0);
}

/* @wish is the caller's. */
static inline void apply(struct fixture *f, struct filter_wish *wish)
{
	struct waited w;

	f->network->ops->filter_apply(f->network, wish, waited_init(&w, f));
	assert_int_equal(wait_for(&w, f), 0);
}

/* ---- looking at the host ---- */

static inline size_t count_links(const char *prefix)
{
	struct if_nameindex *links = if_nameindex();
	size_t n = 0;

	for (size_t i = 0; links[i].if_index; i++)
		n += str_starts_with(links[i].if_name, prefix);
	if_freenameindex(links);
	return n;
}

static inline bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static inline void delete_link(const char *name)
{
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	AUTO(nl_auto_link) struct rtnl_link *link = NULL;

	assert_int_equal(nl_open(&sock, NULL), 0);
	assert_int_equal(rtnl_link_get_kernel(sock, 0, name, &link), 0);
	assert_int_equal(rtnl_link_delete(sock, link), 0);
}

static inline size_t count_files(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static inline void write_text(const char *path, const char *text)
{
	struct error err = { 0 };

	if (fs_write_file_atomic(path, text, strlen(text), 0644, &err) < 0)
		fail_msg("%s", err.msg);
}

static inline void assert_nothing_left(struct fixture *f)
{
	struct network_facts facts = { 0 };
	struct journal_stats stats;

	list(f, &facts);
	assert_int_equal(facts.n_spaces, 0);
	assert_int_equal(facts.n_attachments, 0);
	network_facts_fini(&facts);
	assert_null(journal_first(f->journal, "attachment/"));
	assert_null(journal_first(f->journal, "confdir/"));
	assert_null(journal_first(f->journal, "conflist/"));
	journal_get_stats(f->journal, &stats);
	assert_int_equal(count_links("veth"), 0);
	assert_int_equal(count_links("kuke-"), 0);
	assert_int_equal(rmdir(TEST_DIR "/netns"), 0);
	if (exists(TEST_DIR "/ipam"))
		assert_int_equal(rmdir(TEST_DIR "/ipam"), 0);
	assert_int_equal(mkdir(TEST_DIR "/netns", 0755), 0);
}

/* /run is a tmpfs, and no network but lo is here: not the machine's own. */
static inline bool in_own_namespaces(void)
{
	struct statfs fs;
	struct if_nameindex *links = if_nameindex();
	size_t n = 0;

	while (links && links[n].if_index)
		n++;
	if_freenameindex(links);
	return geteuid() == 0 && n == 1 && statfs("/run", &fs) == 0 && fs.f_type == TMPFS;
}

static inline int run_network_tests(const struct CMUnitTest *tests, size_t n)
{
	if (getenv("TEST_ONLY"))
		cmocka_set_test_filter(getenv("TEST_ONLY"));
	if (!in_own_namespaces()) {
		puts("skipped: needs root and mount and network namespaces of its own (scripts/testhost)");
		return SKIPPED;
	}
	return _cmocka_run_group_tests("network driver", tests, n, NULL, NULL);
}

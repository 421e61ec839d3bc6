/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives of images into a real containerd and out of it, in a test host: layouts and what docker
 * save writes, packed or not, the same again after a round, hostile ones refused with nothing left.
 * Exit 77: not in a test host. The first argument is an OCI layout with several images.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <sys/stat.h>

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/registry/reference.h"
#include "drivers/archive/archives.h"

enum { SKIP = 77, WAIT_MS = 120 * 1000, PIECE_BYTES = 100 * 1000 };

#define SOCKET "/run/containerd/containerd.sock"
#define BUSYBOX "docker.io/library/busybox:latest"
#define USERS "docker.io/library/busybox:users"

static const char *layout_path;

static struct {
	struct loop loop;
	struct rpc *rpc;
	struct ctd ctd;
	struct host facts;
	struct images images;
	struct archives archives;
	struct pending under_way;
	struct timer guard;
} host;

/* ---- the host ---- */

static void on_guard(struct timer *timer)
{
	(void)timer;
	fprintf(stderr, "nothing happened for %d ms\n", WAIT_MS);
	abort();
}

static void wait_for(const bool *flag)
{
	timer_start(&host.loop, &host.guard, WAIT_MS, on_guard);
	while (!*flag)
		uv_run(&host.loop.uv, UV_RUN_ONCE);
	timer_stop(&host.guard);
}

static void on_closed(void *ctx)
{
	*(bool *)ctx = true;
}

static int open_host(void **state)
{
	const struct ctd_options options = { .socket = SOCKET,
					     .snapshotter = "overlayfs",
					     .instance = "/opt/kukeon" };

	(void)state;
	assert_int_equal(loop_open(&host.loop, LOOP_CLOCK_BOOTTIME, NULL), 0);
	assert_int_equal(rpc_open(&host.rpc, &host.loop, NULL), 0);
	host_read(&host.facts);
	ctd_init(&host.ctd, &host.loop, host.rpc, &options);
	images_init(&host.images, &host.ctd, &host.facts);
	archives_init(&host.archives, &host.images, &host.under_way);
	return 0;
}

static int close_host(void **state)
{
	bool stopped = false, closed = false;

	(void)state;
	archives_stop(&host.archives);
	ctd_stop(&host.ctd, on_closed, &stopped);
	wait_for(&stopped);
	images_fini(&host.images);
	ctd_fini(&host.ctd);
	rpc_close(host.rpc, on_closed, &closed);
	wait_for(&closed);
	loop_close(&host.loop);
	return 0;
}

/* What a command prints, in a buffer of its own. */
static char *output_of(const char *command)
{
	struct buf text = { 0 };
	FILE *pipe = popen(command, "re");
	size_t n;

	assert_non_null(pipe);
	while ((n = fread(buf_reserve(&text, BUFSIZ), 1, BUFSIZ, pipe)) > 0)
		text.len += n;
	pclose(pipe);
	buf_add(&text, "", 0);
	return buf_take(&text);
}

/* ---- loading ---- */

struct loading {
	struct image_load load;
	struct call call;
	const struct buf *archive;
	size_t at;
	size_t cancel_at; /* 0: nowhere */
	bool told_end, done;
	int status;
	char why[ERROR_MSG_MAX_BYTES];
};

static void on_room(struct image_load *load)
{
	struct loading *l = container_of(load, struct loading, load);
	size_t room;

	while (l->at < l->archive->len && (room = archives_load_room(load)) > 0) {
		size_t len = l->archive->len - l->at;

		len = len < room ? len : room;
		len = len < PIECE_BYTES ? len : PIECE_BYTES;
		archives_load_give(load, l->archive->data + l->at, len);
		l->at += len;
		if (l->cancel_at && l->at >= l->cancel_at) {
			l->cancel_at = 0;
			archives_load_cancel(load);
			return;
		}
	}
	if (l->at == l->archive->len && !l->told_end) {
		l->told_end = true;
		archives_load_end(load);
	}
}

static void on_loaded(struct call *call)
{
	struct loading *l = container_of(call, struct loading, call);

	l->status = call->status;
	if (l->status < 0)
		snprintf(l->why, sizeof(l->why), "%s", call->err.msg);
	l->done = true;
}

static void load(struct loading *l, const char *namespace_, const struct buf *archive)
{
	l->archive = archive;
	l->load.namespace_ = namespace_;
	l->load.on_room = on_room;
	call_init(&l->call, &host.loop, on_loaded);
	archives_load(&host.archives, &l->load, &l->call);
	wait_for(&l->done);
}

static void expect_loaded(const char *namespace_, const struct buf *archive, size_t n_images)
{
	struct loading l = { 0 };

	load(&l, namespace_, archive);
	if (l.status < 0)
		fail_msg("loading into %s: %s", namespace_, l.why);
	assert_int_equal(l.load.n_images, n_images);
	for (size_t i = 0; i < n_images; i++)
		assert_true(reference_digest_is_valid(l.load.images[i].digest));
	image_load_fini(&l.load);
}

/* No blob, no lease, no ingest, no name. */
static void expect_nothing(const char *namespace_)
{
	AUTO_FREE char *command = xasprintf("ctr -n %s content ls -q; ctr -n %s leases ls -q; "
					    "ctr -n %s content active | grep -v ^REF; "
					    "ctr -n %s images ls -q",
					    namespace_, namespace_, namespace_, namespace_);
	AUTO_FREE char *left = output_of(command);

	if (*left)
		fail_msg("left in %s:\n%s", namespace_, left);
}

static void expect_refused(const char *namespace_, const struct buf *archive, int code,
			   const char *words)
{
	struct loading l = { 0 };

	load(&l, namespace_, archive);
	if (l.status != code || !strstr(l.why, words))
		fail_msg("status %d, \"%s\"; expected %d, \"%s\"", l.status, l.why, code, words);
	image_load_fini(&l.load);
	expect_nothing(namespace_);
}

/* ---- saving ---- */

struct saving {
	struct image_save save;
	struct call call;
	struct buf archive;
	struct deferred resume;
	unsigned n_offers, refuse_every; /* 0: never */
	size_t cancel_at;
	bool done;
	int status;
	char why[ERROR_MSG_MAX_BYTES];
};

static void on_resume(struct deferred *deferred)
{
	archives_save_resume(&container_of(deferred, struct saving, resume)->save);
}

static bool on_data(struct image_save *save, const void *data, size_t len)
{
	struct saving *s = container_of(save, struct saving, save);

	if (s->cancel_at && s->archive.len >= s->cancel_at) {
		archives_save_cancel(save);
		return false;
	}
	if (s->refuse_every && ++s->n_offers % s->refuse_every == 0) {
		loop_defer(&host.loop, &s->resume, on_resume);
		return false;
	}
	buf_add(&s->archive, data, len);
	return true;
}

static void on_saved(struct call *call)
{
	struct saving *s = container_of(call, struct saving, call);

	s->status = call->status;
	if (s->status < 0)
		snprintf(s->why, sizeof(s->why), "%s", call->err.msg);
	s->done = true;
}

static void save(struct saving *s, const char *namespace_, const char *const *names, size_t n)
{
	s->save.namespace_ = namespace_;
	s->save.names = names;
	s->save.n_names = n;
	s->save.on_data = on_data;
	call_init(&s->call, &host.loop, on_saved);
	archives_save(&host.archives, &s->save, &s->call);
	wait_for(&s->done);
}

static struct buf saved(const char *namespace_, unsigned refuse_every)
{
	static const char *const names[] = { USERS, BUSYBOX };
	struct saving s = { .refuse_every = refuse_every };

	save(&s, namespace_, names, ARRAY_SIZE(names));
	if (s.status < 0)
		fail_msg("saving from %s: %s", namespace_, s.why);
	return s.archive;
}

/* ---- archives ---- */

static struct buf read_file(const char *path)
{
	struct buf text = { 0 };
	FILE *file = fopen(path, "re");
	size_t n;

	assert_non_null(file);
	while ((n = fread(buf_reserve(&text, BUFSIZ), 1, BUFSIZ, file)) > 0)
		text.len += n;
	fclose(file);
	return text;
}

enum edit { AS_IT_IS, AS_DOCKER, ONE_BYTE, NO_LAYER, BAD_INDEX, LARGE_INDEX, NO_INDEX };

static la_ssize_t on_write(struct archive *archive, void *ctx, const void *data, size_t len)
{
	(void)archive;
	buf_add(ctx, data, len);
	return (la_ssize_t)len;
}

static void write_entry(struct archive *to, const char *name, const struct buf *data)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)data->len);
	archive_write_header(to, entry);
	archive_write_data(to, data->data, data->len);
	archive_entry_free(entry);
}

static void edit_entry(struct archive *to, const char *name, struct buf *data, enum edit edit,
		       bool *edited)
{
	bool blob = str_starts_with(name, "blobs/"), large = data->len > 100000;

	if (edit == AS_DOCKER && (str_equal(name, "oci-layout") || str_equal(name, "index.json")))
		return;
	if (edit == NO_INDEX && !blob)
		return;
	if (edit == NO_LAYER && blob && large)
		return;
	if (edit == ONE_BYTE && blob && large && !*edited) {
		data->data[data->len / 2] ^= 1;
		*edited = true;
	}
	if (edit == BAD_INDEX && str_equal(name, "index.json"))
		data->len = data->len / 2;
	if (edit == LARGE_INDEX && str_equal(name, "index.json"))
		memset(buf_reserve(data, 5 << 20), ' ', 5 << 20), data->len = 5 << 20;
	write_entry(to, name, data);
}

/* @filter 0: not packed. */
static struct buf retar(const struct buf *from, enum edit edit, int filter)
{
	struct archive *in = archive_read_new(), *out = archive_write_new();
	struct archive_entry *entry;
	struct buf result = { 0 };
	bool edited = false;

	archive_read_support_format_tar(in);
	assert_int_equal(archive_read_open_memory(in, from->data, from->len), ARCHIVE_OK);
	archive_write_set_format_ustar(out);
	archive_write_set_bytes_in_last_block(out, 1);
	if (filter)
		archive_write_add_filter(out, filter);
	archive_write_open(out, &result, NULL, on_write, NULL);
	while (archive_read_next_header(in, &entry) == ARCHIVE_OK) {
		const char *path = archive_entry_pathname(entry);
		AUTO_FREE char *name = xstrdup(str_starts_with(path, "./") ? path + 2 : path);
		size_t size = (size_t)archive_entry_size(entry);
		AUTO_BUF struct buf data = { 0 };

		if (archive_entry_filetype(entry) != AE_IFREG)
			continue;
		buf_reserve(&data, size + 1);
		assert_int_equal(archive_read_data(in, data.data, size), size);
		data.len = size;
		edit_entry(out, name, &data, edit, &edited);
	}
	archive_write_close(out);
	archive_write_free(out);
	archive_read_free(in);
	return result;
}

/* ---- tests ---- */

static void expect_same(const struct buf *a, const struct buf *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->data, b->data, a->len);
}

/* The same images make the same archive, and that makes the same images. */
static void test_round(void **state)
{
	AUTO_BUF struct buf layout = read_file(layout_path), first = { 0 }, slow = { 0 },
			    second = { 0 };

	(void)state;
	expect_loaded("kukeon-round1", &layout, 5);
	expect_loaded("kukeon-round1", &layout, 5); /* again: all of it is there */
	first = saved("kukeon-round1", 0);
	slow = saved("kukeon-round1", 3);
	expect_same(&first, &slow);
	expect_loaded("kukeon-round2", &first, 2);
	second = saved("kukeon-round2", 0);
	expect_same(&first, &second);
}

/* containerd's own tool finds it whole, and takes what we save. */
static void test_ctr_agrees(void **state)
{
	AUTO_BUF struct buf layout = read_file(layout_path), archive = { 0 };
	AUTO_FREE char *checked = NULL, *imported = NULL;
	FILE *file;

	(void)state;
	expect_loaded("kukeon-ctr1", &layout, 5);
	checked = output_of("ctr -n kukeon-ctr1 images check | grep -c ' complete '");
	assert_string_equal(checked, "5\n");
	archive = saved("kukeon-ctr1", 0);
	file = fopen("/run/saved.tar", "we");
	assert_int_equal(fwrite(archive.data, 1, archive.len, file), archive.len);
	fclose(file);
	imported = output_of("ctr -n kukeon-ctr2 images import /run/saved.tar >/dev/null && "
			     "ctr -n kukeon-ctr2 images ls -q | sort");
	assert_string_equal(imported, BUSYBOX "\n" USERS "\n");
}

static void test_docker_and_packed(void **state)
{
	static const int filters[] = { 0, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD };
	AUTO_BUF struct buf layout = read_file(layout_path), source = { 0 };

	(void)state;
	expect_loaded("kukeon-docker0", &layout, 5);
	source = saved("kukeon-docker0", 0);
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
		for (int docker = 0; docker <= 1; docker++) {
			AUTO_BUF struct buf archive =
				retar(&source, docker ? AS_DOCKER : AS_IT_IS, filters[i]);
			AUTO_FREE char *namespace_ = xasprintf("kukeon-docker-%zu-%d", i, docker);

			expect_loaded(namespace_, &archive, 2);
		}
}

static void test_refused(void **state)
{
	static const struct {
		enum edit edit;
		int code;
		const char *words;
	} rows[] = {
		{ ONE_BYTE, -EBADMSG, "has the digest" }, { NO_LAYER, -EBADMSG, "is missing" },
		{ BAD_INDEX, -EBADMSG, "index.json" },    { LARGE_INDEX, -EFBIG, "index.json" },
		{ NO_INDEX, -EBADMSG, "no image in it" },
	};
	AUTO_BUF struct buf layout = read_file(layout_path), source = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_BUF struct buf archive = retar(&layout, rows[i].edit, 0);

		expect_refused("kukeon-hostile", &archive, rows[i].code, rows[i].words);
	}
	layout.len /= 2;
	expect_refused("kukeon-hostile", &layout, -EBADMSG, "damaged");
	layout.len = 0;
	expect_refused("kukeon-hostile", &layout, -EBADMSG, "no tar");
	buf_add_str(&source, "this is a text");
	expect_refused("kukeon-hostile", &source, -EBADMSG, "no tar");
}

static void test_cancelled(void **state)
{
	AUTO_BUF struct buf layout = read_file(layout_path);

	(void)state;
	for (size_t at = 1; at < layout.len; at += layout.len / 3) {
		struct loading l = { .cancel_at = at };

		load(&l, "kukeon-cancelled", &layout);
		assert_int_equal(l.status, -ECANCELED);
		image_load_fini(&l.load);
		expect_nothing("kukeon-cancelled");
	}
}

static void test_save_fails(void **state)
{
	static const char *const missing[] = { "docker.io/library/none:latest" };
	static const char *const there[] = { BUSYBOX };
	AUTO_BUF struct buf layout = read_file(layout_path);
	struct saving absent = { 0 }, cut = { .cancel_at = 1 };

	(void)state;
	expect_loaded("kukeon-save", &layout, 5);
	save(&absent, "kukeon-save", missing, 1);
	assert_int_equal(absent.status, -ENOENT);
	save(&cut, "kukeon-save", there, 1);
	assert_int_equal(cut.status, -ECANCELED);
	buf_fini(&absent.archive);
	buf_fini(&cut.archive);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_ctr_agrees),
		cmocka_unit_test(test_docker_and_packed),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_save_fails),
	};
	struct stat status;

	if (argc < 2 || stat(SOCKET, &status) < 0)
		return SKIP;
	layout_path = argv[1];
	return cmocka_run_group_tests(tests, open_host, close_host);
}

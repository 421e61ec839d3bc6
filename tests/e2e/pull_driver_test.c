/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver of images on a real containerd, with a registry in memory that says what was asked of
 * it: tests/e2e/containerd-driver pull_driver_test. It kills and restarts the host's containerd.
 * Exit 77: not in a test host.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "core/base/fs.h"
#include "drivers/containerd/containerd.h"
#include "drivers/images/images.h"
#include "drivers/pull/pull.h"
#include "tests/e2e/pull_registry.h"

enum { SKIP = 77, WAIT_MS = 60 * 1000, MIB = 1024 * 1024 };

#define NAMESPACE "kukeon-pulltest"
#define OTHER_NAMESPACE "kukeon-pullother"
#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define CONFIG_TYPE "application/vnd.oci.image.config.v1+json"
#define PLAIN_TYPE "application/vnd.oci.image.layer.v1.tar"
#define GZIP_TYPE "application/vnd.oci.image.layer.v1.tar+gzip"
#define ZSTD_TYPE "application/vnd.docker.image.rootfs.diff.tar.zstd"

static struct {
	const char *base;
	struct loop loop;
	struct rpc *rpc;
	struct runtime *runtime;
	struct registries *registries;
	struct image_driver *images;
	bool up, timed_out, closed;
	pid_t containerd; /* our child, once it was restarted */
	unsigned seed;
} test;

#define fail(...)                                                                                  \
	(fprintf(stderr, "line %d: ", __LINE__), fprintf(stderr, __VA_ARGS__),                     \
	 fputc('\n', stderr), exit(1))
#define expect(cond) ((cond) ? (void)0 : fail("expected: %s", #cond))
#define expect_number(is, expected)                                                                \
	((long long)(is) == (long long)(expected) ? (void)0                                        \
						  : fail("expected %s to be %lld, got %lld", #is,  \
							 (long long)(expected), (long long)(is)))

/* ---- waiting ---- */

static void on_timeout(struct timer *timer UNUSED)
{
	test.timed_out = true;
}

static void wait_for(const bool *flag, const char *what)
{
	struct timer timer = { 0 };

	test.timed_out = false;
	timer_start(&test.loop, &timer, WAIT_MS, on_timeout);
	while (!*flag && !test.timed_out)
		uv_run(&test.loop.uv, UV_RUN_ONCE);
	timer_stop(&timer);
	if (!*flag)
		fail("waited %d ms in vain for %s", WAIT_MS, what);
}

static void pause_ms(uint64_t ms)
{
	struct timer timer = { 0 };

	test.timed_out = false;
	timer_start(&test.loop, &timer, ms, on_timeout);
	while (!test.timed_out)
		uv_run(&test.loop.uv, UV_RUN_ONCE);
}

struct asking {
	struct call call;
	bool done;
};

static void on_asked(struct call *call)
{
	container_of(call, struct asking, call)->done = true;
}

static int check_status(int line, struct asking *asking, int expected)
{
	wait_for(&asking->done, "a call to complete");
	if (asking->call.status != expected) {
		fprintf(stderr, "line %d: expected %d, got %d: %s\n", line, expected,
			asking->call.status, asking->call.err.msg);
		exit(1);
	}
	return expected;
}

#define run(expected, method, ...)                                                                 \
	({                                                                                         \
		struct asking asking_ = { 0 };                                                     \
		call_init(&asking_.call, &test.loop, on_asked);                                    \
		test.images->ops->method(test.images, __VA_ARGS__, &asking_.call);                 \
		check_status(__LINE__, &asking_, expected);                                        \
	})

/* ---- the host ---- */

static pid_t start_program(const char *const argv[])
{
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ) != 0)
		fail("cannot run %s", argv[0]);
	return pid;
}

static int run_shell(const char *script)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	int status;
	pid_t pid = start_program(argv);

	if (waitpid(pid, &status, 0) != pid)
		fail("%s: %s", script, strerror(errno));
	return WEXITSTATUS(status);
}

static pid_t containerd_pid(void)
{
	AUTO_FREE char *path = xasprintf("%s/containerd.pid", test.base);
	struct buf buf AUTO_BUF = { 0 };
	struct error err;

	if (test.containerd)
		return test.containerd;
	if (fs_read_file(AT_FDCWD, path, 64, &buf, &err) < 0)
		fail("%s", err.msg);
	return (pid_t)atoi(buf.data);
}

static void start_containerd(void)
{
	AUTO_FREE char *config = xasprintf("%s/containerd.toml", test.base);
	const char *const argv[] = {
		"containerd", "--config", config, "--log-level", "error", NULL
	};

	test.containerd = start_program(argv);
}

static void on_container(void *ctx UNUSED, const char *namespace_ UNUSED, const char *id UNUSED)
{
}

static void on_image(void *ctx UNUSED, const char *namespace_ UNUSED)
{
}

static void on_answered(void *ctx UNUSED)
{
}

static void on_up(void *ctx UNUSED)
{
	test.up = true;
}

static void on_down(void *ctx UNUSED, const struct error *why UNUSED)
{
	test.up = false;
}

static const struct runtime_listener listener = {
	.on_container = on_container,
	.on_image = on_image,
	.on_answered = on_answered,
	.on_up = on_up,
	.on_down = on_down,
};

static void open_drivers(void)
{
	const struct containerd_options options = { .socket = getenv("CONTAINERD_ADDRESS"),
						    .instance = "pulltest" };
	struct error err;

	if (containerd_open(&test.runtime, &test.loop, test.rpc, &options, &err) < 0)
		fail("%s", err.msg);
	registries_open(&test.registries, &test.loop, &(struct registries_options){ 0 }, &err);
	pull_driver_open(&test.images, containerd_images(test.runtime), test.registries);
	test.up = false;
	test.runtime->ops->start(test.runtime, &listener);
	wait_for(&test.up, "containerd");
}

static void on_closed(void *ctx UNUSED)
{
	test.closed = true;
}

static void close_drivers(void)
{
	test.closed = false;
	test.images->ops->close(test.images, on_closed, NULL);
	wait_for(&test.closed, "the end of the images");
	registries_close(test.registries, on_closed, NULL);
	test.closed = false;
	test.runtime->ops->close(test.runtime, on_closed, NULL);
	wait_for(&test.closed, "the end of the runtime");
}

/* ---- images ---- */

static void put_octal(char *to, size_t size, unsigned long value)
{
	snprintf(to, size, "%0*lo", (int)size - 1, value);
}

/* A tar with one file of @len bytes, different in every layer. */
static void make_tar(struct buf *tar, size_t len)
{
	char *header;
	unsigned sum = 0;

	test.seed++;
	header = buf_reserve(tar, 512);
	memset(header, 0, 512);
	snprintf(header, 100, "file-%u", test.seed);
	put_octal(header + 100, 8, 0644);
	put_octal(header + 108, 8, 0);
	put_octal(header + 116, 8, 0);
	put_octal(header + 124, 12, len);
	put_octal(header + 136, 12, 0);
	memcpy(header + 257, "ustar\00000", 8);
	header[156] = '0';
	memset(header + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)header[i];
	put_octal(header + 148, 7, sum);
	tar->len += 512;
	for (size_t i = 0; i < (len + 511) / 512 * 512 + 1024; i++) {
		char c = i < len ? (char)((i * 2654435761U + test.seed) >> 13) : 0;

		buf_add(tar, &c, 1);
	}
}

static uint32_t crc32_of(const char *data, size_t len)
{
	uint32_t crc = ~0U;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
	}
	return ~crc;
}

static void add_little(struct buf *buf, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++) {
		char c = (char)(value >> (8 * i));

		buf_add(buf, &c, 1);
	}
}

enum { BLOCK_BYTES = 32 * 1024 };

/* Stored, which both formats can. */
static void pack_gzip(const struct buf *tar, struct buf *packed)
{
	buf_add(packed, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
	for (size_t at = 0; at < tar->len; at += BLOCK_BYTES) {
		size_t n = tar->len - at < BLOCK_BYTES ? tar->len - at : BLOCK_BYTES;

		add_little(packed, at + n == tar->len, 1);
		add_little(packed, n, 2);
		add_little(packed, ~n, 2);
		buf_add(packed, tar->data + at, n);
	}
	add_little(packed, crc32_of(tar->data, tar->len), 4);
	add_little(packed, tar->len, 4);
}

static void pack_zstd(const struct buf *tar, struct buf *packed)
{
	add_little(packed, 0xfd2fb528U, 4);
	add_little(packed, 0xa0, 1); /* a single segment, its size in 4 bytes */
	add_little(packed, tar->len, 4);
	for (size_t at = 0; at < tar->len; at += BLOCK_BYTES) {
		size_t n = tar->len - at < BLOCK_BYTES ? tar->len - at : BLOCK_BYTES;

		add_little(packed, n << 3 | (at + n == tar->len), 3);
		buf_add(packed, tar->data + at, n);
	}
}

static struct thing *add_text(const char *type, struct buf *text)
{
	size_t len = text->len;

	return memory_add(type, buf_take(text), len);
}

static struct thing *make_layer(const char *type, size_t len, char ret_diff_id[80])
{
	struct buf tar AUTO_BUF = { 0 }, packed = { 0 };
	char hex[SHA256_HEX_BYTES];

	make_tar(&tar, len);
	sha256_hex(tar.data, tar.len, hex);
	snprintf(ret_diff_id, 80, "sha256:%s", hex);
	if (strstr(type, "zstd"))
		pack_zstd(&tar, &packed);
	else if (strstr(type, "gzip"))
		pack_gzip(&tar, &packed);
	else
		buf_add(&packed, tar.data, tar.len);
	return add_text(type, &packed);
}

static void add_descriptor(struct buf *text, const struct thing *thing)
{
	buf_printf(text, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu", thing->media_type,
		   thing->digest, thing->len);
}

enum { LAYERS_MAX = 200 };

struct image_made {
	struct thing *layers[LAYERS_MAX], *config, *manifest;
	char diff_ids[LAYERS_MAX][80];
	size_t n;
};

static void finish_image(struct image_made *image)
{
	struct buf config = { 0 }, manifest = { 0 };

	buf_printf(
		&config,
		"{\"architecture\":\"amd64\",\"os\":\"linux\",\"made\":%u,\"config\":{\"Cmd\":[\"/x\"]},"
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[",
		test.seed);
	for (size_t i = 0; i < image->n; i++)
		buf_printf(&config, "%s\"%s\"", i ? "," : "", image->diff_ids[i]);
	buf_add_str(&config, "]}}");
	image->config = add_text(CONFIG_TYPE, &config);
	buf_add_str(&manifest,
		    "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_TYPE "\",\"config\":");
	add_descriptor(&manifest, image->config);
	buf_add_str(&manifest, "},\"layers\":[");
	for (size_t i = 0; i < image->n; i++) {
		buf_add_str(&manifest, i ? "," : "");
		add_descriptor(&manifest, image->layers[i]);
		buf_add_str(&manifest, "}");
	}
	buf_add_str(&manifest, "]}");
	image->manifest = add_text(MANIFEST_TYPE, &manifest);
	memory_registry.tag = image->manifest->digest;
}

static void make_image(struct image_made *image, size_t n, const char *type, size_t len)
{
	*image = (struct image_made){ .n = n };
	for (size_t i = 0; i < n; i++)
		image->layers[i] = make_layer(type, len, image->diff_ids[i]);
	finish_image(image);
}

/* ---- pulls ---- */

struct pulling {
	struct image_pull pull;
	struct asking asking;
	unsigned told;
	unsigned fetching_most;
};

static void on_progress(struct image_pull *pull)
{
	struct pulling *pulling = container_of(pull, struct pulling, pull);
	unsigned fetching = 0;

	pulling->told++;
	for (size_t i = 0; i < pull->progress.n_layers; i++)
		fetching += pull->progress.layers[i].state == IMAGE_LAYER_FETCHING;
	if (fetching > pulling->fetching_most)
		pulling->fetching_most = fetching;
}

static void begin(struct pulling *pulling, const char *namespace_, const char *image)
{
	*pulling = (struct pulling){ .pull = { .namespace_ = namespace_,
					       .realm = namespace_,
					       .image = image,
					       .on_progress = on_progress } };
	call_init(&pulling->asking.call, &test.loop, on_asked);
	test.images->ops->pull(test.images, &pulling->pull, &pulling->asking.call);
}

static void end(int line, struct pulling *pulling, int status, enum image_fault fault)
{
	check_status(line, &pulling->asking, status);
	if (pulling->pull.fault != fault)
		fail("expected fault %d, got %d: %s", (int)fault, (int)pulling->pull.fault,
		     pulling->asking.call.err.msg);
	image_pull_fini(&pulling->pull);
}

static struct pulling pulling;

#define pull(status, fault, namespace_, image)                                                     \
	(begin(&pulling, namespace_, image), end(__LINE__, &pulling, status, fault))

/* What is under way, or a crash has left. Of another tool's are none here. */
static void expect_nothing_left(int line, const char *namespace_)
{
	AUTO_FREE char *script = xasprintf(
		"left=$(ctr -n %1$s leases ls -q; ctr -n %1$s content active | tail -n +2; "
		"ctr -n %1$s snapshots ls | grep -w Active); [ -z \"$left\" ] || { "
		"echo \"$left\" >&2; exit 1; }",
		namespace_);

	for (int tries = 0; tries < 50; tries++) { /* collected a moment later */
		if (run_shell(script) == 0)
			return;
		pause_ms(100);
	}
	fprintf(stderr, "line %d: something is left in %s\n", line, namespace_);
	exit(1);
}

#define nothing_left(namespace_) expect_nothing_left(__LINE__, namespace_)

static void expect_whole(int line, const char *namespace_, const char *image, size_t n_layers)
{
	struct image_details details = { 0 };
	struct asking asking = { 0 };

	call_init(&asking.call, &test.loop, on_asked);
	test.images->ops->inspect(test.images, namespace_, image, &details, &asking.call);
	check_status(line, &asking, 0);
	if (!details.fact.whole || !details.fact.unpacked || !details.fact.ours ||
	    details.n_layers != n_layers) {
		fprintf(stderr, "line %d: whole %d, unpacked %d, ours %d, %zu layers\n", line,
			details.fact.whole, details.fact.unpacked, details.fact.ours,
			details.n_layers);
		exit(1);
	}
	image_details_fini(&details);
}

#define whole(namespace_, image, n) expect_whole(__LINE__, namespace_, image, n)

static void remove_image(const char *namespace_, const char *image)
{
	run(0, remove, namespace_, image, NULL);
}

/* ---- the scenario ---- */

static void test_types(void)
{
	static const char *const types[] = { PLAIN_TYPE, GZIP_TYPE, ZSTD_TYPE };
	struct image_made image = { .n = 3 };
	char *digest;
	struct asking asking = { 0 };

	for (size_t i = 0; i < 3; i++)
		image.layers[i] = make_layer(types[i], 100 * 1000, image.diff_ids[i]);
	finish_image(&image);
	begin(&pulling, NAMESPACE, "types");
	check_status(__LINE__, &pulling.asking, 0);
	expect(pulling.pull.changed && str_equal(pulling.pull.digest, image.manifest->digest));
	for (size_t i = 0; i < 3; i++)
		expect_number(pulling.pull.progress.layers[i].state, IMAGE_LAYER_DONE);
	expect_number(pulling.pull.progress.fetched, pulling.pull.progress.size);
	image_pull_fini(&pulling.pull);
	whole(NAMESPACE, "types", 3);
	nothing_left(NAMESPACE);
	call_init(&asking.call, &test.loop, on_asked);
	test.runtime->ops->resolve_image(test.runtime, NAMESPACE, "types", &digest, &asking.call);
	check_status(__LINE__, &asking, 0);
	expect(str_equal(digest, image.manifest->digest));
	free(digest);
}

/* Asks, and fetches nothing; what of it was lost is fetched again, and nothing else. */
static void test_again(void)
{
	struct image_made image;
	AUTO_FREE char *script = NULL;
	uint64_t began_ms;

	make_image(&image, 10, GZIP_TYPE, 20 * 1000);
	pull(0, IMAGE_FAULT_NONE, NAMESPACE, "again");
	memory_forget_counts();
	began_ms = loop_now_ms(&test.loop);
	pull(0, IMAGE_FAULT_NONE, NAMESPACE, "again");
	printf("a second pull of 10 layers takes %llu ms\n",
	       (unsigned long long)(loop_now_ms(&test.loop) - began_ms));
	expect(!pulling.pull.changed);
	expect_number(memory_registry.served, 0);
	expect_number(memory_registry.heads, 1);
	expect_number(image.manifest->asked, 0);
	script =
		xasprintf("ctr -n " NAMESPACE " content rm %s >/dev/null", image.layers[4]->digest);
	expect_number(run_shell(script), 0);
	run(0, tag, NAMESPACE, "again", "collect:1");
	remove_image(NAMESPACE, "collect:1"); /* its file goes with what is collected */
	pull(0, IMAGE_FAULT_NONE, NAMESPACE, "again");
	expect_number(memory_registry.served, image.layers[4]->len);
	whole(NAMESPACE, "again", 10);
	nothing_left(NAMESPACE);
}

static void test_index(void)
{
	struct image_made image;
	struct buf index = { 0 };
	struct thing *top;

	make_image(&image, 2, GZIP_TYPE, 5000);
	buf_add_str(&index,
		    "{\"schemaVersion\":2,\"mediaType\":\"" INDEX_TYPE "\",\"manifests\":["
		    "{\"mediaType\":\"" MANIFEST_TYPE "\",\"size\":7,\"digest\":\"sha256:"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
		    "\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"},"
		    "\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"}},");
	add_descriptor(&index, image.manifest);
	buf_add_str(&index, ",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}},"
			    "{\"mediaType\":\"" MANIFEST_TYPE "\",\"size\":7,\"digest\":\"sha256:"
			    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\","
			    "\"platform\":{\"os\":\"linux\",\"architecture\":\"s390x\"}}]}");
	top = add_text(INDEX_TYPE, &index);
	memory_registry.tag = top->digest;
	pull(0, IMAGE_FAULT_NONE, NAMESPACE, "platforms");
	whole(NAMESPACE, "platforms", 2);
	nothing_left(NAMESPACE);
}

static void test_many_layers(void)
{
	static const size_t numbers[] = { 1, 150 };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct image_made image;
		uint64_t began_ms = loop_now_ms(&test.loop);

		make_image(&image, numbers[i], GZIP_TYPE, 1000);
		pull(0, IMAGE_FAULT_NONE, NAMESPACE, "many");
		printf("%zu layers take %llu ms\n", numbers[i],
		       (unsigned long long)(loop_now_ms(&test.loop) - began_ms));
		whole(NAMESPACE, "many", numbers[i]);
		remove_image(NAMESPACE, "many");
	}
	nothing_left(NAMESPACE);
}

/* ---- what is refused ---- */

static void refused(int line, const char *words)
{
	begin(&pulling, NAMESPACE, "broken");
	check_status(line, &pulling.asking, -EBADMSG);
	if (pulling.pull.fault != IMAGE_FAULT_INVALID ||
	    !strstr(pulling.asking.call.err.msg, words)) {
		fprintf(stderr, "line %d: fault %d: %s\n", line, (int)pulling.pull.fault,
			pulling.asking.call.err.msg);
		exit(1);
	}
	image_pull_fini(&pulling.pull);
}

static void test_wrong_digest(void)
{
	struct image_made image;

	make_image(&image, 2, GZIP_TYPE, 2 * MIB);
	image.layers[1]->data[MIB] ^= 1;
	refused(__LINE__, "something else than its digest");
	nothing_left(NAMESPACE);
	image.layers[1]->data[MIB] ^= 1;
	pull(0, IMAGE_FAULT_NONE, NAMESPACE, "broken");
	remove_image(NAMESPACE, "broken");
}

static void test_wrong_length(void)
{
	struct image_made image = { .n = 1 };

	image.layers[0] = make_layer(GZIP_TYPE, 5000, image.diff_ids[0]);
	image.layers[0]->len += 1; /* as its manifest says it */
	finish_image(&image);
	image.layers[0]->len -= 1;
	refused(__LINE__, "shorter than said");
	nothing_left(NAMESPACE);
}

static void test_wrong_diff_id(void)
{
	struct image_made image = { .n = 1 };

	image.layers[0] = make_layer(GZIP_TYPE, 5000, image.diff_ids[0]);
	memset(image.diff_ids[0] + 7, 'a', 64);
	finish_image(&image);
	refused(__LINE__, "unpacks to something else");
	nothing_left(NAMESPACE);
}

static void refuse_document(int line, const char *text, const char *words)
{
	struct buf buf = { 0 };

	buf_add_str(&buf, text);
	memory_registry.tag = add_text(MANIFEST_TYPE, &buf)->digest;
	refused(line, words);
	nothing_left(NAMESPACE);
}

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BLOB(type, digest) "{\"mediaType\":\"" type "\",\"digest\":\"" digest "\",\"size\":5}"

static void test_refused_documents(void)
{
	struct image_made image = { .n = 1 };

	refuse_document(__LINE__,
			"{\"manifests\":[" BLOB(MANIFEST_TYPE, A) "],\"config\":" BLOB(
				CONFIG_TYPE, A) ",\"layers\":[" BLOB(GZIP_TYPE, A) "]}",
			"both layers and manifests");
	refuse_document(__LINE__, "{\"schemaVersion\":1,\"fsLayers\":[]}", "schema 1");
	refuse_document(__LINE__,
			"{\"manifests\":[{\"mediaType\":\"m\",\"size\":3,\"digest\":\"sha512:"
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}]}",
			"another algorithm");
	refuse_document(__LINE__, "no JSON", "manifest");
	image.layers[0] = make_layer(GZIP_TYPE "+encrypted", 10, image.diff_ids[0]);
	finish_image(&image);
	refused(__LINE__, "encrypted");
	nothing_left(NAMESPACE);
}

static void test_platform(void)
{
	struct buf buf = { 0 };

	buf_add_str(&buf, "{\"manifests\":[{\"mediaType\":\"m\",\"size\":3,\"digest\":\"" A
			  "\",\"platform\":{\"os\":\"windows\",\"architecture\":\"amd64\"}}]}");
	memory_registry.tag = add_text(INDEX_TYPE, &buf)->digest;
	pull(-ENOENT, IMAGE_FAULT_PLATFORM, NAMESPACE, "broken");
	nothing_left(NAMESPACE);
}

static void test_not_there(void)
{
	memory_registry.tag = A;
	pull(-ENOENT, IMAGE_FAULT_NOT_THERE, NAMESPACE, "no/such");
	pull(-EINVAL, IMAGE_FAULT_INVALID, NAMESPACE, "Not A Name");
	nothing_left(NAMESPACE);
}

/* ---- sharing ---- */

/* The same layers for two names at the same time come once; a third realm is asked for the manifest
 * with its own credentials, and gets the rest from containerd. */
static void test_shared(void)
{
	struct image_made image;
	struct pulling first, second;

	make_image(&image, 4, GZIP_TYPE, 3 * MIB);
	memory_forget_counts();
	begin(&first, NAMESPACE, "shared:1");
	begin(&second, NAMESPACE, "shared:2");
	end(__LINE__, &first, 0, IMAGE_FAULT_NONE);
	end(__LINE__, &second, 0, IMAGE_FAULT_NONE);
	for (size_t i = 0; i < 4; i++)
		expect_number(image.layers[i]->served, image.layers[i]->len);
	whole(NAMESPACE, "shared:2", 4);
	expect(memory_registry.blobs_most <= 6);
	memory_registry.only_realm = NAMESPACE;
	pull(-ENOENT, IMAGE_FAULT_NOT_THERE, OTHER_NAMESPACE, "shared:1");
	memory_registry.only_realm = NULL;
	memory_forget_counts();
	pull(0, IMAGE_FAULT_NONE, OTHER_NAMESPACE, "shared:1");
	expect_number(memory_registry.heads, 1);
	expect_number(memory_registry.served, 0);
	whole(OTHER_NAMESPACE, "shared:1", 4);
	remove_image(OTHER_NAMESPACE, "shared:1");
	remove_image(NAMESPACE, "shared:1");
	remove_image(NAMESPACE, "shared:2");
	nothing_left(NAMESPACE);
	nothing_left(OTHER_NAMESPACE);
}

static void stop_layers(struct image_made *image, int64_t at)
{
	for (size_t i = 0; i < image->n; i++)
		image->layers[i]->stop_at = at;
}

/* At most three layers of a pull, and six of all; each pull has its share. */
static void test_bounds(void)
{
	struct image_made images[3];
	struct pulling pulls[3];
	const char *names[] = { "bound:0", "bound:1", "bound:2" };

	memory_forget_counts();
	for (size_t i = 0; i < 3; i++) {
		make_image(&images[i], 8, GZIP_TYPE, MIB);
		stop_layers(&images[i], 1000);
		begin(&pulls[i], NAMESPACE, names[i]);
		/* each asks for its own before the next moves the tag */
		while (memory_registry.heads < i + 1)
			uv_run(&test.loop.uv, UV_RUN_ONCE);
	}
	for (int tries = 0; memory_registry.blobs_now < 6 && tries < 500; tries++)
		pause_ms(20);
	pause_ms(500);
	expect_number(memory_registry.blobs_now, 6);
	for (size_t i = 0; i < 3; i++)
		stop_layers(&images[i], 0);
	for (size_t i = 0; i < 3; i++) {
		end(__LINE__, &pulls[i], 0, IMAGE_FAULT_NONE);
		expect(pulls[i].fetching_most <= 3);
		remove_image(NAMESPACE, names[i]);
	}
	nothing_left(NAMESPACE);
}

/* ---- broken off ---- */

static void wait_until_served(const struct thing *thing, uint64_t bytes)
{
	for (int tries = 0; thing->served < bytes; tries++) {
		if (tries > 3000)
			fail("only %llu bytes came", (unsigned long long)thing->served);
		pause_ms(20);
	}
	pause_ms(300); /* what came is written */
}

enum { BIG_BYTES = 12 * MIB, HALF_BYTES = 8 * MIB, LOST_BYTES = MIB };

/* One layer whole, one that stops in its middle. */
static void make_stopping(struct image_made *image)
{
	*image = (struct image_made){ .n = 2 };
	image->layers[0] = make_layer(GZIP_TYPE, MIB, image->diff_ids[0]);
	image->layers[1] = make_layer(GZIP_TYPE, BIG_BYTES, image->diff_ids[1]);
	finish_image(image);
	image->layers[1]->stop_at = HALF_BYTES;
	memory_forget_counts();
}

static void expect_little_lost(const struct image_made *image)
{
	printf("of %zu bytes %llu were fetched\n", image->layers[1]->len,
	       (unsigned long long)image->layers[1]->served);
	expect_number(image->layers[0]->asked, 1);
	expect(image->layers[1]->served < image->layers[1]->len + LOST_BYTES);
}

static void test_cancel(void)
{
	struct image_made image;

	make_stopping(&image);
	begin(&pulling, NAMESPACE, "cancelled");
	wait_until_served(image.layers[1], HALF_BYTES);
	expect(pulling.told > 0 && str_equal(pulling.pull.progress.host, "memory.example"));
	test.images->ops->cancel(test.images, &pulling.pull);
	check_status(__LINE__, &pulling.asking, -ECANCELED);
	image_pull_fini(&pulling.pull);
	image.layers[1]->stop_at = 0;
	pull(0, IMAGE_FAULT_NONE, NAMESPACE, "cancelled");
	expect_little_lost(&image);
	whole(NAMESPACE, "cancelled", 2);
	remove_image(NAMESPACE, "cancelled");
	nothing_left(NAMESPACE);
}

/* What was cut off, and is not asked for again, goes with the name. */
static void test_cancel_and_remove(void)
{
	struct image_made image;

	make_stopping(&image);
	begin(&pulling, NAMESPACE, "given-up");
	wait_until_served(image.layers[1], HALF_BYTES);
	test.images->ops->cancel(test.images, &pulling.pull);
	check_status(__LINE__, &pulling.asking, -ECANCELED);
	image_pull_fini(&pulling.pull);
	expect(run_shell("ctr -n " NAMESPACE " leases ls -q | grep -q kukeon-pull-") == 0);
	remove_image(NAMESPACE, "given-up");
	nothing_left(NAMESPACE);
}

/* As a registry that does not answer any more: what came is kept. */
static void test_fault_and_again(void)
{
	struct image_made image;

	make_stopping(&image);
	begin(&pulling, NAMESPACE, "unreachable");
	wait_until_served(image.layers[1], HALF_BYTES);
	image.layers[1]->fault = IMAGE_FAULT_UNREACHABLE;
	end(__LINE__, &pulling, -EHOSTUNREACH, IMAGE_FAULT_UNREACHABLE);
	image.layers[1]->fault = IMAGE_FAULT_NONE;
	image.layers[1]->stop_at = 0;
	pull(0, IMAGE_FAULT_NONE, NAMESPACE, "unreachable");
	expect_little_lost(&image);
	remove_image(NAMESPACE, "unreachable");
	nothing_left(NAMESPACE);
}

/* The next daemon knows nothing of it, and finds it. */
static void test_new_daemon(void)
{
	struct image_made image;

	make_stopping(&image);
	begin(&pulling, NAMESPACE, "restarted");
	wait_until_served(image.layers[1], HALF_BYTES);
	close_drivers();
	check_status(__LINE__, &pulling.asking, -ECANCELED);
	image_pull_fini(&pulling.pull);
	open_drivers();
	image.layers[1]->stop_at = 0;
	pull(0, IMAGE_FAULT_NONE, NAMESPACE, "restarted");
	expect_little_lost(&image);
	remove_image(NAMESPACE, "restarted");
	nothing_left(NAMESPACE);
}

static void test_containerd_killed(void)
{
	struct image_made image;

	make_stopping(&image);
	begin(&pulling, NAMESPACE, "killed");
	wait_until_served(image.layers[1], HALF_BYTES);
	kill(containerd_pid(), SIGKILL);
	waitpid(test.containerd, NULL, 0);
	pause_ms(1000);
	image.layers[1]->stop_at = 0;
	start_containerd();
	check_status(__LINE__, &pulling.asking, 0);
	expect(pulling.pull.progress.tries > 0);
	image_pull_fini(&pulling.pull);
	expect_little_lost(&image);
	whole(NAMESPACE, "killed", 2);
	remove_image(NAMESPACE, "killed");
	nothing_left(NAMESPACE);
}

/* ---- names ---- */

static void test_names(void)
{
	struct image_made image, newer;
	struct image_facts facts = { 0 };

	make_image(&image, 1, GZIP_TYPE, 1000);
	pull(0, IMAGE_FAULT_NONE, NAMESPACE, "named");
	run(0, tag, NAMESPACE, "named", "other:2");
	run(0, tag, NAMESPACE, "named", "other:2");
	run(-ENOENT, tag, NAMESPACE, "none", "other:3");
	make_image(&newer, 1, GZIP_TYPE, 1000);
	begin(&pulling, NAMESPACE, "named");
	check_status(__LINE__, &pulling.asking, 0);
	expect(pulling.pull.changed && str_equal(pulling.pull.digest, newer.manifest->digest));
	image_pull_fini(&pulling.pull);
	run(0, remove, NAMESPACE, "named", image.manifest->digest); /* it is another by now */
	whole(NAMESPACE, "named", 1);
	run(0, list, NAMESPACE, &facts);
	expect(facts.n >= 2);
	for (size_t i = 0; i < facts.n; i++)
		expect(facts.items[i].whole && facts.items[i].size > 0 &&
		       facts.items[i].created_at_ms > 0);
	image_facts_fini(&facts);
	run(0, remove, NAMESPACE, "named", newer.manifest->digest);
	run(-ENOENT, inspect, NAMESPACE, "named", &(struct image_details){ 0 });
	run(0, remove, NAMESPACE, "named", NULL);
	remove_image(NAMESPACE, "other:2");
	nothing_left(NAMESPACE);
}

static void play(void)
{
	struct error err;

	if (loop_open(&test.loop, LOOP_CLOCK_BOOTTIME, &err) < 0 ||
	    rpc_open(&test.rpc, &test.loop, &err) < 0)
		fail("%s", err.msg);
	open_drivers();
	test_types();
	test_again();
	test_index();
	test_many_layers();
	test_wrong_digest();
	test_wrong_length();
	test_wrong_diff_id();
	test_refused_documents();
	test_platform();
	test_not_there();
	test_shared();
	test_bounds();
	test_cancel();
	test_cancel_and_remove();
	test_fault_and_again();
	test_new_daemon();
	test_containerd_killed();
	test_names();
	close_drivers();
	test.closed = false;
	rpc_close(test.rpc, on_closed, NULL);
	wait_for(&test.closed, "the end of gRPC");
	loop_close(&test.loop);
	memory_clear();
}

int main(void)
{
	test.base = getenv("KUKEON_TEST_BASE");
	if (!test.base) {
		printf("not in a test host (scripts/testhost)\n");
		return SKIP;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	play();
	return 0;
}

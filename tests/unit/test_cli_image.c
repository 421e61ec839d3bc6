/* SPDX-License-Identifier: Apache-2.0 */
/* kuke image against a server of canned answers: what is asked, what is printed. */
#include "tests/unit/stub_server.h"

#define IMAGES "/kukeon.v1beta1.Images/"
#define NGINX "docker.io/library/nginx:1"
#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static Api__Image image = API__IMAGE__INIT;

static void fill_image(void)
{
	static char *used[] = { TEXT("default/default/default/web") };

	image.name = TEXT(NGINX);
	image.digest = TEXT(DIGEST);
	image.has_size = image.has_whole = image.has_ours = true;
	image.size = 12345678;
	image.whole = image.ours = true;
	image.used_by = used;
	image.n_used_by = 1;
}

static void on_list(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	Api__ListImagesResponse reply = API__LIST_IMAGES_RESPONSE__INIT;
	Api__Image *images[] = { &image };

	stub_record(ctx, request);
	fill_image();
	reply.images = images;
	reply.n_images =
		str_equal(((const Api__ListImagesRequest *)request)->realm, "empty") ? 0 : 1;
	rpc_server_reply(call, &reply.base);
}

static void on_remove(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	const char *name = ((const Api__RemoveImageRequest *)request)->name;
	Api__RemoveImageResponse reply = API__REMOVE_IMAGE_RESPONSE__INIT;
	struct error err;

	stub_record(ctx, request);
	fill_image();
	reply.image = &image;
	if (str_equal(name, "used"))
		rpc_server_fail(call, error_set(&err, -EBUSY, "image used is used by cell web"),
				&err);
	else
		rpc_server_reply(call, &reply.base);
}

static void on_prune(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	Api__PruneImagesResponse reply = API__PRUNE_IMAGES_RESPONSE__INIT;
	Api__Image *images[] = { &image };

	stub_record(ctx, request);
	fill_image();
	reply.images = images;
	reply.n_images = 1;
	rpc_server_reply(call, &reply.base);
}

/* ---- streams ---- */

struct stream {
	unsigned n;
	uint64_t bytes;
};

static void on_closed(struct rpc_server_call *call UNUSED, void *owner)
{
	free(owner);
}

static void send_pull(struct rpc_server_call *call, unsigned n)
{
	Api__PullProgress progress = API__PULL_PROGRESS__INIT;
	Api__ImageLayer layer = API__IMAGE_LAYER__INIT, *layers[] = { &layer };

	progress.host = TEXT("registry-1.docker.io");
	layer.digest = TEXT(DIGEST);
	layer.has_size = layer.has_fetched = layer.has_state = true;
	layer.size = 2000000;
	layer.fetched = 1000000;
	layer.state = n == 0   ? API__IMAGE_LAYER__STATE__STATE_FETCHING
		      : n == 1 ? API__IMAGE_LAYER__STATE__STATE_UNPACKING
			       : API__IMAGE_LAYER__STATE__STATE_DONE;
	progress.layers = layers;
	progress.n_layers = 1;
	progress.digest = n == 2 ? TEXT(DIGEST) : NULL;
	progress.has_changed = progress.changed = true;
	rpc_server_send(call, &progress.base);
}

static void on_pull_writable(struct rpc_server_call *call, void *owner)
{
	struct stream *stream = owner;
	struct error err;

	if (stream->bytes && stream->n == 1)
		rpc_server_fail(call, error_set(&err, -ENOENT, "not found, or needs credentials"),
				&err);
	else if (stream->n == 3)
		rpc_server_end(call);
	else
		send_pull(call, stream->n++);
}

static void on_pull(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	static const struct rpc_stream_handler handler = { .on_writable = on_pull_writable,
							   .on_closed = on_closed };
	struct stream *stream = xnew(struct stream);

	stub_record(ctx, request);
	stream->bytes = str_equal(((const Api__PullImageRequest *)request)->name, "private");
	rpc_server_stream(call, &handler, stream);
	on_pull_writable(call, stream);
}

static void on_piece(struct rpc_server_call *call, const ProtobufCMessage *message, void *owner)
{
	const Api__LoadImagesRequest *piece = (const Api__LoadImagesRequest *)message;
	struct stream *stream = owner;
	Api__LoadProgress progress = API__LOAD_PROGRESS__INIT;
	Api__LoadedImage loaded = API__LOADED_IMAGE__INIT, *images[] = { &loaded };
	struct error err;

	if (piece && piece->data.len && piece->data.data[0] == '!')
		return rpc_server_fail(call, error_set(&err, -EBADMSG, "the archive: no tar"),
				       &err);
	if (piece) {
		stream->bytes += piece->data.len;
		return rpc_server_receive(call);
	}
	loaded.name = TEXT(NGINX);
	loaded.digest = xasprintf("%llu", (unsigned long long)stream->bytes);
	progress.images = images;
	progress.n_images = 1;
	rpc_server_send(call, &progress.base);
	rpc_server_end(call);
}

static void on_nothing(struct rpc_server_call *call UNUSED, void *owner UNUSED)
{
}

static void on_load(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	static const struct rpc_stream_handler handler = { .on_writable = on_nothing,
							   .on_message = on_piece,
							   .on_closed = on_closed };

	stub_record(ctx, request);
	rpc_server_stream(call, &handler, xnew(struct stream));
	rpc_server_receive(call);
}

static void on_save_writable(struct rpc_server_call *call, void *owner)
{
	struct stream *stream = owner;
	Api__SaveImagesChunk chunk = API__SAVE_IMAGES_CHUNK__INIT;
	struct error err;

	chunk.has_data = true;
	chunk.data.data = (uint8_t *)TEXT("archive\n");
	chunk.data.len = strlen("archive\n");
	if (stream->n++ < 3)
		rpc_server_send(call, &chunk.base);
	else if (stream->bytes)
		rpc_server_fail(call, error_set(&err, -ENOENT, "not there"), &err);
	else
		rpc_server_end(call);
}

static void on_save(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	static const struct rpc_stream_handler handler = { .on_writable = on_save_writable,
							   .on_closed = on_closed };
	struct stream *stream = xnew(struct stream);

	stub_record(ctx, request);
	stream->bytes = str_equal(((const Api__SaveImagesRequest *)request)->names[0], "half");
	rpc_server_stream(call, &handler, stream);
	on_save_writable(call, stream);
}

static const struct rpc_method methods[] = {
	{ IMAGES "ListImages", &api__list_images_request__descriptor, on_list },
	{ IMAGES "RemoveImage", &api__remove_image_request__descriptor, on_remove },
	{ IMAGES "PruneImages", &api__prune_images_request__descriptor, on_prune },
	{ IMAGES "PullImage", &api__pull_image_request__descriptor, on_pull },
	{ IMAGES "LoadImages", &api__load_images_request__descriptor, on_load },
	{ IMAGES "SaveImages", &api__save_images_request__descriptor, on_save },
};

/* ---- tests ---- */

static void test_lines(void **state UNUSED)
{
	static const struct {
		const char *line;
		int code;
		const char *out, *err;
	} rows[] = {
		{ "image list", CLI_DONE,
		  "IMAGE     DIGEST         SIZE      AGE   USED BY\n"
		  "nginx:1   0123456789ab   12.3 MB   -     1 cell\n",
		  "" },
		{ "image ls -o name", CLI_DONE, NGINX "\n", "" },
		{ "image list -o json --realm empty", CLI_DONE, "[]\n", "" },
		{ "image list --realm empty", CLI_DONE, "", "No images found.\n" },
		{ "image list -o yaml", CLI_DONE, "name: " NGINX "\n*", "" },
		{ "image remove nginx:1", CLI_DONE, "Image \"" NGINX "\": removed\n", "" },
		{ "image rm used nginx:1", CLI_FAILED, "Image \"" NGINX "\": removed\n",
		  "kuke: image used is used by cell web\n" },
		{ "image prune", CLI_DONE, "IMAGE *",
		  "1 image would go and free up to 12.3 MB: kuke image prune --yes removes them.\n" },
		{ "image prune --all --yes", CLI_DONE, "IMAGE *",
		  "1 image removed, up to 12.3 MB freed.\n" },
		{ "image pull nginx:1", CLI_DONE, "Image \"nginx:1\": pulled " DIGEST "\n",
		  "layer 1 of 1, " DIGEST ", 2.0 MB: fetching\n"
		  "layer 1 of 1, " DIGEST ", 2.0 MB: unpacking\n"
		  "layer 1 of 1, " DIGEST ", 2.0 MB: done\n" },
		{ "image pull private", CLI_FAILED, "",
		  "layer 1 of 1, " DIGEST ", 2.0 MB: fetching\n"
		  "kuke: not found, or needs credentials\n" },
		{ "image load -f /nowhere/x.tar", CLI_FAILED, "",
		  "kuke: /nowhere/x.tar: No such file or directory\n" },
		{ "image save nginx", CLI_DONE, "archive\narchive\narchive\n", "" },
		{ "image save half", CLI_FAILED, "archive\narchive\narchive\n",
		  "kuke: not there\n" },
		{ "image", CLI_USAGE, "", "kuke: expected pull, *" },
		{ "image lost", CLI_USAGE, "",
		  "kuke: unknown \"kuke image lost\", did you mean \"list\"?\n*" },
		{ "image tag a", CLI_USAGE, "", "kuke: expected: kuke image tag IMAGE NAME\n*" },
		{ "image list --yes", CLI_USAGE, "", "kuke: --all and --yes are for *" },
		{ "image list -f x", CLI_USAGE, "", "kuke: --file is for *" },
		{ "image list --realm a/b", CLI_USAGE, "", "kuke: --realm \"a/b\": *" },
	};
	struct stub stub;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run_expect(rows[i].line, stub.environment, rows[i].code, rows[i].out, rows[i].err);
	stub_fini(&stub);
}

static void load_text(struct stub *stub, char first, size_t len, int code, const char *out,
		      const char *err)
{
	AUTO_FREE char *path = xasprintf("%s/archive", stub->directory);
	AUTO_FREE char *line = xasprintf("image load --realm main -f %s", path);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	for (size_t i = 0; i < len; i++)
		fputc(i ? 'x' : first, file);
	fclose(file);
	run_expect(line, stub->environment, code, out, err);
	unlink(path);
}

static void test_load(void **state UNUSED)
{
	struct stub stub;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	load_text(&stub, 'x', 1000000, CLI_DONE, "Image \"" NGINX "\": loaded 1000000\n", "");
	load_text(&stub, 'x', 0, CLI_DONE, "Image \"" NGINX "\": loaded 0\n", "");
	load_text(&stub, '!', 5000000, CLI_FAILED, "", "kuke: the archive: no tar\n");
	stub_fini(&stub);
}

/* What could not be saved whole is not there. */
static void test_save_to_file(void **state UNUSED)
{
	struct stub stub;
	AUTO_FREE char *path = NULL, *line = NULL, *half = NULL;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	path = xasprintf("%s/archive", stub.directory);
	line = xasprintf("image save nginx -f %s", path);
	half = xasprintf("image save half -f %s", path);
	run_expect(line, stub.environment, CLI_DONE, "", "");
	assert_int_equal(access(path, F_OK), 0);
	run_expect(half, stub.environment, CLI_FAILED, "", "kuke: not there\n");
	assert_int_equal(access(path, F_OK), -1);
	stub_fini(&stub);
}

static void test_bars(void **state UNUSED)
{
	struct stub stub;
	struct run run;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	run = run_kuke_watched("image pull nginx:1", stub.environment);
	assert_int_equal(run.code, CLI_DONE);
	assert_non_null(strstr(run.err.data, "0123456789ab [############### "));
	assert_non_null(strstr(run.err.data, "1.0 MB of 2.0 MB"));
	assert_non_null(strstr(run.err.data, "\033[A\033[2K"));
	assert_string_equal(run.out.data, "Image \"nginx:1\": pulled " DIGEST "\n");
	run_fini(&run);
	stub_fini(&stub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_save_to_file),
		cmocka_unit_test(test_bars),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Images over the API, through a real socket, with a driver that only remembers. */
#include <errno.h>

#include "tests/unit/api_fixture.h"

#include "core/driver/images.h"

#define IMAGES "/kukeon.v1beta1.Images/"
#define NGINX "docker.io/library/nginx:latest"
#define OLD "docker.io/library/nginx:1"
#define FOREIGN "quay.io/other/tool:2"

enum { ROOM_BYTES = 1000, PIECES = 8, PIECE_BYTES = 64 << 10, SAVED_PIECES = 50 };

struct fixture {
	struct served served;
	struct image_driver driver;
	struct strv names; /* sorted */
	struct buf did;    /* "tag a b\n" */

	/* a load or save that is under way */
	struct image_load *load;
	struct image_save *save;
	struct call *call;
	uint64_t loaded; /* bytes */
	size_t room;
	struct deferred more;
	unsigned saved, refused;

	struct rpc_stream stream;
	bool ended;
	int status, n_sent, n_replies, stop_after;
	uint64_t received;
	char *loaded_name;
	struct error err;
};

static struct fixture *the; /* one at a time */

static bool has_ended(struct sim *sim UNUSED)
{
	return the->ended;
}

/* ---- the driver ---- */

static void fact_fill(struct image_fact *fact, const char *name)
{
	*fact = (struct image_fact){
		.name = xstrdup(name),
		.digest = xasprintf("sha256:0 of %s", str_equal(name, NGINX) ? "nginx" : name),
		.size = 1000,
		.whole = true,
		.ours = !str_equal(name, FOREIGN),
		.created_at_ms = 1000,
	};
}

static void stub_list(struct image_driver *images UNUSED, const char *namespace_,
		      struct image_facts *ret_facts, struct call *call)
{
	assert_string_equal(namespace_, "kukeon-default");
	ret_facts->items = xcalloc(the->names.n, sizeof(*ret_facts->items));
	for (; ret_facts->n < the->names.n; ret_facts->n++)
		fact_fill(&ret_facts->items[ret_facts->n], the->names.items[ret_facts->n]);
	call_complete(call, 0, NULL);
}

static void stub_inspect(struct image_driver *images UNUSED, const char *namespace_ UNUSED,
			 const char *name, struct image_details *ret_details, struct call *call)
{
	fact_fill(&ret_details->fact, name);
	ret_details->config = xstrdup("{\"config\": {}}");
	strv_add(&ret_details->volumes, "/data");
	strv_add(&ret_details->exposed_ports, "80/tcp");
	ret_details->health_check = xstrdup("CMD true");
	ret_details->n_layers = 1;
	ret_details->layers = xnew(struct image_layer);
	ret_details->layers->size = 900;
	ret_details->layers->state = IMAGE_LAYER_PRESENT;
	call_complete(call, 0, NULL);
}

static void stub_tag(struct image_driver *images UNUSED, const char *namespace_ UNUSED,
		     const char *from, const char *name, struct call *call)
{
	buf_printf(&the->did, "tag %s %s\n", from, name);
	call_complete(call, 0, NULL);
}

static void stub_remove(struct image_driver *images UNUSED, const char *namespace_ UNUSED,
			const char *name, const char *digest, struct call *call)
{
	struct error err;

	assert_true(str_starts_with(digest, "sha256:"));
	buf_printf(&the->did, "remove %s\n", name);
	if (strstr(name, "stuck"))
		call_complete(call, -ETIMEDOUT, (error_set(&err, 0, "containerd hangs"), &err));
	else
		call_complete(call, 0, NULL);
}

static void stub_load(struct image_driver *images UNUSED, struct image_load *load,
		      struct call *call)
{
	the->load = load;
	the->call = call;
	the->room = ROOM_BYTES;
}

static size_t stub_load_room(struct image_driver *images UNUSED, const struct image_load *load)
{
	assert_ptr_equal(load, the->load);
	return the->room;
}

static void on_more(struct deferred *deferred UNUSED)
{
	the->room = ROOM_BYTES;
	the->load->on_room(the->load);
}

static void stub_load_give(struct image_driver *images UNUSED, struct image_load *load UNUSED,
			   const void *data, size_t len)
{
	struct error err;

	assert_true(len > 0 && len <= the->room);
	the->room -= len;
	the->loaded += len;
	if (memchr(data, '!', len))
		call_complete(the->call, -EBADMSG, (error_set(&err, 0, "no archive"), &err));
	else if (!the->room)
		loop_defer(&the->served.sim.loop, &the->more, on_more);
}

static void stub_load_end(struct image_driver *images UNUSED, struct image_load *load)
{
	load->images = xnew(struct image_loaded);
	load->n_images = 1;
	load->images->name = xstrdup(NGINX);
	load->images->digest = xstrdup("sha256:1");
	deferred_cancel(&the->more);
	call_complete(the->call, 0, NULL);
}

static void stub_load_cancel(struct image_driver *images UNUSED, struct image_load *load UNUSED)
{
	buf_add_str(&the->did, "load cancelled\n");
	deferred_cancel(&the->more);
	call_complete(the->call, -ECANCELED, NULL);
}

static void save_on(void)
{
	static const char piece[PIECE_BYTES];

	while (the->saved < SAVED_PIECES) {
		if (!the->save->on_data(the->save, piece, sizeof(piece))) {
			the->refused++;
			return;
		}
		the->saved++;
	}
	call_complete(the->call, 0, NULL);
}

static void stub_save(struct image_driver *images UNUSED, struct image_save *save,
		      struct call *call)
{
	struct error err;

	the->save = save;
	the->call = call;
	if (str_equal(save->names[0], NGINX))
		save_on();
	else
		call_complete(call, -ENOENT, (error_set(&err, 0, "not there"), &err));
}

static void stub_save_resume(struct image_driver *images UNUSED, struct image_save *save UNUSED)
{
	save_on();
}

static void stub_save_cancel(struct image_driver *images UNUSED, struct image_save *save UNUSED)
{
	buf_add_str(&the->did, "save cancelled\n");
	call_complete(the->call, -ECANCELED, NULL);
}

static void stub_pull(struct image_driver *images UNUSED, struct image_pull *pull,
		      struct call *call)
{
	struct error err;

	assert_string_equal(pull->namespace_, "kukeon-default");
	pull->progress.host = xstrdup("registry.example");
	pull->progress.layers = xnew(struct image_layer);
	pull->progress.n_layers = 1;
	pull->progress.layers->state = IMAGE_LAYER_FETCHING;
	if (strstr(pull->image, "private")) {
		pull->fault = IMAGE_FAULT_NOT_THERE;
		call_complete(call, -ENOENT,
			      (error_set(&err, 0, "not found, or needs credentials"), &err));
	} else if (!strstr(pull->image, "slow")) {
		pull->digest = xstrdup("sha256:2");
		pull->changed = true;
		call_complete(call, 0, NULL);
	} else {
		the->call = call;
	}
}

static void stub_cancel(struct image_driver *images UNUSED, struct image_pull *pull UNUSED)
{
	buf_add_str(&the->did, "pull cancelled\n");
	call_complete(the->call, -ECANCELED, NULL);
}

static const struct image_ops stub_ops = {
	.pull = stub_pull,
	.cancel = stub_cancel,
	.list = stub_list,
	.inspect = stub_inspect,
	.tag = stub_tag,
	.remove = stub_remove,
	.load = stub_load,
	.load_room = stub_load_room,
	.load_give = stub_load_give,
	.load_end = stub_load_end,
	.load_cancel = stub_load_cancel,
	.save = stub_save,
	.save_resume = stub_save_resume,
	.save_cancel = stub_save_cancel,
};

/* ---- life ---- */

static bool cell_runs(struct sim *sim)
{
	return sim_state(sim, "default/default/default/web") == API__STATE__STATE_READY;
}

static int setup(void **state)
{
	struct fixture *f = the = xnew(struct fixture);

	f->driver.ops = &stub_ops;
	served_init(&f->served, false);
	f->served.sim.engine.images = &f->driver;
	sim_file(&f->served.sim, "/web.yaml",
		 "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\n"
		 "spec: {containers: [{id: a, image: nginx}, {id: b, image: nginx}]}\n");
	sim_scanned(&f->served.sim);
	assert_true(sim_run_until(&f->served.sim, cell_runs, WAIT_MS));
	strv_add(&f->names, OLD);
	strv_add(&f->names, NGINX);
	strv_add(&f->names, FOREIGN);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	served_fini(&f->served);
	strv_fini(&f->names);
	buf_fini(&f->did);
	free(f->loaded_name);
	free(f);
	return 0;
}

static int ask(struct fixture *f, const char *method, const ProtobufCMessage *request,
	       const ProtobufCMessageDescriptor *reply_type)
{
	AUTO_FREE char *path = xasprintf(IMAGES "%s", method);

	return served_ask(&f->served, path, request, reply_type);
}

static const char *did(const struct fixture *f)
{
	return f->did.data ? f->did.data : "";
}

/* ---- what is answered once ---- */

static void test_list(void **state)
{
	struct fixture *f = *state;
	Api__ListImagesRequest request = API__LIST_IMAGES_REQUEST__INIT;
	const Api__ListImagesResponse *reply;

	assert_int_equal(
		ask(f, "ListImages", &request.base, &api__list_images_response__descriptor),
		-EINVAL);
	request.realm = (char *)"nowhere";
	assert_int_equal(
		ask(f, "ListImages", &request.base, &api__list_images_response__descriptor),
		-ENOENT);
	request.realm = (char *)"default";
	assert_int_equal(
		ask(f, "ListImages", &request.base, &api__list_images_response__descriptor), 0);
	reply = (const Api__ListImagesResponse *)f->served.unary.reply;
	assert_int_equal(reply->n_images, 3);
	assert_int_equal(reply->images[0]->n_used_by, 0);
	assert_string_equal(reply->images[1]->name, NGINX);
	assert_int_equal(reply->images[1]->n_used_by, 1);
	assert_string_equal(reply->images[1]->used_by[0], "default/default/default/web");
	assert_true(reply->images[1]->ours);
	assert_false(reply->images[2]->ours);
	f->served.sim.engine.images = NULL;
	assert_int_equal(
		ask(f, "ListImages", &request.base, &api__list_images_response__descriptor),
		-ENOSYS);
}

static void test_inspect(void **state)
{
	struct fixture *f = *state;
	Api__InspectImageRequest request = API__INSPECT_IMAGE_REQUEST__INIT;
	const Api__InspectImageResponse *reply;

	request.realm = (char *)"default";
	request.name = (char *)"nginx:1";
	assert_int_equal(
		ask(f, "InspectImage", &request.base, &api__inspect_image_response__descriptor), 0);
	reply = (const Api__InspectImageResponse *)f->served.unary.reply;
	assert_string_equal(reply->details->image->name, OLD);
	assert_string_equal(reply->details->config, "{\"config\": {}}");
	assert_int_equal(reply->details->n_layers, 1);
	assert_string_equal(reply->details->volumes[0], "/data");
	assert_string_equal(reply->details->exposed_ports[0], "80/tcp");
	assert_string_equal(reply->details->health_check, "CMD true");
	request.name = (char *)"redis";
	assert_int_equal(ask(f, "InspectImage", &request.base, NULL), -ENOENT);
	assert_string_equal(f->served.call.err.msg,
			    "image \"redis\" not found in realm \"default\"");
	request.name = (char *)"Not:A:Name";
	assert_int_equal(ask(f, "InspectImage", &request.base, NULL), -EINVAL);
}

static void test_tag(void **state)
{
	struct fixture *f = *state;
	Api__TagImageRequest request = API__TAG_IMAGE_REQUEST__INIT;

	request.realm = (char *)"default";
	request.source = (char *)"nginx";
	request.target = (char *)"mine:2";
	assert_int_equal(ask(f, "TagImage", &request.base, &api__tag_image_response__descriptor),
			 0);
	assert_string_equal(did(f), "tag " NGINX " docker.io/library/mine:2\n");
	request.target = (char *)"mine@sha256:"
				 "00000000000000000000000000000000"
				 "00000000000000000000000000000000";
	assert_int_equal(ask(f, "TagImage", &request.base, NULL), -EINVAL);
}

static int remove_image(struct fixture *f, const char *name)
{
	Api__RemoveImageRequest request = API__REMOVE_IMAGE_REQUEST__INIT;

	request.realm = (char *)"default";
	request.name = (char *)name;
	return ask(f, "RemoveImage", &request.base, &api__remove_image_response__descriptor);
}

static void test_remove(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(remove_image(f, "nginx"), -EBUSY);
	assert_string_equal(f->served.call.err.msg,
			    "image " NGINX " is used by cell default/default/default/web");
	assert_string_equal(did(f), "");
	assert_int_equal(remove_image(f, "nginx:1"), 0);
	assert_int_equal(remove_image(f, FOREIGN), 0);
	assert_string_equal(did(f), "remove " OLD "\nremove " FOREIGN "\n");
	f->served.sim.engine.desired.complete = false;
	assert_int_equal(remove_image(f, "nginx:1"), -EBUSY);
	f->served.sim.engine.desired.complete = true;
}

/* What runs is used though its name has come to stand for something else. */
static void test_moved_name(void **state)
{
	struct fixture *f = *state;
	struct container *c =
		cell_root(engine_find(&f->served.sim.engine, "default/default/default/web"));

	free(c->image_digest);
	c->image_digest = xstrdup("sha256:0 of " OLD);
	assert_int_equal(remove_image(f, "nginx:1"), -EBUSY);
	assert_int_equal(remove_image(f, "nginx"), -EBUSY);
}

static void prune(struct fixture *f, bool all, bool dry_run, size_t expected)
{
	Api__PruneImagesRequest request = API__PRUNE_IMAGES_REQUEST__INIT;

	f->did.len = 0;
	buf_add_str(&f->did, "");
	request.realm = (char *)"default";
	request.has_all = request.has_dry_run = true;
	request.all = all;
	request.dry_run = dry_run;
	assert_int_equal(
		ask(f, "PruneImages", &request.base, &api__prune_images_response__descriptor), 0);
	assert_int_equal(((const Api__PruneImagesResponse *)f->served.unary.reply)->n_images,
			 expected);
}

static void test_prune(void **state)
{
	struct fixture *f = *state;

	prune(f, false, true, 1);
	assert_string_equal(did(f), "");
	prune(f, true, true, 2);
	prune(f, false, false, 1);
	assert_string_equal(did(f), "remove " OLD "\n");
	prune(f, true, false, 2);
	assert_string_equal(did(f), "remove " OLD "\nremove " FOREIGN "\n");
}

/* Whoever asks has reached us: what containerd does is no "unreachable". */
static void test_driver_hangs(void **state)
{
	struct fixture *f = *state;

	strv_add(&f->names, "x.io/stuck:1");
	assert_int_equal(remove_image(f, "x.io/stuck:1"), -EIO);
	assert_string_equal(f->served.call.err.msg, "containerd hangs");
}

/* ---- streams ---- */

static void on_end(struct rpc_stream *stream UNUSED, int status, const struct error *err)
{
	the->ended = true;
	the->status = status;
	if (err)
		the->err = *err;
}

static void send_piece(const char *text)
{
	static char piece[PIECE_BYTES];
	Api__LoadImagesRequest request = API__LOAD_IMAGES_REQUEST__INIT;

	memset(piece, *text, sizeof(piece));
	request.has_data = true;
	request.data.data = (uint8_t *)piece;
	request.data.len = sizeof(piece);
	the->n_sent++;
	request.has_last = request.last = the->n_sent == PIECES;
	rpc_stream_send(&the->stream, &request.base);
}

static void on_piece_sent(struct rpc_stream *stream)
{
	if (the->stop_after > 0 && the->n_sent == the->stop_after)
		rpc_stream_cancel(stream);
	else if (the->n_sent == PIECES)
		rpc_stream_finish(stream);
	else
		send_piece(the->stop_after < 0 && the->n_sent == 3 ? "!" : "x");
}

static void on_progress(struct rpc_stream *stream UNUSED, const ProtobufCMessage *message)
{
	const Api__LoadProgress *progress = (const Api__LoadProgress *)message;

	the->n_replies++;
	the->received = progress->taken;
	if (progress->n_images)
		the->loaded_name = xstrdup(progress->images[0]->name);
}

static void load(struct fixture *f, int stop_after)
{
	Api__LoadImagesRequest request = API__LOAD_IMAGES_REQUEST__INIT;

	request.realm = (char *)"default";
	f->stop_after = stop_after;
	f->stream = (struct rpc_stream){ .method = IMAGES "LoadImages",
					 .request = &request.base,
					 .reply_type = &api__load_progress__descriptor,
					 .on_sent = on_piece_sent,
					 .on_message = on_progress,
					 .on_end = on_end };
	rpc_stream_start(f->served.channel, &f->stream);
	assert_true(sim_run_until(&f->served.sim, has_ended, WAIT_MS));
}

static void test_load(void **state)
{
	struct fixture *f = *state;

	load(f, 0);
	assert_int_equal(f->status, 0);
	assert_int_equal(f->loaded, PIECES * PIECE_BYTES);
	assert_int_equal(f->received, PIECES * PIECE_BYTES);
	assert_string_equal(f->loaded_name, NGINX);
}

static bool load_is_cancelled(struct sim *sim UNUSED)
{
	return strstr(did(the), "load cancelled") != NULL;
}

static void test_load_cancelled(void **state)
{
	struct fixture *f = *state;

	load(f, 3);
	assert_int_equal(f->status, -ECANCELED);
	assert_true(sim_run_until(&f->served.sim, load_is_cancelled, WAIT_MS));
}

static void test_load_refused(void **state)
{
	struct fixture *f = *state;

	load(f, -1);
	assert_int_equal(f->status, -EIO);
	assert_string_equal(f->err.msg, "no archive");
}

static void on_chunk(struct rpc_stream *stream, const ProtobufCMessage *message)
{
	const Api__SaveImagesChunk *chunk = (const Api__SaveImagesChunk *)message;

	the->received += chunk->data.len;
	if (++the->n_replies == the->stop_after)
		rpc_stream_cancel(stream);
}

static void save(struct fixture *f, const char *name, int stop_after)
{
	Api__SaveImagesRequest request = API__SAVE_IMAGES_REQUEST__INIT;

	request.realm = (char *)"default";
	request.names = (char **)&name;
	request.n_names = 1;
	f->stop_after = stop_after;
	f->stream = (struct rpc_stream){ .method = IMAGES "SaveImages",
					 .request = &request.base,
					 .reply_type = &api__save_images_chunk__descriptor,
					 .on_message = on_chunk,
					 .on_end = on_end };
	rpc_stream_start(f->served.channel, &f->stream);
	assert_true(sim_run_until(&f->served.sim, has_ended, WAIT_MS));
}

static void test_save(void **state)
{
	struct fixture *f = *state;

	save(f, "nginx", 0);
	assert_int_equal(f->status, 0);
	assert_int_equal(f->received, SAVED_PIECES * PIECE_BYTES);
	assert_true(f->refused > 0);
}

static bool save_is_cancelled(struct sim *sim UNUSED)
{
	return strstr(did(the), "save cancelled") != NULL;
}

static void test_save_cancelled(void **state)
{
	struct fixture *f = *state;

	save(f, "nginx", 3);
	assert_int_equal(f->status, -ECANCELED);
	assert_true(sim_run_until(&f->served.sim, save_is_cancelled, WAIT_MS));
}

static void test_save_fails(void **state)
{
	struct fixture *f = *state;

	save(f, "redis", 0);
	assert_int_equal(f->status, -ENOENT);
}

static void on_pull_progress(struct rpc_stream *stream, const ProtobufCMessage *message)
{
	const Api__PullProgress *progress = (const Api__PullProgress *)message;

	the->n_replies++;
	if (progress->digest) {
		assert_true(progress->changed);
		the->loaded_name = xstrdup(progress->digest);
	}
	if (the->n_replies == the->stop_after)
		rpc_stream_cancel(stream);
}

static void pull(struct fixture *f, const char *name, int stop_after)
{
	Api__PullImageRequest request = API__PULL_IMAGE_REQUEST__INIT;

	request.realm = (char *)"default";
	request.name = (char *)name;
	f->stop_after = stop_after;
	f->stream = (struct rpc_stream){ .method = IMAGES "PullImage",
					 .request = &request.base,
					 .reply_type = &api__pull_progress__descriptor,
					 .on_message = on_pull_progress,
					 .on_end = on_end };
	rpc_stream_start(f->served.channel, &f->stream);
	assert_true(sim_run_until(&f->served.sim, has_ended, WAIT_MS));
}

static void test_pull(void **state)
{
	struct fixture *f = *state;

	pull(f, "redis", 0);
	assert_int_equal(f->status, 0);
	assert_string_equal(f->loaded_name, "sha256:2");
}

static void test_pull_refused(void **state)
{
	struct fixture *f = *state;

	pull(f, "x.io/private", 0);
	assert_int_equal(f->status, -ENOENT);
	assert_non_null(strstr(f->err.msg, "not found, or needs credentials"));
}

static bool pull_is_cancelled(struct sim *sim UNUSED)
{
	return strstr(did(the), "pull cancelled") != NULL;
}

/* Nobody else wants it: whoever goes takes the pull along. */
static void test_pull_cancelled(void **state)
{
	struct fixture *f = *state;

	pull(f, "x.io/slow", 1);
	assert_int_equal(f->status, -ECANCELED);
	assert_true(sim_run_until(&f->served.sim, pull_is_cancelled, WAIT_MS));
}

/* The daemon stops while an archive is being loaded: the API is closed, the driver ends later. */
static void test_stopped(void **state)
{
	struct fixture *f = *state;
	Api__LoadImagesRequest request = API__LOAD_IMAGES_REQUEST__INIT;

	request.realm = (char *)"default";
	f->stop_after = 1 << 30;
	f->n_sent = PIECES + 1; /* never the last */
	f->stream = (struct rpc_stream){ .method = IMAGES "LoadImages",
					 .request = &request.base,
					 .reply_type = &api__load_progress__descriptor,
					 .on_sent = on_piece_sent,
					 .on_message = on_progress,
					 .on_end = on_end };
	rpc_stream_start(f->served.channel, &f->stream);
	served_stop(&f->served);
	assert_true(f->ended);
	served_start(&f->served);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_list),           test(test_inspect),    test(test_tag),
		test(test_remove),         test(test_moved_name), test(test_prune),
		test(test_driver_hangs),   test(test_load),       test(test_load_cancelled),
		test(test_load_refused),   test(test_save),       test(test_save_cancelled),
		test(test_save_fails),     test(test_pull),       test(test_pull_refused),
		test(test_pull_cancelled), test(test_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The service through a real socket, on a real loop, over the fake world. */
#include <errno.h>

#include "tests/unit/api_fixture.h"

#include "core/base/log.h"
#include "core/base/version.h"
#include "core/base/wall.h"
#include "core/desired/desired.h"
#include "core/status/status.h"

enum { MANY_CHANGES = 5000, MANY_REALMS = 1200 };

#define WEB "default/default/default/web"
#define CELL(realm, name)                                                                          \
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: " name "}\nspec:\n  realmId: " realm    \
	"\n"                                                                                       \
	"  containers: [{id: a, image: img, stopGracePeriodSeconds: 1}, {id: b, image: img}]\n"

struct fixture {
	struct served served;
	struct rpc_stream stream;
	struct buf events; /* one letter each, with the object's name */
	const char *awaited;
	unsigned n_modified;
	bool resync, ended;
};

static struct fixture *fixture_of(struct sim *sim)
{
	return container_of(served_of(sim), struct fixture, served);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	served_init(&f->served, false);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	served_fini(&f->served);
	buf_fini(&f->events);
	free(f);
	return 0;
}

static int ask(struct fixture *f, const char *method, const ProtobufCMessage *request,
	       const ProtobufCMessageDescriptor *reply_type)
{
	return served_ask(&f->served, method, request, reply_type);
}

static const char *object_name(const Api__Object *object)
{
	switch (object->object_case) {
	case API__OBJECT__OBJECT_REALM:
		return object->realm->metadata->name;
	case API__OBJECT__OBJECT_SPACE:
		return object->space->metadata->name;
	case API__OBJECT__OBJECT_STACK:
		return object->stack->metadata->name;
	case API__OBJECT__OBJECT_CELL:
		return object->cell->metadata->name;
	case API__OBJECT__OBJECT_CONTAINER:
		return object->container->metadata->name;
	default:
		return "?";
	}
}

static bool web_is_ready(struct sim *sim)
{
	return sim_state(sim, WEB) == API__STATE__STATE_READY;
}

static void start_cells(struct fixture *f, const char *text)
{
	sim_file(&f->served.sim, "a.yaml", text);
	sim_scanned(&f->served.sim);
	assert_true(sim_run_until(&f->served.sim, web_is_ready, WAIT_MS));
}

static const struct {
	Api__Kind kind;
	const char *realm, *space, *stack, *cell, *name;
	const char *names;
} selections[] = {
	{ API__KIND__KIND_REALM, NULL, NULL, NULL, NULL, NULL, "default other" },
	{ API__KIND__KIND_REALM, NULL, NULL, NULL, NULL, "other", "other" },
	{ API__KIND__KIND_SPACE, "other", NULL, NULL, NULL, NULL, "default" },
	{ API__KIND__KIND_STACK, NULL, NULL, NULL, NULL, NULL, "default default" },
	{ API__KIND__KIND_CELL, NULL, NULL, NULL, NULL, NULL, "api web web" },
	{ API__KIND__KIND_CELL, "default", NULL, NULL, NULL, NULL, "api web" },
	{ API__KIND__KIND_CELL, "default", "default", "default", NULL, "web", "web" },
	{ API__KIND__KIND_CELL, NULL, "front", NULL, NULL, NULL, "" },
	{ API__KIND__KIND_CELL, NULL, NULL, NULL, NULL, "nope", "" },
	{ API__KIND__KIND_CONTAINER, NULL, NULL, NULL, NULL, NULL, "a b a b a b" },
	{ API__KIND__KIND_CONTAINER, "default", NULL, NULL, "web", NULL, "a b" },
	{ API__KIND__KIND_CONTAINER, NULL, NULL, NULL, "web", "b", "b b" },
};

static void test_get_selects(void **state)
{
	struct fixture *f = *state;

	start_cells(f, CELL("default", "web") "---\n" CELL("default", "api") "---\n" CELL("other",
											  "web"));
	for (size_t i = 0; i < ARRAY_SIZE(selections); i++) {
		Api__Selector selector = API__SELECTOR__INIT;
		Api__GetRequest request = API__GET_REQUEST__INIT;
		AUTO_BUF struct buf names = { 0 };
		const Api__GetResponse *reply;

		selector.has_kind = true;
		selector.kind = selections[i].kind;
		selector.realm = (char *)selections[i].realm;
		selector.space = (char *)selections[i].space;
		selector.stack = (char *)selections[i].stack;
		selector.cell = (char *)selections[i].cell;
		selector.name = (char *)selections[i].name;
		request.selector = &selector;
		assert_int_equal(ask(f, "/kukeon.v1beta1.Kukeon/Get", &request.base,
				     &api__get_response__descriptor),
				 0);
		reply = (const Api__GetResponse *)f->served.unary.reply;
		buf_add_str(&names, "");
		for (size_t n = 0; n < reply->n_objects; n++)
			buf_printf(&names, "%s%s", n ? " " : "", object_name(reply->objects[n]));
		if (strcmp(names.data ? names.data : "", selections[i].names) != 0)
			fail_msg("selection %zu: \"%s\", expected \"%s\"", i, names.data,
				 selections[i].names);
	}
	rpc_unary_fini(&f->served.unary);
}

static void test_get_without_a_kind(void **state)
{
	struct fixture *f = *state;
	Api__GetRequest request = API__GET_REQUEST__INIT;

	assert_int_equal(
		ask(f, "/kukeon.v1beta1.Kukeon/Get", &request.base, &api__get_response__descriptor),
		-EINVAL);
	assert_string_equal(f->served.call.err.msg, "the request selects no kind");
	rpc_unary_fini(&f->served.unary);
}

static void test_version(void **state)
{
	struct fixture *f = *state;
	Api__VersionRequest request = API__VERSION_REQUEST__INIT;
	const Api__VersionResponse *reply;

	assert_int_equal(ask(f, "/kukeon.v1beta1.Kukeon/Version", &request.base,
			     &api__version_response__descriptor),
			 0);
	reply = (const Api__VersionResponse *)f->served.unary.reply;
	assert_string_equal(reply->version, kukeon_version);
	assert_int_equal(reply->pid, getpid());
	assert_true(wall_parse(reply->started_at) > 0);
	rpc_unary_fini(&f->served.unary);
}

/* ---- status ---- */

static const Api__StatusResponse *status(struct fixture *f)
{
	Api__StatusRequest request = API__STATUS_REQUEST__INIT;

	assert_int_equal(ask(f, "/kukeon.v1beta1.Kukeon/Status", &request.base,
			     &api__status_response__descriptor),
			 0);
	return (const Api__StatusResponse *)f->served.unary.reply;
}

static unsigned count_of(const Api__StatusResponse *reply, Api__Kind kind, Api__State state)
{
	for (size_t i = 0; i < reply->n_counts; i++)
		if (reply->counts[i]->kind == kind && reply->counts[i]->state == state)
			return reply->counts[i]->count;
	return 0;
}

static void test_status_healthy(void **state)
{
	struct fixture *f = *state;
	const Api__StatusResponse *reply;

	start_cells(f, CELL("default", "web"));
	reply = status(f);
	assert_true(reply->healthy);
	assert_int_equal(reply->n_problems, 0);
	assert_int_equal(count_of(reply, API__KIND__KIND_CELL, API__STATE__STATE_READY), 1);
	assert_int_equal(count_of(reply, API__KIND__KIND_CONTAINER, API__STATE__STATE_READY), 2);
	assert_true(reply->runtime->connected);
	assert_string_equal(reply->manifests->watch, "inotify");
	assert_int_equal(reply->manifests->n_files, 1);
	assert_string_equal(reply->manifests->files[0]->path, "a.yaml");
	assert_int_equal(reply->manifests->files[0]->generation, 1);
	assert_string_equal(reply->manifests->files[0]->objects[0], WEB);
	rpc_unary_fini(&f->served.unary);
}

static void test_status_unhealthy(void **state)
{
	struct fixture *f = *state;
	const Api__StatusResponse *reply;
	struct error err;

	strv_add(&f->served.sim.world.missing_images, "gone");
	sim_file(
		&f->served.sim, "bad.yaml",
		"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: api}\nspec: {containers: [{id: a, image: gone}]}\n");
	start_cells(f, CELL("default", "web"));
	reply = status(f);
	assert_false(reply->healthy);
	assert_int_equal(reply->n_problems, 1);
	assert_string_equal(reply->problems[0]->key, "default/default/default/api");
	assert_string_equal(reply->problems[0]->reason, "ImageNotFound");
	sim_file(&f->served.sim, "bad.yaml", ": {");
	reply = status(f);
	assert_int_equal(reply->manifests->files[1]->n_errors, 1);
	assert_false(reply->healthy);
	error_set(&err, -EIO, "the directory is ill");
	desired_scan_done(&f->served.sim.engine, &err);
	assert_string_equal(status(f)->manifests->message, "the directory is ill");
	world_runtime_down(&f->served.sim.world);
	reply = status(f);
	assert_false(reply->runtime->connected);
	assert_true(str_starts_with(reply->runtime->message, "containerd cannot be asked: "));
	world_runtime_up(&f->served.sim.world);
	rpc_unary_fini(&f->served.unary);
}

/* A containerd that hangs ends no connection: who asks is told. */
static void test_status_of_silence(void **state)
{
	struct fixture *f = *state;
	const Api__StatusResponse *reply;
	unsigned asked;

	start_cells(f, CELL("default", "web"));
	asked = f->served.sim.world.runtime_asked;
	assert_true(status(f)->healthy);
	assert_true(f->served.sim.world.runtime_asked > asked);
	f->served.sim.world.runtime_silent_ms = 1500;
	reply = status(f);
	assert_false(reply->healthy);
	assert_false(reply->runtime->connected);
	assert_string_equal(reply->runtime->message, "containerd has not answered for 1.5 s");
	f->served.sim.world.runtime_silent_ms = 0;
	assert_true(status(f)->healthy);
	rpc_unary_fini(&f->served.unary);
}

static struct world_container *b_of_web(struct sim *sim)
{
	return world_container(&sim->world, "kukeon-default", "default_default_web_b");
}

static bool b_has_started_again(struct sim *sim)
{
	return b_of_web(sim)->starts == 2;
}

/* An event was lost, and the stream goes on: what is old is looked at again when somebody asks. */
static void test_status_of_lost_events(void **state)
{
	struct fixture *f = *state;
	struct engine *engine = &f->served.sim.engine;

	start_cells(f, CELL("default", "web"));
	b_of_web(&f->served.sim)->fact.task = TASK_STOPPED; /* without a hint */
	assert_true(status(f)->healthy);                    /* nobody could know */
	assert_int_equal(b_of_web(&f->served.sim)->starts, 1);
	engine->relisted.runtime_ms = loop_now_ms(engine->loop) - 61 * 1000;
	status(f);
	assert_true(sim_run_until(&f->served.sim, b_has_started_again, WAIT_MS));
	rpc_unary_fini(&f->served.unary);
}

/* A file in error alone is reason enough. */
static void test_status_file_error(void **state)
{
	struct fixture *f = *state;

	start_cells(f, CELL("default", "web"));
	sim_file(&f->served.sim, "b.yaml", ": {");
	assert_false(status(f)->healthy);
	sim_file_gone(&f->served.sim, "b.yaml");
	assert_true(status(f)->healthy);
	rpc_unary_fini(&f->served.unary);
}

/* However many files are broken: the answer is one that kuke takes, and names each. */
static void test_status_of_many_errors(void **state)
{
	enum { FILES = 700, PER_FILE = 110 };
	struct fixture *f = *state;
	AUTO_BUF struct buf text = { 0 };
	const Api__ManifestsStatus *manifests;

	for (int i = 0; i < PER_FILE; i++)
		buf_add_str(&text, "--- x\n");
	for (int i = 0; i < FILES; i++) {
		AUTO_FREE char *path = xasprintf("%03d.yaml", i);

		sim_file(&f->served.sim, path, text.data);
	}
	manifests = status(f)->manifests;
	assert_int_equal(manifests->n_files, FILES);
	assert_int_equal(manifests->files[0]->n_errors, 101);
	assert_string_equal(manifests->files[0]->errors[100], "000.yaml: 10 more errors");
	assert_int_equal(manifests->files[FILES - 1]->n_errors, 2);
	assert_true(str_starts_with(manifests->files[FILES - 1]->errors[0], "699.yaml:1:5: "));
	rpc_unary_fini(&f->served.unary);
}

/* ---- watch ---- */

static void on_message(struct rpc_stream *stream, const ProtobufCMessage *message)
{
	static const char letters[] = "?AMDSR";
	struct fixture *f = container_of(stream, struct fixture, stream);
	const Api__WatchEvent *event = (const Api__WatchEvent *)message;

	f->resync |= event->type == API__WATCH_EVENT__TYPE__TYPE_RESYNC;
	if (event->type == API__WATCH_EVENT__TYPE__TYPE_MODIFIED) {
		f->n_modified++;
		if (str_ends_with(f->events.data,
				  "M ")) /* how many there are is nobody's business */
			return;
	}
	buf_printf(&f->events, "%c%s ", letters[event->type],
		   event->object && event->type != API__WATCH_EVENT__TYPE__TYPE_MODIFIED
			   ? object_name(event->object)
			   : "");
}

static void on_end(struct rpc_stream *stream, int result UNUSED, const struct error *err UNUSED)
{
	container_of(stream, struct fixture, stream)->ended = true;
}

static bool is_awaited(struct sim *sim)
{
	struct fixture *f = fixture_of(sim);

	return f->events.data && strstr(f->events.data, f->awaited);
}

static void await_events(struct fixture *f, const char *events)
{
	f->awaited = events;
	if (!sim_run_until(&f->served.sim, is_awaited, WAIT_MS))
		fail_msg("got \"%s\", waited for \"%s\"", f->events.data, events);
}

static bool has_ended(struct sim *sim)
{
	return fixture_of(sim)->ended;
}

static void watch_labels(struct fixture *f, Api__Kind kind, const char *labels)
{
	Api__Selector selector = API__SELECTOR__INIT;
	Api__WatchRequest request = API__WATCH_REQUEST__INIT;

	selector.has_kind = true;
	selector.kind = kind;
	selector.labels = (char *)labels;
	request.selector = &selector;
	buf_add_str(&f->events, "");
	buf_printf(&f->events, "%s", " ");
	f->stream = (struct rpc_stream){
		.method = "/kukeon.v1beta1.Kukeon/Watch",
		.request = &request.base,
		.reply_type = &api__watch_event__descriptor,
		.on_message = on_message,
		.on_end = on_end,
	};
	rpc_stream_start(f->served.channel, &f->stream);
}

static void watch(struct fixture *f, Api__Kind kind)
{
	watch_labels(f, kind, NULL);
}

static void end_watch(struct fixture *f)
{
	rpc_stream_cancel(&f->stream);
	assert_true(sim_run_until(&f->served.sim, has_ended, WAIT_MS));
}

static void test_watch(void **state)
{
	struct fixture *f = *state;

	start_cells(f, CELL("default", "api") "---\n" CELL("default", "web"));
	watch(f, API__KIND__KIND_CELL);
	await_events(f, " Aapi Aweb S ");
	world_exit(&f->served.sim.world,
		   world_container(&f->served.sim.world, "kukeon-default", "default_default_web_b"),
		   1);
	await_events(f, " S M ");
	sim_file(&f->served.sim, "a.yaml", CELL("default", "api"));
	await_events(f, " M Dweb ");
	end_watch(f);
}

static void test_watch_of_nothing(void **state)
{
	struct fixture *f = *state;

	sim_scanned(&f->served.sim);
	watch(f, API__KIND__KIND_CONTAINER);
	await_events(f, " S ");
	sim_file(&f->served.sim, "a.yaml", CELL("default", "web"));
	await_events(f, " S M ");
	end_watch(f);
}

#define LABELLED(value)                                                                            \
	"apiVersion: v1beta1\nkind: Realm\nmetadata: {name: default, labels: {tier: " value        \
	"}}\nspec: {}\n"

/* What does not match any more is gone for this reader, and comes back as a change. */
static void test_watch_labels(void **state)
{
	struct fixture *f = *state;

	sim_file(&f->served.sim, "a.yaml", LABELLED("front"));
	sim_scanned(&f->served.sim);
	watch_labels(f, API__KIND__KIND_REALM, "tier=front");
	await_events(f, " Adefault S ");
	sim_file(&f->served.sim, "a.yaml", LABELLED("back"));
	await_events(f, " Ddefault ");
	sim_file(&f->served.sim, "a.yaml", LABELLED("front"));
	await_events(f, " Ddefault M ");
	end_watch(f);
}

/* A container that its cell has no more is told of. */
static void test_watch_containers(void **state)
{
	struct fixture *f = *state;

	start_cells(f, CELL("default", "web"));
	watch(f, API__KIND__KIND_CONTAINER);
	await_events(f, " Aa Ab S ");
	sim_file(
		&f->served.sim, "a.yaml",
		"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec: {containers: [{id: a, "
		"image: img, stopGracePeriodSeconds: 1}]}\n");
	await_events(f, " Db ");
	end_watch(f);
}

/* What changes often before the reader takes it is told once. */
static void test_slow_reader_skips(void **state)
{
	struct fixture *f = *state;
	struct object *object;

	start_cells(f, CELL("default", "web"));
	watch(f, API__KIND__KIND_CELL);
	await_events(f, " Aweb S ");
	f->n_modified = 0;
	object = engine_find(&f->served.sim.engine, WEB);
	for (unsigned i = 0; i < MANY_CHANGES; i++)
		engine_changed(&f->served.sim.engine, object, false);
	await_events(f, " S M ");
	assert_true(f->n_modified < MANY_CHANGES / 10);
	end_watch(f);
}

static void give_realms(struct fixture *f, const char *path, unsigned first, const char *label)
{
	AUTO_BUF struct buf text = { 0 };

	for (unsigned i = first; i < first + MANY_REALMS / 2; i++)
		buf_printf(
			&text,
			"---\napiVersion: v1beta1\nkind: Realm\nmetadata: {name: r%u, labels: {l: %s}}\nspec: {}\n",
			i, label);
	sim_file(&f->served.sim, path, text.data);
}

static bool all_ready(struct sim *sim)
{
	unsigned n = 0;
	struct object *object;

	map_for_each(object, &sim->engine.objects, node)
		n += object->status.state == API__STATE__STATE_READY;
	return n == MANY_REALMS;
}

/* More objects change in one turn of the loop than may wait. */
static void test_slow_reader_starts_over(void **state)
{
	struct fixture *f = *state;

	give_realms(f, "a.yaml", 0, "old");
	give_realms(f, "b.yaml", MANY_REALMS / 2, "old");
	sim_scanned(&f->served.sim);
	assert_true(sim_run_until(&f->served.sim, all_ready, WAIT_MS));
	watch(f, API__KIND__KIND_REALM);
	await_events(f, " Ar999 S ");
	give_realms(f, "a.yaml", 0, "new");
	give_realms(f, "b.yaml", MANY_REALMS / 2, "new");
	await_events(f, " R Ar0 ");
	await_events(f, " Ar999 S ");
	end_watch(f);
}

static void test_closing_ends_watches(void **state)
{
	struct fixture *f = *state;

	sim_scanned(&f->served.sim);
	watch(f, API__KIND__KIND_CELL);
	await_events(f, " S ");
	/* teardown closes the API with the watch open */
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_version),
		TEST(test_get_selects),
		TEST(test_get_without_a_kind),
		TEST(test_status_healthy),
		TEST(test_status_unhealthy),
		TEST(test_status_of_silence),
		TEST(test_status_of_lost_events),
		TEST(test_status_file_error),
		TEST(test_status_of_many_errors),
		TEST(test_watch),
		TEST(test_watch_of_nothing),
		TEST(test_watch_labels),
		TEST(test_watch_containers),
		TEST(test_slow_reader_skips),
		TEST(test_slow_reader_starts_over),
		TEST(test_closing_ends_watches),
	};

	log_set_level(getenv("KUKEON_TEST_LOG") ? LOG_DEBUG : LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

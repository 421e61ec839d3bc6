/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords of a realm through a real socket with a real store: shown to nobody, and kept when what
 * was shown is given back.
 */
#include "tests/unit/api_fixture.h"

#include "core/base/log.h"
#include "core/model/field.h"

#define SERVICE "/kukeon.v1beta1.Kukeon/"
#define SECRET "sesame"

struct fixture {
	struct served served;
	struct rpc_stream stream;
	unsigned n_seen; /* by a watch */
	bool ended;
};

static struct fixture *fixture_of(struct sim *sim)
{
	return container_of(served_of(sim), struct fixture, served);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	served_init(&f->served, true);
	sim_scanned(&f->served.sim);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	served_fini(&f->served);
	free(f);
	return 0;
}

/* ---- requests ---- */

static Api__Object *realm_with(const char *server, const char *password)
{
	Api__Object *object = (Api__Object *)message_new(&api__object__descriptor);
	Api__RegistryCredentials *entry =
		(Api__RegistryCredentials *)message_new(&api__registry_credentials__descriptor);
	Api__Realm *realm = (Api__Realm *)message_new(&api__realm__descriptor);

	entry->server_address = xstrdup(server);
	entry->username = xstrdup("u");
	entry->password = xstrdup(password);
	realm->spec = (Api__RealmSpec *)message_new(&api__realm_spec__descriptor);
	realm->spec->id = xstrdup("default");
	realm->spec->registry_credentials = xcalloc(1, sizeof(entry));
	realm->spec->registry_credentials[realm->spec->n_registry_credentials++] = entry;
	object->object_case = API__OBJECT__OBJECT_REALM;
	object->realm = realm;
	return object;
}

/* Takes @object. The one result is of that outcome; what it says. */
static const char *apply(struct fixture *f, Api__Object *object, Api__Outcome outcome)
{
	Api__ApplyRequest request = API__APPLY_REQUEST__INIT;
	const Api__Result *result;

	request.objects = &object;
	request.n_objects = 1;
	assert_int_equal(served_ask(&f->served, SERVICE "Apply", &request.base,
				    &api__apply_response__descriptor),
			 0);
	protobuf_c_message_free_unpacked(&object->base, NULL);
	result = ((const Api__ApplyResponse *)f->served.unary.reply)->results[0];
	if (result->outcome != outcome)
		fail_msg("is %d \"%s\", expected %d", (int)result->outcome, result->message,
			 (int)outcome);
	return result->message ? result->message : "";
}

/* As kuke get has it. */
static Api__Object *get(struct fixture *f)
{
	Api__Selector selector = API__SELECTOR__INIT;
	Api__GetRequest request = API__GET_REQUEST__INIT;
	const Api__GetResponse *reply;

	selector.has_kind = true;
	selector.kind = API__KIND__KIND_REALM;
	request.selector = &selector;
	assert_int_equal(served_ask(&f->served, SERVICE "Get", &request.base,
				    &api__get_response__descriptor),
			 0);
	reply = (const Api__GetResponse *)f->served.unary.reply;
	assert_int_equal(reply->n_objects, 1);
	return (Api__Object *)model_copy(&reply->objects[0]->base);
}

static Api__RegistryCredentials *entry_of(const Api__Object *object)
{
	assert_int_equal(object->realm->spec->n_registry_credentials, 1);
	return object->realm->spec->registry_credentials[0];
}

/* What the daemon itself has. */
static void expect_kept(struct fixture *f, size_t i, const char *password)
{
	const struct object *realm = engine_find(&f->served.sim.engine, "default");
	const Api__RealmSpec *spec = ((const Api__Realm *)realm->spec)->spec;

	assert_true(i < spec->n_registry_credentials);
	assert_string_equal(spec->registry_credentials[i]->password, password);
}

/* Nowhere in all of its bytes. */
static void expect_hidden(const ProtobufCMessage *message)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	AUTO_FREE uint8_t *packed = xcalloc(1, len + 1);

	protobuf_c_message_pack(message, packed);
	assert_null(memmem(packed, len, SECRET, strlen(SECRET)));
	assert_non_null(memmem(packed, len, MODEL_HIDDEN, strlen(MODEL_HIDDEN)));
}

static void daemon_restart(struct fixture *f)
{
	served_stop(&f->served);
	served_start(&f->served);
	sim_scanned(&f->served.sim);
}

/* ---- tests ---- */

static void test_get_given_back(void **state)
{
	struct fixture *f = *state;
	Api__Object *shown;

	apply(f, realm_with("a.example", SECRET), API__OUTCOME__OUTCOME_CREATED);
	shown = get(f);
	expect_hidden(&shown->base);
	assert_string_equal(entry_of(shown)->username, "u");
	apply(f, shown, API__OUTCOME__OUTCOME_UNCHANGED);
	expect_kept(f, 0, SECRET);
	daemon_restart(f);
	expect_kept(f, 0, SECRET);
	shown = get(f);
	expect_hidden(&shown->base);
	str_replace(&entry_of(shown)->password, "another");
	apply(f, shown, API__OUTCOME__OUTCOME_UPDATED);
	expect_kept(f, 0, "another");
}

/* An entry is written in front of it. */
static void test_given_back_with_another(void **state)
{
	struct fixture *f = *state;
	Api__Object *shown, *more = realm_with("b.example", "other");
	Api__RealmSpec *spec;

	apply(f, realm_with("a.example", SECRET), API__OUTCOME__OUTCOME_CREATED);
	shown = get(f);
	spec = more->realm->spec;
	spec->registry_credentials =
		xrealloc(spec->registry_credentials, 2 * sizeof(*spec->registry_credentials));
	spec->registry_credentials[spec->n_registry_credentials++] =
		(Api__RegistryCredentials *)model_copy(&entry_of(shown)->base);
	protobuf_c_message_free_unpacked(&shown->base, NULL);
	apply(f, more, API__OUTCOME__OUTCOME_UPDATED);
	expect_kept(f, 0, "other");
	expect_kept(f, 1, SECRET);
}

static void test_unknown_is_refused(void **state)
{
	struct fixture *f = *state;
	Api__Object *shown;

	assert_non_null(strstr(
		apply(f, realm_with("a.example", MODEL_HIDDEN), API__OUTCOME__OUTCOME_FAILED),
		"a password is " MODEL_HIDDEN));
	apply(f, realm_with("a.example", SECRET), API__OUTCOME__OUTCOME_CREATED);
	shown = get(f);
	str_replace(&entry_of(shown)->server_address, "evil.example");
	apply(f, shown, API__OUTCOME__OUTCOME_FAILED);
	expect_kept(f, 0, SECRET);
}

static void on_message(struct rpc_stream *stream, const ProtobufCMessage *message)
{
	struct fixture *f = container_of(stream, struct fixture, stream);
	const Api__WatchEvent *event = (const Api__WatchEvent *)message;

	if (!event->object)
		return;
	expect_hidden(&event->object->base);
	f->n_seen++;
}

static void on_end(struct rpc_stream *stream, int result UNUSED, const struct error *err UNUSED)
{
	container_of(stream, struct fixture, stream)->ended = true;
}

static bool has_ended(struct sim *sim)
{
	return fixture_of(sim)->ended;
}

static bool has_seen_one(struct sim *sim)
{
	return fixture_of(sim)->n_seen;
}

static bool has_seen_more(struct sim *sim)
{
	return fixture_of(sim)->n_seen > 1;
}

static void test_watch(void **state)
{
	struct fixture *f = *state;
	Api__Selector selector = API__SELECTOR__INIT;
	Api__WatchRequest request = API__WATCH_REQUEST__INIT;

	apply(f, realm_with("a.example", SECRET "1"), API__OUTCOME__OUTCOME_CREATED);
	selector.has_kind = true;
	selector.kind = API__KIND__KIND_REALM;
	request.selector = &selector;
	f->stream = (struct rpc_stream){
		.method = SERVICE "Watch",
		.request = &request.base,
		.reply_type = &api__watch_event__descriptor,
		.on_message = on_message,
		.on_end = on_end,
	};
	rpc_stream_start(f->served.channel, &f->stream);
	assert_true(sim_run_until(&f->served.sim, has_seen_one, WAIT_MS));
	f->n_seen = 1;
	apply(f, realm_with("a.example", SECRET "2"), API__OUTCOME__OUTCOME_UPDATED);
	assert_true(sim_run_until(&f->served.sim, has_seen_more, WAIT_MS));
	rpc_stream_cancel(&f->stream);
	assert_true(sim_run_until(&f->served.sim, has_ended, WAIT_MS));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_get_given_back),
		TEST(test_given_back_with_another),
		TEST(test_unknown_is_refused),
		TEST(test_watch),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

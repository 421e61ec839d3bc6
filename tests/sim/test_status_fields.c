/* SPDX-License-Identifier: Apache-2.0 */
/* The status of each kind has no field that nothing is ever shown in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/base/wall.h"
#include "core/model/field.h"
#include "core/model/view.h"
#include "core/status/status.h"
#include "tests/fake/host.h"

enum { SETTLED_MS = 10 * 1000 };

#define DOCUMENT(kind, name) "apiVersion: v1beta1\nkind: " kind "\nmetadata: {name: " name "}\n"

static const char layers[] = DOCUMENT("Realm", "r") "---\n" DOCUMENT(
	"Space",
	"s") "spec: {realmId: r, ipv6: true, network: {egress: {default: deny, "
	     "allow: [{host: a.test}]}}}\n---\n" DOCUMENT(
		     "Space",
		     "other") "spec: {realmId: r}\n---\n" DOCUMENT("Stack",
								   "k") "spec: {realmId: r, spaceId: s}\n";

static const char cell[] = DOCUMENT(
	"Cell",
	"web") "spec: {realmId: r, spaceId: s, stackId: k, containers: [{id: a, image: img, "
	       "ports: ['8080:80'], networks: [other]}]}\n---\n" DOCUMENT(
		       "Container",
		       "b") "spec: {realmId: r, spaceId: s, stackId: k, cellId: web, image: img, "
			    "restartPolicy: never}\n";

static const char *const files[][2] = {
	{ "cell.yaml", cell },
	{ "layers.yaml", layers },
	{ "more.yaml", DOCUMENT("Cell", "more") },
};

static const char *const keys[KIND_CONTAINER] = { "r", "r/s", "r/s/k", "r/s/k/web" };

static struct object *find(struct sim *sim, const char *key)
{
	struct object *object = engine_find(&sim->engine, key);

	if (!object)
		fail_msg("%s is not there", key);
	return object;
}

/* ---- what was seen ---- */

struct shown {
	const ProtobufCMessageDescriptor *type;
	bool fields[64];
};

static void note(struct shown *shown, const ProtobufCMessage *status)
{
	const ProtobufCMessageDescriptor *type = status->descriptor;

	assert_true(type->n_fields <= ARRAY_SIZE(shown->fields));
	shown->type = type;
	for (unsigned f = 0; f < type->n_fields; f++)
		shown->fields[f] |= field_count(status, &type->fields[f]) > 0;
}

static void note_layers(struct sim *sim, struct shown shown[KIND_COUNT])
{
	for (int kind = KIND_REALM; kind < KIND_CONTAINER; kind++) {
		ProtobufCMessage *message = status_render(&sim->engine, find(sim, keys[kind]));

		assert_non_null(message);
		note(&shown[kind], *model_view((enum kind)kind, message).status);
		protobuf_c_message_free_unpacked(message, NULL);
	}
}

static void note_all(struct sim *sim, struct shown shown[KIND_COUNT])
{
	const struct object *web = find(sim, keys[KIND_CELL]);
	const struct container *c;

	note_layers(sim, shown);
	list_for_each(c, &web->cell.containers, link) {
		Api__Container *message = status_render_container(&sim->engine, web, c);

		note(&shown[KIND_CONTAINER], &message->status->base);
		protobuf_c_message_free_unpacked(&message->base, NULL);
	}
}

static void expect_all(const struct shown *shown)
{
	for (unsigned f = 0; f < shown->type->n_fields; f++)
		if (!shown->fields[f])
			fail_msg("%s: nothing is ever shown in %s: core/store/render.c",
				 shown->type->short_name, shown->type->fields[f].name);
}

/* ---- what becomes of them ---- */

static void run_and_end(struct sim *sim)
{
	struct world_container *b;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		sim_file(sim, files[i][0], files[i][1]);
	sim_scanned(sim);
	sim_run(sim, SETTLED_MS);
	b = world_container(&sim->world, "kukeon-r", "s_k_web_b");
	assert_non_null(b);
	b->oom_kills = 1;
	world_exit(&sim->world, b, 137);
	sim_run(sim, SETTLED_MS);
}

/* Everything that is declared is lost at once: it is held. */
static void lose(struct sim *sim)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		sim_file_gone(sim, files[i][0]);
	sim_scanned(sim);
	sim_run(sim, SETTLED_MS);
}

/* As others bring it about one after the other; nothing runs meanwhile. */
static void trouble(struct sim *sim)
{
	struct object *web = find(sim, keys[KIND_CELL]);

	for (int kind = KIND_REALM; kind < KIND_CONTAINER; kind++) {
		struct object *object = find(sim, keys[kind]);

		object->status.updated_ms = wall_now_ms(); /* nothing is stored here */
		object->status.reason = REASON_STARTING;
		str_replace(&object->status.message, "why");
		strv_add(&object->controllers, "cpu");
	}
	web->cell.run = INTENT_STOP;
	cell_find_container(web, "b")->run = INTENT_STOP;
	cell_find_container(web, "b")->pull_requested = true;
}

static void test_every_field_is_shown(void **state UNUSED)
{
	struct shown shown[KIND_COUNT] = { 0 };
	struct sim sim;

	sim_init(&sim, 7);
	sim_start(&sim);
	run_and_end(&sim);
	note_all(&sim, shown);
	lose(&sim);
	trouble(&sim);
	note_all(&sim, shown);
	for (int kind = KIND_REALM; kind < KIND_COUNT; kind++)
		expect_all(&shown[kind]);
	sim_fini(&sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_field_is_shown) };

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

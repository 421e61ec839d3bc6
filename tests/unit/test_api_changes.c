/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that change something, through a real socket on a real loop with a real store, over the
 * fake world. */
#include <errno.h>
#include <pthread.h>

#include "tests/unit/api_fixture.h"

#include "core/api/changes/api_mutation.h"
#include "core/base/log.h"
#include "core/desired/desired.h"
#include "core/status/status.h"

#define SERVICE "/kukeon.v1beta1.Kukeon/"
#define ADMIN "/kukeon.v1beta1.Admin/"
#define WEB "default/default/default/web"
#define DOC(kind, name) "apiVersion: v1beta1\nkind: " kind "\nmetadata: {name: " name "}\nspec:\n"
#define ONE(id) "{id: " id ", image: img, stopGracePeriodSeconds: 1}"
#define CELL_WEB DOC("Cell", "web") "  containers: [" ONE("a") ", " ONE("b") "]\n"
#define CONTAINER(id) DOC("Container", id) "  cellId: web\n  image: img\n"

struct fixture {
	struct served served;
	struct buf said; /* results of the last request */
	char *awaited;
};

static struct fixture *fixture_of(struct sim *sim)
{
	return container_of(served_of(sim), struct fixture, served);
}

static void daemon_restart(struct fixture *f)
{
	served_stop(&f->served);
	served_start(&f->served);
	sim_scanned(&f->served.sim);
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
	buf_fini(&f->said);
	free(f->awaited);
	free(f);
	return 0;
}

/* ---- requests ---- */

static int ask(struct fixture *f, const char *method, const ProtobufCMessage *request,
	       const ProtobufCMessageDescriptor *reply_type)
{
	return served_ask(&f->served, method, request, reply_type);
}

/* "CREATED default" and so on, one per line; what changed or went wrong behind it. */
static void say(struct fixture *f, Api__Result *const *results, size_t n)
{
	buf_fini(&f->said);
	buf_add_str(&f->said, "");
	for (size_t i = 0; i < n; i++) {
		const Api__Result *r = results[i];

		buf_printf(&f->said, "%s%s %s", i ? "\n" : "",
			   protobuf_c_enum_descriptor_get_value(&api__outcome__descriptor,
								(int)r->outcome)
					   ->name +
				   strlen("OUTCOME_"),
			   r->key);
		for (size_t c = 0; c < r->n_changes; c++)
			buf_printf(&f->said, " %s", r->changes[c]);
		if (r->message)
			buf_printf(&f->said, ": %s", r->message);
	}
}

static Api__Object *object_of(struct document *document)
{
	static const Api__Object__ObjectCase cases[] = {
		API__OBJECT__OBJECT_REALM, API__OBJECT__OBJECT_SPACE, API__OBJECT__OBJECT_STACK,
		API__OBJECT__OBJECT_CELL, API__OBJECT__OBJECT_CONTAINER
	};
	Api__Object *object = xnew(Api__Object);

	api__object__init(object);
	object->object_case = cases[document->kind];
	object->realm = (Api__Realm *)take_ptr(document->message);
	return object;
}

enum { CREATE_ONLY = 1, DRY_RUN = 2 };

static const char *apply_request(struct fixture *f, const Api__ApplyRequest *request)
{
	const Api__ApplyResponse *reply;

	if (ask(f, SERVICE "Apply", &request->base, &api__apply_response__descriptor) < 0)
		fail_msg("%s", f->served.call.err.msg);
	reply = (Api__ApplyResponse *)f->served.unary.reply;
	say(f, reply->results, reply->n_results);
	return f->said.data;
}

static const char *apply_with(struct fixture *f, const char *text, int flags)
{
	Api__ApplyRequest *request = xnew(Api__ApplyRequest);
	struct manifest manifest;
	struct document *document;

	api__apply_request__init(request);
	manifest_parse("t.yaml", text, strlen(text), &manifest);
	if (manifest.errors.n)
		fail_msg("%s", manifest.errors.items[0]);
	list_for_each(document, &manifest.documents, link) {
		request->objects = xrealloc(request->objects,
					    (request->n_objects + 1) * sizeof(*request->objects));
		request->objects[request->n_objects++] = object_of(document);
	}
	manifest_fini(&manifest);
	request->has_create_only = request->create_only = flags & CREATE_ONLY;
	request->has_dry_run = request->dry_run = (flags & DRY_RUN) != 0;
	apply_request(f, request);
	protobuf_c_message_free_unpacked(&request->base, NULL);
	return f->said.data;
}

static const char *apply(struct fixture *f, const char *text)
{
	return apply_with(f, text, 0);
}

/* The selector of a key; its strings are in @parts. */
static Api__Selector select_key(const char *key, struct key_parts *parts)
{
	Api__Selector selector = API__SELECTOR__INIT;

	assert_true(key_split(key, parts));
	selector.has_kind = true;
	selector.kind = model_api_kind(parts->kind);
	selector.realm = parts->part[KIND_REALM];
	selector.space = parts->part[KIND_SPACE];
	selector.stack = parts->part[KIND_STACK];
	selector.cell = parts->part[KIND_CELL];
	selector.name = parts->part[parts->kind];
	return selector;
}

static const char *delete_with(struct fixture *f, const char *key, bool cascade)
{
	Api__DeleteRequest request = API__DELETE_REQUEST__INIT;
	struct key_parts parts;
	Api__Selector selector = select_key(key, &parts);
	const Api__DeleteResponse *reply;

	request.selector = &selector;
	request.has_cascade = request.cascade = cascade;
	assert_int_equal(ask(f, SERVICE "Delete", &request.base, &api__delete_response__descriptor),
			 0);
	reply = (Api__DeleteResponse *)f->served.unary.reply;
	say(f, reply->results, reply->n_results);
	return f->said.data;
}

static const char *run_with(struct fixture *f, const char *key, Api__RunVerb verb, bool pull)
{
	Api__RunRequest request = API__RUN_REQUEST__INIT;
	struct key_parts parts;
	Api__Selector selector = select_key(key, &parts);

	request.selector = &selector;
	request.has_verb = true;
	request.verb = verb;
	request.has_pull = request.pull = pull;
	assert_int_equal(ask(f, SERVICE "Run", &request.base, &api__run_response__descriptor), 0);
	say(f, &((Api__RunResponse *)f->served.unary.reply)->result, 1);
	return f->said.data;
}

static const char *run(struct fixture *f, const char *key, Api__RunVerb verb)
{
	return run_with(f, key, verb, false);
}

#define START API__RUN_VERB__RUN_VERB_START
#define STOP API__RUN_VERB__RUN_VERB_STOP
#define KILL API__RUN_VERB__RUN_VERB_KILL
#define RESTART API__RUN_VERB__RUN_VERB_RESTART

/* ---- what is ---- */

static struct object *find(struct fixture *f, const char *key)
{
	return engine_find(&f->served.sim.engine, key);
}

static struct container *container(struct fixture *f, const char *role)
{
	return cell_find_container(find(f, WEB), role);
}

static unsigned starts(struct fixture *f, const char *role)
{
	AUTO_FREE char *id = xasprintf("default_default_web_%s", role);

	return world_container(&f->served.sim.world, "kukeon-default", id)->starts;
}

/* "web Ready" */
static bool state_is(struct sim *sim)
{
	const char *space = strchr(fixture_of(sim)->awaited, ' ');
	AUTO_FREE char *key =
		xstrndup(fixture_of(sim)->awaited, (size_t)(space - fixture_of(sim)->awaited));
	const struct object *object = engine_find(&sim->engine, key);
	const struct field_name state = model_state_name(object ? object->status.state : 0);

	return str_equal(object ? state.text : "gone", space + 1);
}

static void await(struct fixture *f, const char *key, const char *state)
{
	free(f->awaited);
	f->awaited = xasprintf("%s %s", key, state);
	if (!sim_run_until(&f->served.sim, state_is, WAIT_MS))
		fail_msg("waited for %s, it is %s", f->awaited,
			 find(f, key) ? find(f, key)->status.message : "gone");
}

static bool written(struct fixture *f, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", f->served.run_path, name);

	return access(path, F_OK) == 0;
}

/* ---- apply ---- */

static void test_apply(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(apply(f, CELL_WEB), "CREATED default\nCREATED default/default\n"
						"CREATED default/default/default\nCREATED " WEB);
	assert_true(written(f, WEB "/cell.yaml"));
	await(f, WEB, "Ready");
	assert_string_equal(find(f, WEB)->source, "api");
	assert_string_equal(apply(f, CELL_WEB), "UNCHANGED " WEB);
	assert_string_equal(apply_with(f, CELL_WEB, CREATE_ONLY), "EXISTS " WEB);
	assert_string_equal(apply(f,
				  DOC("Cell", "web") "  containers: [" ONE("a") ", {id: b, image: "
										"other}]\n"),
			    "UPDATED " WEB " spec.containers[1].image "
			    "spec.containers[1].stopGracePeriodSeconds");
	await(f, WEB, "Ready");
	assert_int_equal(starts(f, "root"), 1);
	assert_int_equal(starts(f, "b"), 2);
}

static void test_dry_run(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(apply_with(f, CELL_WEB "---\n" CONTAINER("c"), DRY_RUN),
			    "CREATED default\nCREATED default/default\n"
			    "CREATED default/default/default\nCREATED " WEB "\nCREATED " WEB "/c");
	assert_null(find(f, WEB));
	assert_false(written(f, "default"));
}

static void test_order_of_kinds(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(
		apply(f, CONTAINER("c") "---\n" CELL_WEB "---\n" DOC("Realm", "default") "  {}\n"),
		"CREATED default\nCREATED default/default\nCREATED default/default/default\n"
		"CREATED " WEB "\nCREATED " WEB "/c");
	await(f, WEB, "Ready");
	assert_int_equal(starts(f, "c"), 1);
}

static void test_manifest_owns(void **state)
{
	struct fixture *f = *state;

	sim_file(&f->served.sim, "a.yaml", CELL_WEB);
	assert_string_equal(apply(f, CELL_WEB), "UNCHANGED " WEB);
	assert_string_equal(apply(f, DOC("Cell", "web") "  containers: [" ONE("a") "]\n"),
			    "FAILED " WEB ": it is declared in a.yaml; change it there");
	assert_string_equal(delete_with(f, WEB, true),
			    "FAILED " WEB ": it is declared in a.yaml; remove it there");
	assert_string_equal(delete_with(f, "default", true),
			    "FAILED default: Cell " WEB
			    " below it is declared in a.yaml; remove it there");
	assert_string_equal(run(f, WEB, STOP), "ACCEPTED " WEB);
	await(f, WEB, "Stopped");
}

/* A file that declares what came over the API takes it over, and its end is the object's. */
static void test_manifest_takes_over(void **state)
{
	struct fixture *f = *state;

	apply(f, CELL_WEB);
	sim_file(&f->served.sim, "a.yaml", CELL_WEB);
	assert_string_equal(find(f, WEB)->source, "manifest:a.yaml");
	sim_file(&f->served.sim, "b.yaml", DOC("Realm", "other") "  {}\n");
	sim_file_gone(&f->served.sim, "a.yaml");
	await(f, WEB, "gone");
}

static void test_what_cannot_be(void **state)
{
	struct fixture *f = *state;

	apply(f, DOC("Realm", "main") "  namespace: ns1\n");
	assert_string_equal(apply(f, DOC("Realm", "main") "  namespace: ns2\n"),
			    "FAILED main: spec.namespace cannot change: containers live in the "
			    "namespace it has; delete the realm first");
	assert_string_equal(
		apply(f,
		      DOC("Cell", "kukeond") "  {realmId: kukeon-system, spaceId: kukeon, "
					     "stackId: kukeon, containers: [{id: a, image: i}]}\n"),
		"FAILED kukeon-system/kukeon/kukeon/kukeond: this cell stands for kukeond itself and "
		"takes no containers");
}

static bool file_says(struct fixture *f, const char *path, const char *words)
{
	struct map_node *node = map_find(&f->served.sim.engine.desired.files, path);
	AUTO(strv_fini) struct strv errors = { 0 };

	desired_file_errors(map_entry(node, struct desired_file, node), &errors);
	return errors.n == 1 && strstr(errors.items[0], words);
}

static bool main_refuses(struct sim *sim)
{
	const struct object *realm = engine_find(&sim->engine, "main");

	return realm && realm->status.reason == REASON_SPEC_REFUSED;
}

/* By file it is refused in the same words, and what is in the realm goes on, and comes up, in the
 * namespace that it has. */
static void test_namespace_by_file(void **state)
{
	static const char words[] = "spec.namespace cannot change: containers live in the "
				    "namespace it has; delete the realm first";
	static const char one[] =
		DOC("Cell", "one") "  {realmId: main, containers: [{id: a, image: img}]}\n";
	struct fixture *f = *state;
	struct sim *sim = &f->served.sim;
	const struct object *realm;

	sim_file(sim, "r.yaml", DOC("Realm", "main") "  namespace: kukeon-main\n");
	sim_file(sim, "c.yaml", one);
	await(f, "main/default/default/one", "Ready");
	for (int i = 0; i < 3; i++) {
		sim_file(sim, "r.yaml", DOC("Realm", "main") "  namespace: ns2\n");
		sim_file(sim, "c.yaml", one);
		sim_scanned(sim);
		await(f, "main/default/default/one", "Ready");
		assert_true(sim_run_until(sim, main_refuses, WAIT_MS));
		realm = find(f, "main");
		assert_int_equal(realm->status.state, API__STATE__STATE_PENDING);
		assert_string_equal(realm->status.message, words);
		assert_true(file_says(f, "r.yaml", words));
		assert_string_equal(((Api__Realm *)realm->spec)->spec->namespace_, "kukeon-main");
		if (i == 2)
			break;
		served_stop(&f->served);
		served_start(&f->served);
	}
	sim_file(sim, "d.yaml",
		 DOC("Cell", "two") "  {realmId: main, containers: [{id: a, image: img}]}\n");
	await(f, "main/default/default/two", "Ready");
	assert_non_null(world_container(&sim->world, "kukeon-main", "default_default_two_root"));
	assert_string_equal(apply(f, DOC("Realm", "main") "  namespace: ns3\n"),
			    "FAILED main: it is declared in r.yaml; change it there");
	sim_file(sim, "r.yaml", DOC("Realm", "main") "  namespace: kukeon-main\n");
	await(f, "main", "Ready");
	assert_false(file_says(f, "r.yaml", ""));
}

/* A cell, and one that comes with its container. After a restart too: the first keeps its name. */
static void test_names_without_case(void **state)
{
	static const char refused[] =
		"its name and that of cell default/default/default/web differ in case only, and in "
		"one space resolvers do not tell them apart; choose another name here or there";
	AUTO_FREE char *cell = xasprintf("FAILED default/default/default/Web: %s", refused);
	AUTO_FREE char *joining = xasprintf("FAILED default/default/default/WEB/a: %s", refused);
	struct fixture *f = *state;

	apply(f, DOC("Cell", "web") "  containers: [{id: a, image: img}]\n");
	assert_string_equal(apply(f, DOC("Cell", "Web") "  containers: [{id: a, image: img}]\n"),
			    cell);
	assert_null(find(f, "default/default/default/Web"));
	assert_string_equal(apply(f, DOC("Container", "a") "  {cellId: WEB, image: img}\n"),
			    joining);
	await(f, "default/default/default/web", "Ready");
	sim_file(&f->served.sim, "a.yaml",
		 DOC("Cell", "WEB") "  containers: [{id: a, image: img}]\n");
	await(f, "default/default/default/WEB", "Pending");
	assert_int_equal(find(f, "default/default/default/WEB")->status.reason,
			 REASON_NAME_CONFLICT);
	daemon_restart(f);
	await(f, "default/default/default/web", "Ready");
	await(f, "default/default/default/WEB", "Pending");
	assert_int_equal(find(f, "default/default/default/WEB")->status.reason,
			 REASON_NAME_CONFLICT);
}

/* ---- further spaces ---- */

#define IN(networks)                                                                               \
	DOC("Cell", "web")                                                                         \
	"  containers: [" ONE("a") ", {id: b, image: img, networks: [" networks "]}]\n"
#define UNKNOWN(key)                                                                               \
	"FAILED " key ": space default/s1, which its containers name in networks, does not "       \
	"exist: create it first, or in the same request"

static bool last_join_is_stored(struct sim *sim)
{
	AUTO_FREE char *path = xasprintf("%s/" WEB "/cell.yaml", served_of(sim)->run_path);
	AUTO_BUF struct buf text = { 0 };
	const char *joins;

	if (fs_read_file(AT_FDCWD, path, 1 << 20, &text, NULL) < 0)
		return false;
	joins = strstr(text.data, "joins:");
	return joins && strstr(joins, "lastIp:");
}

/* What nobody declares is refused, unless the request brings it. */
static void test_unknown_space(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(apply(f, IN("s1")), UNKNOWN(WEB));
	assert_null(find(f, WEB));
	assert_string_equal(apply_with(f, IN("s1") "---\n" DOC("Space", "s1") "  {}\n", DRY_RUN),
			    "CREATED default\nCREATED default/s1\nCREATED default/default\n"
			    "CREATED default/default/default\nCREATED " WEB);
	assert_null(find(f, WEB));
	assert_string_equal(apply(f, CELL_WEB "---\n" CONTAINER("c") "  networks: [s1]\n"),
			    "CREATED default\nCREATED default/default\n"
			    "CREATED default/default/default\nCREATED " WEB "\n" UNKNOWN(WEB "/c"));
	assert_string_equal(
		apply(f, IN("s1") "---\n" DOC("Cell", "db") "  {spaceId: s1, containers: [" ONE(
				 "a") "]}\n"),
		"UPDATED " WEB " spec.containers[1].networks "
		"spec.containers[1].stopGracePeriodSeconds\nCREATED default/s1\n"
		"CREATED default/s1/default\nCREATED default/s1/default/db");
	await(f, WEB, "Ready");
}

static void test_networks(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *ip = NULL;
	const struct join *join;

	apply(f, IN("s1") "---\n" DOC("Space", "s1") "  {}\n");
	await(f, WEB, "Ready");
	join = cell_find_join(find(f, WEB), "default/s1");
	assert_true(join->attached);
	ip = xstrdup(join->ip);
	run(f, WEB, STOP);
	await(f, WEB, "Stopped");
	assert_true(sim_run_until(&f->served.sim, last_join_is_stored, WAIT_MS));
	daemon_restart(f);
	await(f, WEB, "Stopped");
	join = cell_find_join(find(f, WEB), "default/s1");
	assert_string_equal(join->last_ip, ip); /* asked for, as its own */
	run(f, WEB, START);
	await(f, WEB, "Ready");
	assert_string_equal(apply(f, IN("")), "UPDATED " WEB " spec.containers[1].networks");
	await(f, WEB, "Ready");
	assert_true(list_empty(&world_cell(&f->served.sim.world, WEB)->joins));
	assert_int_equal(starts(f, "b"), 2);
	assert_string_equal(apply(f, IN("s1")), "UPDATED " WEB " spec.containers[1].networks");
	await(f, WEB, "Ready");
	assert_string_equal(delete_with(f, "default/s1", false), "DELETED default/s1");
	await(f, "default/s1", "gone");
	assert_true(list_empty(&world_cell(&f->served.sim.world, WEB)->joins));
	assert_string_equal(reason_name(find(f, WEB)->status.reason), "SpaceUnknown");
	assert_int_equal(starts(f, "b"), 2);
	assert_int_equal(f->served.sim.world.violations, 0);
}

/* ---- containers ---- */

#define PUBLISHER(name, port)                                                                      \
	DOC("Cell", name) "  containers: [{id: a, image: x, ports: [\"" port "\"]}]\n"

static bool port_81_leads_there(struct sim *sim)
{
	const struct object *object = engine_find(&sim->engine, WEB);

	return object && object->cell.ports.n == 1 &&
	       str_equal(object->cell.ports.items[0], "8080:81/tcp");
}

/* A port of the host is one cell's. */
static void test_ports(void **state)
{
	struct fixture *f = *state;

	apply(f, PUBLISHER("web", "8080:80"));
	await(f, WEB, "Ready");
	assert_string_equal(apply(f, PUBLISHER("api", "127.0.0.1:8080:1")),
			    "FAILED default/default/default/api: spec.containers[0].ports: port "
			    "127.0.0.1:8080/tcp of the host is published by cell " WEB
			    "; choose another one here or there");
	assert_null(find(f, "default/default/default/api"));
	assert_string_equal(apply(f, PUBLISHER("web", "8080:81")),
			    "UPDATED " WEB " spec.containers[0].ports");
	assert_string_equal(apply(f, PUBLISHER("api", "8080:80/udp")),
			    "CREATED default/default/default/api");
	await(f, "default/default/default/api", "Ready");
	assert_true(sim_run_until(&f->served.sim, port_81_leads_there, WAIT_MS));
	assert_int_equal(starts(f, "root"), 1);
}

static void test_container_joins(void **state)
{
	struct fixture *f = *state;

	apply(f, CELL_WEB);
	await(f, WEB, "Ready");
	assert_string_equal(apply(f, CONTAINER("c")), "CREATED " WEB "/c");
	await(f, WEB, "Ready");
	assert_int_equal(starts(f, "root"), 1);
	assert_int_equal(starts(f, "c"), 1);
	assert_string_equal(apply(f, CONTAINER("c")), "UNCHANGED " WEB "/c");
	assert_string_equal(apply(f, CELL_WEB), "UNCHANGED " WEB); /* the cell never named it */
	assert_string_equal(apply(f, CONTAINER("b")),
			    "UPDATED " WEB "/b spec.stopGracePeriodSeconds");
	assert_string_equal(delete_with(f, WEB "/c", false), "DELETED " WEB "/c");
	assert_string_equal(delete_with(f, WEB "/b", false), "DELETED " WEB "/b");
	assert_string_equal(delete_with(f, WEB "/b", false), "NOT_FOUND " WEB "/b");
	await(f, WEB, "Ready");
	assert_int_equal(starts(f, "root"), 1);
	assert_null(container(f, "b"));
}

/* A container that the file of its cell names by now is not gone with its own document. */
static void test_container_is_declared_twice(void **state)
{
	struct fixture *f = *state;

	sim_file(&f->served.sim, "a.yaml", DOC("Cell", "web") "  containers: [" ONE("a") "]\n");
	await(f, WEB, "Ready");
	assert_string_equal(apply(f, CONTAINER("b")), "CREATED " WEB "/b");
	await(f, WEB, "Ready");
	sim_file(&f->served.sim, "a.yaml", CELL_WEB);
	await(f, WEB, "Ready");
	assert_string_equal(delete_with(f, WEB "/b", false),
			    "WITHDRAWN " WEB "/b: no longer asked for through the API; still "
			    "declared by manifest:a.yaml, it stays");
	await(f, WEB, "Ready");
	assert_non_null(container(f, "b"));
	assert_string_equal(delete_with(f, WEB "/b", false),
			    "FAILED " WEB "/b: its cell is declared in a.yaml; remove it there");
}

/* The first container of a cell without any stays its root, whatever comes later. */
static void test_containers_make_a_cell(void **state)
{
	struct fixture *f = *state;

	apply(f, DOC("Cell", "web") "  {}\n");
	assert_string_equal(apply(f, CONTAINER("m")), "CREATED " WEB "/m");
	await(f, WEB, "Ready");
	assert_string_equal(apply(f, CONTAINER("a")), "CREATED " WEB "/a");
	await(f, WEB, "Ready");
	assert_string_equal(container(f, "root")->name, "m");
	assert_int_equal(starts(f, "root"), 1);
	assert_string_equal(apply(f, CONTAINER("m")), "UNCHANGED " WEB "/m");
	daemon_restart(f);
	await(f, WEB, "Ready");
	assert_string_equal(container(f, "root")->name, "m");
	assert_int_equal(starts(f, "root"), 1);
	assert_int_equal(starts(f, "a"), 1);
}

/* ---- delete ---- */

static bool no_realm_is_written(struct sim *sim)
{
	return !written(fixture_of(sim), "default");
}

static void test_delete(void **state)
{
	struct fixture *f = *state;

	apply(f, CELL_WEB);
	await(f, WEB, "Ready");
	assert_string_equal(delete_with(f, WEB, false),
			    "FAILED " WEB ": it has 2 containers: a, b; delete them first, or "
			    "everything at once with --cascade");
	assert_string_equal(delete_with(f, "default", false),
			    "FAILED default: it has 1 space: default; delete it first, or "
			    "everything at once with --cascade");
	assert_string_equal(delete_with(f, WEB, true), "DELETED " WEB);
	assert_false(written(f, WEB "/cell.yaml"));
	await(f, WEB, "gone");
	assert_non_null(find(f, "default")); /* it was made to stay */
	assert_string_equal(delete_with(f, "default", true),
			    "DELETED default\nDELETED default/default/default\n"
			    "DELETED default/default");
	await(f, "default", "gone");
	assert_true(sim_run_until(&f->served.sim, no_realm_is_written, WAIT_MS));
	assert_string_equal(delete_with(f, "default", false), "NOT_FOUND default");
}

static bool nothing_is_written(struct sim *sim)
{
	return !written(fixture_of(sim), WEB);
}

/* What was deleted does not come back after a crash in the middle of it. */
static void test_delete_survives(void **state)
{
	struct fixture *f = *state;

	apply(f, CELL_WEB "---\n" CONTAINER("c"));
	await(f, WEB, "Ready");
	delete_with(f, WEB, true);
	daemon_restart(f);
	await(f, WEB, "gone");
	assert_true(sim_run_until(&f->served.sim, nothing_is_written, WAIT_MS));
}

/* ---- versions ---- */

#define SAYS_CONFLICT(key) "CONFLICT " key ": it is of resourceVersion "

/* The cell with a label of its second container's place, as it was read at a version. */
static const char *apply_at(struct fixture *f, uint64_t version, const char *b)
{
	AUTO_FREE char *text = xasprintf(
		"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web, resourceVersion: %llu}\n"
		"spec: {containers: [" ONE("a") ", " ONE("%s") "]}\n",
		(unsigned long long)version, b);

	return apply(f, text);
}

static const char *apply_container_at(struct fixture *f, const char *name, uint64_t version)
{
	AUTO_FREE char *text = xasprintf(
		"apiVersion: v1beta1\nkind: Container\nmetadata: {name: %s, resourceVersion: "
		"%llu}\nspec: {cellId: web, image: img, args: [x], stopGracePeriodSeconds: 1}\n",
		name, (unsigned long long)version);

	return apply(f, text);
}

static void expect_conflict(const char *said)
{
	if (!str_starts_with(said, SAYS_CONFLICT(WEB)) || !strstr(said, "kuke get -o yaml"))
		fail_msg("got \"%s\"", said);
}

static void test_versions(void **state)
{
	struct fixture *f = *state;
	uint64_t first, second;

	apply(f, CELL_WEB);
	first = find(f, WEB)->version;
	await(f, WEB, "Ready"); /* what becomes of it is no change of what it shall be */
	assert_true(find(f, WEB)->version > first);
	assert_string_equal(apply_at(f, first, "b"), "UNCHANGED " WEB);
	assert_true(str_starts_with(apply_at(f, first, "c"), "UPDATED " WEB));
	second = find(f, WEB)->version;
	expect_conflict(apply_at(f, first, "d"));
	expect_conflict(apply_at(f, first, "c")); /* also what is there already */
	expect_conflict(apply_at(f, f->served.sim.engine.version + 1000, "d")); /* of no time yet */
	assert_int_equal(find(f, WEB)->identity.generation, 2);
	assert_true(str_starts_with(apply_at(f, second, "d"), "UPDATED " WEB));
	assert_true(str_starts_with(apply_with(f, CELL_WEB, 0), "UPDATED " WEB)); /* unasked */
}

static void test_versions_of_containers(void **state)
{
	struct fixture *f = *state;
	uint64_t version;

	apply(f, CELL_WEB);
	version = find(f, WEB)->version;
	assert_true(str_starts_with(apply_container_at(f, "a", version), "UPDATED " WEB "/a"));
	assert_true(str_starts_with(apply_container_at(f, "b", version), "UPDATED " WEB "/b"));
	assert_true(str_starts_with(apply_container_at(f, "a", version),
				    "CONFLICT " WEB "/a: it is of resourceVersion "));
	assert_true(str_starts_with(apply_container_at(f, "new", version),
				    "CONFLICT " WEB "/new: the document is of resourceVersion "));
	assert_null(find(f, WEB "/new"));
}

/* What was read of one daemon is asked of the next. */
static void test_versions_outlive_the_daemon(void **state)
{
	struct fixture *f = *state;
	uint64_t read, end;

	apply(f, CELL_WEB);
	apply_container_at(f, "c", 0);
	await(f, WEB, "Ready");
	read = find(f, WEB)->version;
	for (unsigned i = 0; i < 2; i++) {
		end = f->served.sim.engine.version;
		daemon_restart(f);
		assert_true(find(f, WEB)->version > end);
		await(f, WEB, "Ready");
		assert_string_equal(apply_at(f, read, "b"), "UNCHANGED " WEB);
		assert_string_equal(apply_container_at(f, "c", read), "UNCHANGED " WEB "/c");
	}
	apply_at(f, 0, "c");
	daemon_restart(f);
	expect_conflict(apply_at(f, read, "b"));
}

static const char *delete_at(struct fixture *f, uint64_t version, const char *uid)
{
	Api__DeleteRequest request = API__DELETE_REQUEST__INIT;
	struct key_parts parts;
	Api__Selector selector = select_key(WEB, &parts);
	const Api__DeleteResponse *reply;

	request.selector = &selector;
	request.has_cascade = request.cascade = true;
	request.has_resource_version = version != 0;
	request.resource_version = version;
	request.uid = (char *)uid;
	assert_int_equal(ask(f, SERVICE "Delete", &request.base, &api__delete_response__descriptor),
			 0);
	reply = (Api__DeleteResponse *)f->served.unary.reply;
	say(f, reply->results, reply->n_results);
	return f->said.data;
}

static void test_delete_this_one(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *uid = NULL;
	uint64_t version;

	apply(f, CELL_WEB);
	uid = xstrdup(find(f, WEB)->identity.uid);
	version = find(f, WEB)->version;
	apply_at(f, 0, "c");
	expect_conflict(delete_at(f, version, NULL));
	assert_true(str_starts_with(delete_at(f, 0, "another"),
				    "CONFLICT " WEB ": it is asked for of uid another, "));
	assert_true(find(f, WEB)->wanted);
	assert_string_equal(delete_at(f, find(f, WEB)->version, uid), "DELETED " WEB);
}

/* ---- run ---- */

static bool address_is_stored(struct sim *sim)
{
	AUTO_FREE char *path = xasprintf("%s/" WEB "/cell.yaml", served_of(sim)->run_path);
	AUTO_BUF struct buf text = { 0 };

	return fs_read_file(AT_FDCWD, path, 1 << 20, &text, NULL) == 0 &&
	       strstr(text.data, "lastIp:");
}

static void test_stop_and_start(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *ip = NULL;

	apply(f, CELL_WEB);
	await(f, WEB, "Ready");
	assert_string_equal(run(f, WEB, START), "UNCHANGED " WEB);
	assert_string_equal(run(f, WEB, STOP), "ACCEPTED " WEB);
	await(f, WEB, "Stopped");
	assert_string_equal(run(f, WEB, STOP), "UNCHANGED " WEB);
	assert_string_equal(run(f, WEB, KILL), "UNCHANGED " WEB);
	assert_true(container(f, "root")->record && container(f, "root")->snapshot);
	assert_false(world_cell(&f->served.sim.world, WEB)->pinned);
	assert_string_equal(run(f, WEB "/b", START),
			    "FAILED " WEB
			    "/b: its cell is stopped; 'kuke start cell web' starts it");
	ip = xstrdup(find(f, WEB)->cell.last_ip);
	assert_true(sim_run_until(&f->served.sim, address_is_stored, WAIT_MS));
	daemon_restart(f);
	await(f, WEB, "Stopped");
	assert_string_equal(find(f, WEB)->cell.last_ip, ip); /* it asks for it when it comes back */
	assert_string_equal(run(f, WEB, START), "ACCEPTED " WEB);
	await(f, WEB, "Ready");
	assert_int_equal(container(f, "root")->restarts, 0);
	daemon_restart(f);
	await(f, WEB, "Ready");
	assert_int_equal(starts(f, "root"), 2);
}

static bool b_is_down(struct sim *sim)
{
	return container(fixture_of(sim), "b")->task == TASK_NONE;
}

static bool b_runs(struct sim *sim)
{
	return container(fixture_of(sim), "b")->task == TASK_RUNNING;
}

static void test_stop_container(void **state)
{
	struct fixture *f = *state;

	apply(f, CELL_WEB);
	await(f, WEB, "Ready");
	assert_string_equal(run(f, WEB "/b", KILL), "ACCEPTED " WEB "/b");
	assert_true(sim_run_until(&f->served.sim, b_is_down, WAIT_MS));
	assert_int_equal(sim_state(&f->served.sim, WEB), API__STATE__STATE_READY);
	daemon_restart(f);
	await(f, WEB, "Ready");
	assert_int_equal(starts(f, "b"), 1);
	assert_string_equal(run(f, WEB "/b", START), "ACCEPTED " WEB "/b");
	assert_true(sim_run_until(&f->served.sim, b_runs, WAIT_MS));
	assert_int_equal(starts(f, "root"), 1);
	assert_string_equal(run(f, WEB "/a", STOP), "ACCEPTED " WEB "/a"); /* the root */
	await(f, WEB, "Stopped");
	assert_string_equal(run(f, WEB "/b", START),
			    "FAILED " WEB "/b: the root container of its cell is stopped; 'kuke "
			    "start cell web' starts both");
	assert_string_equal(run(f, WEB, START), "ACCEPTED " WEB);
	await(f, WEB, "Ready");
}

static bool restarted_both(struct sim *sim)
{
	struct fixture *f = fixture_of(sim);

	return starts(f, "root") == 2 && starts(f, "b") == 2 &&
	       sim_state(sim, WEB) == API__STATE__STATE_READY;
}

static bool restarted_b(struct sim *sim)
{
	struct fixture *f = fixture_of(sim);

	return starts(f, "b") == 3 && sim_state(sim, WEB) == API__STATE__STATE_READY;
}

static void test_restart(void **state)
{
	struct fixture *f = *state;

	apply(f, CELL_WEB);
	await(f, WEB, "Ready");
	assert_string_equal(run(f, WEB, RESTART), "ACCEPTED " WEB);
	assert_true(sim_run_until(&f->served.sim, restarted_both, WAIT_MS));
	assert_int_equal(find(f, WEB)->cell.run, INTENT_RUN);
	assert_string_equal(run(f, WEB "/b", RESTART), "ACCEPTED " WEB "/b");
	assert_true(sim_run_until(&f->served.sim, restarted_b, WAIT_MS));
	assert_int_equal(starts(f, "root"), 2);
	assert_string_equal(run(f, WEB "/nope", RESTART), "NOT_FOUND " WEB "/nope");
}

static unsigned asked(struct fixture *f)
{
	return f->served.sim.world.registry.asked;
}

static bool pull_is_under_way(struct sim *sim)
{
	return sim->world.registry.pulling;
}

/* What was asked for is kept: the daemon ends while the registry answers, and the next one asks
 * again, before it stops what runs; the one after that asks nothing. */
static void test_restart_with_a_pull(void **state)
{
	struct fixture *f = *state;

	apply(f, CELL_WEB);
	await(f, WEB, "Ready");
	assert_int_equal(asked(f), 0);
	world_pace(&f->served.sim.world, "pull", 2 * WAIT_MS, 0);
	assert_string_equal(run_with(f, WEB, RESTART, true), "ACCEPTED " WEB);
	assert_true(sim_run_until(&f->served.sim, pull_is_under_way, WAIT_MS));
	assert_int_equal(starts(f, "root"), 1);
	assert_true(container(f, "b")->pull_requested);
	world_pace(&f->served.sim.world, "pull", 1, 0);
	f->served.sim.world.registry.pushed++;
	daemon_restart(f);
	assert_true(sim_run_until(&f->served.sim, restarted_both, WAIT_MS));
	assert_int_equal(asked(f), 2); /* one image, by each daemon */
	assert_false(container(f, "root")->pull_requested);
	daemon_restart(f);
	await(f, WEB, "Ready");
	assert_int_equal(asked(f), 2);
	assert_int_equal(starts(f, "root"), 2);
}

/* One container of it alone; and what is asked without a pull takes nothing from the registry. */
static void test_restart_one_with_a_pull(void **state)
{
	struct fixture *f = *state;

	apply(f, CELL_WEB);
	await(f, WEB, "Ready");
	assert_string_equal(run(f, WEB, RESTART), "ACCEPTED " WEB);
	assert_true(sim_run_until(&f->served.sim, restarted_both, WAIT_MS));
	assert_int_equal(asked(f), 0);
	assert_string_equal(run_with(f, WEB "/b", RESTART, true), "ACCEPTED " WEB "/b");
	assert_true(sim_run_until(&f->served.sim, restarted_b, WAIT_MS));
	assert_int_equal(asked(f), 1);
	assert_int_equal(starts(f, "root"), 2);
}

static void test_self(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(run(f, SELF_KEY, STOP), "NOT_FOUND " SELF_KEY);
	apply(f, DOC("Cell", "kukeond") "  {realmId: kukeon-system, spaceId: kukeon, stackId: "
					"kukeon}\n");
	await(f, SELF_KEY, "Ready");
	assert_string_equal(delete_with(f, SELF_KEY, true),
			    "FAILED " SELF_KEY
			    ": it is Kukeon's own; 'kuke uninstall' takes everything down");
	assert_string_equal(run(f, SELF_KEY, START), "UNCHANGED " SELF_KEY);
	assert_false(f->served.stopped);
	assert_string_equal(run(f, SELF_KEY, STOP), "ACCEPTED " SELF_KEY);
	assert_true(f->served.stopped);
}

/* ---- everything ---- */

static void test_refresh(void **state)
{
	struct fixture *f = *state;
	Api__RefreshRequest request = API__REFRESH_REQUEST__INIT;

	apply(f, CELL_WEB);
	assert_int_equal(ask(f, ADMIN "Refresh", &request.base, &api__refresh_response__descriptor),
			 0);
	assert_int_equal(((Api__RefreshResponse *)f->served.unary.reply)->objects, 4);
}

static void test_purge(void **state)
{
	struct fixture *f = *state;
	Api__PurgeRequest request = API__PURGE_REQUEST__INIT;

	apply(f, CELL_WEB);
	sim_file(&f->served.sim, "a.yaml", DOC("Cell", "api") "  containers: [" ONE("a") "]\n");
	await(f, WEB, "Ready");
	assert_int_equal(ask(f, ADMIN "Purge", &request.base, &api__purge_response__descriptor), 0);
	assert_int_equal(((Api__PurgeResponse *)f->served.unary.reply)->n_remaining, 0);
	assert_true(f->served.stopped);
	assert_null(find(f, "default"));
	sim_file(&f->served.sim, "a.yaml", CELL_WEB); /* nothing comes any more */
	assert_null(find(f, WEB));
}

/* ---- the disk ---- */

/* What cannot be written is refused and has no effect. */
static void test_store_fails(void **state)
{
	struct fixture *f = *state;

	apply(f, DOC("Realm", "default") "  {}\n");
	assert_int_equal(fs_write_file_atomic(
				 f->awaited = xasprintf("%s/default/default", f->served.run_path),
				 "", 0, 0644, NULL),
			 0); /* a file where a directory must be */
	assert_true(str_starts_with(apply(f, CELL_WEB),
				    "FAILED default/default: cannot be stored, so nothing was "
				    "changed: "));
	assert_null(find(f, WEB));
	unlink(f->awaited);
	assert_string_equal(apply(f, CELL_WEB), "CREATED default/default\n"
						"CREATED default/default/default\nCREATED " WEB);
}

static const char *apply_cell(struct fixture *f, Api__ContainerSpec *container,
			      Api__Metadata *metadata)
{
	Api__ApplyRequest request = API__APPLY_REQUEST__INIT;
	Api__Object object = API__OBJECT__INIT, *objects[] = { &object };
	Api__Cell cell = API__CELL__INIT;
	Api__CellSpec spec = API__CELL_SPEC__INIT;

	spec.containers = &container;
	spec.n_containers = 1;
	cell.metadata = metadata;
	cell.spec = &spec;
	object.object_case = API__OBJECT__OBJECT_CELL;
	object.cell = &cell;
	request.objects = objects;
	request.n_objects = 1;
	return apply_request(f, &request);
}

/* No manifest can say so, and the store could not read it back. */
static void test_what_no_file_can_say(void **state)
{
	static char *args[MODEL_MAX_NODES], empty[] = ""; /* two bytes each on the wire */
	struct fixture *f = *state;
	Api__ContainerSpec container = API__CONTAINER_SPEC__INIT;
	Api__Metadata metadata = API__METADATA__INIT;
	Api__Metadata__LabelsEntry label = API__METADATA__LABELS_ENTRY__INIT,
				   *labels[] = { &label, &label };

	container.id = (char[]){ "web" };
	container.image = (char[]){ "img" };
	label.key = (char[]){ "tier" };
	metadata.name = (char[]){ "w?b" };
	assert_non_null(strstr(apply_cell(f, &container, &metadata), "FAILED w?b: metadata.name:"));
	metadata.name = (char[]){ "web" };
	metadata.labels = labels;
	metadata.n_labels = ARRAY_SIZE(labels);
	assert_string_equal(apply_cell(f, &container, &metadata),
			    "FAILED web: metadata.labels.tier: is there twice");
	metadata.n_labels = 1;
	for (size_t i = 0; i < ARRAY_SIZE(args); i++)
		args[i] = empty;
	container.args = args;
	container.n_args = ARRAY_SIZE(args);
	assert_string_equal(apply_cell(f, &container, &metadata),
			    "FAILED web: spec: has 12041 fields and entries in all, at most 12000 "
			    "are allowed");
	assert_null(find(f, WEB));
	container.n_args -= 100;
	assert_true(str_ends_with(apply_cell(f, &container, &metadata), "CREATED " WEB));
	daemon_restart(f);
	assert_non_null(find(f, WEB));
}

/* ---- requests whose caller has gone ---- */

enum { POOL_THREADS = 4, IMPATIENT_MS = 300 };

/* Holds every thread of libuv's pool, as if the disk did not answer. */
struct hold {
	struct work work[POOL_THREADS];
	pthread_mutex_t mutex;
	unsigned n_held;
};
static struct hold hold = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void run_hold(struct work *work UNUSED)
{
	pthread_mutex_lock(&hold.mutex);
	pthread_mutex_unlock(&hold.mutex);
}

static void on_let_go(struct work *work UNUSED)
{
	hold.n_held--;
}

static void hold_pool(struct fixture *f)
{
	pthread_mutex_lock(&hold.mutex);
	for (hold.n_held = 0; hold.n_held < POOL_THREADS; hold.n_held++)
		loop_work(&f->served.sim.loop, &hold.work[hold.n_held], run_hold, on_let_go);
}

static bool is_let_go(struct sim *sim UNUSED)
{
	return hold.n_held == 0;
}

static void let_go(struct fixture *f)
{
	pthread_mutex_unlock(&hold.mutex);
	assert_true(sim_run_until(&f->served.sim, is_let_go, WAIT_MS));
}

/* The daemon learns a moment after its client that this one has given up. */
static bool nobody_waits(struct sim *sim)
{
	struct pending_reply *reply;

	list_for_each(reply, &served_of(sim)->api->replies.all, link)
		if (!atomic_load(rpc_server_call_gone(reply->call)))
			return false;
	return true;
}

static void run_in_vain(struct fixture *f, const char *key, Api__RunVerb verb)
{
	Api__RunRequest request = API__RUN_REQUEST__INIT;
	struct key_parts parts;
	Api__Selector selector = select_key(key, &parts);

	request.selector = &selector;
	request.has_verb = true;
	request.verb = verb;
	f->served.timeout_ms = IMPATIENT_MS;
	assert_int_equal(ask(f, SERVICE "Run", &request.base, &api__run_response__descriptor),
			 -ETIMEDOUT);
	f->served.timeout_ms = 0;
	assert_true(sim_run_until(&f->served.sim, nobody_waits, WAIT_MS));
}

/* Each was given up before it was stored: neither is carried out later, and what is asked then is
 * not lost. */
static void test_given_up_is_withdrawn(void **state)
{
	struct fixture *f = *state;

	apply(f, CELL_WEB);
	await(f, WEB, "Ready");
	hold_pool(f);
	run_in_vain(f, WEB, STOP);
	run_in_vain(f, WEB, KILL);
	let_go(f);
	assert_string_equal(run(f, WEB, START), "UNCHANGED " WEB);
	assert_int_equal(find(f, WEB)->cell.run, INTENT_RUN);
	await(f, WEB, "Ready");
	assert_int_equal(starts(f, "root"), 1);
	daemon_restart(f);
	await(f, WEB, "Ready");
	assert_int_equal(starts(f, "root"), 1);
	assert_string_equal(run(f, WEB, STOP), "ACCEPTED " WEB);
	await(f, WEB, "Stopped");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_apply),
		TEST(test_dry_run),
		TEST(test_order_of_kinds),
		TEST(test_manifest_owns),
		TEST(test_manifest_takes_over),
		TEST(test_what_cannot_be),
		TEST(test_namespace_by_file),
		TEST(test_names_without_case),
		TEST(test_unknown_space),
		TEST(test_networks),
		TEST(test_ports),
		TEST(test_container_joins),
		TEST(test_containers_make_a_cell),
		TEST(test_container_is_declared_twice),
		TEST(test_delete),
		TEST(test_delete_survives),
		TEST(test_versions),
		TEST(test_versions_of_containers),
		TEST(test_versions_outlive_the_daemon),
		TEST(test_delete_this_one),
		TEST(test_stop_and_start),
		TEST(test_stop_container),
		TEST(test_restart),
		TEST(test_restart_with_a_pull),
		TEST(test_restart_one_with_a_pull),
		TEST(test_self),
		TEST(test_refresh),
		TEST(test_purge),
		TEST(test_store_fails),
		TEST(test_what_no_file_can_say),
		TEST(test_given_up_is_withdrawn),
	};

	log_set_level(getenv("KUKEON_TEST_LOG") ? LOG_DEBUG : LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor over the fake world: what has an owner, what has none, what is taken away. */
#include "core/doctor/doctor.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/config/host_advice.h"
#include "core/desired/desired.h"
#include "drivers/containerd/shims.h"
#include "tests/fake/host.h"

enum { EXAMINE_MAX_MS = 120 * 1000, EXAMINATIONS = 60 };

#define CELL(name)                                                                                 \
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: " name "}\nspec:\n"                     \
	"  containers: [{id: a, image: img, stopGracePeriodSeconds: 1}, {id: b, image: img}]\n"
#define KEY(name) "default/default/default/" name

struct fixture {
	struct sim sim;
	Api__DoctorResponse *reply;
	struct call call;
	bool done;
};

static void on_done(struct call *call)
{
	container_of(call, struct fixture, call)->done = true;
}

static bool is_done(struct sim *sim)
{
	return container_of(sim, struct fixture, sim)->done;
}

static void forget_reply(struct fixture *f)
{
	if (f->reply)
		protobuf_c_message_free_unpacked(&f->reply->base, NULL);
	f->reply = NULL;
}

static void begin(struct fixture *f, bool fix)
{
	const struct doctor_options options = { .fix = fix };

	forget_reply(f);
	f->done = false;
	call_init(&f->call, &f->sim.loop, on_done);
	doctor_examine(&f->sim.engine, &options, &f->reply, &f->call);
}

static const Api__DoctorResponse *examine(struct fixture *f, bool fix)
{
	begin(f, fix);
	assert_true(sim_run_until(&f->sim, is_done, EXAMINE_MAX_MS));
	assert_int_equal(f->call.status, 0);
	return f->reply;
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	sim_init(&f->sim, 1);
	sim_start(&f->sim);
	sim_file(&f->sim, "web.yaml", CELL("web"));
	*state = f;
	return 0;
}

static int setup_ready(void **state)
{
	struct fixture *f;

	setup(state);
	f = *state;
	sim_scanned(&f->sim);
	assert_true(sim_settle(&f->sim));
	assert_int_equal(sim_state(&f->sim, KEY("web")), API__STATE__STATE_READY);
	sim_run(&f->sim, 60 * 1000); /* away from the next full look at the host */
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	forget_reply(f);
	sim_fini(&f->sim);
	free(f);
	return 0;
}

static bool has_only_a_veth(struct sim *sim)
{
	return sim->world.strays.n == 1 && sim->world.strays.items[0].kind == HOST_VETH;
}

/* What only a daemon that died leaves goes by itself; the rest is for people to decide. */
static void test_shims_go_by_themselves(void **state)
{
	struct fixture *f = *state;

	sim_scanned(&f->sim);
	host_things_add(&f->sim.world.strays, HOST_SHIM, "kukeon-default/x", NULL)->why =
		xstrdup("left");
	host_things_add(&f->sim.world.strays, HOST_VETH, "vethx", NULL)->why = xstrdup("left");
	assert_true(sim_run_until(&f->sim, has_only_a_veth, EXAMINE_MAX_MS));
	assert_true(sim_settle(&f->sim));
	assert_true(has_only_a_veth(&f->sim));
}

/* "veth vethx; ..." of those for which @wanted is true. */
static bool is_orphan(const Api__HostObject *object)
{
	return object->orphan;
}

static bool is_fixed(const Api__HostObject *object)
{
	return object->fixed;
}

static struct field_name kind_of(const Api__HostObject *object)
{
	return naming_of_number(&api__host_kind__descriptor, (int)object->kind);
}

static char *names(const Api__DoctorResponse *reply, bool (*wanted)(const Api__HostObject *object))
{
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < reply->n_objects; i++)
		if (wanted(reply->objects[i]))
			buf_printf(&text, "%s %s; ", kind_of(reply->objects[i]).text,
				   reply->objects[i]->name);
	return buf_take(&text);
}

static void assert_orphans(const Api__DoctorResponse *reply, const char *expected)
{
	AUTO_FREE char *found = names(reply, is_orphan);

	assert_string_equal(found, expected);
}

static void assert_fixed(const Api__DoctorResponse *reply, const char *expected)
{
	AUTO_FREE char *found = names(reply, is_fixed);

	assert_string_equal(found, expected);
}

static const Api__HostObject *object_of(const Api__DoctorResponse *reply, const char *kind,
					const char *name)
{
	for (size_t i = 0; i < reply->n_objects; i++)
		if (str_equal(kind_of(reply->objects[i]).text, kind) &&
		    str_equal(reply->objects[i]->name, name))
			return reply->objects[i];
	fail_msg("no %s %s", kind, name);
	return NULL;
}

static const Api__HostCheck *check_of(const Api__DoctorResponse *reply, const char *name)
{
	for (size_t i = 0; i < reply->n_checks; i++)
		if (str_equal(reply->checks[i]->name, name))
			return reply->checks[i];
	return NULL;
}

/* ---- owners ---- */

static void test_healthy(void **state)
{
	struct fixture *f = *state;
	const Api__DoctorResponse *reply = examine(f, false);
	char last[256] = "";

	assert_orphans(reply, "");
	assert_true(reply->n_objects >= 12);
	for (size_t i = 0; i < reply->n_objects; i++) {
		char now[256];

		snprintf(now, sizeof(now), "%s %s", kind_of(reply->objects[i]).text,
			 reply->objects[i]->name);
		assert_true(strcmp(last, now) < 0);
		strcpy(last, now);
		assert_false(str_empty(reply->objects[i]->owner));
	}
	assert_string_equal(object_of(reply, "task", "kukeon-default/default_default_web_b")->owner,
			    KEY("web") "/b");
	assert_string_equal(object_of(reply, "netns", KEY("web"))->owner, KEY("web"));
	assert_int_equal(check_of(reply, "containerd")->result,
			 API__HOST_CHECK__RESULT__RESULT_PASSED);
}

/* What a cell is being made, remade or taken down for is the cell's, at every moment of it. */
static void test_under_way(void **state)
{
	struct fixture *f = *state;
	unsigned examinations = 0;

	sim_scanned(&f->sim);
	for (; examinations < EXAMINATIONS; examinations++) {
		assert_orphans(examine(f, true), "");
		assert_fixed(f->reply, "");
		if (examinations == EXAMINATIONS / 3)
			sim_file(&f->sim, "web.yaml",
				 "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"
				 "  containers: [{id: a, image: other, "
				 "stopGracePeriodSeconds: 1}]\n");
		if (examinations == EXAMINATIONS / 2)
			sim_file_gone(&f->sim, "web.yaml");
		sim_run(&f->sim, 7);
	}
	assert_true(sim_settle(&f->sim));
	assert_int_equal(examine(f, false)->n_objects, 0);
}

/* Nobody wrote down who made the link: it is of whom is being attached, and of nobody after that.
 */
static void test_unnamed(void **state)
{
	struct fixture *f = *state;
	struct object *web = engine_find(&f->sim.engine, KEY("web"));
	struct host_thing link = { .kind = HOST_VETH,
				   .name = (char *)"vethx",
				   .owner = (char *)"default/default",
				   .unnamed = true,
				   .why = (char *)"nobody made it" };
	char *owner, *message;

	assert_int_equal(doctor_judge(&f->sim.engine, &link, &owner, &message), STANDING_ORPHAN);
	assert_string_equal(message, "nobody made it");
	free(message);
	web->cell.network.busy = true;
	assert_int_equal(doctor_judge(&f->sim.engine, &link, &owner, &message), STANDING_OWNED);
	assert_string_equal(owner, KEY("web"));
	free(owner);
	web->cell.network.busy = false;
	link.owner = (char *)"default/nowhere";
	assert_int_equal(doctor_judge(&f->sim.engine, &link, &owner, &message), STANDING_ORPHAN);
	free(message);
}

/* Of a cell, on no record: it may be that of one which is not adopted yet. */
static void test_unnamed_of_a_cell(void **state)
{
	struct fixture *f = *state;
	struct object *web = engine_find(&f->sim.engine, KEY("web"));
	struct host_thing reservation = { .kind = HOST_IPAM,
					  .name = (char *)"10.88.0.9",
					  .owner = (char *)KEY("web"),
					  .unnamed = true,
					  .why = (char *)"not attached" };
	char *owner, *message;

	assert_int_equal(doctor_judge(&f->sim.engine, &reservation, &owner, &message),
			 STANDING_ORPHAN);
	free(message);
	web->cell.attached = web->cell.intent = false; /* as without a journal */
	assert_int_equal(doctor_judge(&f->sim.engine, &reservation, &owner, &message),
			 STANDING_OWNED);
	free(owner);
	web->cell.attached = web->cell.intent = true;
}

static void test_in_use(void **state)
{
	struct fixture *f = *state;

	host_things_add(&f->sim.world.strays, HOST_LEASE, "kukeon-default/kukeon-unpack-1", NULL)
		->in_use = true;
	assert_orphans(examine(f, true), "");
	assert_string_equal(object_of(f->reply, "lease", "kukeon-default/kukeon-unpack-1")->owner,
			    "kukeond");
}

/* ---- orphans ---- */

static void leave_orphans(struct fixture *f)
{
	struct world *world = &f->sim.world;
	struct world_container *c =
		world_make_container(world, "kukeon-default", "default_default_ghost_root");
	struct world_container *more =
		world_make_container(world, "kukeon-default", "default_default_web_more");

	c->fact.cell_key = xstrdup(KEY("ghost"));
	c->fact.role = xstrdup("root");
	c->fact.container = xstrdup("a");
	c->fact.record = c->fact.snapshot = true;
	more->fact.cell_key = xstrdup(KEY("web"));
	more->fact.role = xstrdup("more");
	more->fact.container = xstrdup("more");
	more->fact.record = true;
	world_make_cell(world, KEY("group"))->cgroup = true;
	world_make_cell(world, KEY("pin"))->pinned = true;
	world_make_parent(world, "default/lab")->own = true;
	for (int kind = 0; kind < HOST_KIND_COUNT; kind++)
		host_things_add(&world->strays, (enum host_kind)kind, host_kind_name(kind), NULL)
			->why = xstrdup("left");
}

#define ORPHANS                                                                                                                      \
	"bridge bridge; cgroup cgroup; cgroup " KEY(                                                                                 \
		"group") "; conflist conflist; "                                                                                     \
			 "conflist default/lab; container container; "                                                               \
			 "container kukeon-default/default_default_ghost_root; "                                                     \
			 "container kukeon-default/default_default_web_more; exec exec; ingest ingest; ipam ipam; journal journal; " \
			 "lease lease; log-fifos log-fifos; log-files log-files; mount mount; netns " KEY(                           \
				 "pin") "; netns netns; nft nft; shim shim; "                                                        \
					"snapshot kukeon-default/default_default_ghost_root; snapshot snapshot; task task; "         \
					"veth veth; volumes volumes; "

static void test_orphans(void **state)
{
	struct fixture *f = *state;

	leave_orphans(f);
	f->sim.world.frozen = true; /* looking changes nothing */
	assert_orphans(examine(f, false), ORPHANS);
	assert_string_equal(object_of(f->reply, "netns", KEY("pin"))->message,
			    "there is no Cell " KEY("pin"));
	assert_string_equal(
		object_of(f->reply, "container", "kukeon-default/default_default_web_more")
			->message,
		"cell " KEY("web") " has no container of this id");
	assert_string_equal(object_of(f->reply, "veth", "veth")->message, "left");
	assert_int_equal(f->sim.world.violations, 0);
}

static void test_fix(void **state)
{
	struct fixture *f = *state;
	struct world *world = &f->sim.world;
	struct world_container *a =
		world_container(world, "kukeon-default", "default_default_web_root");
	struct world_container *b =
		world_container(world, "kukeon-default", "default_default_web_b");
	uint32_t pids[] = { a->fact.pid, b->fact.pid };

	leave_orphans(f);
	assert_orphans(examine(f, true), "");
	assert_fixed(f->reply, ORPHANS);
	assert_int_equal(world->strays.n, 0);
	assert_orphans(examine(f, false), "");
	assert_fixed(f->reply, "");
	assert_int_equal(a->fact.pid, pids[0]);
	assert_int_equal(b->fact.pid, pids[1]);
	assert_int_equal(a->starts, 1);
	assert_int_equal(world->violations, 0);
	assert_null(engine_find(&f->sim.engine, KEY("ghost")));
}

static void test_stuck(void **state)
{
	struct fixture *f = *state;

	host_things_add(&f->sim.world.strays, HOST_MOUNT, "/run/x", NULL)->why = xstrdup("stuck");
	host_things_add(&f->sim.world.strays, HOST_VETH, "vethx", NULL)->why = xstrdup("left");
	assert_orphans(examine(f, true), "mount /run/x; ");
	assert_fixed(f->reply, "veth vethx; ");
	assert_string_equal(object_of(f->reply, "mount", "/run/x")->message, "/run/x is stuck");
}

/* ---- an incomplete view ---- */

static void test_not_yet_scanned(void **state)
{
	struct fixture *f = *state;

	sim_run(&f->sim, 1000);
	host_things_add(&f->sim.world.strays, HOST_VETH, "vethx", NULL)->why = xstrdup("left");
	assert_orphans(examine(f, true), "veth vethx; ");
	assert_string_equal(object_of(f->reply, "veth", "vethx")->message,
			    "left; not taken away: not every manifest could be read yet");
	assert_int_equal(f->sim.world.strays.n, 1);
}

static void test_runtime_down(void **state)
{
	struct fixture *f = *state;

	host_things_add(&f->sim.world.strays, HOST_VETH, "vethx", NULL)->why = xstrdup("left");
	world_runtime_down(&f->sim.world);
	assert_orphans(examine(f, true), "veth vethx; ");
	assert_string_equal(object_of(f->reply, "veth", "vethx")->message,
			    "left; not taken away: connection refused");
	assert_int_equal(check_of(f->reply, "containerd")->result,
			 API__HOST_CHECK__RESULT__RESULT_FAILED);
	assert_int_equal(check_of(f->reply, "inventory")->result,
			 API__HOST_CHECK__RESULT__RESULT_FAILED);
	assert_int_equal(f->sim.world.strays.n, 1);
}

/* Wherever it is cut, it ends, once. */
static void test_close(void **state)
{
	struct fixture *f = *state;

	for (uint64_t ms = 0; ms < 600; ms += 9) {
		host_things_add(&f->sim.world.strays, HOST_VETH, "vethx", NULL)->why =
			xstrdup("left");
		begin(f, true);
		sim_run(&f->sim, ms);
		sim_crash(&f->sim);
		sim_run(&f->sim, 1);
		assert_true(f->done);
		assert_true(f->call.status == 0 || f->call.status == -ECONNREFUSED);
		sim_start(&f->sim);
		sim_file(&f->sim, "web.yaml", CELL("web"));
		sim_scanned(&f->sim);
		sim_run(&f->sim, 2000);
		host_things_fini(&f->sim.world.strays);
	}
}

/* ---- what is judged of the host ---- */

static void test_advice(void **state UNUSED)
{
	char *missing = host_advice_missing_controllers("cpuset cpu io hugetlb pidsx\n");

	assert_string_equal(missing, "memory pids");
	free(missing);
	assert_null(host_advice_missing_controllers("cpuset cpu io memory pids\n"));
	assert_int_equal(host_advice_space(1024, 1ULL << 40),
			 API__HOST_CHECK__RESULT__RESULT_FAILED);
	assert_int_equal(host_advice_space(100ULL << 20, 1ULL << 40),
			 API__HOST_CHECK__RESULT__RESULT_WARNING);
	assert_int_equal(host_advice_space(100ULL << 20, 200ULL << 20),
			 API__HOST_CHECK__RESULT__RESULT_PASSED);
	assert_int_equal(host_advice_space(1ULL << 39, 1ULL << 40),
			 API__HOST_CHECK__RESULT__RESULT_PASSED);
}

static void test_versions(void **state UNUSED)
{
	static const struct {
		const char *version;
		Api__HostCheck__Result result;
	} cases[] = {
		{ "1.5.9", API__HOST_CHECK__RESULT__RESULT_FAILED },
		{ "v1.5.9", API__HOST_CHECK__RESULT__RESULT_FAILED },
		{ "1.6.20~ds1", API__HOST_CHECK__RESULT__RESULT_PASSED },
		{ "v2.0.0", API__HOST_CHECK__RESULT__RESULT_PASSED },
		{ "homemade", API__HOST_CHECK__RESULT__RESULT_PASSED },
	};
	struct host_checks checks = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		host_checks_add_containerd(&checks, cases[i].version);
		assert_int_equal(checks.items[i]->result, cases[i].result);
	}
	host_checks_fini(&checks);
}

static void test_shims(void **state UNUSED)
{
	static const char line[] =
		"/usr/bin/containerd-shim-runc-v2\0-namespace\0kukeon-main\0-id\0"
		"s_t_c_root\0-address\0/run/c.sock";
	static const char other[] = "/usr/bin/vi\0-namespace\0kukeon-main\0-id\0s_t_c_root";
	static const char cleans[] =
		"/usr/bin/containerd-shim-runc-v2\0-namespace\0kukeon-main\0-address\0"
		"/run/containerd/containerd.sock\0-id\0a\0-bundle\0/run/a\0delete";
	struct shim shim;

	assert_true(shim_parse(line, sizeof(line), &shim));
	assert_string_equal(shim.namespace_, "kukeon-main");
	assert_string_equal(shim.id, "s_t_c_root");
	assert_string_equal(shim.containerd, "/run/c.sock");
	shim_fini(&shim);
	assert_false(shim_parse(other, sizeof(other), &shim));
	assert_false(shim_parse(line, sizeof(line) - 4, &shim)); /* cut off */
	assert_false(shim_parse(line, strlen(line) + 1, &shim));
	assert_false(shim_parse(cleans, sizeof(cleans), &shim)); /* serves nobody */
	assert_false(shim_parse("", 0, &shim));
	assert_false(shim_parse("", 1, &shim));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_healthy, setup_ready, teardown),
		cmocka_unit_test_setup_teardown(test_under_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unnamed, setup_ready, teardown),
		cmocka_unit_test_setup_teardown(test_unnamed_of_a_cell, setup_ready, teardown),
		cmocka_unit_test_setup_teardown(test_in_use, setup_ready, teardown),
		cmocka_unit_test_setup_teardown(test_orphans, setup_ready, teardown),
		cmocka_unit_test_setup_teardown(test_fix, setup_ready, teardown),
		cmocka_unit_test_setup_teardown(test_stuck, setup_ready, teardown),
		cmocka_unit_test_setup_teardown(test_not_yet_scanned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_runtime_down, setup_ready, teardown),
		cmocka_unit_test_setup_teardown(test_close, setup_ready, teardown),
		cmocka_unit_test_setup_teardown(test_shims_go_by_themselves, setup, teardown),
		cmocka_unit_test(test_advice),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_shims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

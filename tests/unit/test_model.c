/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h> /* needs the headers above */

#include "core/base/buf.h"
#include "core/manifest/manifest.h"
#include "core/model/field.h"
#include "core/model/model.h"
#include "core/model/view.h"

static char *text(const char *s)
{
	return (char *)s;
}

/* Every problem as "path: message" lines. */
static char *problems_of(enum kind kind, const ProtobufCMessage *message)
{
	AUTO(model_problems_fini) struct model_problems problems = { 0 };
	AUTO_BUF struct buf lines = { 0 };

	model_validate(kind, message, &problems);
	for (size_t i = 0; i < problems.n; i++)
		buf_printf(&lines, "%s: %s\n", problems.items[i].path, problems.items[i].message);
	return buf_take(&lines);
}

/* A cell from the YAML (flow) of its spec's other fields, with defaults; not validated. */
static Api__Cell *cell_of(const char *spec)
{
	AUTO_FREE char *yaml = xasprintf("metadata: {name: web}\nspec: {%s}\n", spec);
	ProtobufCMessage *message = NULL;
	struct error err;

	if (manifest_parse_stored("test", yaml, strlen(yaml), &api__cell__descriptor, &message,
				  &err) < 0)
		fail_msg("%s", err.msg);
	model_set_defaults(KIND_CELL, message);
	return (Api__Cell *)message;
}

static void free_cell(Api__Cell *cell)
{
	protobuf_c_message_free_unpacked(&cell->base, NULL);
}

/* A copy packs to the same bytes, and lives on its own. */
static void test_copy(void **state UNUSED)
{
	Api__Cell *cell =
		cell_of("containers: [{id: a, image: x, args: [b, ''], env: [], "
			"privileged: false, stopGracePeriodSeconds: 3, volumes: [{target: "
			"/v}], capabilities: {}}], nestedCgroupRuntime: true");
	ProtobufCMessage *copy = model_copy(&cell->base), *again = model_copy(copy);
	size_t len = protobuf_c_message_get_packed_size(&cell->base);
	AUTO_FREE uint8_t *before = xcalloc(len, 1), *after = xcalloc(len, 1);

	protobuf_c_message_pack(&cell->base, before);
	free_cell(cell);
	protobuf_c_message_free_unpacked(copy, NULL);
	assert_int_equal(protobuf_c_message_get_packed_size(again), len);
	protobuf_c_message_pack(again, after);
	assert_memory_equal(before, after, len);
	protobuf_c_message_free_unpacked(again, NULL);
}

/* One of several, and none of them. */
static void test_copy_oneof(void **state UNUSED)
{
	Api__Realm realm = API__REALM__INIT;
	Api__Object object = API__OBJECT__INIT, *copy = (Api__Object *)model_copy(&object.base);

	assert_int_equal(copy->object_case, API__OBJECT__OBJECT__NOT_SET);
	protobuf_c_message_free_unpacked(&copy->base, NULL);
	realm.kind = text("Realm");
	object.object_case = API__OBJECT__OBJECT_REALM;
	object.realm = &realm;
	copy = (Api__Object *)model_copy(&object.base);
	assert_int_equal(copy->object_case, API__OBJECT__OBJECT_REALM);
	assert_ptr_not_equal(copy->realm, &realm);
	assert_string_equal(copy->realm->kind, "Realm");
	protobuf_c_message_free_unpacked(&copy->base, NULL);
}

static void test_defaults(void **state UNUSED)
{
	Api__Cell *cell = cell_of("containers: [{id: a, image: x, realmId: other}]");
	AUTO_FREE char *key = model_key(KIND_CELL, &cell->base);

	assert_string_equal(cell->api_version, "v1beta1");
	assert_string_equal(cell->kind, "Cell");
	assert_string_equal(cell->spec->id, "web");
	assert_string_equal(key, "default/default/default/web");
	assert_string_equal(cell->spec->containers[0]->realm_id, "other");
	assert_string_equal(cell->spec->containers[0]->space_id, "default");
	assert_string_equal(cell->spec->containers[0]->cell_id, "web");
	assert_ptr_equal(model_metadata(KIND_CELL, &cell->base), cell->metadata);
	free_cell(cell);
}

static void test_defaults_of_an_empty_document(void **state UNUSED)
{
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		AUTO_FREE ProtobufCMessage *blank =
			xcalloc(1, model_descriptor((enum kind)kind)->sizeof_message);
		ProtobufCMessage *message;

		protobuf_c_message_init(model_descriptor((enum kind)kind), blank);
		message = model_copy(blank);
		model_set_defaults((enum kind)kind, message);
		AUTO_FREE char *problems = problems_of((enum kind)kind, message);

		assert_true(str_starts_with(
			problems, "metadata.name: missing; expected a name of letters, digits and "
				  "inner dashes, at most 63 bytes\n"));
		protobuf_c_message_free_unpacked(message, NULL);
	}
}

#define C "id: a, image: x, " /* a container that is fine so far */

#define NO_HOST_NAME                                                                               \
	"is not a host name; expected letters, digits, '-' and '_' in parts separated by '.', "    \
	"such as db or db.internal\n"

#define USER_PROBLEM(user)                                                                           \
	"spec.containers[0].user: \"" user                                                           \
	"\" is not a user; expected user or user:group, each a name or a number, such as nobody or " \
	"1000:1000\n"
#define HOSTNAME_PROBLEM(name)                                                                     \
	"spec.containers[0].hostname: \"" name                                                     \
	"\" is not a host name; expected letters, digits and inner dashes, in parts joined by "    \
	"dots, at most 64 bytes\n"
#define TEN "abcdefghij"

static const struct {
	const char *spec, *problems;
} cell_rows[] = {
	{ "", "" },
	{ "id: other",
	  "spec.id: \"other\" is not metadata.name \"web\"; make them equal or leave one out\n" },
	{ "realmId: a_b",
	  "spec.realmId: \"a_b\" is not a valid name; expected letters, digits and inner dashes, "
	  "at most 63 bytes\n" },
	{ "containers: [{id: a}]", "spec.containers[0].image: missing; expected an image such as "
				   "nginx:1.27 or registry.example/team/app:1\n" },
	{ "containers: [{id: a, image: Nginx}]",
	  "spec.containers[0].image: the repository \"library/Nginx\" has upper-case letters; expected "
	  "lower case\n" },
	{ "containers: [{id: a, image: \"nginx:\"}]",
	  "spec.containers[0].image: \"\" is no tag; expected at most 128 letters, digits, \"_\", \".\" "
	  "and \"-\", of which the last two do not begin it\n" },
	{ "containers: [{id: a, image: \"a b\"}]",
	  "spec.containers[0].image: \"a b\" is not an image reference; expected ASCII without "
	  "spaces\n" },
	{ "containers: [{image: x}]",
	  "spec.containers[0].id: missing; expected a name of letters, digits and inner "
	  "dashes, at most 63 bytes\n" },
	{ "containers: [{id: a, image: x}, {id: a, image: x}]",
	  "spec.containers[1].id: \"a\" is the id of containers[0] already\n" },
	{ "containers: [{id: a, image: x, root: true}, {id: b, image: x, root: true}]",
	  "spec.containers[1].root: a second root: \"a\" is marked root already; a cell has exactly "
	  "one\n" },
	{ "rootContainerId: a, containers: [{id: a, image: x}, {id: b, image: x, root: true}]",
	  "spec.containers[1].root: \"b\" is marked root, but spec.rootContainerId is \"a\"\n" },
	{ "rootContainerId: a, containers: [{id: a, image: x, root: true}, {id: b, image: x}]",
	  "" },
	{ "rootContainerId: wbe, containers: [{id: web, image: x}]",
	  "spec.rootContainerId: no container has the id \"wbe\", did you mean \"web\"?\n" },
	{ "rootContainerId: z", "spec.rootContainerId: no container has the id \"z\"; expected an "
				"id from spec.containers\n" },
	{ "containers: [{id: a, image: x}, {id: root, image: x}]",
	  "spec.containers[1].id: \"root\" is what the root container is called in containerd; "
	  "choose another id or make "
	  "this container the root\n" },
	{ "containers: [{id: root, image: x}]", "" },
	{ "containers: [{" C "realmId: other}]",
	  "spec.containers[0].realmId: is \"other\", but the "
	  "cell has \"default\"; leave it out here\n" },
	{ "containers: [{" C "env: [A=1, B=, C, =x]}]",
	  "spec.containers[0].env[2]: expected NAME=value with a name before the '='\n"
	  "spec.containers[0].env[3]: expected NAME=value with a name before the '='\n" },
	{ "containers: [{" C
	  "restartPolicy: \"\", stopSignal: INT, user: \"1000:0\", workingDir: /w}]",
	  "" },
	{ "containers: [{" C "stopSignal: SIGFOO}]",
	  "spec.containers[0].stopSignal: \"SIGFOO\" is not a signal; expected a name such as "
	  "SIGTERM or a number from 1 "
	  "to 64\n" },
	{ "containers: [{" C "user: bob}, {id: b, image: x, user: \"www-data:1000\"}]", "" },
	{ "containers: [{" C "user: \"4294967295\"}]", USER_PROBLEM("4294967295") },
	{ "containers: [{" C "user: \"bob:\"}]", USER_PROBLEM("bob:") },
	{ "containers: [{" C "user: \":bob\"}]", USER_PROBLEM(":bob") },
	{ "containers: [{" C "user: \"a:b:c\"}]", USER_PROBLEM("a:b:c") },
	{ "containers: [{" C "user: \"-1\"}]", USER_PROBLEM("-1") },
	{ "containers: [{" C "user: \"a b\"}]", USER_PROBLEM("a b") },
	{ "containers: [{" C "hostname: db-1.Example.org}]", "" },
	{ "containers: [{" C "hostname: -db}]", HOSTNAME_PROBLEM("-db") },
	{ "containers: [{" C "hostname: a..b}]", HOSTNAME_PROBLEM("a..b") },
	{ "containers: [{" C "hostname: a_b}]", HOSTNAME_PROBLEM("a_b") },
	{ "containers: [{" C "hostname: a.}]", HOSTNAME_PROBLEM("a.") },
	{ "containers: [{" C "hostname: " TEN TEN TEN TEN TEN TEN "1234}]",
	  HOSTNAME_PROBLEM(TEN TEN TEN TEN TEN TEN "1234") },
	{ "containers: [{" C "hostname: " TEN TEN TEN TEN TEN TEN ".234}]", "" },
	{ "containers: [{" C "hostname: " TEN TEN TEN TEN TEN TEN ".2345}]",
	  HOSTNAME_PROBLEM(TEN TEN TEN TEN TEN TEN ".2345") },
	{ "containers: [{" C "capabilities: {add: [cap_net_admin, ALL], drop: [all, Chown]}}]",
	  "" },
	{ "containers: [{" C "capabilities: {}}]", "" },
	{ "containers: [{" C "oomScoreAdj: -1000}, {id: b, image: x, oomScoreAdj: 1000}]", "" },
	{ "containers: [{" C "oomScoreAdj: -1001}, {id: b, image: x, oomScoreAdj: 1001}]",
	  "spec.containers[0].oomScoreAdj: -1001 is out of range; expected a number from -1000 to "
	  "1000\nspec.containers[1].oomScoreAdj: 1001 is out of range; expected a number from "
	  "-1000 to 1000\n" },
	{ "containers: [{" C "capabilities: {add: [NET_ADMN], drop: [all, whatever]}}]",
	  "spec.containers[0].capabilities.add[0]: \"NET_ADMN\" is not a capability, did you mean "
	  "\"NET_ADMIN\"?\n"
	  "spec.containers[0].capabilities.drop[1]: \"whatever\" is not a capability; expected a "
	  "name from capabilities(7) such as NET_BIND_SERVICE, or ALL\n" },
	{ "containers: [{" C "tmpfs: [{target: /a, size: 64m, mode: \"1777\"}, {target: /b, size: "
	  "\"1024\"}, {target: /c, size: 8191P, mode: \"01777\"}]}]",
	  "" },
	{ "containers: [{" C "tmpfs: [{target: a, size: 64mb, mode: \"1888\"}, {size: \"0\", mode: "
	  "\"17777\"}, {target: //, size: 8192p}]}]",
	  "spec.containers[0].tmpfs[0].target: \"a\" is not absolute; expected an absolute path in "
	  "the container\n"
	  "spec.containers[0].tmpfs[0].size: \"64mb\" is not a size; expected a number of bytes or "
	  "one with k, m or g such as 64m\n"
	  "spec.containers[0].tmpfs[0].mode: \"1888\" is not an access mode; expected up to four "
	  "octal digits such as \"1777\" or \"0755\"\n"
	  "spec.containers[0].tmpfs[1].target: missing; expected an absolute path in the container\n"
	  "spec.containers[0].tmpfs[1].size: \"0\" is not a size; expected a number of bytes or one "
	  "with k, m or g such as 64m\n"
	  "spec.containers[0].tmpfs[1].mode: \"17777\" is not an access mode; expected up to four "
	  "octal digits such as \"1777\" or \"0755\"\n"
	  "spec.containers[0].tmpfs[2].target: a tmpfs cannot replace the root filesystem\n"
	  "spec.containers[0].tmpfs[2].size: \"8192p\" is not a size; expected a number of bytes or "
	  "one with k, m or g such as 64m\n" },
	{ "containers: [{" C "logDriver: journald, logMaxSize: 64k, logMaxFiles: 1000}, {id: b, "
	  "image: x, logDriver: none, logMaxSize: \"\", logMaxFiles: 0}]",
	  "" },
	{ "containers: [{" C "logMaxSize: 63k, logMaxFiles: 1001}, {id: b, image: x, logMaxSize: "
	  "10 MB}]",
	  "spec.containers[0].logMaxSize: \"63k\" is not a size of a log file; expected at least 64k, "
	  "such as 10m\n"
	  "spec.containers[0].logMaxFiles: 1001 files are too many; at most 1000 are kept\n"
	  "spec.containers[1].logMaxSize: \"10 MB\" is not a size of a log file; expected at least "
	  "64k, such as 10m\n" },
	{ "containers: [{" C
	  "devices: [{source: /dev/fuse}, {source: /dev/a, target: /dev/b, permissions: rw}]}]",
	  "" },
	{ "containers: [{" C "devices: [{source: fuse, permissions: rwx}, {target: /}, {source: "
	  "/dev/a, permissions: rr}]}]",
	  "spec.containers[0].devices[0].source: \"fuse\" is not absolute; expected the absolute "
	  "path of a device on the host\n"
	  "spec.containers[0].devices[0].permissions: \"rwx\" are not device permissions; expected "
	  "some of r, w and m such as rw\n"
	  "spec.containers[0].devices[1].source: missing; expected the absolute path of a device on "
	  "the host\n"
	  "spec.containers[0].devices[1].target: a device cannot replace the root filesystem\n"
	  "spec.containers[0].devices[2].permissions: \"rr\" are not device permissions; expected "
	  "some of r, w and m such as rw\n" },
	{ "containers: [{" C
	  "volumes: [{source: /a, target: /b}], tmpfs: [{target: //b/.}, {target: "
	  "/dev/x}], devices: [{source: /dev/x}]}]",
	  "spec.containers[0].tmpfs[0].target: \"//b/.\" is the target of volumes[0] already\n"
	  "spec.containers[0].devices[0].target: \"/dev/x\" is the target of tmpfs[1] already\n" },
	{ "containers: [{" C "workingDir: w}]",
	  "spec.containers[0].workingDir: \"w\" is not absolute; expected an absolute path in the "
	  "container\n" },
	{ "containers: [{" C "volumes: [{source: /a, target: /b}, {kind: tmpfs, target: /tmp}]}]",
	  "" },
	{ "containers: [{" C "volumes: [{source: a, target: /b/../c}]}]",
	  "spec.containers[0].volumes[0].target: \"/b/../c\" holds \"..\"; expected an absolute "
	  "path in the container "
	  "without it\n"
	  "spec.containers[0].volumes[0].source: \"a\" is not absolute; expected an absolute path "
	  "on the host\n" },
	{ "containers: [{" C "volumes: [{source: /a, target: /}, {source: /a}]}]",
	  "spec.containers[0].volumes[0].target: a volume cannot replace the root filesystem\n"
	  "spec.containers[0].volumes[1].target: missing; expected an absolute path in the "
	  "container\n" },
	{ "containers: [{" C "volumes: [{source: /a, target: /b}, {source: /c, target: /b/}]}]",
	  "spec.containers[0].volumes[1].target: \"/b/\" is the target of volumes[0] already\n" },
	{ "containers: [{" C
	  "volumes: [{kind: tmpfs, target: /b}, {kind: tmpfs, source: /a, target: /c}]}]",
	  "spec.containers[0].volumes[1].source: a tmpfs has no source; leave it out\n" },
	{ "containers: [{" C "networks: [db, main/db, other/db, a-b]}]", "" },
	{ "containers: [{" C "networks: [\"\", a/b/c, a_b, /x, db, db]}]",
	  "spec.containers[0].networks[0]: \"\" does not name a space; expected \"space\" for one of "
	  "the cell's realm, or \"realm/space\"\n"
	  "spec.containers[0].networks[1]: \"a/b/c\" does not name a space; expected \"space\" for "
	  "one of the cell's realm, or \"realm/space\"\n"
	  "spec.containers[0].networks[2]: \"a_b\" does not name a space; expected \"space\" for one "
	  "of the cell's realm, or \"realm/space\"\n"
	  "spec.containers[0].networks[3]: \"/x\" does not name a space; expected \"space\" for one "
	  "of the cell's realm, or \"realm/space\"\n"
	  "spec.containers[0].networks[5]: \"db\" is named by networks[4] already\n" },
	{ "containers: [{" C "networks: [a, b, c, d, e, f, g, h, i, default]},"
	  " {id: b, image: y, networks: [a, j, k, l, m, n, o, p]}]",
	  "" }, /* 16, and its own */
	{ "containers: [{" C "networks: [a, b, c, d, e, f, g, h, i]},"
	  " {id: b, image: y, networks: [a, j, k, l, m, n, o, p, x/a]}]",
	  "spec.containers: name 17 further spaces in their networks, at most 16 are allowed in a "
	  "cell\n" },
	{ "containers: [{" C "ports: [\"8080:80\", \"127.0.0.1:8081:80/tcp\", \"53:53/udp\"]}]",
	  "" },
	{ "containers: [{" C "ports: [\"80\", \"0:80\", \"70000:80\"]}]",
	  "spec.containers[0].ports[0]: \"80\": does not say which port of the host leads to it; "
	  "expected one such as \"8080:80\", \"127.0.0.1:8080:80/tcp\" or \"53:53/udp\"\n"
	  "spec.containers[0].ports[1]: \"0:80\": \"0\" is not a port of the host; expected 1 to "
	  "65535\n"
	  "spec.containers[0].ports[2]: \"70000:80\": \"70000\" is not a port of the host; expected "
	  "1 to 65535\n" },
	{ "containers: [{" C
	  "ports: [\"80:80\"]}, {id: b, image: x, ports: [\"127.0.0.1:80:8080\"]}]",
	  "spec.containers[1].ports[0]: \"127.0.0.1:80:8080\": this port of the host is published by "
	  "containers[0].ports[0] already\n" },
	{ "containers: [{" C "networksAliases: [db, my_db, db.internal, 1password, 4.b]}]", "" },
	{ "containers: [{" C "networksAliases: [a b, 10.0.0.1, -x, a..b, \"\", Localhost]}]",
	  "spec.containers[0].networksAliases[0]: \"a b\" " NO_HOST_NAME
	  "spec.containers[0].networksAliases[1]: \"10.0.0.1\" " NO_HOST_NAME
	  "spec.containers[0].networksAliases[2]: \"-x\" " NO_HOST_NAME
	  "spec.containers[0].networksAliases[3]: \"a..b\" " NO_HOST_NAME
	  "spec.containers[0].networksAliases[4]: \"\" " NO_HOST_NAME
	  "spec.containers[0].networksAliases[5]: localhost is every container's own; choose "
	  "another name\n" },
	{ "containers: [{" C "networksAliases: [db, x, DB]}]",
	  "spec.containers[0].networksAliases[2]: \"DB\" stands there twice\n" },
};

static void test_cells(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(cell_rows); i++) {
		Api__Cell *cell = cell_of(cell_rows[i].spec);
		AUTO_FREE char *problems = problems_of(KIND_CELL, &cell->base);

		assert_string_equal(problems, cell_rows[i].problems);
		free_cell(cell);
	}
}

static void test_too_many_containers(void **state UNUSED)
{
	AUTO_BUF struct buf spec = { 0 };
	Api__Cell *cell;

	for (int i = 0; i < 65; i++)
		buf_printf(&spec, "%s{id: c%d, image: x}", i ? ", " : "containers: [", i);
	buf_add_str(&spec, "]");
	cell = cell_of(spec.data);
	AUTO_FREE char *problems = problems_of(KIND_CELL, &cell->base);

	assert_string_equal(problems, "spec.containers: has 65 entries, at most 64 are allowed\n");
	free_cell(cell);
}

static void test_long_lists(void **state UNUSED)
{
	AUTO_BUF struct buf spec = { 0 };
	Api__Cell *cell;

	buf_add_str(&spec, "containers: [{id: a, image: x, tmpfs: [");
	for (int i = 0; i < 257; i++)
		buf_printf(&spec, "%s{target: /%d}", i ? ", " : "", i);
	buf_add_str(&spec, "]}]");
	cell = cell_of(spec.data);
	AUTO_FREE char *problems = problems_of(KIND_CELL, &cell->base);

	assert_string_equal(problems,
			    "spec.containers[0].tmpfs: has 257 entries, at most 256 are allowed\n");
	free_cell(cell);
}

/* What the problems of a container are whose command, one argument and one variable are so long. */
static char *problems_of_lengths(size_t command, size_t arg, size_t variable)
{
	Api__Cell *cell = cell_of("containers: [{id: a, image: x, args: [b, c], env: [A=1]}]");
	Api__ContainerSpec *spec = cell->spec->containers[0];
	char *problems;

	spec->command = memset(xcalloc(command + 1, 1), '/', command);
	free(spec->args[1]);
	spec->args[1] = memset(xcalloc(arg + 1, 1), 'x', arg);
	free(spec->env[0]);
	spec->env[0] = memset(xcalloc(variable + 1, 1), 'S', variable);
	spec->env[0][1] = '=';
	problems = problems_of(KIND_CELL, &cell->base);
	free_cell(cell);
	return problems;
}

/* The kernel's limit for one string is 128 KiB with its NUL, for a path 4 KiB. */
static void test_exec_strings(void **state UNUSED)
{
	AUTO_FREE char *fit = problems_of_lengths(4095, 131071, 131071);
	AUTO_FREE char *too_long = problems_of_lengths(4096, 131072, 140000);

#define LIMIT "the kernel starts no process with an argument or a variable of more than 131071; "
	assert_string_equal(fit, "");
	assert_string_equal(
		too_long,
		"spec.containers[0].command: has 4096 bytes, at most 4095 are allowed\n"
		"spec.containers[0].args[1]: has 131072 bytes; " LIMIT "mount it as a file\n"
		"spec.containers[0].env[0]: has 140000 bytes; " LIMIT "mount it as a file\n");
#undef LIMIT
}

/* Whatever fields there are: a space's default is judged as the container's field of its name. */
static void test_borrowed_defaults(void **state UNUSED)
{
	Api__ContainerDefaults defaults = API__CONTAINER_DEFAULTS__INIT;
	Api__ContainerSpec spec = API__CONTAINER_SPEC__INIT;
	char *env[] = { text("A=1"), text("B=2") };

	defaults.env = env;
	defaults.n_env = ARRAY_SIZE(env);
	defaults.user = text("nobody");
	defaults.has_restart_max_retries = true;
	defaults.restart_max_retries = 7;
	defaults.has_read_only_root_filesystem = defaults.read_only_root_filesystem = true;
	message_borrow(&spec.base, &defaults.base);
	assert_ptr_equal(spec.env, env);
	assert_int_equal(spec.n_env, 2);
	assert_string_equal(spec.user, "nobody");
	assert_true(spec.has_restart_max_retries && spec.restart_max_retries == 7);
	assert_true(spec.has_read_only_root_filesystem && spec.read_only_root_filesystem);
	assert_false(spec.has_restart_backoff_seconds);
	assert_null(spec.image);
}

static void test_status_of_any_kind(void **state UNUSED)
{
	Api__CommonStatus *common =
		(Api__CommonStatus *)message_new(&api__common_status__descriptor);
	Api__ContainerStatus own = API__CONTAINER_STATUS__INIT;
	Api__Container container = API__CONTAINER__INIT;
	Api__Cell *cell = (Api__Cell *)model_new(KIND_CELL);

	assert_null(model_status(KIND_CELL, &cell->base).source);
	assert_null(model_status(KIND_CONTAINER, &container.base).source);
	common->source = xstrdup("api");
	common->has_state = true;
	common->state = API__STATE__STATE_READY;
	model_give_status(KIND_CELL, &cell->base, common);
	cell->status->ip = xstrdup("10.88.0.2");
	assert_string_equal(model_status(KIND_CELL, &cell->base).source, "api");
	assert_ptr_equal(model_status(KIND_CELL, &cell->base).source, cell->status->source);
	assert_int_equal(cell->status->state, API__STATE__STATE_READY);
	own.reason = text("why");
	container.status = &own;
	assert_string_equal(model_status(KIND_CONTAINER, &container.base).reason, "why");
	assert_null(model_status(KIND_CONTAINER, &container.base).created_at);
	protobuf_c_message_free_unpacked(&cell->base, NULL);
}

static void test_defaults_of_a_space(void **state UNUSED)
{
	static const char yaml[] =
		"metadata: {name: s}\n"
		"spec: {defaults: {container: {env: [A], user: \"a:\", stopSignal: "
		"FOO, capabilities: {drop: [AL]}, volumes: [{source: a, target: /b}], tmpfs: "
		"[{target: /b}]}}}\n";
	ProtobufCMessage *message = NULL;
	struct error err;

	assert_int_equal(manifest_parse_stored("t", yaml, strlen(yaml), &api__space__descriptor,
					       &message, &err),
			 0);
	model_set_defaults(KIND_SPACE, message);
	AUTO_FREE char *problems = problems_of(KIND_SPACE, message);

#define AT "spec.defaults.container."
	assert_string_equal(
		problems,
		AT "env[0]: expected NAME=value with a name before the '='\n" AT
		   "stopSignal: \"FOO\" is not a signal; expected a name such as SIGTERM "
		   "or a number from 1 to 64\n" AT
		   "user: \"a:\" is not a user; expected user or user:group, each a name or a "
		   "number, such as nobody or 1000:1000\n" AT
		   "capabilities.drop[0]: \"AL\" is not a capability, did you mean \"ALL\"?\n" AT
		   "volumes[0].source: \"a\" is not absolute; expected an absolute path on the "
		   "host\n" AT "tmpfs[0].target: \"/b\" is the target of volumes[0] already\n");
#undef AT
	protobuf_c_message_free_unpacked(message, NULL);
}

/* @problem "": there is none. */
static void assert_space(Api__SpaceSpec *spec, const char *field, const char *problem)
{
	AUTO_FREE char *expected = *problem ? xasprintf("%s: %s\n", field, problem) : xstrdup("");
	Api__Space space = API__SPACE__INIT;
	AUTO_FREE char *problems = NULL;
	ProtobufCMessage *copy;

	spec->id = text("s");
	space.spec = spec;
	copy = model_copy(&space.base);
	model_set_defaults(KIND_SPACE, copy);
	problems = problems_of(KIND_SPACE, copy);
	assert_string_equal(problems, expected);
	protobuf_c_message_free_unpacked(copy, NULL);
}

static void test_spaces(void **state UNUSED)
{
	static const struct {
		const char *subnet, *problem;
	} rows[] = {
		{ "", "" },
		{ "10.88.0.0/16", "" },
		{ "10.0.0.0/8", "" },
		{ "192.168.1.8/29", "" },
		{ "10.88.0.1/16",
		  "\"10.88.0.1/16\" is an address inside a range, did you mean \"10.88.0.0/16\"?" },
		{ "10.88.0.0",
		  "\"10.88.0.0\" is not an IPv4 range; expected one such as 10.88.0.0/16" },
		{ "fd00::/64",
		  "\"fd00::/64\" is not an IPv4 range; expected one such as 10.88.0.0/16" },
		{ "10.88.0.0/33",
		  "\"10.88.0.0/33\" is not an IPv4 range; expected one such as 10.88.0.0/16" },
		{ "10.88.0.0/016",
		  "\"10.88.0.0/016\" is not an IPv4 range; expected one such as 10.88.0.0/16" },
		{ "10.88.0.0/30", "\"10.88.0.0/30\" is of the wrong size; expected /8 to /29" },
		{ "0.0.0.0/0", "\"0.0.0.0/0\" is of the wrong size; expected /8 to /29" },
		{ "127.0.0.0/8",
		  "\"127.0.0.0/8\" is reserved; expected a private range such as 10.88.0.0/16" },
		{ "224.0.0.0/8",
		  "\"224.0.0.0/8\" is reserved; expected a private range such as 10.88.0.0/16" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		Api__SpaceSpec spec = API__SPACE_SPEC__INIT;

		spec.subnet = text(rows[i].subnet);
		assert_space(&spec, "spec.subnet", rows[i].problem);
	}
}

static void test_spaces_with_ipv6(void **state UNUSED)
{
#define WRONG "is not an IPv6 range; expected one such as fd12:3456:789a:1::/64"
	static const struct {
		const char *subnet6, *problem;
	} rows[] = {
		{ "", "" },
		{ "fd12:3456:789a:1::/64", "" },
		{ "2001:db8::/112", "" },
		{ "FD12::0/64", "" },
		{ "fd12::1/64",
		  "\"fd12::1/64\" is an address inside a range, did you mean \"fd12::/64\"?" },
		{ "fd12::", "\"fd12::\" " WRONG },
		{ "10.88.0.0/16", "\"10.88.0.0/16\" " WRONG },
		{ "::ffff:10.88.0.0/112", "\"::ffff:10.88.0.0/112\" " WRONG },
		{ "fd12::/129", "\"fd12::/129\" " WRONG },
		{ "fd12::/48", "\"fd12::/48\" is of the wrong size; expected /64 to /112" },
		{ "fd12::/113", "\"fd12::/113\" is of the wrong size; expected /64 to /112" },
		{ "fe80::/64", "\"fe80::/64\" is reserved; expected a private range such as "
			       "fd12:3456:789a:1::/64" },
		{ "ff02::/64", "\"ff02::/64\" is reserved; expected a private range such as "
			       "fd12:3456:789a:1::/64" },
		{ "::/64", "\"::/64\" is reserved; expected a private range such as "
			   "fd12:3456:789a:1::/64" },
	};
	Api__SpaceSpec both = API__SPACE_SPEC__INIT;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		Api__SpaceSpec spec = API__SPACE_SPEC__INIT;

		spec.subnet6 = text(rows[i].subnet6);
		assert_space(&spec, "spec.subnet6", rows[i].problem);
	}
	both.subnet6 = text("fd12::/64");
	both.has_ipv6 = both.ipv6 = true;
	assert_space(&both, "", "");
	assert_true(model_space_has_ipv6(&both));
	both.ipv6 = false;
	assert_space(&both, "spec.ipv6", "is false beside a subnet6; leave one of the two out");
#undef WRONG
}

static void test_signals(void **state UNUSED)
{
	static const struct {
		const char *name;
		int number;
	} rows[] = {
		{ "SIGTERM", SIGTERM },
		{ "TERM", SIGTERM },
		{ "sigint", SIGINT },
		{ "15", 15 },
		{ "64", 64 },
		{ "SIGQUIT", SIGQUIT },
		{ "WINCH", SIGWINCH },
		{ "KILL", SIGKILL },
		{ "0", 0 },
		{ "65", 0 },
		{ "", 0 },
		{ "SIG", 0 },
		{ "TERMX", 0 },
		{ "-1", 0 },
		{ "015", 0 },
		{ "RTMAX", 64 },
		{ "SIGRTMAX-1", 63 },
		{ "RTMIN+99", 0 },
		{ "RTMIN+", 0 },
	};
	Api__ContainerSpec spec = API__CONTAINER_SPEC__INIT;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (model_signal_parse(rows[i].name) != rows[i].number)
			fail_msg("%s: expected %d, got %d", rows[i].name, rows[i].number,
				 model_signal_parse(rows[i].name));
	assert_int_equal(model_signal_parse("SIGRTMIN+3"), SIGRTMIN + 3);
	assert_int_equal(model_stop_signal(&spec), 0);
	spec.stop_signal = text("QUIT");
	assert_int_equal(model_stop_signal(&spec), SIGQUIT);
	assert_int_equal(model_stop_grace_ms(&spec), 10000);
	spec.has_stop_grace_period_seconds = true;
	spec.stop_grace_period_seconds = 0;
	assert_int_equal(model_stop_grace_ms(&spec), 0);
	assert_int_equal(model_restart_policy(&spec), RESTART_ALWAYS);
	spec.restart_policy = API__RESTART_POLICY__RESTART_POLICY_ON_FAILURE;
	assert_int_equal(model_restart_policy(&spec), RESTART_ON_FAILURE);
	spec.restart_policy = API__RESTART_POLICY__RESTART_POLICY_NEVER;
	assert_int_equal(model_restart_policy(&spec), RESTART_NEVER);
}

static void test_root_index(void **state UNUSED)
{
	static const struct {
		const char *spec;
		size_t root;
	} rows[] = {
		{ "", 0 },
		{ "containers: [{id: a}, {id: b}]", 0 },
		{ "containers: [{id: a}, {id: b, root: true}]", 1 },
		{ "rootContainerId: b, containers: [{id: a}, {id: b}]", 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		Api__Cell *cell = cell_of(rows[i].spec);

		assert_int_equal(model_root_index(cell->spec), rows[i].root);
		free_cell(cell);
	}
}

static void hash_of(const char *spec, size_t i, char ret_hash[SHA256_HEX_BYTES])
{
	Api__Cell *cell = cell_of(spec);

	model_container_hash(cell->spec, i, ret_hash);
	free_cell(cell);
}

/* The hash is written into containerd and outlives this program: it must never change for the same
 * spec. */
static void test_hash_is_stable(void **state UNUSED)
{
	char hash[SHA256_HEX_BYTES];

	hash_of("containers: [{id: a, image: x, args: [\"\"], volumes: [{source: /a, target: "
		"/b}]}]",
		0, hash);
	assert_string_equal(hash,
			    "223041f55d4d4a8ba08d5cfb80dbfea2857060f1c422ad95c16265c7169c52d0");
}

static void test_hash_sees_what_runs(void **state UNUSED)
{
	static const char base[] = "containers: [{id: a, image: x}, {id: b, image: x, volumes: "
				   "[{source: /a, target: /b}]}]";
	static const char *const same[] = {
		("realmId: r, containers: [{id: a, image: x}, {id: b, image: x, restartPolicy: "
		 "never, restartMaxRetries: 3, "
		 "restartBackoffSeconds: 2, stopSignal: INT, stopGracePeriodSeconds: 4, "
		 "networksAliases: [db], oomScoreAdj: 0, volumes: "
		 "[{source: /a, target: /b}]}]"),
		("containers: [{id: b, image: x, root: false, command: \"\", privileged: false, "
		 "volumes: [{source: /a, target: /b, kind: bind, readOnly: false}]}, {id: a, "
		 "image: "
		 "x}], rootContainerId: a"),
		("containers: [{id: z, image: y, root: true}, {id: b, image: x, volumes: [{source: "
		 "/a, target: /b}]}]"),
	};
	static const char *const other[] = {
		("containers: [{id: a, image: x}, {id: b, image: x, oomScoreAdj: -1, volumes: "
		 "[{source: /a, target: /b}]}]"),
		("containers: [{id: a, image: x}, {id: b, image: y, volumes: [{source: /a, target: "
		 "/b}]}]"),
		("containers: [{id: a, image: x}, {id: b, image: x, volumes: [{source: /a, target: "
		 "/b, readOnly: true}]}]"),
		("containers: [{id: a, image: x}, {id: b, image: x, args: [\"\"], volumes: "
		 "[{source: /a, target: /b}]}]"),
		("rootContainerId: b, containers: [{id: a, image: x}, {id: b, image: x, volumes: "
		 "[{source: /a, target: /b}]}]"),
	};
	char expected[SHA256_HEX_BYTES], hash[SHA256_HEX_BYTES];

	hash_of(base, 1, expected);
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		hash_of(same[i], i == 1 ? 0 : 1, hash);
		assert_string_equal(hash, expected);
	}
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		hash_of(other[i], 1, hash);
		assert_string_not_equal(hash, expected);
	}
}

/* What means the same as a field left out does not count; everything that changes what runs does.
 */
static void test_hash_of_newer_fields(void **state UNUSED)
{
	static const char base[] = "containers: [{id: a, image: x";
	static const char *const same[] = {
		"capabilities: {}", "capabilities: {add: [], drop: []}",
		"tmpfs: []",        "devices: []",
		"hostname: \"\"",   "networks: [db, other/db]",
		"user: \"\"",       "readOnlyRootFilesystem: false",
	};
	static const char *const other[] = {
		"capabilities: {add: [CHOWN]}",
		"capabilities: {drop: [CHOWN]}",
		"tmpfs: [{target: /a}]",
		"tmpfs: [{target: /a, size: 1m}]",
		"tmpfs: [{target: /a, mode: \"0700\"}]",
		"devices: [{source: /dev/a}]",
		"devices: [{source: /dev/a, target: /dev/b}]",
		"devices: [{source: /dev/a, permissions: r}]",
		"hostname: h",
		"user: u",
		"workingDir: /w",
		"readOnlyRootFilesystem: true",
	};
	static const char *const pairs[][2] = {
		{ "tmpfs: [{target: /a}]", "tmpfs: [{target: /a, size: \"\", mode: \"1777\"}]" },
		{ "devices: [{source: /dev/a}]",
		  "devices: [{source: /dev/a, target: /dev/a, permissions: rwm}]" },
	};
	char seen[ARRAY_SIZE(other) + 1][SHA256_HEX_BYTES], hash[SHA256_HEX_BYTES];
	AUTO_FREE char *nothing = xasprintf("%s}]", base);

	hash_of(nothing, 0, seen[0]);
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		AUTO_FREE char *spec = xasprintf("%s, %s}]", base, same[i]);

		hash_of(spec, 0, hash);
		assert_string_equal(hash, seen[0]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		AUTO_FREE char *spec = xasprintf("%s, %s}]", base, other[i]);

		hash_of(spec, 0, seen[i + 1]);
		for (size_t before = 0; before <= i; before++)
			assert_string_not_equal(seen[i + 1], seen[before]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		AUTO_FREE char *a = xasprintf("%s, %s}]", base, pairs[i][0]);
		AUTO_FREE char *b = xasprintf("%s, %s}]", base, pairs[i][1]);

		hash_of(a, 0, seen[0]);
		hash_of(b, 0, hash);
		assert_string_equal(hash, seen[0]);
	}
}

static void assert_hash_is(const Api__Cell *cell, const char *expected, const char *field)
{
	char hash[SHA256_HEX_BYTES];

	model_container_hash(cell->spec, 0, hash);
	if (strcmp(hash, expected) != 0)
		fail_msg("%s, written out as empty, would restart what runs", field);
}

/* Writes out as 0, false or "" whatever is left out, field by field. */
static unsigned write_zeros(const Api__Cell *cell, ProtobufCMessage *message, const char *expected)
{
	unsigned n = 0;

	for (unsigned f = 0; f < message->descriptor->n_fields; f++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[f];
		bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;

		if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
			for (size_t i = 0; i < field_count(message, field); i++)
				n += write_zeros(
					cell, *(ProtobufCMessage **)field_value(message, field, i),
					expected);
		} else if (!repeated && !field_count(message, field)) {
			void *value = field_add(message, field);

			if (field->type == PROTOBUF_C_TYPE_STRING)
				*(char **)value = xstrdup("");
			assert_hash_is(cell, expected, field->name);
			n++;
		}
	}
	return n;
}

/* Whatever fields there will be: the rule is the schema's. */
static void test_hash_of_zeros(void **state UNUSED)
{
	Api__Cell *cell = cell_of("containers: [{id: a, image: x, capabilities: {add: [CHOWN]}, "
				  "volumes: [{source: /a, target: /b}], tmpfs: [{target: /c}], "
				  "devices: [{source: /dev/a}]}]");
	char expected[SHA256_HEX_BYTES];

	model_container_hash(cell->spec, 0, expected);
	assert_true(write_zeros(cell, &cell->spec->containers[0]->base, expected) > 15);
	free_cell(cell);
}

static void test_labels(void **state UNUSED)
{
	AUTO_FREE char *value = xcalloc(5000, 1), *yaml = NULL, *problems = NULL;
	ProtobufCMessage *message = NULL;
	struct error err;

	memset(value, 'v', 4096);
	yaml = xasprintf("metadata: {name: r, labels: {a.b/c: %s, \"d e\": f, \"\": g, k: v}}",
			 value);
	assert_int_equal(manifest_parse_stored("t", yaml, strlen(yaml), &api__realm__descriptor,
					       &message, &err),
			 0);
	model_set_defaults(KIND_REALM, message);
	problems = problems_of(KIND_REALM, message);
	assert_string_equal(problems, "metadata.labels: a label has an empty key\n"
				      "metadata.labels.a.b/c: key and value have 4101 bytes "
				      "together, at most 4096 are allowed\n"
				      "metadata.labels.d e: expected a label key without spaces "
				      "and of at most 317 bytes\n");
	protobuf_c_message_free_unpacked(message, NULL);
}

static char *annotation_problems(enum kind kind, const char *annotations)
{
	AUTO_FREE char *yaml = xasprintf("metadata: {name: r, annotations: {%s}}", annotations);
	ProtobufCMessage *message = NULL;
	struct error err;
	char *problems;

	assert_int_equal(manifest_parse_stored("t", yaml, strlen(yaml), model_descriptor(kind),
					       &message, &err),
			 0);
	model_set_defaults(kind, message);
	problems = problems_of(kind, message);
	protobuf_c_message_free_unpacked(message, NULL);
	return problems;
}

/* As labels are; and one of them means something, to cells. */
static void test_annotations(void **state UNUSED)
{
	AUTO_FREE char *value = xcalloc(5000, 1), *yaml = NULL;
	AUTO_FREE char *bounds = NULL, *realm = NULL, *wrong = NULL, *right = NULL;

	memset(value, 'v', 4096);
	yaml = xasprintf("b: %s, \"d e\": f, \"\": g, a.b/c: some words", value);
	bounds = annotation_problems(KIND_REALM, yaml);
	assert_string_equal(bounds, "metadata.annotations: an annotation has an empty key\n"
				    "metadata.annotations.b: key and value have 4097 bytes "
				    "together, at most 4096 are allowed\n"
				    "metadata.annotations.d e: expected an annotation key without "
				    "spaces and of at most 317 bytes\n");
	realm = annotation_problems(KIND_REALM, "kukeon.io/auto-update: registry");
	assert_string_equal(realm, "metadata.annotations.kukeon.io/auto-update: is for cells, not "
				   "for a Realm\n");
	wrong = annotation_problems(KIND_CELL, "kukeon.io/auto-update: local");
	assert_non_null(strstr(wrong, "metadata.annotations.kukeon.io/auto-update: is \"local\"; "
				      "expected registry\n"));
	right = annotation_problems(KIND_CELL, "kukeon.io/auto-update: registry");
	assert_null(strstr(right, "annotations"));
}

/* ---- registryCredentials ---- */

#define ITEM "spec.registryCredentials[0]."
#define NO_REGISTRY(address)                                                                       \
	ITEM "serverAddress: \"" address "\" is no registry; expected one such as docker.io, "     \
	     "registry.example:5000 or registry.example/team, without https://\n"
#define ONE_OF_THREE                                                                               \
	ITEM "password: expected exactly one of password, passwordFile and dockerConfig\n"

static const struct {
	const char *entries, *problems;
} credentials_rows[] = {
	{ "{serverAddress: docker.io, username: u, password: p}", "" },
	{ "{serverAddress: localhost, password: token}", "" },
	{ "{serverAddress: 'r.example:5000/team', username: u, passwordFile: /p}", "" },
	{ "{serverAddress: '[::1]:5000', passwordFile: /p}", "" },
	{ "{dockerConfig: /c}", "" },
	{ "{serverAddress: r.example, dockerConfig: /c}", "" },
	{ "{password: p}", ITEM "serverAddress: is missing; expected a registry such as "
				"registry.example:5000\n" },
	{ "{serverAddress: 'https://r.example', password: p}", NO_REGISTRY("https://r.example") },
	{ "{serverAddress: team, password: p}", NO_REGISTRY("team") },
	{ "{serverAddress: r.example/, password: p}", NO_REGISTRY("r.example/") },
	{ "{serverAddress: u@r.example, password: p}", NO_REGISTRY("u@r.example") },
	{ "{serverAddress: R.example/Team, password: p}", NO_REGISTRY("R.example/Team") },
	{ "{serverAddress: r.example}", ONE_OF_THREE },
	{ "{serverAddress: r.example, password: p, passwordFile: /p}", ONE_OF_THREE },
	{ "{serverAddress: r.example, passwordFile: /p, dockerConfig: /c}", ONE_OF_THREE },
	{ "{username: u, dockerConfig: /c}",
	  ITEM "username: stands beside dockerConfig, which has its own; leave one out\n" },
	{ "{serverAddress: r.example, passwordFile: p}",
	  ITEM "passwordFile: \"p\" is not absolute; expected the absolute path of a file\n" },
	{ "{dockerConfig: ../c}",
	  ITEM "dockerConfig: \"../c\" is not absolute; expected the absolute path of a file\n" },
	{ "{serverAddress: r.example, password: p}, {serverAddress: r.example, password: q}",
	  "spec.registryCredentials[1].serverAddress: \"r.example\" is there twice\n" },
	{ "{dockerConfig: /c}, {dockerConfig: /d}", "" },
};

static char *credentials_problems(const char *entries)
{
	AUTO_FREE char *yaml =
		xasprintf("metadata: {name: r}\nspec: {registryCredentials: [%s]}\n", entries);
	ProtobufCMessage *message = NULL;
	struct error err;
	char *problems;

	if (manifest_parse_stored("t", yaml, strlen(yaml), &api__realm__descriptor, &message,
				  &err) < 0)
		fail_msg("%s: %s", entries, err.msg);
	model_set_defaults(KIND_REALM, message);
	problems = problems_of(KIND_REALM, message);
	protobuf_c_message_free_unpacked(message, NULL);
	return problems;
}

static void test_credentials(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(credentials_rows); i++) {
		AUTO_FREE char *problems = credentials_problems(credentials_rows[i].entries);

		if (!str_equal(problems, credentials_rows[i].problems))
			fail_msg("%s: \"%s\", expected \"%s\"", credentials_rows[i].entries,
				 problems, credentials_rows[i].problems);
	}
}

static char *text_of(size_t len)
{
	char *text = xcalloc(len + 1, 1);

	memset(text, 'v', len);
	return text;
}

/* A token of a cloud is taken; what is longer is none, and is not repeated. */
static void test_limits_of_credentials(void **state UNUSED)
{
	enum { USERNAME_MAX = 256, PASSWORD_MAX = 16 * 1024, ENTRIES_MAX = 64 };
	AUTO_FREE char *user = text_of(USERNAME_MAX), *password = text_of(PASSWORD_MAX);
	AUTO_FREE char *most =
		xasprintf("{serverAddress: r.example, username: %s, password: %s}", user, password);
	AUTO_FREE char *more = xasprintf("{serverAddress: r.example, username: %sv, password: %sv}",
					 user, password);
	AUTO_FREE char *fits = credentials_problems(most), *fails = credentials_problems(more);
	AUTO_BUF struct buf entries = { 0 };

	assert_string_equal(fits, "");
	assert_string_equal(fails, ITEM "password: has more than 16384 bytes\n" ITEM
					"username: has more than 256 bytes\n");
	for (int i = 0; i <= ENTRIES_MAX; i++)
		buf_add_str(&entries, "{dockerConfig: /c},");
	AUTO_FREE char *many = credentials_problems(entries.data);

	assert_string_equal(many, "spec.registryCredentials: has 65 entries, at most 64 are "
				  "allowed\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_copy_oneof),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_defaults_of_an_empty_document),
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_too_many_containers),
		cmocka_unit_test(test_spaces),
		cmocka_unit_test(test_spaces_with_ipv6),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_root_index),
		cmocka_unit_test(test_hash_is_stable),
		cmocka_unit_test(test_hash_sees_what_runs),
		cmocka_unit_test(test_hash_of_newer_fields),
		cmocka_unit_test(test_hash_of_zeros),
		cmocka_unit_test(test_long_lists),
		cmocka_unit_test(test_exec_strings),
		cmocka_unit_test(test_borrowed_defaults),
		cmocka_unit_test(test_status_of_any_kind),
		cmocka_unit_test(test_defaults_of_a_space),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_annotations),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_limits_of_credentials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

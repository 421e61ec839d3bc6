/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs make of their words: the request, or what is wrong with them. */
#include "tests/unit/stub_server.h"

#include <sys/stat.h>

#include "cli/args/files.h"
#include "cli/help/complete.h"
#include "cli/show/results.h"
#include "cli/verbs.h"

/* ---- the server: takes everything ---- */

static void fill_result(Api__Result *result, const char *key, Api__Outcome outcome)
{
	api__result__init(result);
	result->has_kind = result->has_outcome = true;
	result->kind = model_api_kind(key_kind(key));
	result->key = TEXT(key);
	result->outcome = outcome;
}

/* A daemon that dies in the midst of what it was asked. */
static void die_of(const char *name)
{
	if (str_equal(name, "cut"))
		_exit(0);
}

static void on_apply(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	Api__ApplyResponse reply = API__APPLY_RESPONSE__INIT;
	Api__Result results[2], *pointers[] = { &results[0], &results[1] };
	const Api__ApplyRequest *apply = (const Api__ApplyRequest *)request;

	for (size_t i = 0; i < apply->n_objects; i++)
		if (apply->objects[i]->object_case == API__OBJECT__OBJECT_CELL)
			die_of(apply->objects[i]->cell->metadata->name);
	stub_record(ctx, request);
	fill_result(&results[0], "main", API__OUTCOME__OUTCOME_CREATED);
	fill_result(&results[1], "default/default", API__OUTCOME__OUTCOME_CREATED);
	reply.results = pointers;
	reply.n_results = ARRAY_SIZE(results);
	rpc_server_reply(call, &reply.base);
}

static void on_delete(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	Api__DeleteResponse reply = API__DELETE_RESPONSE__INIT;
	Api__Result result, *results[] = { &result };

	die_of(((const Api__DeleteRequest *)request)->selector->name);
	stub_record(ctx, request);
	fill_result(&result, "main", API__OUTCOME__OUTCOME_NOT_FOUND);
	reply.results = results;
	reply.n_results = 1;
	rpc_server_reply(call, &reply.base);
}

static void on_run(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	Api__RunResponse reply = API__RUN_RESPONSE__INIT;
	Api__Result result;

	die_of(((const Api__RunRequest *)request)->selector->name);
	stub_record(ctx, request);
	fill_result(&result, "main/default/default/web", API__OUTCOME__OUTCOME_ACCEPTED);
	reply.result = &result;
	rpc_server_reply(call, &reply.base);
}

static void on_refresh(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	Api__RefreshResponse reply = API__REFRESH_RESPONSE__INIT;

	stub_record(ctx, request);
	reply.has_objects = true;
	reply.objects = 12;
	rpc_server_reply(call, &reply.base);
}

static void on_get(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	Api__GetResponse reply = API__GET_RESPONSE__INIT;
	Api__Object *objects[] = { new_object("api", API__STATE__STATE_READY, NULL),
				   new_object("web", API__STATE__STATE_READY, NULL) };

	stub_record(ctx, request);
	reply.objects = objects;
	reply.n_objects = ARRAY_SIZE(objects);
	rpc_server_reply(call, &reply.base);
}

static void on_doctor(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	static const Api__HostCheck__Result results[] = { API__HOST_CHECK__RESULT__RESULT_PASSED,
							  API__HOST_CHECK__RESULT__RESULT_WARNING,
							  API__HOST_CHECK__RESULT__RESULT_WARNING };
	Api__DoctorResponse reply = API__DOCTOR_RESPONSE__INIT;
	Api__HostCheck checks[ARRAY_SIZE(results)], *pointers[ARRAY_SIZE(results)];

	stub_record(ctx, request);
	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		api__host_check__init(&checks[i]);
		checks[i].name = TEXT("clock");
		checks[i].message = TEXT("says so");
		checks[i].has_result = true;
		checks[i].result = results[i];
		pointers[i] = &checks[i];
	}
	reply.checks = pointers;
	reply.n_checks = ARRAY_SIZE(results);
	rpc_server_reply(call, &reply.base);
}

static const struct rpc_method methods[] = {
	{ ADMIN "Doctor", &api__doctor_request__descriptor, on_doctor },
	{ SERVICE "Apply", &api__apply_request__descriptor, on_apply },
	{ SERVICE "Delete", &api__delete_request__descriptor, on_delete },
	{ SERVICE "Run", &api__run_request__descriptor, on_run },
	{ ADMIN "Refresh", &api__refresh_request__descriptor, on_refresh },
	{ SERVICE "Get", &api__get_request__descriptor, on_get },
};

/* ---- requests ---- */

#define CONTAINER_SCOPE                                                                            \
	"      realmId: default\n      spaceId: default\n      stackId: default\n"                 \
	"      cellId: web\n"
#define CREATED "createOnly: true\n"
#define MADE "Realm \"main\": created\nSpace \"default\": created\n"

#define NAMED "cell/default/default/default/api\ncell/default/default/default/web\n"
static const struct {
	const char *line, *request, *out;
	enum cli_exit code;
} requests[] = {
	{ "create realm main --namespace kukeon-x --label a=b --label c=",
	  "objects:\n- realm:\n    apiVersion: v1beta1\n    kind: Realm\n    metadata:\n"
	  "      name: main\n      labels:\n        a: b\n        c: \"\"\n"
	  "    spec:\n      id: main\n      namespace: kukeon-x\n" CREATED,
	  MADE, CLI_DONE },
	{ "create space lab --realm main --subnet 10.1.0.0/16",
	  "objects:\n- space:\n    apiVersion: v1beta1\n    kind: Space\n    metadata:\n"
	  "      name: lab\n    spec:\n      id: lab\n      realmId: main\n"
	  "      subnet: 10.1.0.0/16\n" CREATED,
	  MADE, CLI_DONE },
	{ "create container side --cell web",
	  "objects:\n- container:\n    apiVersion: v1beta1\n    kind: Container\n    metadata:\n"
	  "      name: side\n    spec:\n      id: side\n" CONTAINER_SCOPE
	  "      image: docker.io/library/debian:latest\n" CREATED,
	  MADE, CLI_DONE },
	{ "create container side --cell web --image old --image new --command /bin/sh --args -c "
	  "--args --help -e A=1 --env B= -v /srv:/data:ro -v /a:/b --user 1000:100 "
	  "--working-dir /tmp --privileged --root --restart-policy never --read-only "
	  "--hostname inside",
	  "objects:\n- container:\n    apiVersion: v1beta1\n    kind: Container\n    metadata:\n"
	  "      name: side\n    spec:\n      id: side\n" CONTAINER_SCOPE
	  "      root: true\n      image: new\n      command: /bin/sh\n      args:\n      - -c\n"
	  "      - --help\n      env:\n      - A=1\n      - B=\n      volumes:\n"
	  "      - source: /srv\n        target: /data\n        readOnly: true\n"
	  "      - source: /a\n        target: /b\n      privileged: true\n"
	  "      restartPolicy: never\n      workingDir: /tmp\n      user: \"1000:100\"\n"
	  "      readOnlyRootFilesystem: true\n      hostname: inside\n" CREATED,
	  MADE, CLI_DONE },
	{ "delete cell web --cascade",
	  "selector:\n  kind: Cell\n  realm: default\n  space: default\n  stack: default\n"
	  "  name: web\ncascade: true\n",
	  "Realm \"main\": not found\n", CLI_FAILED },
	{ "delete realm main", "selector:\n  kind: Realm\n  name: main\n",
	  "Realm \"main\": not found\n", CLI_FAILED },
	{ "start cell web --realm main",
	  "selector:\n  kind: Cell\n  realm: main\n  space: default\n  stack: default\n"
	  "  name: web\nverb: Start\n",
	  "Cell \"web\": start asked for in main/default/default\n", CLI_DONE },
	{ "start cell/web --realm main",
	  "selector:\n  kind: Cell\n  realm: main\n  space: default\n  stack: default\n"
	  "  name: web\nverb: Start\n",
	  "Cell \"web\": start asked for in main/default/default\n", CLI_DONE },
	{ "start cell main/lab/app/web --space lab",
	  "selector:\n  kind: Cell\n  realm: main\n  space: lab\n  stack: app\n"
	  "  name: web\nverb: Start\n",
	  "Cell \"web\": start asked for in main/default/default\n", CLI_DONE },
	{ "stop cell web main/lab/app/db",
	  "selector:\n  kind: Cell\n  realm: default\n  space: default\n  stack: default\n"
	  "  name: web\nverb: Stop\n---\n"
	  "selector:\n  kind: Cell\n  realm: main\n  space: lab\n  stack: app\n"
	  "  name: db\nverb: Stop\n",
	  "Cell \"web\": stop asked for in main/default/default\n"
	  "Cell \"web\": stop asked for in main/default/default\n",
	  CLI_DONE },
	{ "delete realm main other",
	  "selector:\n  kind: Realm\n  name: main\n---\n"
	  "selector:\n  kind: Realm\n  name: other\n",
	  "Realm \"main\": not found\nRealm \"main\": not found\n", CLI_FAILED },
	{ "kill co side --cell web",
	  "selector:\n  kind: Container\n  realm: default\n  space: default\n  stack: default\n"
	  "  cell: web\n  name: side\nverb: Kill\n",
	  "Cell \"web\": kill asked for in main/default/default\n", CLI_DONE },
	{ "stop cell web -o yaml",
	  "selector:\n  kind: Cell\n  realm: default\n  space: default\n  stack: default\n"
	  "  name: web\nverb: Stop\n",
	  "results:\n- kind: Cell\n  key: main/default/default/web\n  outcome: Accepted\n",
	  CLI_DONE },
	{ "refresh", "{}\n", "Refreshed: 12 objects.\n", CLI_DONE },
	{ "get cells -o name -l tier=front -l !old -l a=b",
	  "selector:\n  kind: Cell\n  labels: tier=front,!old,a=b\n", NAMED, CLI_DONE },
	{ "get cells -o name -l tier=front", "selector:\n  kind: Cell\n  labels: tier=front\n",
	  NAMED, CLI_DONE },
};

static void test_requests(void **state UNUSED)
{
	struct stub stub;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		AUTO_FREE char *expected = xasprintf("---\n%s", requests[i].request);
		AUTO_FREE char *request = NULL;

		run_expect(requests[i].line, stub.environment, requests[i].code, requests[i].out,
			   "");
		request = stub_requests(&stub);
		if (!str_equal(request, expected))
			fail_msg("kuke %s asked:\n%s-- expected:\n%s", requests[i].line, request,
				 expected);
	}
	stub_fini(&stub);
}

/* ---- wrong usage ---- */

static void test_wrong_usage(void **state UNUSED)
{
	static const struct {
		const char *line, *problem;
	} rows[] = {
		{ "create",
		  "create needs a kind: expected realm, space, stack, cell or container" },
		{ "create cell", "which cell? kuke create KIND NAME" },
		{ "create pod x",
		  "unknown kind \"pod\": expected realm, space, stack, cell or container" },
		{ "create cell a_b",
		  "\"a_b\" is no name: letters, digits and inner dashes, at most 63" },
		{ "create cell a b", "\"b\" is one word too many: kuke create KIND NAME" },
		{ "create cell a --image x", "--image is for a container, not for a cell" },
		{ "create container a --namespace x",
		  "--namespace is for a realm, not for a container" },
		{ "create space a --subnet 10.0.0.0/99", NULL },
		{ "create cell a --label x",
		  "--label \"x\": expected KEY=VALUE, at most 256 times" },
		{ "create cell a --label =x",
		  "--label \"=x\": expected KEY=VALUE, at most 256 times" },
		{ "create container a -v /x",
		  "--volume \"/x\": expected SOURCE:TARGET or SOURCE:TARGET:ro" },
		{ "create container a -v /x:/y:xx",
		  "--volume \"/x:/y:xx\": expected SOURCE:TARGET or SOURCE:TARGET:ro" },
		{ "create container a --restart-policy often",
		  "\"often\" is none of always, on-failure, never" },
		{ "create container a --args", "option \"--args\" needs a value: --args TEXT" },
		{ "create cell a --timeout 5s", "--timeout is the limit of --wait: give both" },
		{ "create cell a --cell b", "--cell does not narrow cells: leave it out" },
		{ "apply", "apply needs -f with a file, a directory or -" },
		{ "apply x", "\"x\": apply takes no words" },
		{ "apply -f", "option \"-f\" needs a value" },
		{ "apply -f x -o table", "-o \"table\": apply knows yaml, json" },
		{ "apply -f x --wait --timeout soon",
		  "--timeout \"soon\": expected a time such as 30s, 5m or 1h" },
		{ "apply -f x --wait --timeout 0",
		  "--timeout \"0\": expected a time such as 30s, 5m or 1h" },
		{ "apply -f x --wait --timeout -5s",
		  "--timeout \"-5s\": expected a time such as 30s, 5m or 1h" },
		{ "apply -f x --wait --timeout 99999999999999999999s",
		  "--timeout \"99999999999999999999s\": expected a time such as 30s, 5m or 1h" },
		{ "start", "start needs a kind: expected cell or container" },
		{ "start realm main", "start works on cell or container, not on a realm" },
		{ "stop stack x", "stop works on cell or container, not on a stack" },
		{ "kill cell", "which cell? kuke kill cell|container NAME..." },
		{ "restart cell a b_",
		  "\"b_\" is no name: letters, digits and inner dashes, at most 63" },
		{ "delete cell a b_",
		  "\"b_\" is no name: letters, digits and inner dashes, at most 63" },
		{ "restart cell a --cascade", "unknown option \"--cascade\"" },
		{ "delete",
		  "delete needs a kind: expected realm, space, stack, cell or container" },
		{ "delete -f x cell y", "delete takes a kind and a name, or -f, not both" },
		{ "delete cell", "which cell? kuke delete KIND NAME... | -f FILE" },
		{ "wait cell", "which cell? kuke wait KIND NAME" },
		{ "wait cell a --for=Redy",
		  "--for \"Redy\": expected Ready, Stopped, Failed or deleted" },
		{ "wait cell a --timeout 5d",
		  "--timeout \"5d\": expected a time such as 30s, 5m or 1h" },
		{ "refresh now", "\"now\": refresh takes no words" },
		{ "completion", "for which shell? bash, zsh or fish" },
		{ "completion tcsh", "unknown shell \"tcsh\": expected bash, zsh or fish" },
		{ "get cells -l", "option \"-l\" needs a value" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *verb = xstrndup(rows[i].line, strcspn(rows[i].line, " "));
		AUTO_FREE char *err = rows[i].problem
					      ? xasprintf("kuke: %s\nTry 'kuke %s --help'.\n",
							  rows[i].problem, verb)
					      : xstrdup("kuke: spec.*");

		run_expect(rows[i].line, NULL, CLI_USAGE, "", err);
	}
}

/* ---- results ---- */

static char *const changes[] = { TEXT("spec.containers[0].args"), TEXT("metadata.labels") };
static const struct {
	const char *key;
	Api__Outcome outcome;
	const char *message;
	size_t n_changes;
	struct results_options options;
	const char *line;
	enum cli_exit code;
} outcomes[] = {
	{ "main",
	  API__OUTCOME__OUTCOME_CREATED,
	  NULL,
	  0,
	  { 0 },
	  "Realm \"main\": created\n",
	  CLI_DONE },
	{ "default/default/default/web",
	  API__OUTCOME__OUTCOME_CREATED,
	  NULL,
	  0,
	  { .dry_run = true },
	  "Cell \"web\": created (dry run)\n",
	  CLI_DONE },
	{ "default/default/default/web",
	  API__OUTCOME__OUTCOME_UPDATED,
	  NULL,
	  2,
	  { 0 },
	  "Cell \"web\": updated (spec.containers[0].args, metadata.labels)\n",
	  CLI_DONE },
	{ "default/lab/default/web",
	  API__OUTCOME__OUTCOME_UNCHANGED,
	  NULL,
	  0,
	  { 0 },
	  "Cell \"web\": unchanged in default/lab/default\n",
	  CLI_DONE },
	{ "default/defaults",
	  API__OUTCOME__OUTCOME_EXISTS,
	  NULL,
	  0,
	  { 0 },
	  "Space \"defaults\": already existed\n",
	  CLI_DONE },
	{ "default1/web",
	  API__OUTCOME__OUTCOME_EXISTS,
	  NULL,
	  0,
	  { 0 },
	  "Space \"web\": already existed in default1\n",
	  CLI_DONE },
	{ "main/web",
	  API__OUTCOME__OUTCOME_FAILED,
	  "it has 1 stack:\nfront",
	  0,
	  { .dry_run = true },
	  "Space \"web\": failed in main: it has 1 stack:?front\n",
	  CLI_FAILED },
	{ "web",
	  API__OUTCOME__OUTCOME_NOT_FOUND,
	  NULL,
	  0,
	  { 0 },
	  "Realm \"web\": not found\n",
	  CLI_FAILED },
	{ "web",
	  API__OUTCOME__OUTCOME_NOT_FOUND,
	  NULL,
	  0,
	  { .missing_is_fine = true },
	  "Realm \"web\": not found\n",
	  CLI_DONE },
	{ "web",
	  API__OUTCOME__OUTCOME_UNCHANGED,
	  NULL,
	  0,
	  { .unchanged = "already stopped" },
	  "Realm \"web\": already stopped\n",
	  CLI_DONE },
	{ "web",
	  API__OUTCOME__OUTCOME_ACCEPTED,
	  NULL,
	  0,
	  { .accepted = "stop asked for" },
	  "Realm \"web\": stop asked for\n",
	  CLI_DONE },
	{ "web",
	  API__OUTCOME__OUTCOME_DONE,
	  NULL,
	  0,
	  { .done = "stopped" },
	  "Realm \"web\": stopped\n",
	  CLI_DONE },
	{ "web",
	  API__OUTCOME__OUTCOME_WITHDRAWN,
	  "it stays",
	  0,
	  { 0 },
	  "Realm \"web\": kept: it stays\n",
	  CLI_FAILED },
};

static void test_results(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
		Api__Result result, *items[] = { &result };
		struct results results = { .items = items, .n = 1 };
		AUTO_FREE char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		fill_result(&result, outcomes[i].key, outcomes[i].outcome);
		result.message = TEXT(outcomes[i].message);
		result.changes = (char **)changes;
		result.n_changes = outcomes[i].n_changes;
		assert_int_equal(results_print(&results, &outcomes[i].options, out),
				 outcomes[i].code);
		fclose(out);
		assert_string_equal(text, outcomes[i].line);
	}
}

/* ---- files ---- */

static void write_file(const char *directory, const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s", directory, name);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void make_dir(const char *directory, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", directory, name);

	assert_int_equal(mkdir(path, 0700), 0);
}

#define DOCUMENT(kind, name)                                                                       \
	"---\napiVersion: v1beta1\nkind: " kind "\nmetadata: {name: " name "}\n"

/* A directory with all that may lie in one. */
static void fill_directory(const char *directory)
{
	AUTO_FREE char *link = xasprintf("%s/zlink", directory);
	AUTO_FREE char *dangling = xasprintf("%s/gone.yaml", directory);

	write_file(directory, "b.yaml", DOCUMENT("Cell", "b1") DOCUMENT("Realm", "b0"));
	write_file(directory, "a.json",
		   "{\"apiVersion\": \"v1beta1\", \"kind\": \"Cell\", \"metadata\": {\"name\": "
		   "\"a\"}}");
	write_file(directory, "broken.yml",
		   DOCUMENT("Cell", "good") "---\napiVersion: v1beta1\nkind: Pod\n");
	write_file(directory, "notes.txt", "not: this");
	write_file(directory, ".hidden.yaml", DOCUMENT("Cell", "hidden"));
	write_file(directory, "b.yaml~", DOCUMENT("Cell", "editor"));
	make_dir(directory, "below");
	write_file(directory, "below/c.yaml", DOCUMENT("Cell", "c") DOCUMENT("Cell", "a"));
	make_dir(directory, ".git");
	write_file(directory, ".git/d.yaml", DOCUMENT("Cell", "git"));
	make_dir(directory, "empty");
	assert_int_equal(symlink("below", link), 0); /* the same file by another name */
	assert_int_equal(symlink("nowhere", dangling), 0);
	write_file(directory, ".kukeonignore", "docker-compose.yml\n/charts/\n");
	write_file(directory, "docker-compose.yml", "services: {}\n");
	make_dir(directory, "charts");
	write_file(directory, "charts/e.yaml", "{{ template }}\n");
	make_dir(directory, "wrong");
	write_file(directory, "wrong/f.yaml", DOCUMENT("Cell", "f"));
	write_file(directory, "wrong/.kukeonignore", "\n[\n");
}

/* Ways to what is not below it. */
static void lead_out(const char *directory, const char *elsewhere)
{
	AUTO_FREE char *file = xasprintf("%s/out.yaml", directory);
	AUTO_FREE char *dir = xasprintf("%s/outdir", directory);
	AUTO_FREE char *target = xasprintf("%s/secret.yaml", elsewhere);

	write_file(elsewhere, "secret.yaml", DOCUMENT("Cell", "secret"));
	assert_int_equal(symlink(target, file), 0);
	assert_int_equal(symlink(elsewhere, dir), 0);
}

static char *keys_of(const struct files *files)
{
	AUTO_BUF struct buf keys = { 0 };

	for (size_t i = 0; i < files->n; i++)
		buf_printf(&keys, "%s%s", i ? " " : "", files->documents[i]->document->key);
	return buf_take(&keys);
}

static void expect_errors(const struct files *files, const char *directory,
			  const char *const *expected)
{
	size_t n = 0;

	for (; expected[n]; n++) {
		AUTO_FREE char *text = xasprintf("%s/%s", directory, expected[n]);

		if (n >= files->errors.n || !strstr(files->errors.items[n], text))
			fail_msg("error %zu is \"%s\", expected \"...%s...\"", n,
				 n < files->errors.n ? files->errors.items[n] : "(none)", text);
	}
	assert_int_equal(files->errors.n, n);
}

static void test_files(void **state UNUSED)
{
	static const char *const errors[] = {
		"below/c.yaml: Cell \"default/default/default/a\" is in ",
		"broken.yml:7:7: document 2: kind: unknown kind \"Pod\"",
		"gone.yaml leads nowhere",
		"out.yaml leads out of ",
		"outdir leads out of ",
		"wrong/.kukeonignore:2: the \"[\" has no \"]\"",
		"missing.yaml: No such file",
		"empty: no manifest in this directory",
		NULL,
	};
	char directory[] = "/tmp/kuke-files-XXXXXX", elsewhere[] = "/tmp/kuke-files-XXXXXX";
	AUTO(files_fini) struct files files = { 0 };
	AUTO(strv_fini) struct strv paths = { 0 };
	AUTO_FREE char *missing = NULL, *empty = NULL, *keys = NULL;

	assert_non_null(mkdtemp(directory));
	assert_non_null(mkdtemp(elsewhere));
	fill_directory(directory);
	lead_out(directory, elsewhere);
	missing = xasprintf("%s/missing.yaml", directory);
	empty = xasprintf("%s/empty", directory);
	strv_add(&paths, directory);
	strv_add(&paths, missing);
	strv_add(&paths, empty);
	files_load(&paths, &files);
	keys = keys_of(&files);
	assert_string_equal(keys, "b0 default/default/default/a default/default/default/b1 "
				  "default/default/default/c default/default/default/good");
	expect_errors(&files, directory, errors);
	assert_int_equal(fs_remove_tree(AT_FDCWD, directory, NULL), 0);
	assert_int_equal(fs_remove_tree(AT_FDCWD, elsewhere, NULL), 0);
}

/* What is wrong stops nothing that is good, and nothing is hidden. */
static void test_apply_goes_on(void **state UNUSED)
{
	char directory[] = "/tmp/kuke-files-XXXXXX";
	AUTO_FREE char *line = NULL, *json = NULL, *request = NULL;
	struct stub stub;
	struct run run;

	assert_non_null(mkdtemp(directory));
	write_file(directory, "x.yaml", DOCUMENT("Realm", "main") "---\nkind: Pod\n");
	line = xasprintf("apply -f %s --dry-run", directory);
	json = xasprintf("apply -f %s/x.yaml -o json", directory);
	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	run = run_kuke(line, stub.environment);
	assert_int_equal(run.code, CLI_FAILED);
	assert_string_equal(run.out.data, "Realm \"main\": created (dry run)\n"
					  "Space \"default\": created (dry run)\n");
	assert_non_null(strstr(run.err.data, "x.yaml:6:7: document 2: kind: unknown kind \"Pod\""));
	run_fini(&run);
	request = stub_requests(&stub);
	assert_non_null(strstr(request, "- realm:\n"));
	assert_true(str_ends_with(request, "dryRun: true\n"));
	run = run_kuke(json, stub.environment);
	assert_int_equal(run.code, CLI_FAILED);
	assert_non_null(strstr(run.out.data, "\"outcome\": \"Failed\""));
	assert_non_null(strstr(run.out.data, "\"outcome\": \"Created\""));
	run_fini(&run);
	stub_fini(&stub);
	assert_int_equal(fs_remove_tree(AT_FDCWD, directory, NULL), 0);
}

static void test_delete_files(void **state UNUSED)
{
	char directory[] = "/tmp/kuke-files-XXXXXX";
	AUTO_FREE char *line = NULL, *requested = NULL;
	struct stub stub;

	assert_non_null(mkdtemp(directory));
	write_file(directory, "x.yaml", DOCUMENT("Realm", "main") DOCUMENT("Stack", "front"));
	line = xasprintf("delete -f %s/x.yaml --cascade", directory);
	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	run_expect(line, stub.environment, CLI_DONE,
		   "Realm \"main\": not found\nRealm \"main\": not found\n", "");
	requested = stub_requests(&stub);
	assert_string_equal(requested, "---\nselector:\n  kind: Stack\n  realm: default\n"
				       "  space: default\n  name: front\ncascade: true\n"
				       "---\nselector:\n  kind: Realm\n  name: main\n"
				       "cascade: true\n");
	stub_fini(&stub);
	assert_int_equal(fs_remove_tree(AT_FDCWD, directory, NULL), 0);
}

/* ---- the daemon dies meanwhile ---- */

#define NOT_KNOWN                                                                                   \
	"not known: kukeond did not answer any more; 'kuke get' shows whether it was done, and to " \
	"repeat it is safe\n"

static void test_cut_off(void **state UNUSED)
{
	static const struct {
		const char *line, *out;
	} rows[] = {
		{ "stop cell a cut b", "Cell \"web\": stop asked for in main/default/default\n"
				       "Cell \"cut\": " NOT_KNOWN "Cell \"b\": not asked for\n" },
		{ "delete cell a cut b", "Realm \"main\": not found\n"
					 "Cell \"cut\": " NOT_KNOWN "Cell \"b\": not asked for\n" },
		{ "restart cell cut -o yaml", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct stub stub;
		struct run run;

		stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
		run = run_kuke(rows[i].line, stub.environment);
		assert_int_equal(run.code, CLI_UNREACHABLE);
		if (rows[i].out)
			assert_string_equal(run.out.data, rows[i].out);
		else
			assert_non_null(strstr(run.out.data, "  outcome: Unknown\n"));
		assert_true(str_starts_with(run.err.data, "kuke: "));
		run_fini(&run);
		stub_fini(&stub);
	}
	run_expect("stop cell a b", (char *[]){ TEXT("KUKEON_SOCKET=/nowhere"), NULL },
		   CLI_UNREACHABLE, "", NULL); /* nothing was asked of anybody */
}

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	while ((text = strstr(text, word))) {
		text += strlen(word);
		n++;
	}
	return n;
}

/* What earlier requests did is said, what one in the midst did is not known. */
static void test_apply_cut_off(void **state UNUSED)
{
	enum { CELLS = 120, CUT = 60, ANSWERED = 50 };
	char directory[] = "/tmp/kuke-files-XXXXXX";
	AUTO_BUF struct buf text = { 0 };
	AUTO_FREE char *line = NULL;
	struct stub stub;
	struct run run;

	assert_non_null(mkdtemp(directory));
	for (int i = 0; i < CELLS; i++)
		buf_printf(&text,
			   "---\napiVersion: v1beta1\nkind: Cell\nmetadata: {name: %s%.0d}\n",
			   i == CUT ? "cut" : "c", i == CUT ? 0 : i + 1);
	write_file(directory, "x.yaml", text.data);
	line = xasprintf("apply -f %s", directory);
	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	run = run_kuke(line, stub.environment);
	assert_int_equal(run.code, CLI_UNREACHABLE);
	assert_int_equal(count(run.out.data, ": created\n"), 2);
	assert_int_equal(count(run.out.data, ": not known: "), 50);
	assert_non_null(strstr(run.out.data, "Cell \"cut\": " NOT_KNOWN));
	assert_int_equal(count(run.out.data, ": not asked for\n"), CELLS - ANSWERED - 50);
	run_fini(&run);
	stub_fini(&stub);
	assert_int_equal(fs_remove_tree(AT_FDCWD, directory, NULL), 0);
}

/* ---- without a daemon ---- */

#define CELL_WITH(name, container) DOCUMENT("Cell", name) "spec: {containers: [" container "]}\n"
#define CONTAINER_WITH(name, more)                                                                 \
	DOCUMENT("Container", name) "spec: {cellId: web, image: x, " more "}\n"

static void test_validate(void **state UNUSED)
{
	char directory[] = "/tmp/kuke-files-XXXXXX";
	char *nobody[] = { TEXT("KUKEON_SOCKET=/nowhere"), NULL };
	AUTO_FREE char *good = NULL, *bad = NULL, *wrong = NULL, *dry = NULL;
	struct run run;

	assert_non_null(mkdtemp(directory));
	write_file(directory, "good.yaml",
		   CELL_WITH("web", "{id: a, image: x, ports: [\"80:80\"]}")
			   CONTAINER_WITH("b", "ports: [\"81:80\"]"));
	write_file(directory, "bad.yaml",
		   CELL_WITH("web", "{id: a, image: x, root: true, ports: [\"80:80\"]}")
			   CELL_WITH("api", "{id: a, image: x, ports: [\"127.0.0.1:80:1\"]}")
				   CELL_WITH("Web", "{id: a, image: x}")
					   CONTAINER_WITH("b", "root: true"));
	write_file(directory, "wrong.yaml", DOCUMENT("Realm", "r") "---\nkind: Pod\n");
	good = xasprintf("validate -f %s/good.yaml", directory);
	bad = xasprintf("validate -f %s/bad.yaml", directory);
	wrong = xasprintf("validate -f %s/wrong.yaml -o yaml", directory);
	dry = xasprintf("apply --dry-run -f %s/good.yaml", directory);
	run_expect(good, nobody, CLI_DONE,
		   "Cell \"web\": valid\nContainer \"b\": valid in default/default/default/web\n",
		   "");
	run_expect(
		bad, nobody, CLI_FAILED,
		"Cell \"web\": valid\n"
		"Cell \"api\": failed: spec.containers[0].ports: port 127.0.0.1:80/tcp of the host "
		"is published by cell default/default/default/web; choose another one here or "
		"there\n"
		"Cell \"Web\": failed: its name and that of cell default/default/default/web differ "
		"in case only, and in one space resolvers do not tell them apart; choose another "
		"name here or there\n"
		"Container \"b\": failed in default/default/default/web: cell "
		"default/default/default/web: spec.containers[1].root: *",
		"");
	run_expect(wrong, nobody, CLI_FAILED, NULL, "kuke: *");
	run = run_kuke(dry, nobody);
	assert_null(strstr(strchr(run.err.data, '\n'), "kuke: ")); /* said once */
	run_fini(&run);
	run_expect(dry, nobody, CLI_DONE,
		   "Cell \"web\": valid (dry run)\n"
		   "Container \"b\": valid in default/default/default/web (dry run)\n",
		   "kuke: cannot reach kukeond at *");
	assert_int_equal(fs_remove_tree(AT_FDCWD, directory, NULL), 0);
}

#define SPACE_WITH(name, spec) DOCUMENT("Space", name) "spec: {" spec "}\n"

/* What documents of several files say of each other. */
static void test_validate_together(void **state UNUSED)
{
	char directory[] = "/tmp/kuke-files-XXXXXX";
	char *nobody[] = { TEXT("KUKEON_SOCKET=/nowhere"), NULL };
	AUTO_FREE char *line = NULL;

	assert_non_null(mkdtemp(directory));
	write_file(directory, "spaces.yaml",
		   SPACE_WITH("a", "subnet: 10.50.0.0/16, subnet6: \"fd00:1::/64\"")
			   SPACE_WITH("b", "subnet: 10.51.0.0/16")
				   SPACE_WITH("c", "subnet6: \"fd00:1::/64\""));
	write_file(directory, "wide.yaml", SPACE_WITH("d", "subnet: 10.48.0.0/14"));
	write_file(directory, "cells.yaml",
		   CELL_WITH("web", "{id: a, image: x, networks: [b, e, main/f, main/g]}")
			   DOCUMENT("Stack", "s") "spec: {spaceId: e}\n" DOCUMENT(
				   "Cell",
				   "Web") "spec: {stackId: s, containers: [{id: a, image: x}]}\n");
	write_file(directory, "joins.yaml",
		   DOCUMENT("Container",
			    "b") "spec: {realmId: main, spaceId: f, cellId: n, image: "
				 "x, networks: [h]}\n" CONTAINER_WITH("c", "ports: [\"80:80\"]"));
	write_file(directory, "ports.yaml",
		   DOCUMENT("Container", "c") "spec: {cellId: WEB, image: x}\n" DOCUMENT(
			   "Container", "d") "spec: {cellId: other, image: x, ports: "
					     "[\"80:1\"]}\n");
	line = xasprintf("validate -f %s/spaces.yaml -f %s/wide.yaml -f %s/cells.yaml -f "
			 "%s/joins.yaml -f %s/ports.yaml",
			 directory, directory, directory, directory, directory);
	run_expect(
		line, nobody, CLI_FAILED,
		"Space \"a\": valid\n"
		"Space \"b\": valid\n"
		"Space \"c\": failed: subnet6 fd00:1::/64 overlaps space default/a: choose "
		"another\n"
		"Space \"d\": failed: subnet 10.48.0.0/14 overlaps space default/a: choose "
		"another\n"
		"Stack \"s\": valid in default/e\n"
		"Cell \"web\": valid: space main/g, which its containers name in networks, is "
		"declared in none of the files: create it first, or in the same request\n"
		"Cell \"Web\": failed in default/default/s: its name and that of cell "
		"default/default/default/web differ in case only, and in one space resolvers do "
		"not tell them apart; choose another name here or there\n"
		"Container \"b\": valid in main/f/default/n: space main/h, which its containers "
		"name in networks, is declared in none of the files: create it first, or in the "
		"same request\n"
		"Container \"c\": valid in default/default/default/web\n"
		"Container \"c\": failed in default/default/default/WEB: its name and that of "
		"cell default/default/default/web differ in case only, and in one space resolvers "
		"do not tell them apart; choose another name here or there\n"
		"Container \"d\": failed in default/default/default/other: spec.ports: port 80/tcp "
		"of the host is published by cell default/default/default/web; choose another one "
		"here or there\n",
		"");
	assert_int_equal(fs_remove_tree(AT_FDCWD, directory, NULL), 0);
}

/* ---- doctor ---- */

static void test_doctor(void **state UNUSED)
{
	struct stub stub;
	struct run run;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	run_expect("doctor --cni-bin-dir=/x", stub.environment, CLI_DONE,
		   "Host\n  ok       clock: says so\n  warning  clock: says so\n"
		   "  warning  clock: says so\n\n0 objects on the host; 2 warnings.\n",
		   "kuke: --cni-bin-dir=/x is ignored: kukeond answers, and looks with its own "
		   "settings\n");
	stub_fini(&stub);
	run = run_kuke("doctor --fix --all --containerd-socket=/nowhere",
		       (char *[]){ TEXT("KUKEON_SOCKET=/nowhere"), NULL });
	assert_int_equal(run.code, CLI_UNREACHABLE);
	assert_non_null(strstr(run.err.data, "--fix is ignored: "));
	assert_non_null(strstr(run.err.data, "--all is ignored: "));
	assert_non_null(strstr(run.out.data, " not passed.\n"));
	run_fini(&run);
}

/* ---- completion ---- */

enum { COMPLETE_WORDS_MAX = 8 };

static void test_completion(void **state UNUSED)
{
	static const struct {
		const char *words[COMPLETE_WORDS_MAX];
		const char *candidates; /* without their meanings */
	} rows[] = {
		{ { "st" }, "status start stop" },
		{ { "--so" }, "--socket" },
		{ { "-h", "ver" }, "version" },
		{ { "get", "" }, "realms spaces stacks cells containers" },
		{ { "get", "ce" }, "cells" },
		{ { "create", "c" }, "cell container" },
		{ { "stop", "" }, "cell container" },
		{ { "create", "cell", "" }, "" }, /* a name that is new */
		{ { "get", "cells", "--la" }, "" },
		{ { "get", "cells", "--sel" }, "--selector" },
		{ { "delete", "cell", "x", "--ca" }, "--cascade" },
		{ { "get", "-o", "" }, "table wide yaml json name" },
		{ { "get", "cells", "--output=y" }, "--output=yaml" },
		{ { "apply", "-o", "" }, "yaml json" },
		{ { "apply", "-f", "x" }, ":files" },
		{ { "apply", "--file", "" }, ":files" },
		{ { "wait", "cell", "x", "--for", "" }, "Ready Stopped Failed deleted" },
		{ { "wait", "cell", "x", "--for=de" }, "--for=deleted" },
		{ { "create", "container", "x", "--restart-policy", "o" }, "on-failure" },
		{ { "completion", "" }, "bash zsh fish" },
		{ { "help", "com" }, "completion" },
		{ { "help", "__" }, "" },
		{ { "__" }, "" },
		{ { "nonsense", "" }, NULL }, /* as if it were not there */
		{ { "version", "" }, "" },
	};

	setenv("KUKEON_SOCKET", "/nonexistent", 1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_BUF struct buf out = { 0 }, plain = { 0 };
		size_t n = 0;

		while (n < COMPLETE_WORDS_MAX && rows[i].words[n])
			n++;
		complete_words(rows[i].words, n, &out);
		for (const char *line = out.data; line && *line; line = strchr(line, '\n') + 1)
			buf_printf(&plain, "%s%.*s", plain.len ? " " : "",
				   (int)strcspn(line, "\t\n"), line);
		if (rows[i].candidates && !str_equal(plain.data, rows[i].candidates))
			fail_msg("%s %s ...: \"%s\", expected \"%s\"", rows[i].words[0],
				 rows[i].words[1] ? rows[i].words[1] : "",
				 plain.len ? plain.data : "", rows[i].candidates);
	}
}

static void test_completion_of_names(void **state UNUSED)
{
	static const struct {
		const char *line, *out, *request;
	} rows[] = {
		{ "__complete -- stop cell w", "web\n",
		  "---\nselector:\n  kind: Cell\n  realm: default\n  space: default\n"
		  "  stack: default\n" },
		{ "__complete -- stop cell --realm main a", "api\n",
		  "---\nselector:\n  kind: Cell\n  realm: main\n  space: default\n"
		  "  stack: default\n" },
		{ "__complete -- get co --realm=main --cell=w", "--cell=web\n",
		  "---\nselector:\n  kind: Cell\n  realm: main\n" },
	};
	struct stub stub;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *request = NULL;

		run_expect(rows[i].line, stub.environment, CLI_DONE, rows[i].out, "");
		request = stub_requests(&stub);
		assert_string_equal(request, rows[i].request);
	}
	stub_fini(&stub);
}

/* The script in a real bash, with and without its splitting of words at "=". */
static void test_bash(void **state UNUSED)
{
	static const char script[] =
		"source <(%s completion bash) && "
		"complete_line() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _kuke; "
		"printf '%%s\\n' \"${COMPREPLY[*]}\"; } && "
		"complete_line %s sto && complete_line %s get ce && "
		"complete_line %s wait cell x --for = de && complete_line %s wait cell x --for = && "
		"cd /usr && complete_line %s apply -f lib && complete -p kuke";
	AUTO_FREE char *command = NULL, *line = NULL;
	char out[512];
	FILE *pipe;
	size_t len;

	command = xasprintf(script, KUKE_PROGRAM, KUKE_PROGRAM, KUKE_PROGRAM, KUKE_PROGRAM,
			    KUKE_PROGRAM, KUKE_PROGRAM);
	line = xasprintf("bash --norc -c \"$COMMAND\"");
	setenv("COMMAND", command, 1);
	pipe = popen(line, "re");
	assert_non_null(pipe);
	len = fread(out, 1, sizeof(out) - 1, pipe);
	out[len] = '\0';
	assert_int_equal(pclose(pipe), 0);
	if (strncmp(out, "stop\ncells\ndeleted\nReady Stopped Failed deleted\nlib", 51) != 0)
		fail_msg("bash completed:\n%s", out);
	assert_true(str_ends_with(out, "\ncomplete -F _kuke kuke\n"));
}

/* ---- standard streams that are closed, or full ---- */

static void expect_shell(const char *arguments, const char *expected)
{
	AUTO_FREE char *line = xasprintf("{ " KUKE_PROGRAM " %s; } 2>&1; echo $?", arguments);
	FILE *pipe = popen(line, "re");
	char out[512];
	size_t len;

	assert_non_null(pipe);
	len = fread(out, 1, sizeof(out) - 1, pipe);
	out[len] = '\0';
	assert_int_equal(pclose(pipe), 0);
	assert_string_equal(out, expected);
}

static void test_streams(void **state UNUSED)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	expect_shell("apply -f - <&-",
		     "kuke: cannot read standard input: Bad file descriptor\n1\n");
#endif
	expect_shell("help >&-", "kuke: write to standard output: Bad file descriptor\n1\n");
	expect_shell("help >/dev/full",
		     "kuke: write to standard output: No space left on device\n1\n");
	expect_shell("apply 2>&-", "2\n");
	expect_shell("version --socket /nowhere <&- >&- 2>&-", "3\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_wrong_usage),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_apply_goes_on),
		cmocka_unit_test(test_delete_files),
		cmocka_unit_test(test_completion),
		cmocka_unit_test(test_completion_of_names),
		cmocka_unit_test(test_bash),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_apply_cut_off),
		cmocka_unit_test(test_validate),
		cmocka_unit_test(test_validate_together),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_doctor),
	};

	verbs_register();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

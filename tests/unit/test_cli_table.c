/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/show/columns.h"
#include "cli/show/display.h"
#include "cli/show/print.h"
#include "cli/show/report.h"
#include "core/base/str.h"
#include "core/model/field.h"
#include "core/model/model.h"

/* The generated structs have no const, literals have. */
#define TEXT(literal) ((char *)(literal))

/* What a test prints goes to memory. */
struct capture {
	char *text;
	size_t len;
	FILE *file;
};

static FILE *capture_begin(struct capture *capture)
{
	*capture = (struct capture){ 0 };
	capture->file = open_memstream(&capture->text, &capture->len);
	assert_non_null(capture->file);
	return capture->file;
}

static void capture_expect(struct capture *capture, const char *expected)
{
	fclose(capture->file);
	assert_string_equal(capture->text, expected);
	free(capture->text);
}

static void test_columns_are_aligned(void **state UNUSED)
{
	AUTO(table_fini) struct table table = { 0 };
	struct capture capture;

	table_add_column(&table, "NAME");
	table_add_column(&table, "STATE");
	table_add_column(&table, "AGE");
	table_add(&table, "a");
	table_add_state(&table, API__STATE__STATE_READY);
	table_add(&table, "5s");
	table_add(&table, "longer-name");
	table_add_state(&table, API__STATE__STATE_FAILED);
	table_add(&table, NULL);
	table_print(&table, capture_begin(&capture), false);
	capture_expect(&capture, "NAME          STATE    AGE\n"
				 "a             Ready    5s\n"
				 "longer-name   Failed   -\n");
}

static void test_color_does_not_move_columns(void **state UNUSED)
{
	AUTO(table_fini) struct table table = { 0 };
	struct capture capture;

	table_add_column(&table, "STATE");
	table_add_column(&table, "NAME");
	table_add_state(&table, API__STATE__STATE_FAILED);
	table_add(&table, "a");
	table_add_state(&table, API__STATE__STATE_STOPPED);
	table_add(&table, "b");
	table_print(&table, capture_begin(&capture), true);
	capture_expect(&capture, "STATE     NAME\n"
				 "\033[31mFailed\033[0m    a\n"
				 "Stopped   b\n");
}

/* NAME of 5 columns, IMAGE of 20, MESSAGE of 30, with their gaps 61. */
static void fill_texts(struct table *table, size_t columns)
{
	table_add_column(table, "NAME");
	table_add_text_column(table, "IMAGE");
	table_add_text_column(table, "MESSAGE");
	table->columns = columns;
	table_add(table, "first");
	table_add(table, "docker.io/library/xy");
	table_add(table, "it waits for what is not there");
}

static void test_rows_fit_the_terminal(void **state UNUSED)
{
	static const struct {
		size_t columns;
		const char *rows;
	} rows[] = {
		{ 0, "NAME    IMAGE                  MESSAGE\n"
		     "first   docker.io/library/xy   it waits for what is not there\n" },
		{ 61, "NAME    IMAGE                  MESSAGE\n"
		      "first   docker.io/library/xy   it waits for what is not there\n" },
		{ 60, "NAME   IMAGE                 MESSAGE\n"
		      "first  docker.io/library/xy  it waits for what is not there\n" },
		{ 50, "NAME   IMAGE                 MESSAGE\n"
		      "first  docker.io/library/xy  it waits for what is\xe2\x80\xa6\n" },
		{ 40, "NAME   IMAGE            MESSAGE\n"
		      "first  docker.io/libr\xe2\x80\xa6  it waits for wh\xe2\x80\xa6\n" },
		{ 1, "NAME   IMAGE     MESSAGE\n"
		     "first  docker.\xe2\x80\xa6  it wait\xe2\x80\xa6\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(table_fini) struct table table = { 0 };
		struct capture capture;

		fill_texts(&table, rows[i].columns);
		table_print(&table, capture_begin(&capture), false);
		capture_expect(&capture, rows[i].rows);
	}
}

/* Where there is no text to cut, other columns give way; the first never does. */
static void test_what_has_no_text_fits_too(void **state UNUSED)
{
	AUTO(table_fini) struct table table = { 0 };
	struct capture capture;

	table_add_column(&table, "NAME");
	table_add_column(&table, "REALM");
	table_add_state(&table, API__STATE__STATE_READY);
	table_add(&table, "a-name-of-one-realm");
	table.cells[0].color = NULL;
	table.columns = 17;
	table_print(&table, capture_begin(&capture), false);
	capture_expect(&capture, "NAME   REALM\nReady  a-name-of\xe2\x80\xa6\n");
}

/* A character of two columns, an accent of its own, one beyond U+FFFF. */
static void test_wide_characters(void **state UNUSED)
{
	AUTO(table_fini) struct table table = { 0 };
	AUTO_FREE char *cut = display_cut("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 4);
	struct capture capture;

	table_add_column(&table, "A");
	table_add_column(&table, "B");
	table_add(&table, "\xe6\x97\xa5\xe6\x9c\xac");
	table_add(&table, "x");
	table_add(&table, "e\xcc\x81");
	table_add(&table, "x");
	table_add(&table, "\xf0\x9f\x9a\x80");
	table_add(&table, "x");
	table_print(&table, capture_begin(&capture), false);
	capture_expect(&capture, "A      B\n"
				 "\xe6\x97\xa5\xe6\x9c\xac   x\n"
				 "e\xcc\x81      x\n"
				 "\xf0\x9f\x9a\x80     x\n");
	assert_string_equal(cut, "\xe6\x97\xa5\xe2\x80\xa6");
}

/* Beside those of ASCII: C1, what is no UTF-8, line separators, marks that turn the direction. */
static void test_safe_text(void **state UNUSED)
{
	static const struct {
		const char *text, *safe;
	} rows[] = {
		{ "a\tb\r\n\x1b[2J\x7f", "a?b???[2J?" },
		{ "\xc2\x9b"
		  "1m",
		  "?1m" },
		{ "\x9b"
		  "1m\xff",
		  "?1m?" },
		{ "a\xe2\x80\xa8z\xe2\x80\xaez\xe2\x81\xa6z", "a?z?z?z" },
		{ "\xc3\xa9\xf0\x9f\x9a\x80", "\xc3\xa9\xf0\x9f\x9a\x80" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *safe = display_safe(rows[i].text);

		assert_string_equal(safe, rows[i].safe);
	}
}

static void test_control_characters_are_harmless(void **state UNUSED)
{
	AUTO(table_fini) struct table table = { 0 };
	struct capture capture;

	table_add_column(&table, "NAME");
	table_add(&table, "a\033[31m\nb\x7f");
	table_print(&table, capture_begin(&capture), false);
	capture_expect(&capture, "NAME\na?[31m?b?\n");
}

static void test_ages(void **state UNUSED)
{
	static const struct {
		const char *since, *expected;
	} rows[] = {
		{ "2026-01-02T03:04:05Z", "0s" },
		{ "2026-01-02T03:04:00Z", "5s" },
		{ "2026-01-02T03:04:00.123456789Z", "5s" },
		{ "2026-01-02T04:04:00+01:00", "5s" },
		{ "2026-01-01T22:04:00-05:00", "5s" },
		{ "2026-01-02T03:03:06Z", "59s" },
		{ "2026-01-02T03:03:05Z", "1m" },
		{ "2026-01-02T02:04:06Z", "59m" },
		{ "2026-01-02T02:04:05Z", "1h" },
		{ "2026-01-01T03:04:06Z", "23h" },
		{ "2026-01-01T03:04:05Z", "1d" },
		{ "2025-01-02T03:04:05Z", "365d" },
		{ "2026-01-02T03:04:06Z", "0s" }, /* a clock that runs ahead */
		{ NULL, "-" },
		{ "", "-" },
		{ "yesterday", "-" },
		{ "2026-01-02T03:04:05", "-" },
		{ "2026-01-02T03:04:05+1", "-" },
	};
	time_t now = time_parse("2026-01-02T03:04:05Z");

	assert_int_equal(now, 1767323045);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_BUF struct buf text = { 0 };

		age_add(rows[i].since, now, &text);
		if (!str_equal(text.data, rows[i].expected))
			fail_msg("age of %s: %s, expected %s", rows[i].since, text.data,
				 rows[i].expected);
	}
}

/* READY counts what the spec names: not what is on its way out. The daemon's own cell names none.
 */
static void test_ready_counts(void **state UNUSED)
{
	static const struct {
		const char *realm, *name, *declared, *running[2], *ready;
	} rows[] = {
		{ "main", "web", "a", { "a", "old" }, " 1/1 " },
		{ "main", "web", "b", { "old" }, " 0/1 " },
		{ "main", "web", NULL, { "old" }, " 0/0 " },
		{ "kukeon-system", "kukeond", NULL, { "kukeond" }, " 1/1 " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		Api__ContainerStatus running[2], *statuses[] = { &running[0], &running[1] };
		Api__ContainerSpec spec = API__CONTAINER_SPEC__INIT, *specs[] = { &spec };
		Api__Metadata metadata = API__METADATA__INIT;
		Api__CellSpec cell_spec = API__CELL_SPEC__INIT;
		Api__CellStatus cell_status = API__CELL_STATUS__INIT;
		Api__Cell cell = API__CELL__INIT;
		Api__Object api = API__OBJECT__INIT;
		AUTO(table_fini) struct table table = { 0 };
		AUTO_FREE char *text = NULL;
		struct object object;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		for (int k = 0; k < 2; k++) {
			api__container_status__init(&running[k]);
			running[k].has_state = true;
			running[k].state = API__STATE__STATE_READY;
			running[k].id = TEXT(rows[i].running[k]);
			cell_status.n_containers += rows[i].running[k] != NULL;
		}
		cell_status.containers = statuses;
		metadata.name = TEXT(rows[i].name);
		spec.id = TEXT(rows[i].declared);
		cell_spec.n_containers = rows[i].declared != NULL;
		cell_spec.containers = specs;
		cell_spec.realm_id = TEXT(rows[i].realm);
		cell_spec.space_id = cell_spec.stack_id = TEXT("kukeon");
		cell.metadata = &metadata;
		cell.spec = &cell_spec;
		cell.status = &cell_status;
		api.object_case = API__OBJECT__OBJECT_CELL;
		api.cell = &cell;
		assert_true(object_read(&api, &object));
		columns_begin(object.kind, 0, &table);
		columns_add(&object, 0, 0, &table);
		table_print(&table, out, false);
		fclose(out);
		if (!strstr(text, rows[i].ready))
			fail_msg("row %zu: %s, expected%s", i, text, rows[i].ready);
	}
}

static void print_cell(bool wide, FILE *out)
{
	Api__ContainerStatus running = API__CONTAINER_STATUS__INIT,
			     failed = API__CONTAINER_STATUS__INIT;
	Api__ContainerStatus *statuses[] = { &running, &failed };
	Api__ContainerSpec spec = API__CONTAINER_SPEC__INIT;
	Api__ContainerSpec *specs[] = { &spec, &spec };
	Api__Metadata metadata = API__METADATA__INIT;
	Api__CellSpec cell_spec = API__CELL_SPEC__INIT;
	Api__CellStatus cell_status = API__CELL_STATUS__INIT;
	Api__Cell cell = API__CELL__INIT;
	Api__Object api = API__OBJECT__INIT;
	AUTO(table_fini) struct table table = { 0 };
	struct object object;

	running.has_state = failed.has_state = true;
	running.state = API__STATE__STATE_READY;
	failed.state = API__STATE__STATE_FAILED;
	metadata.name = TEXT("web");
	cell_spec.realm_id = TEXT("main");
	cell_spec.space_id = TEXT("front");
	cell_spec.stack_id = TEXT("default");
	cell_spec.n_containers = 2;
	cell_spec.containers = specs;
	cell_status.has_state = true;
	cell_status.state = API__STATE__STATE_PENDING;
	cell_status.reason = TEXT("RestartBackOff");
	cell_status.created_at = TEXT("2026-01-02T03:00:00Z");
	cell_status.ip = TEXT("10.88.0.7");
	cell_status.bridge = TEXT("kuke-main-front");
	cell_status.n_containers = 2;
	cell_status.containers = statuses;
	cell.metadata = &metadata;
	cell.spec = &cell_spec;
	cell.status = &cell_status;
	api.object_case = API__OBJECT__OBJECT_CELL;
	api.cell = &cell;
	assert_true(object_read(&api, &object));
	columns_begin(object.kind, wide ? COLUMNS_WIDE : 0, &table);
	columns_add(&object, wide ? COLUMNS_WIDE : 0, time_parse("2026-01-02T03:04:05Z"), &table);
	table_print(&table, out, false);
}

static void test_cell_row(void **state UNUSED)
{
	struct capture capture;

	print_cell(false, capture_begin(&capture));
	capture_expect(&capture, "NAME   REALM   SPACE   STACK     STATE            READY   AGE\n"
				 "web    main    front   default   RestartBackOff   1/2     4m\n");
	print_cell(true, capture_begin(&capture));
	capture_expect(&capture, "NAME   REALM   SPACE   STACK     STATE     READY   AGE   "
				 "IP          BRIDGE            REASON\n"
				 "web    main    front   default   Pending   1/2     4m    "
				 "10.88.0.7   kuke-main-front   RestartBackOff\n");
}

static void expect_headers(enum kind kind, unsigned further, const char *expected)
{
	AUTO(table_fini) struct table table = { 0 };
	struct capture capture;

	columns_begin(kind, further, &table);
	table_print(&table, capture_begin(&capture), false);
	capture_expect(&capture, expected);
}

static void test_headers_of_every_kind(void **state UNUSED)
{
	static const struct {
		const char *usual, *whole;
	} expected[KIND_COUNT] = {
		[KIND_REALM] = { "NAME   STATE   NAMESPACE   AGE\n",
				 "NAME   STATE   NAMESPACE   AGE   REASON   LABELS\n" },
		[KIND_SPACE] = { "NAME   REALM   STATE   SUBNET   BRIDGE   AGE\n",
				 "NAME   REALM   STATE   SUBNET   BRIDGE   AGE   CONFLIST   REASON   "
				 "LABELS\n" },
		[KIND_STACK] = { "NAME   REALM   SPACE   STATE   AGE\n",
				 "NAME   REALM   SPACE   STATE   AGE   REASON   LABELS\n" },
		[KIND_CELL] = { "NAME   REALM   SPACE   STACK   STATE   READY   AGE\n",
				"NAME   REALM   SPACE   STACK   STATE   READY   AGE   IP   BRIDGE   "
				"REASON   LABELS\n" },
		[KIND_CONTAINER] = { "NAME   REALM   SPACE   STACK   CELL   STATE   RESTARTS   "
				     "IMAGE   AGE\n",
				     "NAME   REALM   SPACE   STACK   CELL   STATE   RESTARTS   "
				     "IMAGE   AGE   PID   EXIT   CONTAINERD-ID   REASON   LABELS\n" },
	};

	for (int kind = 0; kind < KIND_COUNT; kind++) {
		expect_headers((enum kind)kind, 0, expected[kind].usual);
		expect_headers((enum kind)kind, COLUMNS_WIDE | COLUMNS_LABELS,
			       expected[kind].whole);
	}
}

/* ---- every column has something to say of an object that says everything ---- */

static void fill(ProtobufCMessage *message);

static void fill_field(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	void *storage = field_add(message, field);

	if (field->type == PROTOBUF_C_TYPE_STRING)
		*(char **)storage = xstrdup("2026-01-02T03:00:00Z"); /* some are times */
	else if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		fill(*(ProtobufCMessage **)storage = message_new(field->descriptor));
	else
		*(uint32_t *)storage = 1;
}

static void fill(ProtobufCMessage *message)
{
	for (unsigned f = 0; f < message->descriptor->n_fields; f++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[f];

		if (field_count(message, field) == 0)
			fill_field(message, field);
	}
}

static void test_every_column_says_something(void **state UNUSED)
{
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		ProtobufCMessage *message = message_new(model_descriptor((enum kind)kind));
		Api__Object api = object_wrap((enum kind)kind, message);
		AUTO(table_fini) struct table table = { 0 };
		struct object object;

		fill(message);
		assert_true(object_read(&api, &object));
		columns_begin((enum kind)kind, COLUMNS_WIDE | COLUMNS_LABELS, &table);
		columns_add(&object, COLUMNS_WIDE | COLUMNS_LABELS,
			    time_parse("2026-01-02T03:04:05Z"), &table);
		for (size_t i = 0; i < table.n_columns; i++)
			if (str_equal(table.cells[i].text, "-"))
				fail_msg("nothing stands in %s of a %s: cli/show/columns.c",
					 table.headers[i], kind_name((enum kind)kind));
		protobuf_c_message_free_unpacked(message, NULL);
	}
}

/* An object that came without spec and status is shown, not tripped over. */
static void test_bare_objects(void **state UNUSED)
{
	Api__Container container = API__CONTAINER__INIT;
	Api__Object api = API__OBJECT__INIT;
	AUTO(table_fini) struct table table = { 0 };
	struct capture capture;
	struct object object;

	assert_false(object_read(&api, &object));
	api.object_case = API__OBJECT__OBJECT_CONTAINER;
	api.container = &container;
	assert_true(object_read(&api, &object));
	columns_begin(object.kind, 0, &table);
	columns_add(&object, 0, 0, &table);
	table_print(&table, capture_begin(&capture), false);
	capture_expect(&capture,
		       "NAME   REALM   SPACE   STACK   CELL   STATE     RESTARTS   IMAGE   AGE\n"
		       "-      -       -       -       -      Unknown   0          -       -\n");
}

static void test_labels(void **state UNUSED)
{
	Api__Metadata__LabelsEntry app = API__METADATA__LABELS_ENTRY__INIT, bare = app;
	Api__Metadata__LabelsEntry *labels[] = { &app, &bare };
	Api__Metadata metadata = API__METADATA__INIT;
	Api__Realm realm = API__REALM__INIT;
	Api__Object api = object_wrap(KIND_REALM, &realm.base), *objects[] = { &api };
	const struct print_options options = { .labels = true };
	struct capture capture;

	app.key = TEXT("app");
	app.value = TEXT("web");
	bare.key = TEXT("bare");
	metadata.name = TEXT("r");
	metadata.labels = labels;
	metadata.n_labels = ARRAY_SIZE(labels);
	realm.metadata = &metadata;
	print_objects(KIND_REALM, objects, 1, &options, capture_begin(&capture));
	capture_expect(&capture, "NAME   STATE     NAMESPACE   AGE   LABELS\n"
				 "r      Unknown   -           -     app=web,bare=\n");
}

static void report(const Api__StatusResponse *status, bool files, const char *expected)
{
	struct capture capture;
	struct io io = { .out = capture_begin(&capture),
			 .now = time_parse("2026-01-02T03:04:05Z") };

	report_print(status, files, &io);
	capture_expect(&capture, expected);
}

static void test_empty_report(void **state UNUSED)
{
	Api__StatusResponse status = API__STATUS_RESPONSE__INIT;

	status.healthy = true;
	report(&status, false,
	       "Daemon\n\ncontainerd\n\nManifests\n\nHierarchy\n"
	       "  realms       none\n  spaces       none\n  stacks       none\n"
	       "  cells        none\n  containers   none\n"
	       "\nEverything declared is running.\n");
}

static const char above_files[] =
	"Problems\n"
	"  manifest: web.yaml:3:11: spec.imgae: unknown field?second line\n"
	"  cell main/front/default/web: Failed, ImageMissing: pull it\n"
	"\nDaemon\n"
	"  version:     0.1.0\n"
	"  pid:         42, up 2h\n"
	"  run path:    /opt/kukeon\n"
	"\ncontainerd\n"
	"  connected:   yes, version 1.6.20\n"
	"  socket:      /run/containerd/containerd.sock\n"
	"\nHost\n"
	"  controllers: cpu memory\n"
	"\nManifests\n"
	"  directory:   /etc/kukeon/manifests.d\n"
	"  watched by:  inotify\n"
	"  declare:     1 file, 1 object\n";
static const char below_files[] = "\nHierarchy\n"
				  "  realms       none\n"
				  "  spaces       none\n"
				  "  stacks       none\n"
				  "  cells        3 Ready, 1 Failed\n"
				  "  containers   none\n"
				  "\n1 object is not as declared. 1 error in manifests.\n";

static void report_with_and_without_files(const Api__StatusResponse *status)
{
	static const char line[] =
		"  web.yaml: generation 3, 1 object\n    main/front/default/web\n";

	for (int files = 0; files < 2; files++) {
		AUTO_FREE char *expected =
			xasprintf("%s%s%s", above_files, files ? line : "", below_files);

		report(status, files, expected);
	}
}

static void test_report_of_problems(void **state UNUSED)
{
	Api__StatusResponse status = API__STATUS_RESPONSE__INIT;
	Api__DaemonStatus daemon = API__DAEMON_STATUS__INIT;
	Api__RuntimeStatus runtime = API__RUNTIME_STATUS__INIT;
	Api__ManifestsStatus manifests = API__MANIFESTS_STATUS__INIT;
	Api__ManifestFile file = API__MANIFEST_FILE__INIT, *files[] = { &file };
	Api__StateCount ready = API__STATE_COUNT__INIT, failed = API__STATE_COUNT__INIT;
	Api__StateCount *counts[] = { &ready, &failed };
	Api__Problem problem = API__PROBLEM__INIT, *problems[] = { &problem };
	char *controllers[] = { TEXT("cpu"), TEXT("memory") },
	     *objects[] = { TEXT("main/front/default/web") };
	char *errors[] = { TEXT("web.yaml:3:11: spec.imgae: unknown field\nsecond line") };

	daemon = (Api__DaemonStatus){ .base = daemon.base,
				      .version = TEXT("0.1.0"),
				      .pid = 42,
				      .started_at = TEXT("2026-01-02T01:04:05Z"),
				      .run_path = TEXT("/opt/kukeon") };
	runtime = (Api__RuntimeStatus){ .base = runtime.base,
					.socket = TEXT("/run/containerd/containerd.sock"),
					.connected = true,
					.version = TEXT("1.6.20"),
					.n_controllers = 2,
					.controllers = controllers };
	file = (Api__ManifestFile){ .base = file.base,
				    .path = TEXT("web.yaml"),
				    .generation = 3,
				    .n_objects = 1,
				    .objects = objects,
				    .n_errors = 1,
				    .errors = errors };
	manifests = (Api__ManifestsStatus){ .base = manifests.base,
					    .directory = TEXT("/etc/kukeon/manifests.d"),
					    .watch = TEXT("inotify"),
					    .n_files = 1,
					    .files = files };
	ready = (Api__StateCount){
		ready.base, true, API__KIND__KIND_CELL, true, API__STATE__STATE_READY, true, 3
	};
	failed = (Api__StateCount){
		ready.base, true, API__KIND__KIND_CELL, true, API__STATE__STATE_FAILED, true, 1
	};
	problem = (Api__Problem){ .base = problem.base,
				  .kind = API__KIND__KIND_CELL,
				  .key = TEXT("main/front/default/web"),
				  .state = API__STATE__STATE_FAILED,
				  .reason = TEXT("ImageMissing"),
				  .message = TEXT("pull it") };
	status = (Api__StatusResponse){ .base = status.base,
					.daemon = &daemon,
					.runtime = &runtime,
					.manifests = &manifests,
					.n_counts = 2,
					.counts = counts,
					.n_problems = 1,
					.problems = problems };
	report_with_and_without_files(&status);
}

/* Nobody to ask: that is a problem, whatever else is. */
static void test_report_of_troubles(void **state UNUSED)
{
	Api__StatusResponse status = API__STATUS_RESPONSE__INIT;
	Api__DaemonStatus daemon = API__DAEMON_STATUS__INIT;
	Api__RuntimeStatus runtime = API__RUNTIME_STATUS__INIT;

	daemon.message = TEXT("the disk is full");
	runtime.message = TEXT("it is away");
	status.daemon = &daemon;
	status.runtime = &runtime;
	report(&status, false,
	       "Problems\n  kukeond: the disk is full\n  containerd: it is away\n"
	       "\nDaemon\n  pid:         0, up -\n"
	       "\ncontainerd\n  connected:   no\n\nHost\n  controllers: none\n"
	       "\nManifests\n\nHierarchy\n"
	       "  realms       none\n  spaces       none\n  stacks       none\n"
	       "  cells        none\n  containers   none\n"
	       "\nNot everything declared is in force: see above.\n");
}

static void test_results_in_colour(void **state UNUSED)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (int color = 0; color < 2; color++)
		for (int result = 1; result < 5; result++)
			result_print((Api__HostCheck__Result)result, out, color);
	fclose(out);
	assert_string_equal(text, "ok      warning FAILED  ?       "
				  "\033[32mok\033[0m      \033[33mwarning\033[0m "
				  "\033[31mFAILED\033[0m  ?       ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_are_aligned),
		cmocka_unit_test(test_color_does_not_move_columns),
		cmocka_unit_test(test_control_characters_are_harmless),
		cmocka_unit_test(test_rows_fit_the_terminal),
		cmocka_unit_test(test_what_has_no_text_fits_too),
		cmocka_unit_test(test_wide_characters),
		cmocka_unit_test(test_safe_text),
		cmocka_unit_test(test_ages),
		cmocka_unit_test(test_results_in_colour),
		cmocka_unit_test(test_cell_row),
		cmocka_unit_test(test_ready_counts),
		cmocka_unit_test(test_headers_of_every_kind),
		cmocka_unit_test(test_every_column_says_something),
		cmocka_unit_test(test_bare_objects),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_empty_report),
		cmocka_unit_test(test_report_of_problems),
		cmocka_unit_test(test_report_of_troubles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

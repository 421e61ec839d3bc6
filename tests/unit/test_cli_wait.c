/* SPDX-License-Identifier: Apache-2.0 */
/* kuke wait, --wait and get -w against a server that plays a script of events. */
#include "tests/unit/stub_server.h"

enum step_type { ADDED, MODIFIED, DELETED, SYNCED, RESYNC, PAUSE, END, HANG, CRASH };

enum { PAUSE_MS = 30, STEPS_MAX = 16 };

struct step {
	enum step_type type;
	const char *name;
	Api__State state;
	const char *reason, *intent;
	bool full;     /* the cell has a container */
	unsigned runs; /* of it, the last of which began just now; 0: one that began long ago */
	const char *message;
};

struct script {
	struct step steps[STEPS_MAX];
	Api__Outcome outcome; /* of Apply, Delete and Run */
};

/* ---- the server ---- */

struct player {
	struct rpc_server_call *call;
	const struct step *next, *end;
	struct timer timer;
	struct stub *stub;
};

static void add_run(Api__CellStatus *status, unsigned runs)
{
	Api__ContainerStatus *container = xnew(Api__ContainerStatus);
	char text[32];
	time_t now = time(NULL);
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.000Z", gmtime_r(&now, &tm));
	api__container_status__init(container);
	container->started_at = xstrdup(text);
	container->has_restart_count = true;
	container->restart_count = runs - 1;
	status->containers = xcalloc(1, sizeof(*status->containers));
	status->containers[status->n_containers++] = container;
}

static void send_step(struct rpc_server_call *call, const struct step *step)
{
	static const Api__WatchEvent__Type types[] = {
		[ADDED] = API__WATCH_EVENT__TYPE__TYPE_ADDED,
		[MODIFIED] = API__WATCH_EVENT__TYPE__TYPE_MODIFIED,
		[DELETED] = API__WATCH_EVENT__TYPE__TYPE_DELETED,
		[SYNCED] = API__WATCH_EVENT__TYPE__TYPE_SYNCED,
		[RESYNC] = API__WATCH_EVENT__TYPE__TYPE_RESYNC,
	};
	Api__WatchEvent event = API__WATCH_EVENT__INIT;
	static Api__ContainerSpec container = API__CONTAINER_SPEC__INIT,
				  *containers[] = { &container };

	event.has_type = true;
	event.type = types[step->type];
	if (step->name) {
		event.object = new_object(step->name, step->state, step->reason);
		event.object->cell->status->intent = TEXT(step->intent);
		event.object->cell->status->message = TEXT(step->message);
		event.object->cell->spec->n_containers = step->full;
		event.object->cell->spec->containers = containers;
		if (step->runs)
			add_run(event.object->cell->status, step->runs);
	}
	rpc_server_send(call, &event.base);
}

static void play(struct player *player);

static void on_pause_over(struct timer *timer)
{
	play(container_of(timer, struct player, timer));
}

static void play(struct player *player)
{
	const struct step *step = player->next;

	if (step == player->end || step->type == HANG)
		return;
	player->next++;
	switch (step->type) {
	case PAUSE:
		timer_start(&player->stub->loop, &player->timer, PAUSE_MS, on_pause_over);
		break;
	case END:
		rpc_server_end(player->call);
		break;
	case CRASH:
		_exit(0);
	default:
		send_step(player->call, step);
	}
}

static void on_writable(struct rpc_server_call *call UNUSED, void *owner)
{
	play(owner);
}

static void on_closed(struct rpc_server_call *call UNUSED, void *owner)
{
	struct player *player = owner;

	timer_stop(&player->timer);
	free(player);
}

static const struct rpc_stream_handler handler = { .on_writable = on_writable,
						   .on_closed = on_closed };

static void on_watch(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	struct player *player = xnew(struct player);
	struct stub *stub = ctx;
	const struct script *script = stub->script;

	stub_record(stub, request);
	player->call = call;
	player->stub = stub;
	player->next = script->steps;
	player->end = script->steps + STEPS_MAX;
	rpc_server_stream(call, &handler, player);
	play(player);
}

static Api__Result result_of(const struct stub *stub)
{
	const struct script *script = stub->script;
	Api__Result result = API__RESULT__INIT;

	result.has_kind = result.has_outcome = true;
	result.kind = API__KIND__KIND_CELL;
	result.key = TEXT("default/default/default/web");
	result.outcome = script->outcome;
	return result;
}

static void on_apply(struct rpc_server_call *call, const ProtobufCMessage *request UNUSED,
		     void *ctx)
{
	Api__Result result = result_of(ctx), *results[] = { &result };
	Api__ApplyResponse reply = API__APPLY_RESPONSE__INIT;

	reply.results = results;
	reply.n_results = 1;
	rpc_server_reply(call, &reply.base);
}

static void on_delete(struct rpc_server_call *call, const ProtobufCMessage *request UNUSED,
		      void *ctx)
{
	Api__Result result = result_of(ctx), *results[] = { &result };
	Api__DeleteResponse reply = API__DELETE_RESPONSE__INIT;

	reply.results = results;
	reply.n_results = 1;
	rpc_server_reply(call, &reply.base);
}

static void on_run(struct rpc_server_call *call, const ProtobufCMessage *request UNUSED, void *ctx)
{
	Api__Result result = result_of(ctx);
	Api__RunResponse reply = API__RUN_RESPONSE__INIT;

	reply.result = &result;
	rpc_server_reply(call, &reply.base);
}

static const struct rpc_method methods[] = {
	{ SERVICE "Watch", &api__watch_request__descriptor, on_watch },
	{ SERVICE "Apply", &api__apply_request__descriptor, on_apply },
	{ SERVICE "Delete", &api__delete_request__descriptor, on_delete },
	{ SERVICE "Run", &api__run_request__descriptor, on_run },
};

/* ---- the tests ---- */

#define PENDING(type, why)                                                                         \
	{                                                                                          \
		type, "web", API__STATE__STATE_PENDING, why, NULL, true, 0, NULL                   \
	}
#define PULLS(type, how_far)                                                                       \
	{                                                                                          \
		type, "web", API__STATE__STATE_PENDING, "PullingImage", NULL, true, 0, how_far     \
	}
#define READY(type)                                                                                \
	{                                                                                          \
		type, "web", API__STATE__STATE_READY, NULL, NULL, true, 0, NULL                    \
	}
#define STOPPED(type)                                                                              \
	{                                                                                          \
		type, "web", API__STATE__STATE_STOPPED, "StopRequested", NULL, true, 0, NULL       \
	}
#define FAILED_(type)                                                                              \
	{                                                                                          \
		type, "web", API__STATE__STATE_FAILED, "Exited", NULL, true, 0, NULL               \
	}
#define GONE                                                                                       \
	{                                                                                          \
		DELETED, "web", API__STATE__STATE_READY, NULL, NULL, true, 0, NULL                 \
	}
#define S                                                                                          \
	{                                                                                          \
		SYNCED, NULL, 0, NULL, NULL, false, 0, NULL                                        \
	}
#define R                                                                                          \
	{                                                                                          \
		RESYNC, NULL, 0, NULL, NULL, false, 0, NULL                                        \
	}
#define P                                                                                          \
	{                                                                                          \
		PAUSE, NULL, 0, NULL, NULL, false, 0, NULL                                         \
	}
#define H                                                                                          \
	{                                                                                          \
		HANG, NULL, 0, NULL, NULL, false, 0, NULL                                          \
	}
#define E                                                                                          \
	{                                                                                          \
		END, NULL, 0, NULL, NULL, false, 0, NULL                                           \
	}
#define X                                                                                          \
	{                                                                                          \
		CRASH, NULL, 0, NULL, NULL, false, 0, NULL                                         \
	}

static const char in_default[] = " in realm \"default\", space \"default\", stack \"default\"";

struct row {
	const char *line;
	struct script script;
	enum cli_exit code;
	const char *out, *err; /* err: what the message says at its end; NULL: nothing */
};

static void play_row(const struct row *row)
{
	AUTO_FREE char *err = NULL;
	struct stub stub;

	if (row->err && row->code == CLI_FAILED)
		err = xasprintf("kuke: cell \"web\"%s %s\n", in_default, row->err);
	else
		err = xstrdup(row->err ? row->err : "");
	stub_init(&stub, methods, ARRAY_SIZE(methods), &row->script);
	run_expect(row->line, stub.environment, row->code, row->out, err);
	stub_fini(&stub);
}

static const struct row waits[] = {
	{ "wait cell web", { { READY(ADDED), S, H }, 0 }, CLI_DONE, "Cell \"web\": Ready\n", NULL },
	{ "wait cell web --for=ready",
	  { { READY(ADDED), S, H }, 0 },
	  CLI_DONE,
	  "Cell \"web\": Ready\n",
	  NULL },
	{ "wait cell web",
	  { { PENDING(ADDED, "Creating"), S, P, PENDING(MODIFIED, "Starting"), P, READY(MODIFIED),
	      H },
	    0 },
	  CLI_DONE,
	  "Cell \"web\": Ready\n",
	  NULL },
	{ "wait cell web",
	  { { S, P, PENDING(MODIFIED, "Creating"), P, READY(MODIFIED), H }, 0 }, /* comes later */
	  CLI_DONE,
	  "Cell \"web\": Ready\n",
	  NULL },
	{ "wait cell web",
	  { { PENDING(ADDED, "Creating"), S, P, R, READY(ADDED), S, H }, 0 },
	  CLI_DONE,
	  "Cell \"web\": Ready\n",
	  NULL },
	{ "wait cell web --for=Stopped",
	  { { READY(ADDED), S, P, STOPPED(MODIFIED), H }, 0 },
	  CLI_DONE,
	  "Cell \"web\": Stopped\n",
	  NULL },
	{ "wait cell web --for Failed",
	  { { READY(ADDED), S, P, FAILED_(MODIFIED), H }, 0 },
	  CLI_DONE,
	  "Cell \"web\": Failed\n",
	  NULL },
	{ "wait cell web --for=deleted",
	  { { S, H }, 0 },
	  CLI_DONE,
	  "Cell \"web\": deleted\n",
	  NULL },
	{ "wait cell web --for=deleted",
	  { { READY(ADDED), S, P, GONE, H }, 0 },
	  CLI_DONE,
	  "Cell \"web\": deleted\n",
	  NULL },
	{ "wait cell web --for=deleted",
	  { { READY(ADDED), S, P, R, S, H }, 0 }, /* while nobody was told */
	  CLI_DONE,
	  "Cell \"web\": deleted\n",
	  NULL },
	{ "wait cell web --for=deleted --timeout 3",
	  { { READY(ADDED), S, P, R, READY(ADDED), S, H }, 0 },
	  CLI_FAILED,
	  "",
	  "is not deleted after 3s; it is Ready" },
	{ "wait cell web --timeout 3s",
	  { { PENDING(ADDED, "PullingImage"), S, H }, 0 },
	  CLI_FAILED,
	  "",
	  "is not Ready after 3s; it is Pending, PullingImage" },
	{ "wait cell web --timeout 3s",
	  { { FAILED_(ADDED), S, H }, 0 },
	  CLI_FAILED,
	  "",
	  "is not Ready after 3s; it is Failed, Exited" },
	{ "wait cell web --timeout 3s",
	  { { S, H }, 0 },
	  CLI_FAILED,
	  "",
	  "is not Ready after 3s; it is not there" },
	{ "wait cell web --timeout 3s",
	  { { PENDING(ADDED, "Creating"), S, GONE, H }, 0 },
	  CLI_FAILED,
	  "",
	  "is not Ready after 3s; it is not there" },
	{ "wait cell web --timeout 3s",
	  { { H }, 0 },
	  CLI_UNREACHABLE,
	  "",
	  "kuke: kukeond on *" }, /* it hangs */
	{ "wait cell web",
	  { { PENDING(ADDED, "Creating"), S, X }, 0 },
	  CLI_UNREACHABLE,
	  "",
	  "kuke: *" },
	{ "wait cell web",
	  { { PENDING(ADDED, "Creating"), S, E }, 0 },
	  CLI_UNREACHABLE,
	  "",
	  "kuke: *" },
};

/* Ready for the n-th time, by a run that has just begun. */
#define BEGUN(type, n)                                                                             \
	{                                                                                          \
		type, "web", API__STATE__STATE_READY, NULL, NULL, true, n, NULL                    \
	}

/* What is Ready and does not stay so, and what never will be. */
static const struct row unsteady[] = {
	{ "wait cell web",
	  { { BEGUN(ADDED, 1), S, H }, 0 },
	  CLI_DONE,
	  "Cell \"web\": Ready\n",
	  NULL },
	{ "wait cell web",
	  { { BEGUN(ADDED, 1), S, P, PENDING(MODIFIED, "Restarting"), P, BEGUN(MODIFIED, 2), H },
	    0 },
	  CLI_DONE,
	  "Cell \"web\": Ready\n",
	  NULL },
	{ "wait cell web",
	  { { BEGUN(ADDED, 1), S, P, PENDING(MODIFIED, "Restarting"), P, BEGUN(MODIFIED, 2), P,
	      PENDING(MODIFIED, "Restarting"), P, BEGUN(MODIFIED, 3), P,
	      PENDING(MODIFIED, "CrashLoop"), H },
	    0 },
	  CLI_FAILED,
	  "",
	  "does not stay Ready: it was 3 times; it is Pending, CrashLoop" },
	{ "wait cell web", /* too fast to be seen in between */
	  { { BEGUN(ADDED, 1), S, P, BEGUN(MODIFIED, 2), P, BEGUN(MODIFIED, 3), P,
	      BEGUN(MODIFIED, 4), H },
	    0 },
	  CLI_FAILED,
	  "",
	  "does not stay Ready: it was 3 times; it is Ready" },
	{ "wait cell web --timeout 3s",
	  { { BEGUN(ADDED, 1), S, P, PENDING(MODIFIED, "Restarting"), H }, 0 },
	  CLI_FAILED,
	  "",
	  "is not Ready after 3s; it is Pending, Restarting" },
	{ "create cell web --wait",
	  { { { ADDED, "web", API__STATE__STATE_STOPPED, "StopRequested", "stop", true, 0, NULL },
	      S,
	      H },
	    API__OUTCOME__OUTCOME_EXISTS },
	  CLI_FAILED,
	  "Cell \"web\": already existed\n",
	  "was stopped and stays so until it is started; it is Stopped, StopRequested" },
	{ "create cell web --wait", /* it has done what it was to do */
	  { { { ADDED, "web", API__STATE__STATE_STOPPED, "Completed", NULL, true, 0, NULL }, S, H },
	    API__OUTCOME__OUTCOME_EXISTS },
	  CLI_DONE,
	  "Cell \"web\": already existed\n",
	  NULL },
};

static const struct row verbs_that_wait[] = {
	{ "create cell web --wait",
	  { { { ADDED, "web", API__STATE__STATE_PENDING, "NoContainers", NULL, false, 0, NULL },
	      S,
	      H },
	    API__OUTCOME__OUTCOME_CREATED },
	  CLI_DONE,
	  "Cell \"web\": created\n",
	  NULL },
	{ "create cell web --wait",
	  { { PENDING(ADDED, "Creating"), S, P, READY(MODIFIED), H },
	    API__OUTCOME__OUTCOME_EXISTS },
	  CLI_DONE,
	  "Cell \"web\": already existed\n",
	  NULL },
	{ "create cell web --wait --timeout 3s",
	  { { PENDING(ADDED, "Creating"), S, H }, API__OUTCOME__OUTCOME_CREATED },
	  CLI_FAILED,
	  "Cell \"web\": created\n",
	  "is not Ready after 3s; it is Pending, Creating" },
	{ "create cell web --wait",
	  { { H }, API__OUTCOME__OUTCOME_FAILED }, /* nothing to wait for */
	  CLI_FAILED,
	  "Cell \"web\": failed\n",
	  NULL },
	{ "start cell web --wait",
	  { { STOPPED(ADDED), S, P, READY(MODIFIED), H }, API__OUTCOME__OUTCOME_ACCEPTED },
	  CLI_DONE,
	  "Cell \"web\": started\n",
	  NULL },
	{ "stop cell web --wait",
	  { { READY(ADDED), S, P, STOPPED(MODIFIED), H }, API__OUTCOME__OUTCOME_ACCEPTED },
	  CLI_DONE,
	  "Cell \"web\": stopped\n",
	  NULL },
	{ "kill cell web --wait",
	  { { READY(ADDED), S, P, STOPPED(MODIFIED), H }, API__OUTCOME__OUTCOME_ACCEPTED },
	  CLI_DONE,
	  "Cell \"web\": killed\n",
	  NULL },
	{ "restart cell web --wait",
	  { { { ADDED, "web", API__STATE__STATE_READY, NULL, "restart", true, 0, NULL },
	      S,
	      P,
	      STOPPED(MODIFIED),
	      P,
	      READY(MODIFIED),
	      H },
	    API__OUTCOME__OUTCOME_ACCEPTED },
	  CLI_DONE,
	  "Cell \"web\": restarted\n",
	  NULL },
	{ "restart cell web --wait --timeout 3s",
	  { { { ADDED, "web", API__STATE__STATE_READY, NULL, "restart", true, 0, NULL }, S, H },
	    API__OUTCOME__OUTCOME_ACCEPTED },
	  CLI_FAILED,
	  "Cell \"web\": restart asked for\n",
	  "is not Ready after 3s; it is Ready" },
	{ "delete cell web --wait",
	  { { READY(ADDED), S, P, GONE, H }, API__OUTCOME__OUTCOME_DELETED },
	  CLI_DONE,
	  "Cell \"web\": deleted\n",
	  NULL },
	{ "delete cell web --wait",
	  { { H }, API__OUTCOME__OUTCOME_NOT_FOUND },
	  CLI_FAILED,
	  "Cell \"web\": not found\n",
	  NULL },
	{ "stop cell web --wait",
	  { { STOPPED(ADDED), S, H }, API__OUTCOME__OUTCOME_UNCHANGED },
	  CLI_DONE,
	  "Cell \"web\": already stopped\n",
	  NULL },
};

/* The daemon goes at the end of each, because that is how a watch ends. */
#define HEAD "NAME   REALM     SPACE     STACK     STATE   READY   AGE\n"
#define ROW(state, ready) "web    default   default   default   " state "   " ready "     -\n"
static const struct row watches[] = {
	{ "get cells -w",
	  { { READY(ADDED), S, P, READY(MODIFIED), STOPPED(MODIFIED), GONE, E }, 0 },
	  CLI_UNREACHABLE,
	  HEAD ROW("Ready", "0/1") ROW("Stopped", "0/1") ROW("Deleted", "0/1"),
	  "kuke: *" },
	{ "get cells -w -o name",
	  { { READY(ADDED),
	      { ADDED, "zoo", API__STATE__STATE_READY, NULL, NULL, false, 0, NULL },
	      S,
	      P,
	      E },
	    0 },
	  CLI_UNREACHABLE,
	  "cell/default/default/default/web\ncell/default/default/default/zoo\n",
	  "kuke: *" },
	/* nothing changed for one, the other went unseen */
	{ "get cells -w",
	  { { READY(ADDED),
	      { ADDED, "zoo", API__STATE__STATE_READY, NULL, NULL, true, 0, NULL },
	      S,
	      P,
	      R,
	      READY(ADDED),
	      S,
	      E },
	    0 },
	  CLI_UNREACHABLE,
	  HEAD ROW("Ready", "0/1") "zoo    default   default   default   Ready   0/1     -\n"
				   "zoo    default   default   default   Deleted   0/1     -\n",
	  "kuke: *" },
	/* went since: nobody here has seen it */
	{ "get cells -w --resource-version 7",
	  { { STOPPED(MODIFIED),
	      { DELETED, "zoo", API__STATE__STATE_READY, NULL, NULL, true, 0, NULL },
	      S,
	      E },
	    0 },
	  CLI_UNREACHABLE,
	  "NAME   REALM     SPACE     STACK     STATE     READY   AGE\n"
	  "web    default   default   default   Stopped   0/1     -\n"
	  "zoo    default   default   default   Deleted   0/1     -\n",
	  "kuke: *" },
	{ "get cells -w -o name --resource-version 7",
	  { { R,
	      READY(ADDED),
	      S,
	      { DELETED, "zoo", API__STATE__STATE_READY, NULL, NULL, true, 0, NULL },
	      E },
	    0 },
	  CLI_UNREACHABLE,
	  "cell/default/default/default/web\n",
	  "kuke: *" },
	{ "get cells -w -o json",
	  { { { ADDED, "web", API__STATE__STATE_READY, NULL, NULL, false, 0, NULL },
	      S,
	      P,
	      GONE,
	      E },
	    0 },
	  CLI_UNREACHABLE,
	  NULL,
	  "kuke: *" },
	{ "get cells -w -o yaml",
	  { { { ADDED, "web", API__STATE__STATE_READY, NULL, NULL, false, 0, NULL },
	      S,
	      P,
	      { MODIFIED, "web", API__STATE__STATE_FAILED, NULL, NULL, false, 0, NULL },
	      E },
	    0 },
	  CLI_UNREACHABLE,
	  "apiVersion: v1beta1\nkind: Cell\nmetadata:\n  name: web\nspec:\n  id: web\n  realmId: default\n"
	  "  spaceId: default\n  stackId: default\nstatus:\n  state: Ready\n---\n"
	  "apiVersion: v1beta1\nkind: Cell\nmetadata:\n  name: web\nspec:\n  id: web\n  realmId: default\n"
	  "  spaceId: default\n  stackId: default\nstatus:\n  state: Failed\n",
	  "kuke: *" },
};

static const struct {
	const struct row *rows;
	size_t n;
} tables[] = {
	{ waits, ARRAY_SIZE(waits) },
	{ unsteady, ARRAY_SIZE(unsteady) },
	{ verbs_that_wait, ARRAY_SIZE(verbs_that_wait) },
	{ watches, ARRAY_SIZE(watches) },
};

static const struct row *row_to_play;

static void test_row(void **state UNUSED)
{
	play_row(row_to_play);
}

/* In a process of its own, which ends with what it found. */
static pid_t begin_row(const struct row *row)
{
	const struct CMUnitTest alone[] = { { row->line, test_row, NULL, NULL, NULL } };
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	row_to_play = row;
	cmocka_set_message_output(CM_OUTPUT_TAP); /* says little of what goes well */
	_exit(cmocka_run_group_tests(alone, NULL, NULL));
}

static bool row_fails(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status != 0;
}

/* A server in a sanitizer's build needs the machine. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { ROWS_AT_ONCE = 4 };
#else
enum { ROWS_AT_ONCE = 16 };
#endif

/* Each of them waits for seconds, as people do, and none for another: many at once. */
static void test_rows(void **state UNUSED)
{
	pid_t pids[ROWS_AT_ONCE];
	size_t n = 0, failed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (size_t j = 0; j < tables[i].n; j++, n++) {
			if (n >= ROWS_AT_ONCE)
				failed += row_fails(pids[n % ROWS_AT_ONCE]);
			pids[n % ROWS_AT_ONCE] = begin_row(&tables[i].rows[j]);
		}
	for (size_t i = 0; i < n && i < ROWS_AT_ONCE; i++)
		failed += row_fails(pids[i]);
	if (failed)
		fail_msg("%zu of %zu rows failed", failed, n);
}

/* Whoever watches reads each state on its way once: what came of it the result says. */
static void test_watched(void **state UNUSED)
{
	static const struct script starts = { { PENDING(ADDED, "Creating"), S, P, READY(MODIFIED),
						H },
					      API__OUTCOME__OUTCOME_ACCEPTED },
				   stops = { { READY(ADDED), S, P, STOPPED(MODIFIED), H },
					     API__OUTCOME__OUTCOME_ACCEPTED },
				   creates = { { PENDING(ADDED, "Creating"), S, P, READY(MODIFIED),
						 H },
					       API__OUTCOME__OUTCOME_CREATED },
				   pulls = { { PULLS(ADDED, "1 %"), S, PULLS(MODIFIED, "2 %"), P,
					       PENDING(MODIFIED, "Creating"), READY(MODIFIED), H },
					     0 };
	static const struct {
		const char *line, *out, *err;
		const struct script *script;
	} rows[] = {
		{ "wait cell web", "Cell \"web\": Ready\n", "Cell \"web\": Pending, Creating\r\n",
		  &starts },
		{ "wait cell web", "Cell \"web\": Ready\n",
		  "Cell \"web\": Pending, PullingImage: 1 %\r\n\033[A\033[2K"
		  "Cell \"web\": Pending, PullingImage: 2 %\r\nCell \"web\": Pending, Creating\r\n",
		  &pulls },
		{ "start cell web --wait", "Cell \"web\": started\n",
		  "Cell \"web\": Pending, Creating\r\n", &starts },
		{ "stop cell web --wait", "Cell \"web\": stopped\n", "Cell \"web\": Ready\r\n",
		  &stops },
		{ "create cell web --wait", "Cell \"web\": created\n",
		  "Cell \"web\": Pending, Creating\r\nCell \"web\": Ready\r\n", &creates },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct stub stub;
		struct run run;

		stub_init(&stub, methods, ARRAY_SIZE(methods), rows[i].script);
		run = run_kuke_watched(rows[i].line, stub.environment);
		assert_int_equal(run.code, CLI_DONE);
		assert_string_equal(run.out.data, rows[i].out);
		assert_string_equal(run.err.data, rows[i].err);
		run_fini(&run);
		stub_fini(&stub);
	}
}

/* One object a line, whatever is in it; the last one says that it is gone. */
static void test_get_watch_json(void **state UNUSED)
{
	static const struct script script = { { { ADDED, "web", API__STATE__STATE_READY,
						  "two\n  lines", NULL, false, 0, NULL },
						S,
						P,
						GONE,
						E },
					      0 };
	struct stub stub;
	struct run run;
	char *end;

	stub_init(&stub, methods, ARRAY_SIZE(methods), &script);
	run = run_kuke("get cells -w -o json", stub.environment);
	end = strchr(run.out.data, '\n');
	assert_non_null(end);
	*end = '\0';
	assert_true(str_starts_with(run.out.data, "{\"apiVersion\": \"v1beta1\","));
	assert_non_null(strstr(run.out.data, "\"two\\n  lines\""));
	assert_true(str_starts_with(end + 1, "{\"deleted\": true, \"apiVersion\": \"v1beta1\","));
	assert_true(str_ends_with(end + 1, "}\n"));
	assert_null(strchr(end + 1, '\n')[1] ? "" : NULL);
	run_fini(&run);
	stub_fini(&stub);
}

static void test_selector_of_a_watch(void **state UNUSED)
{
	static const struct script script = { { S, E }, 0 };
	AUTO_FREE char *requests = NULL;
	struct stub stub;

	stub_init(&stub, methods, ARRAY_SIZE(methods), &script);
	run_expect("get co -w --realm main -l tier=front", stub.environment, CLI_UNREACHABLE, "",
		   NULL);
	run_expect("get realms -w --resource-version 18446744073709551615", stub.environment,
		   CLI_UNREACHABLE, "", NULL);
	requests = stub_requests(&stub);
	assert_string_equal(requests, "---\nselector:\n  kind: Container\n  realm: main\n"
				      "  labels: tier=front\n---\nselector:\n  kind: Realm\n"
				      "resourceVersion: 18446744073709551615\n");
	run_expect("get cells --resource-version 7", stub.environment, CLI_USAGE, "",
		   "kuke: --resource-version is where --watch goes on: give both*");
	run_expect("get cells -w --resource-version 07", stub.environment, CLI_USAGE, "",
		   "kuke: --resource-version \"07\": expected a number above 0*");
	stub_fini(&stub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_watched),
		cmocka_unit_test(test_get_watch_json),
		cmocka_unit_test(test_selector_of_a_watch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

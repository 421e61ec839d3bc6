/* SPDX-License-Identifier: Apache-2.0 */
/* The Status report: one answer to "is what I declared what is running, and if not, why". */
#include "core/api/api_internal.h"
#include "core/base/version.h"
#include "core/desired/desired.h"
#include "core/driver/cgroup.h"
#include "core/network/network_egress.h"
#include "core/network/ways.h"
#include "core/status/plan_context.h"
#include "core/status/status.h"
#include "core/store/store.h"

enum {
	STATE_COUNT = API__STATE__STATE_PAUSING + 1,
	/* Of all files; beyond it of each file its first error. */
	ERRORS_MAX_BYTES = 4 * 1024 * 1024,
};

/* Appends to a repeated message field. */
#define APPEND(array, n, item)                                                                     \
	do {                                                                                       \
		(array) = xrealloc((array), ((n) + 1) * sizeof(*(array)));                         \
		(array)[(n)++] = (item);                                                           \
	} while (0)

/* NULL: none. */
static char *daemon_problems(const struct engine *engine)
{
	const struct store *store = engine->store;
	const struct {
		const char *what, *then;
	} problems[] = {
		{ store ? store_problem(store) : NULL,
		  "what runs is kept running, nothing new is taken up until then" },
		{ engine->unread_text,
		  "what may be declared there is left as it is, and it is read again every few "
		  "seconds" },
		{ engine->ways->off, "what goes out of spaces or into them fails until then" },
		{ engine_relist_problem(engine), "it is tried again every few seconds" },
	};
	struct buf text = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(problems); i++)
		if (problems[i].what)
			buf_printf(&text, "%s%s; %s", text.len ? ". " : "", problems[i].what,
				   problems[i].then);
	return text.data;
}

static void report_daemon(struct api *api, Api__StatusResponse *reply)
{
	Api__DaemonStatus *daemon = reply->daemon = xnew(Api__DaemonStatus);
	char *problems = daemon_problems(api->options.engine);

	api__daemon_status__init(daemon);
	daemon->version = xstrdup(kukeon_version);
	daemon->has_pid = true;
	daemon->pid = (uint32_t)getpid();
	daemon->started_at = xstrdup(api->started_at);
	daemon->run_path = str_dup_filled(api->options.run_path);
	daemon->message = problems;
	reply->healthy &= !problems;
}

static void report_runtime(struct api *api, Api__StatusResponse *reply)
{
	struct engine *engine = api->options.engine;
	uint64_t silent_ms = engine->runtime->ops->ask(engine->runtime);
	const struct strv *controllers = engine->cgroup->ops->controllers(engine->cgroup);
	const char *version = engine->runtime->ops->version(engine->runtime);
	Api__RuntimeStatus *runtime = reply->runtime = xnew(Api__RuntimeStatus);

	api__runtime_status__init(runtime);
	runtime->socket = str_dup_filled(api->options.containerd_socket);
	runtime->has_connected = true;
	runtime->connected = engine->runtime_up && silent_ms < API_SILENT_MS;
	runtime->version = str_dup_filled(version);
	if (!engine->runtime_up)
		runtime->message =
			xasprintf("containerd cannot be asked: %s",
				  engine->runtime_problem.code ? engine->runtime_problem.msg
							       : "not connected yet");
	else if (!runtime->connected)
		runtime->message = xasprintf("containerd has not answered for %.1f s",
					     (double)silent_ms / 1000);
	reply->healthy &= runtime->connected;
	for (size_t i = 0; i < controllers->n; i++)
		APPEND(runtime->controllers, runtime->n_controllers,
		       xstrdup(controllers->items[i]));
}

/* Adds the errors of a file as long as there is room for them. */
static void add_errors(Api__ManifestFile *out, const struct desired_file *file, size_t *error_bytes)
{
	AUTO(strv_fini) struct strv errors = { 0 };
	size_t n = 0;

	desired_file_errors(file, &errors);
	for (; n < errors.n && (n == 0 || *error_bytes < ERRORS_MAX_BYTES); n++) {
		*error_bytes += strlen(errors.items[n]);
		APPEND(out->errors, out->n_errors, xstrdup(errors.items[n]));
	}
	if (n < errors.n)
		APPEND(out->errors, out->n_errors,
		       xasprintf("%s: %zu more error%s", file->path, errors.n - n,
				 str_s(errors.n - n)));
}

static Api__ManifestFile *report_file(const struct desired_file *file, size_t *error_bytes)
{
	Api__ManifestFile *out = xnew(Api__ManifestFile);
	struct claim *claim;

	api__manifest_file__init(out);
	out->path = xstrdup(file->path);
	out->has_generation = true;
	out->generation = file->generation;
	list_for_each(claim, &file->claims, file_link)
		if (claim->state == CLAIM_DECLARED)
			APPEND(out->objects, out->n_objects, xstrdup(claim->object->key));
	add_errors(out, file, error_bytes);
	return out;
}

static void report_manifests(struct api *api, Api__StatusResponse *reply)
{
	const struct desired *desired = &api->options.engine->desired;
	Api__ManifestsStatus *manifests = reply->manifests = xnew(Api__ManifestsStatus);
	struct desired_file *file;
	size_t error_bytes = 0;

	api__manifests_status__init(manifests);
	manifests->directory = str_dup_filled(api->options.manifests_dir);
	manifests->watch = str_dup_filled(api->options.watch_kind(api->options.watch_kind_ctx));
	manifests->message = desired->problem.code ? xstrdup(desired->problem.msg) : NULL;
	map_for_each(file, &desired->files, node) {
		if (!file->seen)
			continue;
		APPEND(manifests->files, manifests->n_files, report_file(file, &error_bytes));
		if (manifests->files[manifests->n_files - 1]->n_errors)
			reply->healthy = false;
	}
	if (manifests->message || !desired->complete)
		reply->healthy = false;
}

static void add_count(Api__StatusResponse *reply, int kind, int state, uint32_t count)
{
	Api__StateCount *out;

	if (!count)
		return;
	out = xnew(Api__StateCount);
	api__state_count__init(out);
	out->has_kind = out->has_state = out->has_count = true;
	out->kind = model_api_kind(kind);
	out->state = (Api__State)state;
	out->count = count;
	APPEND(reply->counts, reply->n_counts, out);
}

static Api__Problem *problem_of(const struct object *object)
{
	Api__Problem *problem = xnew(Api__Problem);

	api__problem__init(problem);
	problem->has_kind = problem->has_state = true;
	problem->kind = model_api_kind(object->kind);
	problem->key = xstrdup(object->key);
	problem->state = object->status.state;
	problem->reason = str_dup_filled(reason_name(object->status.reason));
	problem->message = str_dup_filled(object->status.message);
	return problem;
}

/* What was asked to stop is as declared when it has stopped; so is a cell whose root completed. A
 * space of which a part is not in force, or whose packets go astray, is Ready for its cells, and
 * not as declared. */
static bool as_declared(const struct object *object)
{
	return object->status.reason != REASON_HOST_NOT_FOUND &&
	       object->status.reason != REASON_RANGE_OVERLAPS &&
	       object->status.reason != REASON_TRAFFIC_BLOCKED &&
	       (object->status.state == API__STATE__STATE_READY ||
		object->status.state == API__STATE__STATE_STOPPED);
}

static void report_egress(struct api *api, Api__StatusResponse *reply)
{
	const struct engine *engine = api->options.engine;
	const struct object *object;

	map_for_each(object, &engine->objects, node) {
		Api__EgressStatus *status =
			object->kind == KIND_SPACE ? egress_status(engine, object) : NULL;
		Api__SpaceEgress *out;

		if (!status)
			continue;
		out = xnew(Api__SpaceEgress);
		api__space_egress__init(out);
		out->space = xstrdup(object->key);
		out->egress = status;
		APPEND(reply->egress, reply->n_egress, out);
	}
}

static void report_objects(struct api *api, Api__StatusResponse *reply)
{
	const struct engine *engine = api->options.engine;
	const struct plan_context context = plan_context_of(engine);
	uint32_t counts[KIND_COUNT][STATE_COUNT] = { 0 };
	struct container_state state;
	struct object *object;
	struct container *c;

	map_for_each(object, &engine->objects, node) {
		if (object->kind == KIND_CONTAINER)
			continue;
		counts[object->kind][object->status.state]++;
		if (!as_declared(object)) {
			APPEND(reply->problems, reply->n_problems, problem_of(object));
			reply->healthy = false;
		} else if (object->status.state == API__STATE__STATE_READY &&
			   object->status.reason) {
			APPEND(reply->remarks, reply->n_remarks, problem_of(object));
		}
		list_for_each(c, &object->cell.containers, link) {
			plan_container_state(c, &context, &state);
			counts[KIND_CONTAINER][state.state]++;
		}
	}
	for (int kind = 0; kind < KIND_COUNT; kind++)
		for (int s = 0; s < STATE_COUNT; s++)
			add_count(reply, kind, s, counts[kind][s]);
}

Api__StatusResponse *api_status_report(struct api *api)
{
	Api__StatusResponse *reply = xnew(Api__StatusResponse);

	api__status_response__init(reply);
	reply->has_healthy = true;
	reply->healthy = api->options.engine->runtime_up;
	report_daemon(api, reply);
	report_runtime(api, reply);
	report_manifests(api, reply);
	report_objects(api, reply);
	api_add_held(api->options.engine, &reply->held, &reply->n_held);
	if (reply->n_held)
		reply->healthy = false;
	report_egress(api, reply);
	return reply;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images of a realm: what is answered once. Each request begins with a listing, which says what its
 * name means, what else stands for the same, and so what is used.
 */
#include "core/api/api_images.h"

#include <errno.h>

#include "core/base/log.h"
#include "core/registry/reference.h"

struct image_job;
typedef void (*image_job_fn)(struct image_job *job);

/* One request. Outlives the API when that closes: the driver ends it. */
struct image_job {
	struct pending_reply reply;
	struct api *api; /* while somebody waits */
	char *realm_name, *namespace_;
	image_job_fn then; /* when the call of the driver has ended well */
	struct call call;

	struct image_facts facts;
	struct image_users users;
	struct image_details details;
	size_t at; /* in facts: the image that it is about */
	Api__PruneImagesResponse *pruned;
};

/* ---- a job ---- */

static void job_free(struct image_job *job)
{
	free(job->realm_name);
	free(job->namespace_);
	image_users_fini(&job->users);
	image_facts_fini(&job->facts);
	image_details_fini(&job->details);
	if (job->pruned)
		protobuf_c_message_free_unpacked(&job->pruned->base, NULL);
	free(job);
}

static void job_fail(struct image_job *job, const struct error *err)
{
	reply_fail(&job->reply, err);
	job_free(job);
}

static void job_reply(struct image_job *job, const ProtobufCMessage *reply)
{
	reply_send(&job->reply, reply);
	job_free(job);
}

static void on_driver(struct call *call)
{
	struct image_job *job = container_of(call, struct image_job, call);

	if (!job->reply.call) {
		job_free(job);
	} else if (call->status < 0) {
		job_fail(job, image_call_error(call));
	} else {
		job->then(job);
	}
}

static struct image_driver *driver_of(const struct image_job *job)
{
	return job->api->options.engine->images;
}

static struct call *job_call(struct image_job *job, image_job_fn then)
{
	job->then = then;
	call_init(&job->call, job->api->options.engine->loop, on_driver);
	return &job->call;
}

static const struct reply_kind job_kind; /* it goes on whoever waits */

/* Begins with the listing; @then goes on. */
static void job_start(struct api *api, struct rpc_server_call *call, const char *realm,
		      const ProtobufCMessage *request, image_job_fn then)
{
	struct error err;
	const struct object *object = api_find_realm(api, realm, &err);
	struct image_job *job;

	if (!object)
		return rpc_server_fail(call, err.code, &err);
	job = xnew(struct image_job);
	job->api = api;
	job->realm_name = xstrdup(realm);
	job->namespace_ = engine_namespace(object);
	reply_begin(&job->reply, &api->replies, &job_kind, call, request);
	driver_of(job)->ops->list(driver_of(job), job->namespace_, &job->facts,
				  job_call(job, then));
}

/* ---- of all images ---- */

/* NULL: the realm has gone meanwhile. */
static const struct object *find_users(struct image_job *job)
{
	const struct engine *engine = job->api->options.engine;
	const struct object *realm = engine_find((struct engine *)engine, job->realm_name);

	if (realm)
		image_users_find(engine, realm, &job->facts, &job->users);
	return realm;
}

static void fail_without_realm(struct image_job *job)
{
	struct error err;

	error_set(&err, -ENOENT, "realm \"%s\" not found", job->realm_name);
	job_fail(job, &err);
}

static Api__Image *render(const struct image_job *job, size_t i)
{
	return api_image_render(&job->facts.items[i], &job->users.of[i]);
}

static void answer_list(struct image_job *job)
{
	Api__ListImagesResponse *reply;

	if (!find_users(job))
		return fail_without_realm(job);
	reply = xnew(Api__ListImagesResponse);
	api__list_images_response__init(reply);
	reply->images = xcalloc(job->facts.n, sizeof(*reply->images));
	for (; reply->n_images < job->facts.n; reply->n_images++)
		reply->images[reply->n_images] = render(job, reply->n_images);
	job_reply(job, &reply->base);
	protobuf_c_message_free_unpacked(&reply->base, NULL);
}

void api_on_list_images(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	job_start(ctx, call, ((const Api__ListImagesRequest *)message)->realm, message,
		  answer_list);
}

/* ---- of one image ---- */

static bool find_named(struct image_job *job, const char *name)
{
	for (job->at = 0; job->at < job->facts.n; job->at++)
		if (str_equal(job->facts.items[job->at].name, name))
			return true;
	return false;
}

/* The image of that name: as containerd has it, or as people write it. False: the job has ended. */
static bool find_image(struct image_job *job, const char *name)
{
	AUTO_FREE char *whole = NULL;
	struct error err;

	if (!str_empty(name) && find_named(job, name))
		return true;
	whole = api_image_name(name, &err);
	if (whole && find_named(job, whole))
		return true;
	if (whole)
		error_set(&err, -ENOENT, "image \"%s\" not found in realm \"%s\"", name,
			  job->realm_name);
	job_fail(job, &err);
	return false;
}

static void answer_inspect(struct image_job *job)
{
	Api__InspectImageResponse reply = API__INSPECT_IMAGE_RESPONSE__INIT;
	Api__ImageDetails details = API__IMAGE_DETAILS__INIT;

	if (!find_users(job))
		return fail_without_realm(job);
	reply.details = &details;
	details.image = render(job, job->at);
	details.manifest_digest = job->details.manifest_digest;
	details.config_digest = job->details.config_digest;
	details.config = job->details.config;
	details.volumes = job->details.volumes.items;
	details.n_volumes = job->details.volumes.n;
	details.exposed_ports = job->details.exposed_ports.items;
	details.n_exposed_ports = job->details.exposed_ports.n;
	details.health_check = job->details.health_check;
	details.n_layers = job->details.n_layers;
	details.layers = api_image_layers(job->details.layers, details.n_layers);
	job_reply(job, &reply.base);
	protobuf_c_message_free_unpacked(&details.image->base, NULL);
	for (size_t i = 0; i < details.n_layers; i++)
		protobuf_c_message_free_unpacked(&details.layers[i]->base, NULL);
	free(details.layers);
}

static void inspect(struct image_job *job)
{
	if (find_image(job, ((const Api__InspectImageRequest *)job->reply.request)->name))
		driver_of(job)->ops->inspect(driver_of(job), job->namespace_,
					     job->facts.items[job->at].name, &job->details,
					     job_call(job, answer_inspect));
}

void api_on_inspect_image(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	job_start(ctx, call, ((const Api__InspectImageRequest *)message)->realm, message, inspect);
}

static void answer_tag(struct image_job *job)
{
	const Api__TagImageRequest *request = (const Api__TagImageRequest *)job->reply.request;
	AUTO_FREE char *target = reference_name_of(request->target);
	Api__TagImageResponse reply = API__TAG_IMAGE_RESPONSE__INIT;

	reply.name = target;
	job_reply(job, &reply.base);
}

static void tag(struct image_job *job)
{
	const Api__TagImageRequest *request = (const Api__TagImageRequest *)job->reply.request;
	AUTO_FREE char *target = reference_name_of(request->target);

	if (find_image(job, request->source))
		driver_of(job)->ops->tag(driver_of(job), job->namespace_,
					 job->facts.items[job->at].name, target,
					 job_call(job, answer_tag));
}

/* A name with a digest stands for that digest, whatever anybody wants. */
static int check_target(const char *text, struct error *err)
{
	AUTO(reference_fini) struct reference reference = { 0 };

	if (reference_parse(text ? text : "", &reference, err) < 0)
		return -EINVAL;
	if (reference.digest)
		return error_set(err, -EINVAL,
				 "\"%s\" has a digest: a new name has a tag, or neither", text);
	return 0;
}

void api_on_tag_image(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	const Api__TagImageRequest *request = (const Api__TagImageRequest *)message;
	struct error err;

	if (check_target(request->target, &err) < 0)
		return rpc_server_fail(call, -EINVAL, &err);
	job_start(ctx, call, request->realm, message, tag);
}

/* ---- what takes images away ---- */

/* The users, on a view that is complete. False: the job has ended. */
static bool know_users(struct image_job *job)
{
	const struct object *realm = find_users(job);
	const char *why = realm ? image_users_unknown(job->api->options.engine, realm) : NULL;
	struct error err;

	if (!realm)
		fail_without_realm(job);
	if (!why)
		return realm;
	error_set(&err, -EBUSY, "nobody can say yet which images are used: %s; ask again", why);
	job_fail(job, &err);
	return false;
}

static void answer_remove(struct image_job *job)
{
	Api__RemoveImageResponse reply = API__REMOVE_IMAGE_RESPONSE__INIT;

	reply.image = render(job, job->at);
	log_info("image removed realm=%s image=%s uid=%u", job->realm_name, reply.image->name,
		 (unsigned)rpc_server_call_peer(job->reply.call).uid);
	job_reply(job, &reply.base);
	protobuf_c_message_free_unpacked(&reply.image->base, NULL);
}

static void fail_used(struct image_job *job, const struct strv *cells)
{
	AUTO_BUF struct buf text = { 0 };
	struct error err;

	image_users_add_text(cells, &text);
	error_set(&err, -EBUSY, "image %s is used by %s", job->facts.items[job->at].name,
		  text.data);
	job_fail(job, &err);
}

static void remove_fact(struct image_job *job, image_job_fn then)
{
	const struct image_fact *fact = &job->facts.items[job->at];

	driver_of(job)->ops->remove(driver_of(job), job->namespace_, fact->name, fact->digest,
				    job_call(job, then));
}

static void remove_named(struct image_job *job)
{
	if (!find_image(job, ((const Api__RemoveImageRequest *)job->reply.request)->name) ||
	    !know_users(job))
		return;
	if (job->users.of[job->at].n)
		fail_used(job, &job->users.of[job->at]);
	else
		remove_fact(job, answer_remove);
}

void api_on_remove_image(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	job_start(ctx, call, ((const Api__RemoveImageRequest *)message)->realm, message,
		  remove_named);
}

static bool is_prunable(const struct image_job *job, size_t i)
{
	const Api__PruneImagesRequest *request =
		(const Api__PruneImagesRequest *)job->reply.request;

	return !job->users.of[i].n && (job->facts.items[i].ours || request->all);
}

static void prune_next(struct image_job *job);

static void note_pruned(struct image_job *job)
{
	Api__PruneImagesResponse *reply = job->pruned;

	reply->images[reply->n_images++] = render(job, job->at++);
}

static void on_pruned(struct image_job *job)
{
	note_pruned(job);
	prune_next(job);
}

static void prune_next(struct image_job *job)
{
	const Api__PruneImagesRequest *request =
		(const Api__PruneImagesRequest *)job->reply.request;

	while (job->at < job->facts.n) {
		if (!is_prunable(job, job->at))
			job->at++;
		else if (request->dry_run)
			note_pruned(job);
		else
			return remove_fact(job, on_pruned);
	}
	if (!request->dry_run)
		log_info("images pruned realm=%s images=%zu uid=%u", job->realm_name,
			 job->pruned->n_images,
			 (unsigned)rpc_server_call_peer(job->reply.call).uid);
	job_reply(job, &job->pruned->base);
}

static void prune(struct image_job *job)
{
	if (!know_users(job))
		return;
	job->pruned = xnew(Api__PruneImagesResponse);
	api__prune_images_response__init(job->pruned);
	job->pruned->images = xcalloc(job->facts.n, sizeof(*job->pruned->images));
	prune_next(job);
}

void api_on_prune_images(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	job_start(ctx, call, ((const Api__PruneImagesRequest *)message)->realm, message, prune);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* kuke create: one object from flags. One that exists is left as it is. */
#include "cli/args/create_options.h"
#include "cli/ask/waiting.h"
#include "cli/show/object.h"
#include "cli/verbs.h"
#include "core/model/view.h"

#define DEFAULT_IMAGE "docker.io/library/debian:latest"

static void set_labels(Api__Metadata *metadata, const struct create_options *own)
{
	metadata->labels = xcalloc(own->n_labels + 1, sizeof(*metadata->labels));
	for (size_t i = 0; i < own->n_labels; i++) {
		Api__Metadata__LabelsEntry *entry = xnew(Api__Metadata__LabelsEntry);
		const char *label = own->labels[i];
		size_t len = strcspn(label, "=");

		api__metadata__labels_entry__init(entry);
		entry->key = xstrndup(label, len);
		entry->value = xstrdup(label + len + 1);
		metadata->labels[metadata->n_labels++] = entry;
	}
}

/* The spec is the one that the options made; name and scope are put into it afterwards. */
static void set_container(Api__Container *container, struct create_options *own)
{
	if (own->container) {
		protobuf_c_message_free_unpacked(&container->spec->base, NULL);
		container->spec = take_ptr(own->container);
	}
	model_default_string(&container->spec->image, DEFAULT_IMAGE);
}

static void set_space(Api__SpaceSpec *spec, const struct create_options *own)
{
	model_default_string(&spec->subnet, own->subnet);
	model_default_string(&spec->subnet6, own->subnet6);
	spec->has_ipv6 = spec->ipv6 = own->ipv6;
}

/* Free with protobuf_c_message_free_unpacked(). */
static ProtobufCMessage *make_object(const struct target *target, struct create_options *own)
{
	ProtobufCMessage *message = model_new(target->kind);
	struct model_view view;

	if (target->kind == KIND_CONTAINER)
		set_container((Api__Container *)message, own);
	view = model_view(target->kind, message);
	*view.metadata = xnew(Api__Metadata);
	api__metadata__init(*view.metadata);
	set_labels(*view.metadata, own);
	model_default_string(view.id, target->name);
	for (int above = KIND_REALM; above < (int)target->kind; above++)
		model_default_string(view.scope[above], target->scope[above]);
	if (target->kind == KIND_REALM)
		model_default_string(&((Api__Realm *)message)->spec->namespace_, own->namespace);
	if (target->kind == KIND_SPACE)
		set_space(((Api__Space *)message)->spec, own);
	model_set_defaults(target->kind, message);
	return message;
}

/* What the daemon would refuse is wrong usage here. */
static int check_object(enum kind kind, const ProtobufCMessage *message, struct error *err)
{
	AUTO(model_problems_fini) struct model_problems problems = { 0 };

	model_validate(kind, message, &problems);
	if (problems.n == 0)
		return 0;
	return error_set(err, -EINVAL, "%s: %s", problems.items[0].path, problems.items[0].message);
}

static int create_object(struct client *client, const struct target *target,
			 ProtobufCMessage *message, struct results *results, struct error *err)
{
	Api__Object object = object_wrap(target->kind, message), *objects[] = { &object };
	AUTO_REPLY Api__ApplyResponse *reply = NULL;
	Api__ApplyRequest request = API__APPLY_REQUEST__INIT;
	int rc;

	request.objects = objects;
	request.n_objects = 1;
	request.has_create_only = true;
	request.create_only = true;
	rc = client_apply(client, &request, &reply, err);
	if (rc == 0)
		results_take(results, reply->results, &reply->n_results);
	return rc;
}

static enum cli_exit create_run(const struct args *args, const struct io *io, struct error *err)
{
	const struct results_options options = { .output = args->output };
	AUTO(results_fini) struct results results = { 0 };
	AUTO_REPLY ProtobufCMessage *message = NULL;
	struct create_options *own = args->own;
	struct client *client;
	struct waiting waiting;
	struct target target;
	enum cli_exit code;
	int rc;

	if (target_read(args, &target, err) < 0 || create_options_check(own, target.kind, err) < 0)
		return CLI_USAGE;
	message = make_object(&target, own);
	create_options_fini(own);
	if (check_object(target.kind, message, err) < 0)
		return CLI_USAGE;
	client = client_new(args->socket);
	rc = create_object(client, &target, message, &results, err);
	if (rc < 0)
		return client_exit(rc);
	code = results_print(&results, &options, io->out);
	if (code != CLI_DONE || !args->wait)
		return code;
	fflush(io->out);
	waiting_init(&waiting, client, args, io);
	return waiting_for_results(&waiting, &results, WAIT_SETTLED);
}

static const struct argp_child create_children[] = {
	{ .argp = &create_options_argp }, { .argp = &args_scope },  { .argp = &args_wait },
	{ .argp = &args_format },         { .argp = &args_common }, { 0 },
};

const struct verb verb_create = {
	.name = "create",
	.summary = "Create an object, and what lies above it when it is not there",
	.usage = "KIND NAME",
	.examples = "  kuke create realm main\n"
		    "  kuke create space lab --realm main --subnet 10.123.0.0/16\n"
		    "  kuke create cell web --label tier=front\n"
		    "  kuke create container side --cell web --command /bin/sh \\\n"
		    "          --args \"-c\" --args \"sleep 3600\"\n"
		    "\n"
		    "What exists is left as it is: 'kuke apply' changes it.\n",
	.max_words = 2,
	.kinds = KINDS_ALL,
	.names_new = true,
	.outputs = 1U << OUTPUT_YAML | 1U << OUTPUT_JSON,
	.own_bytes = sizeof(struct create_options),
	.options = create_children,
	.run = create_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* kuke image: the images of a realm. Its first word says what is done. */
#include <errno.h>

#include "cli/show/images.h"
#include "cli/show/table.h"
#include "cli/verbs.h"
#include "cli/verbs/image.h"

enum { KEY_ALL = 0x100, KEY_YES, KEY_REALM };

const char *image_realm(const struct args *args)
{
	return args->scope[KIND_REALM] ? args->scope[KIND_REALM] : "default";
}

/* ---- what is asked ---- */

static enum cli_exit list(const struct args *args, const struct io *io, struct error *err)
{
	AUTO_REPLY Api__ListImagesResponse *reply = NULL;
	Api__ListImagesRequest request = API__LIST_IMAGES_REQUEST__INIT;
	int rc;

	request.realm = (char *)image_realm(args);
	rc = client_list_images(client_new(args->socket), &request, &reply, err);
	if (rc < 0)
		return client_exit(rc);
	images_print(reply->images, reply->n_images, args, io);
	if (!reply->n_images && (args->output == OUTPUT_TABLE || args->output == OUTPUT_WIDE))
		fprintf(io->err, "No images found.\n");
	return CLI_DONE;
}

static enum cli_exit inspect(const struct args *args, const struct io *io, struct error *err)
{
	AUTO_REPLY Api__InspectImageResponse *reply = NULL;
	Api__InspectImageRequest request = API__INSPECT_IMAGE_REQUEST__INIT;
	int rc;

	request.realm = (char *)image_realm(args);
	request.name = (char *)image_names(args)[0];
	rc = client_inspect_image(client_new(args->socket), &request, &reply, err);
	if (rc < 0)
		return client_exit(rc);
	if (!reply->details || !reply->details->image) {
		error_set(err, -EIO, "kukeond answered without an image");
		return CLI_FAILED;
	}
	image_details_print(reply->details, args, io);
	return CLI_DONE;
}

/* ---- what is changed ---- */

static void print_named(const char *name, const char *what, FILE *out)
{
	fputs("Image \"", out);
	text_print(name ? name : "?", out);
	fprintf(out, "\": %s\n", what);
}

/* Goes on after one that cannot be removed. */
static enum cli_exit remove_all(const struct args *args, const struct io *io,
				struct error *err UNUSED)
{
	struct client *client = client_new(args->socket);
	enum cli_exit code = CLI_DONE;

	for (unsigned i = 0; i < image_n_names(args) && code != CLI_UNREACHABLE; i++) {
		AUTO_REPLY Api__RemoveImageResponse *reply = NULL;
		Api__RemoveImageRequest request = API__REMOVE_IMAGE_REQUEST__INIT;
		struct error why;
		int rc;

		request.realm = (char *)image_realm(args);
		request.name = (char *)image_names(args)[i];
		rc = client_remove_image(client, &request, &reply, &why);
		if (rc < 0) {
			cli_complain(io, why.msg);
			code = client_exit(rc);
		} else {
			print_named(reply->image ? reply->image->name : NULL, "removed", io->out);
		}
	}
	return code;
}

static enum cli_exit tag(const struct args *args, const struct io *io, struct error *err)
{
	AUTO_REPLY Api__TagImageResponse *reply = NULL;
	Api__TagImageRequest request = API__TAG_IMAGE_REQUEST__INIT;
	int rc;

	request.realm = (char *)image_realm(args);
	request.source = (char *)image_names(args)[0];
	request.target = (char *)image_names(args)[1];
	rc = client_tag_image(client_new(args->socket), &request, &reply, err);
	if (rc < 0)
		return client_exit(rc);
	print_named(reply->name, "tagged", io->out);
	return CLI_DONE;
}

/* Layers may be shared with what stays, so it is no more than that. */
static void print_sum(const Api__PruneImagesResponse *reply, const struct image_options *own,
		      FILE *out)
{
	AUTO_BUF struct buf size = { 0 };
	uint64_t sum = 0;

	for (size_t i = 0; i < reply->n_images; i++)
		sum += reply->images[i]->size;
	bytes_add(sum, &size);
	if (!reply->n_images)
		fprintf(out, "No image is unused.\n");
	else if (own->yes)
		fprintf(out, "%zu image%s removed, up to %s freed.\n", reply->n_images,
			str_s(reply->n_images), size.data);
	else
		fprintf(out,
			"%zu image%s would go and free up to %s: kuke image prune%s --yes "
			"removes them.\n",
			reply->n_images, str_s(reply->n_images), size.data,
			own->all ? " --all" : "");
}

static enum cli_exit prune(const struct args *args, const struct io *io, struct error *err)
{
	const struct image_options *own = args->own;
	AUTO_REPLY Api__PruneImagesResponse *reply = NULL;
	Api__PruneImagesRequest request = API__PRUNE_IMAGES_REQUEST__INIT;
	int rc;

	request.realm = (char *)image_realm(args);
	request.has_all = request.has_dry_run = true;
	request.all = own->all;
	request.dry_run = !own->yes;
	rc = client_prune_images(client_new(args->socket), &request, &reply, err);
	if (rc < 0)
		return client_exit(rc);
	images_print(reply->images, reply->n_images, args, io);
	if (args->output == OUTPUT_TABLE || args->output == OUTPUT_WIDE)
		print_sum(reply, own, io->err);
	return CLI_DONE;
}

/* ---- the verb ---- */

static const struct part {
	const char *names[3];
	unsigned min_words, max_words; /* behind its name */
	const char *words;             /* what these are */
	enum cli_exit (*run)(const struct args *args, const struct io *io, struct error *err);
} parts[] = {
	{ { "pull" }, 1, 1, "IMAGE", image_pull },
	{ { "load" }, 0, 0, "", image_load },
	{ { "save" }, 1, ARGS_WORDS_MAX, "IMAGE...", image_save },
	{ { "list", "ls" }, 0, 0, "", list },
	{ { "inspect" }, 1, 1, "IMAGE", inspect },
	{ { "remove", "rm" }, 1, ARGS_WORDS_MAX, "IMAGE...", remove_all },
	{ { "prune" }, 0, 0, "", prune },
	{ { "tag" }, 2, 2, "IMAGE NAME", tag },
};

static const struct part *find_part(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		for (size_t k = 0; parts[i].names[k]; k++)
			if (str_equal(parts[i].names[k], name))
				return &parts[i];
	return NULL;
}

static int unknown_part(const char *name, struct error *err)
{
	const char *names[ARRAY_SIZE(parts)], *nearest;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		names[i] = parts[i].names[0];
	nearest = str_nearest(name, names, ARRAY_SIZE(names));
	if (nearest)
		return error_set(err, -EINVAL, "unknown \"kuke image %s\", did you mean \"%s\"?",
				 name, nearest);
	return error_set(err, -EINVAL, "unknown \"kuke image %s\"", name);
}

static int check_part(const struct args *args, const struct part *part, struct error *err)
{
	const struct image_options *own = args->own;
	bool prunes = part->run == prune,
	     has_file = part->run == image_load || part->run == image_save;

	if (image_n_names(args) < part->min_words || image_n_names(args) > part->max_words)
		return error_set(err, -EINVAL, "expected: kuke image %s%s%s", part->names[0],
				 *part->words ? " " : "", part->words);
	if ((own->all || own->yes) && !prunes)
		return error_set(err, -EINVAL, "--all and --yes are for kuke image prune");
	if (args->files.n && !has_file)
		return error_set(err, -EINVAL, "--file is for kuke image load and save");
	return 0;
}

static enum cli_exit image_run(const struct args *args, const struct io *io, struct error *err)
{
	const struct part *part;

	if (!args->n_words) {
		error_set(err, -EINVAL,
			  "expected pull, load, save, list, inspect, remove, prune "
			  "or tag");
		return CLI_USAGE;
	}
	part = find_part(args->words[0]);
	if ((part ? check_part(args, part, err) : unknown_part(args->words[0], err)) < 0)
		return CLI_USAGE;
	return part->run(args, io, err);
}

static error_t parse_own(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;
	struct image_options *own = args->own;

	switch (key) {
	case KEY_ALL:
		own->all = true;
		return 0;
	case KEY_YES:
		own->yes = true;
		return 0;
	case KEY_REALM:
		return args_set_scope(args, KIND_REALM, "--realm", arg);
	case 'f':
		strv_add(&args->files, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option own_options[] = {
	{ .name = "realm",
	  .key = KEY_REALM,
	  .arg = "NAME",
	  .doc = "Realm whose images they are; default when not given" },
	{ .name = "file",
	  .key = 'f',
	  .arg = "FILE",
	  .doc = "load, save: the archive; - or nothing is standard input or output" },
	{ .name = "all", .key = KEY_ALL, .doc = "prune: images that other tools brought too" },
	{ .name = "yes", .key = KEY_YES, .doc = "prune: remove what is listed without it" },
	{ 0 },
};
static const struct argp own_argp = { .options = own_options, .parser = parse_own };
static const struct argp_child image_options[] = {
	{ .argp = &own_argp },
	{ .argp = &args_format },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_image = {
	.name = "image",
	.summary = "Pull, load, save, list and remove the images of a realm",
	.usage = "pull|load|save|list|inspect|remove|prune|tag [IMAGE...]",
	.examples =
		"  kuke image pull nginx\n"
		"  kuke image list -o wide\n"
		"  kuke image inspect busybox -o json\n"
		"  kuke image tag busybox registry.example/tools/busybox:1\n"
		"  kuke image save busybox -f busybox.tar\n"
		"  kuke image load -f busybox.tar\n"
		"  zstd -dc images.tar.zst | kuke image load --realm main\n"
		"  kuke image remove registry.example/tools/busybox:1\n"
		"  kuke image prune\n"
		"  kuke image prune --all --yes\n"
		"\n"
		"An image is named as in a manifest. load takes OCI image layouts and what docker "
		"save writes, packed by gzip or zstd or not, and checks all of it; what is refused "
		"leaves nothing behind. An image without a name becomes localhost/loaded. save "
		"writes what is for this machine, as an OCI image layout that docker load takes "
		"too. remove refuses what a cell declares or runs. prune lists what no cell of the "
		"realm uses, and removes it with --yes. pull shows how far it is on standard error; "
		"when it is interrupted, what has come is kept for the next try.\n",
	.max_words = ARGS_WORDS_MAX,
	.outputs = 1U << OUTPUT_TABLE | 1U << OUTPUT_WIDE | 1U << OUTPUT_YAML | 1U << OUTPUT_JSON |
		   1U << OUTPUT_NAME,
	.own_bytes = sizeof(struct image_options),
	.options = image_options,
	.run = image_run,
};

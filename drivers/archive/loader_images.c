/* SPDX-License-Identifier: Apache-2.0 */
/* What the archive says is in it, once all of it is in the content store: checked, tied together by
 * labels, named. */
#include <errno.h>

#include "core/registry/reference.h"
#include "drivers/archive/docker_manifest.h"
#include "drivers/archive/loader.h"
#include "drivers/images/content_labels.h"
#include "drivers/images/image_records.h"

#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"
#define CONFIG_TYPE "application/vnd.oci.image.config.v1+json"

/* Of an image that the archive gives no name. */
#define UNNAMED "localhost/loaded"

static const struct archive_image *current(const struct loader *loader)
{
	return &loader->images.items[loader->image];
}

static const struct strv *names(const struct loader *loader)
{
	return current(loader)->names.n ? &current(loader)->names : &loader->fallback;
}

/* ---- the index: what comes from strangers takes its time, so not on the loop ---- */

static void run_parse(struct work *work)
{
	struct loader *loader = container_of(work, struct loader, work);

	if (loader->is_layout && loader->index.len)
		loader->parsed = archive_parse_layout(loader->index.data, loader->index.len,
						      &loader->images, &loader->why);
	else if (loader->manifest.len)
		loader->parsed = archive_parse_docker(loader->manifest.data, loader->manifest.len,
						      &loader->images, &loader->why);
	else
		loader->parsed = error_set(&loader->why, -EBADMSG,
					   "no image in it: neither oci-layout with index.json, "
					   "nor manifest.json");
}

static void done_parse(struct work *work)
{
	call_complete(&container_of(work, struct loader, work)->op.op.step, 0, NULL);
}

int loader_start_index(struct op *op)
{
	loop_work(op->ops->loop, &loader_of(op)->work, run_parse, done_parse);
	return OP_WAIT;
}

int loader_done_index(struct op *op, int status UNUSED)
{
	struct loader *loader = loader_of(op);

	if (loader->parsed < 0)
		return ctd_fail(op, loader->parsed, "%s", loader->why.msg);
	return OP_NEXT;
}

/* ---- what an image is ---- */

static int missing(struct op *op, const char *what)
{
	return ctd_fail(op, -EBADMSG, "it is not whole: %.200s is missing", what);
}

static int take_layout(struct op *op)
{
	struct loader *loader = loader_of(op);
	const struct archive_image *image = current(loader);
	AUTO_FREE char *path = archive_blob_path(image->digest);
	const struct loaded_file *file = loader_find_file(loader, path);

	if (!file || file->size != image->size)
		return missing(op, path);
	loader->target = (struct image_blob){ .media_type = xstrdup(image->media_type),
					      .digest = xstrdup(image->digest),
					      .size = image->size };
	return OP_NEXT;
}

/* The strings are the loader's. */
static struct image_blob blob_of(const struct loaded_file *file, const char *media_type)
{
	return (struct image_blob){ .media_type = (char *)media_type,
				    .digest = file->digest,
				    .size = file->size };
}

static void set_manifest(struct loader *loader, char *text)
{
	char hex[SHA256_HEX_BYTES];

	loader->text = text;
	sha256_hex(text, strlen(text), hex);
	loader->target = (struct image_blob){ .media_type = xstrdup(MANIFEST_TYPE),
					      .digest = xasprintf("sha256:%s", hex),
					      .size = (int64_t)strlen(text) };
}

static int take_docker(struct op *op)
{
	struct loader *loader = loader_of(op);
	const struct archive_image *image = current(loader);
	const struct loaded_file *config = loader_find_file(loader, image->config);
	AUTO_FREE struct image_blob *layers = xcalloc(image->layers.n, sizeof(*layers));
	struct image_blob config_blob;

	if (!config)
		return missing(op, image->config);
	for (size_t i = 0; i < image->layers.n; i++) {
		const struct loaded_file *file = loader_find_file(loader, image->layers.items[i]);

		if (!file)
			return missing(op, image->layers.items[i]);
		layers[i] = blob_of(file, file->media_type);
	}
	config_blob = blob_of(config, CONFIG_TYPE);
	set_manifest(loader, docker_manifest(&config_blob, layers, image->layers.n));
	return OP_NEXT;
}

/* Whoever was given no name gets one that says what it is. */
static void name_it(struct loader *loader)
{
	const char *tag = current(loader)->tag;
	AUTO_FREE char *name = tag ? xasprintf(UNNAMED ":%s", tag)
				   : xasprintf(UNNAMED "@%s", loader->target.digest);

	strv_fini(&loader->fallback);
	strv_add(&loader->fallback, name);
}

int loader_start_image(struct op *op)
{
	struct loader *loader = loader_of(op);
	int r;

	if (loader->image == loader->images.n) {
		op->next = op->cleanup;
		return OP_NEXT;
	}
	image_blob_fini(&loader->target);
	free(take_ptr(loader->text));
	loader->name = loader->label = 0;
	free(loader->object);
	loader->object = xasprintf("image %zu of the archive", loader->image);
	str_replace(&loader->op.object, loader->object);
	r = current(loader)->digest ? take_layout(op) : take_docker(op);
	if (r == OP_NEXT)
		name_it(loader);
	return r;
}

/* ---- what it is made of ---- */

int loader_start_documents(struct op *op)
{
	struct loader *loader = loader_of(op);

	if (loader->cancelled)
		return ctd_fail(op, -ECANCELED, "cancelled");
	image_documents_fini(&loader->documents);
	loader->documents = (struct image_documents){ .namespace_ = loader->op.namespace_,
						      .object = loader->object,
						      .target = loader->target };
	image_documents_read(loader->archives->images, &loader->documents, ctd_sub(op));
	return OP_WAIT;
}

/* A layer of a layout is under its digest; those of docker save were put together here. */
static int check_layers(struct op *op)
{
	const struct loader *loader = loader_of(op);
	const struct image_manifest *manifest = &loader->documents.manifest;

	for (size_t i = 0; i < manifest->n_layers && current(loader)->digest; i++) {
		AUTO_FREE char *path = archive_blob_path(manifest->layers[i].digest);
		const struct loaded_file *file = loader_find_file(loader, path);

		if (!file || file->size != manifest->layers[i].size)
			return missing(op, path);
	}
	return OP_NEXT;
}

/* A name with a digest is a promise. */
static int check_names(struct op *op)
{
	const struct loader *loader = loader_of(op);

	for (size_t i = 0; i < names(loader)->n; i++) {
		const char *digest = strchr(names(loader)->items[i], '@');

		if (digest && !str_equal(digest + 1, loader->target.digest))
			return ctd_fail(op, -EBADMSG, "its name %.300s says another digest",
					names(loader)->items[i]);
	}
	return OP_NEXT;
}

int loader_done_documents(struct op *op, int status UNUSED)
{
	struct loader *loader = loader_of(op);
	int r = check_layers(op);

	if (str_empty(loader->target.media_type))
		str_replace(&loader->target.media_type,
			    loader->documents.path.n > 1 ? INDEX_TYPE : MANIFEST_TYPE);
	return r < 0 ? r : check_names(op);
}

/* From each document to the next, from the last to config and layers. */
int loader_start_label(struct op *op)
{
	struct loader *loader = loader_of(op);
	const struct image_documents *documents = &loader->documents;
	size_t at = loader->label++;

	if (at == documents->path.n)
		return OP_NEXT;
	op->next = op->at;
	if (at + 1 < documents->path.n)
		return labels_start_index(op, documents, at);
	return labels_start_manifest(op, documents);
}

/* ---- names ---- */

static const char *name_of(const struct loader *loader)
{
	return names(loader)->items[loader->name];
}

int loader_start_name(struct op *op)
{
	struct loader *loader = loader_of(op);

	if (loader->cancelled)
		return ctd_fail(op, -ECANCELED, "cancelled");
	return record_create(op, name_of(loader), &loader->target);
}

static void note_loaded(struct loader *loader)
{
	loader->loaded = xrealloc(loader->loaded, (loader->n_loaded + 1) * sizeof(*loader->loaded));
	loader->loaded[loader->n_loaded++] =
		(struct image_loaded){ .name = xstrdup(name_of(loader)),
				       .digest = xstrdup(loader->target.digest) };
	loader->name++;
}

int loader_start_update(struct op *op)
{
	struct loader *loader = loader_of(op);

	return record_update(op, name_of(loader), &loader->target);
}

void loader_images_fini(struct loader *loader)
{
	archive_images_fini(&loader->images);
	image_blob_fini(&loader->target);
	image_documents_fini(&loader->documents);
	strv_fini(&loader->fallback);
	free(loader->text);
	free(loader->object);
	for (size_t i = 0; i < loader->n_loaded; i++) {
		free(loader->loaded[i].name);
		free(loader->loaded[i].digest);
	}
	free(loader->loaded);
}

/* The next name, or the next image. */
bool loader_next_name(struct loader *loader)
{
	note_loaded(loader);
	if (loader->name < names(loader)->n)
		return true;
	loader->image++;
	return false;
}

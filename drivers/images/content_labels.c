/* SPDX-License-Identifier: Apache-2.0 */
/* Labels by which containerd's garbage collection goes from a name to all that it stands for. */
#include "drivers/images/content_labels.h"

#include "api/containerd.pb-c.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/methods.h"

#define REF "containerd.io/gc.ref.content."

struct references {
	Ctd__Label *items, **refs;
	char **paths;
	size_t n;
};

static void references_init(struct references *references, size_t max)
{
	references->items = xcalloc(max, sizeof(references->items[0]));
	references->refs = xcalloc(max, sizeof(references->refs[0]));
	references->paths = xcalloc(max, sizeof(references->paths[0]));
}

static void references_fini(struct references *references)
{
	for (size_t i = 0; i < references->n; i++) {
		free(references->items[i].key);
		free(references->paths[i]);
	}
	free(references->items);
	free(references->refs);
	free(references->paths);
}

/* Takes @key. */
static void add(struct references *references, char *key, char *digest)
{
	Ctd__Label *label = &references->items[references->n];

	*label = (Ctd__Label)CTD__LABEL__INIT;
	label->key = key;
	label->value = digest;
	references->paths[references->n] = xasprintf("labels.%s", key);
	references->refs[references->n++] = label;
}

static int update(struct op *op, char *digest, const struct references *references)
{
	Ctd__ContentUpdateRequest request = CTD__CONTENT_UPDATE_REQUEST__INIT;
	Ctd__ContentInfo info = CTD__CONTENT_INFO__INIT;
	Ctd__FieldMask mask = CTD__FIELD_MASK__INIT;

	info.digest = digest;
	info.labels = references->refs;
	info.n_labels = references->n;
	mask.paths = references->paths;
	mask.n_paths = references->n;
	request.info = &info;
	request.update_mask = &mask;
	return ctd_unary(op, &content_update_method, &request.base);
}

int labels_start_manifest(struct op *op, const struct image_documents *documents)
{
	const struct image_manifest *manifest = &documents->manifest;
	struct references references AUTO(references_fini) = { 0 };

	references_init(&references, manifest->n_layers + 1);
	add(&references, xstrdup(REF "config"), manifest->blob.digest);
	for (size_t i = 0; i < manifest->n_layers; i++)
		add(&references, xasprintf(REF "l.%zu", i), manifest->layers[i].digest);
	return update(op, documents->path.items[documents->path.n - 1], &references);
}

int labels_start_index(struct op *op, const struct image_documents *documents, size_t at)
{
	struct references references AUTO(references_fini) = { 0 };

	references_init(&references, 1);
	add(&references, xstrdup(REF "m.0"), documents->path.items[at + 1]);
	return update(op, documents->path.items[at], &references);
}

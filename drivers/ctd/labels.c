/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/ctd/labels.h"

void labels_add(struct labels *labels, const char *key, const char *value)
{
	Ctd__Label *label = &labels->items[labels->n];

	check(labels->n < LABELS_MAX);
	*label = (Ctd__Label)CTD__LABEL__INIT;
	label->key = (char *)key;
	label->value = (char *)value;
	labels->refs[labels->n++] = label;
}

void labels_add_container(struct labels *labels, const char *instance,
			  const struct container_request *request)
{
	struct key_parts *parts = &labels->parts;

	check(key_split(request->cell_key, parts) && parts->kind == KIND_CELL);
	labels_add(labels, LABEL_INSTANCE, instance);
	labels_add(labels, LABEL_REALM, parts->part[KIND_REALM]);
	labels_add(labels, LABEL_SPACE, parts->part[KIND_SPACE]);
	labels_add(labels, LABEL_STACK, parts->part[KIND_STACK]);
	labels_add(labels, LABEL_CELL, parts->part[KIND_CELL]);
	labels_add(labels, LABEL_CONTAINER, request->spec->id ? request->spec->id : request->role);
	labels_add(labels, LABEL_ROLE, request->role);
	labels_add(labels, LABEL_SPEC_HASH, request->spec_hash);
}

const char *labels_get(Ctd__Label *const *labels, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (str_equal(labels[i]->key, key))
			return labels[i]->value ? labels[i]->value : "";
	return "";
}

bool labels_read_container(Ctd__Label *const *labels, size_t n, const char *instance,
			   struct container_fact *fact)
{
	const char *role = labels_get(labels, n, LABEL_ROLE),
		   *container = labels_get(labels, n, LABEL_CONTAINER);
	AUTO_FREE char *cell_key =
		xasprintf("%s/%s/%s/%s", labels_get(labels, n, LABEL_REALM),
			  labels_get(labels, n, LABEL_SPACE), labels_get(labels, n, LABEL_STACK),
			  labels_get(labels, n, LABEL_CELL));
	struct key_parts parts;

	if (strcmp(labels_get(labels, n, LABEL_INSTANCE), instance) != 0 ||
	    !key_split(cell_key, &parts) || parts.kind != KIND_CELL || !name_is_valid(role) ||
	    !name_is_valid(container))
		return false;
	free(fact->cell_key);
	free(fact->role);
	free(fact->container);
	free(fact->spec_hash);
	free(fact->image_digest);
	fact->cell_key = take_ptr(cell_key);
	fact->role = xstrdup(role);
	fact->container = xstrdup(container);
	fact->spec_hash = xstrdup(labels_get(labels, n, LABEL_SPEC_HASH));
	fact->image_digest = xstrdup(labels_get(labels, n, LABEL_IMAGE_DIGEST));
	return true;
}

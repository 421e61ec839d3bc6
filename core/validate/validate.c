/* SPDX-License-Identifier: Apache-2.0 */
#include "core/validate/validate.h"

#include "core/model/view.h"

enum {
	LABEL_MAX_BYTES = 4096, /* containerd's limit on key and value together */
	LABEL_KEY_MAX_BYTES =
		317, /* a domain, '/', a name; YAML reads back keys up to 1024 bytes only */
};

static void validate_type(enum kind kind, const struct model_view *view,
			  struct model_problems *problems)
{
	if (!str_equal(*view->api_version, "v1beta1"))
		model_problems_add(problems, "apiVersion",
				   "\"" SHOWN "\" is not supported; expected v1beta1",
				   *view->api_version ? *view->api_version : "");
	if (!str_equal(*view->kind, kind_name(kind)))
		model_problems_add(problems, "kind", "is \"" SHOWN "\"; expected %s",
				   *view->kind ? *view->kind : "", kind_name(kind));
}

static void validate_identity(const struct model_view *view, struct model_problems *problems)
{
	const char *name = (*view->metadata)->name;

	validate_name("metadata", "name", name, problems);
	if (str_equal(name, *view->id))
		return;
	validate_problem(problems, "spec", "id",
			 "\"" SHOWN "\" is not metadata.name \"" SHOWN
			 "\"; make them equal or leave one out",
			 *view->id, name ? name : "");
}

/* What pairs of a map are called. */
struct map_words {
	const char *path, *one;
};

static bool label_key_is_valid(const char *key)
{
	for (const unsigned char *p = (const unsigned char *)key; *p; p++)
		if (*p <= ' ' || *p == 0x7f)
			return false;
	return strlen(key) <= LABEL_KEY_MAX_BYTES;
}

static void validate_pair(const struct map_words *words, const char *key, const char *value,
			  struct model_problems *problems)
{
	size_t bytes = strlen(key) + (value ? strlen(value) : 0);

	if (!label_key_is_valid(key))
		validate_problem(problems, words->path, key,
				 "expected %s key without spaces and of at most %d bytes",
				 words->one, LABEL_KEY_MAX_BYTES);
	else if (bytes > LABEL_MAX_BYTES)
		validate_problem(problems, words->path, key,
				 "key and value have %zu bytes together, at most %d are allowed",
				 bytes, LABEL_MAX_BYTES);
}

static void validate_labels(const Api__Metadata *metadata, struct model_problems *problems)
{
	static const struct map_words words = { "metadata.labels", "a label" };

	for (size_t i = 0; i < metadata->n_labels; i++) {
		const char *key = metadata->labels[i]->key, *value = metadata->labels[i]->value;

		if (str_empty(key))
			model_problems_add(problems, words.path, "a label has an empty key");
		else if (i && str_equal(key, metadata->labels[i - 1]->key))
			validate_problem(problems, words.path, key, "is there twice");
		else
			validate_pair(&words, key, value, problems);
	}
}

/* The one that means something. */
static void validate_auto_update(enum kind kind, const char *value, struct model_problems *problems)
{
	if (kind != KIND_CELL)
		validate_problem(problems, "metadata.annotations", MODEL_AUTO_UPDATE,
				 "is for cells, not for a %s", kind_name(kind));
	else if (!str_equal(value, MODEL_AUTO_UPDATE_REGISTRY))
		validate_problem(problems, "metadata.annotations", MODEL_AUTO_UPDATE,
				 "is \"" SHOWN "\"; expected " MODEL_AUTO_UPDATE_REGISTRY,
				 value ? value : "");
}

static void validate_annotations(enum kind kind, const Api__Metadata *metadata,
				 struct model_problems *problems)
{
	static const struct map_words words = { "metadata.annotations", "an annotation" };

	for (size_t i = 0; i < metadata->n_annotations; i++) {
		const char *key = metadata->annotations[i]->key;
		const char *value = metadata->annotations[i]->value;

		if (str_empty(key))
			model_problems_add(problems, words.path, "an annotation has an empty key");
		else if (i && str_equal(key, metadata->annotations[i - 1]->key))
			validate_problem(problems, words.path, key, "is there twice");
		else if (str_equal(key, MODEL_AUTO_UPDATE))
			validate_auto_update(kind, value, problems);
		else
			validate_pair(&words, key, value, problems);
	}
}

static void validate_scope(enum kind kind, char **const scope[KIND_COUNT],
			   struct model_problems *problems)
{
	for (int above = KIND_REALM; above < (int)kind; above++)
		validate_name("spec", model_scope_names[above], *scope[above], problems);
}

static void validate_standalone(const Api__ContainerSpec *spec, struct model_problems *problems)
{
	if (str_equal(spec->id, VALIDATE_ROOT_ROLE) && !spec->root)
		validate_problem(problems, "spec", "id", VALIDATE_ROOT_CLASH);
	validate_container("spec", spec, problems);
}

static void validate_spec(enum kind kind, const ProtobufCMessage *spec,
			  struct model_problems *problems)
{
	switch (kind) {
	case KIND_REALM:
		validate_realm((const Api__RealmSpec *)spec, problems);
		break;
	case KIND_SPACE:
		validate_space((const Api__SpaceSpec *)spec, problems);
		break;
	case KIND_CELL:
		validate_cell((const Api__CellSpec *)spec, problems);
		break;
	case KIND_CONTAINER:
		validate_standalone((const Api__ContainerSpec *)spec, problems);
		break;
	case KIND_STACK:
	case KIND_COUNT:
		break;
	}
}

void model_validate(enum kind kind, const ProtobufCMessage *message,
		    struct model_problems *problems)
{
	struct model_view view = model_view(kind, message);

	check(*view.metadata && *view.spec);
	if (!validate_size(message, problems))
		return;
	validate_type(kind, &view, problems);
	validate_identity(&view, problems);
	validate_labels(*view.metadata, problems);
	validate_annotations(kind, *view.metadata, problems);
	validate_scope(kind, view.scope, problems);
	validate_spec(kind, *view.spec, problems);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/validate/validate.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/model/view.h"

enum {
	PATH_TEXT_MAX_BYTES = 512,
	LABEL_MAX_BYTES = 4096, /* containerd's limit on key and value together */
	LABEL_KEY_MAX_BYTES =
		317, /* a domain, '/', a name; YAML reads back keys up to 1024 bytes only */
};

void validate_problem(struct model_problems *problems, const char *prefix, const char *field,
		      const char *fmt, ...)
{
	char path[PATH_TEXT_MAX_BYTES], message[ERROR_MSG_MAX_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	snprintf(path, sizeof(path), "%s.%s", prefix, field);
	model_problems_add(problems, path, "%s", message);
}

void validate_name(const char *prefix, const char *field, const char *name,
		   struct model_problems *problems)
{
	size_t len = name ? strlen(name) : 0;

	if (len && name_is_valid(name))
		return;
	if (len == 0)
		validate_problem(problems, prefix, field,
				 "missing; expected a name of letters, digits and inner dashes, at "
				 "most %d bytes",
				 NAME_MAX_BYTES);
	else if (len > NAME_MAX_BYTES)
		validate_problem(problems, prefix, field,
				 "the name \"" SHOWN "\" has %zu bytes, at most %d are allowed",
				 name, len, NAME_MAX_BYTES);
	else
		validate_problem(
			problems, prefix, field,
			"\"" SHOWN
			"\" is not a valid name; expected letters, digits and inner dashes, "
			"at most %d bytes",
			name, NAME_MAX_BYTES);
}

bool validate_list(const char *prefix, const char *field, size_t n, struct model_problems *problems)
{
	if (n > VALIDATE_LIST_MAX)
		validate_problem(problems, prefix, field, "has %zu entries, at most %d are allowed",
				 n, VALIDATE_LIST_MAX);
	return n <= VALIDATE_LIST_MAX;
}

static bool climbs(const char *path)
{
	for (const char *p = path; *p; p += strspn(p, "/")) {
		size_t len = strcspn(p, "/");

		if (len == 2 && strncmp(p, "..", 2) == 0)
			return true;
		p += len;
	}
	return false;
}

void validate_path(const char *prefix, const char *field, const char *what, const char *path,
		   struct model_problems *problems)
{
	if (str_empty(path))
		validate_problem(problems, prefix, field, "missing; expected %s", what);
	else if (path[0] != '/')
		validate_problem(problems, prefix, field,
				 "\"" SHOWN "\" is not absolute; expected %s", path, what);
	else if (climbs(path))
		validate_problem(problems, prefix, field,
				 "\"" SHOWN "\" holds \"..\"; expected %s without it", path, what);
	else if (strlen(path) >= PATH_MAX)
		validate_problem(problems, prefix, field,
				 "the path has %zu bytes, at most %d are allowed", strlen(path),
				 PATH_MAX - 1);
}

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

static bool label_key_is_valid(const char *key)
{
	for (const unsigned char *p = (const unsigned char *)key; *p; p++)
		if (*p <= ' ' || *p == 0x7f)
			return false;
	return strlen(key) <= LABEL_KEY_MAX_BYTES;
}

static void validate_labels(const Api__Metadata *metadata, struct model_problems *problems)
{
	for (size_t i = 0; i < metadata->n_labels; i++) {
		const char *key = metadata->labels[i]->key, *value = metadata->labels[i]->value;
		size_t bytes = (key ? strlen(key) : 0) + (value ? strlen(value) : 0);

		if (str_empty(key))
			model_problems_add(problems, "metadata.labels", "a label has an empty key");
		else if (i && str_equal(key, metadata->labels[i - 1]->key))
			validate_problem(problems, "metadata.labels", key, "is there twice");
		else if (!label_key_is_valid(key))
			validate_problem(
				problems, "metadata.labels", key,
				"expected a label key without spaces and of at most %d bytes",
				LABEL_KEY_MAX_BYTES);
		else if (bytes > LABEL_MAX_BYTES)
			validate_problem(
				problems, "metadata.labels", key,
				"key and value have %zu bytes together, at most %d are allowed",
				bytes, LABEL_MAX_BYTES);
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
	validate_scope(kind, view.scope, problems);
	validate_spec(kind, *view.spec, problems);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file to documents. Errors come from three layers, each with its own knowledge: the reader (is
 * it YAML), the mapper (does it fit the schema), the model (does it make sense). All of them end in
 * report().
 */
#include "core/manifest/manifest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/base/text.h"
#include "core/manifest/hints.h"
#include "core/manifest/mapper.h"
#include "core/manifest/reader.h"
#include "core/manifest/scalar.h"

struct parse {
	const char *name;
	struct manifest *manifest;
	struct map by_key;  /* struct document.node: the good ones */
	size_t n_documents; /* with anything in them, good or not */
	size_t n_errors;    /* reported or not */
	size_t error_bytes; /* of those reported */

	/* the document at hand */
	unsigned number;
	const char *kind;      /* NULL until known */
	const char *object;    /* its name; NULL when it has none */
	struct strv bad_paths; /* what the mapper complained about */
};

/* What comes now is only counted: it is not worth the time that words take. */
static bool is_full(const struct parse *p)
{
	return p->manifest->errors.n >= MANIFEST_MAX_ERRORS ||
	       p->error_bytes >= MANIFEST_MAX_ERROR_BYTES;
}

static void add_error(struct parse *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void add_error(struct parse *p, const char *fmt, ...)
{
	char line[2 * ERROR_MSG_MAX_BYTES];
	va_list args;

	p->n_errors++;
	if (is_full(p))
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	text_flatten(line);
	strv_add(&p->manifest->errors, line);
	p->error_bytes += strlen(line);
}

static void report(struct parse *p, const struct node *node, const char *path, const char *message)
{
	AUTO_BUF struct buf where = { 0 };

	if (is_full(p)) {
		p->n_errors++;
		return;
	}
	buf_printf(&where, "%s:%u:%u: document %u: ", p->name, node->line, node->column, p->number);
	if (p->kind)
		buf_printf(&where, "%s%s%.80s%s: ", p->kind, p->object ? " \"" : "",
			   p->object ? p->object : "", p->object ? "\"" : "");
	add_error(p, "%s%s%s%s", where.data, path, *path ? ": " : "", message);
}

static void on_mapper_error(void *ctx, const struct node *node, const char *path,
			    const char *message)
{
	struct parse *p = ctx;

	if (!is_full(p))
		strv_add(&p->bad_paths, path);
	report(p, node, path, message);
}

static void on_reader_error(void *ctx, unsigned document, unsigned line, unsigned column,
			    const char *message)
{
	struct parse *p = ctx;

	p->n_documents++;
	if (document)
		add_error(p, "%s:%u:%u: document %u: %s", p->name, line, column, document, message);
	else
		add_error(p, "%s:%u:%u: %s", p->name, line, column, message);
}

/* Whether @path is @above or lies below it. */
static bool is_within(const char *path, const char *above, size_t above_len)
{
	return strncmp(path, above, above_len) == 0 &&
	       (above_len == 0 || !path[above_len] || strchr(".[", path[above_len]));
}

/*
 * Whether a problem only follows from what the mapper said: it lies in a field that could not be
 * read, or something is missing (not @there) in or below a mapping that has a bad field. That
 * "image" is missing where somebody wrote "imgae" helps nobody.
 */
static bool follows(const struct parse *p, const char *path, bool there)
{
	for (size_t i = 0; i < p->bad_paths.n; i++) {
		const char *bad = p->bad_paths.items[i];
		size_t len = strlen(bad), parent = len;

		if (is_within(path, bad, len))
			return true;
		while (parent && bad[parent] != '.' && bad[parent] != '[')
			parent--;
		if (!there && is_within(path, bad, parent))
			return true;
	}
	return false;
}

/* Reports what the model finds. */
static void validate(struct parse *p, enum kind kind, const ProtobufCMessage *message,
		     const struct node *root)
{
	AUTO(model_problems_fini) struct model_problems problems = { 0 };

	model_validate(kind, message, &problems);
	for (size_t i = 0; i < problems.n; i++) {
		const char *path = problems.items[i].path;
		const struct node *node = root;
		bool there;

		if (is_full(p)) {
			p->n_errors += problems.n - i;
			break;
		}
		node = node_follow(root, path, &there);
		if (!follows(p, path, there))
			report(p, node, path, problems.items[i].message);
	}
}

/* A good document joins the manifest unless its object is there already. */
static void add_document(struct parse *p, enum kind kind, ProtobufCMessage *message,
			 const struct node *root)
{
	struct document *document = xnew(struct document);

	document->kind = kind;
	document->key = model_key(kind, message);
	document->message = message;
	if (map_insert(&p->by_key, &document->node, document->key)) {
		list_append(&p->manifest->documents, &document->link);
		return;
	}
	report(p, root, "", "the same object is in this file twice; keep one of them");
	document_free(document);
}

static bool is_missing(const struct node *node)
{
	return !node || (node->type == NODE_SCALAR &&
			 (!node->text[0] || (node->plain && scalar_is_null(node->text))));
}

static void read_object(struct parse *p, enum kind kind, const struct node *root)
{
	size_t errors_before = p->n_errors;
	const struct mapper_options options = {
		.skip = "status",
		.max_worded = is_full(p) ? 0 : MANIFEST_MAX_ERRORS - p->manifest->errors.n,
		.hint_field = hint_for_field,
		.hint_value = hint_for_value,
		.on_error = on_mapper_error,
		.ctx = p,
	};
	ProtobufCMessage *message = mapper_map(root, model_descriptor(kind), &options);

	if (is_missing(node_get(root, "apiVersion")))
		report(p, root, "apiVersion", "missing; add \"apiVersion: v1beta1\"");
	model_set_defaults(kind, message);
	validate(p, kind, message, root);
	if (p->n_errors == errors_before)
		add_document(p, kind, message, root);
	else
		protobuf_c_message_free_unpacked(message, NULL);
}

static void report_kind(struct parse *p, const struct node *root)
{
	const struct node *node = node_get(root, "kind");
	const char *names[KIND_COUNT], *nearest, *kind = node_get_text(root, "kind");
	const char *hint = hint_for_document(root);
	char message[ERROR_MSG_MAX_BYTES];

	if (is_missing(node) && hint)
		return report(p, root, "", hint);
	for (int i = 0; i < KIND_COUNT; i++)
		names[i] = kind_name((enum kind)i);
	nearest = kind ? str_nearest(kind, names, KIND_COUNT) : NULL;
	hint = kind ? hint_for_kind(kind) : NULL;
	if (is_missing(node))
		snprintf(message, sizeof(message),
			 "missing; add \"kind: Cell\", or Realm, Space, Stack, Container");
	else if (!kind)
		snprintf(message, sizeof(message), "expected text, found %s", node_type_name(node));
	else if (hint)
		snprintf(message, sizeof(message), "unknown kind \"%.80s\"; %s", kind, hint);
	else if (nearest)
		snprintf(message, sizeof(message), "unknown kind \"%.80s\", did you mean \"%s\"?",
			 kind, nearest);
	else
		snprintf(message, sizeof(message),
			 "unknown kind \"%.80s\"; expected Realm, Space, Stack, Cell or Container",
			 kind);
	report(p, node ? node : root, "kind", message);
}

static void read_document(struct parse *p, const struct node *root)
{
	const struct node *metadata = node_get(root, "metadata"), *spec = node_get(root, "spec");
	const char *kind_text = node_get_text(root, "kind");
	enum kind kind;

	p->n_documents++;
	p->kind = NULL;
	p->object = metadata ? node_get_text(metadata, "name") : NULL;
	if (!p->object && spec)
		p->object = node_get_text(spec, "id");
	if (root->type != NODE_MAPPING) {
		report(p, root, "", "expected a mapping with apiVersion, kind, metadata and spec");
	} else if (!kind_text || !kind_parse(kind_text, &kind)) {
		report_kind(p, root);
	} else {
		p->kind = kind_name(kind);
		read_object(p, kind, root);
	}
	strv_fini(&p->bad_paths);
}

static void read_node(struct parse *p, const struct node *root);

static void read_entries(struct parse *p, const struct node *list)
{
	for (size_t i = 0; i < list->n_children; i++)
		read_node(p, list->children[i]);
}

/* "kind: List" with "items:", as kubectl prints several objects. */
static void read_list_object(struct parse *p, const struct node *root)
{
	const struct node *items = node_get(root, "items");

	p->kind = "List";
	p->object = NULL;
	if (items && items->type == NODE_LIST)
		return read_entries(p, items);
	p->n_documents++;
	report(p, items ? items : root, "items",
	       items ? "expected a list of documents" : "missing; expected a list of documents");
}

/* A list of documents, as "kuke get -o json" prints them, counts as each of them. Lists in lists
 * end where the reader's bounds are. */
static void read_node(struct parse *p, const struct node *root)
{
	if (root->type == NODE_LIST)
		read_entries(p, root);
	else if (str_equal(node_get_text(root, "kind"), "List"))
		read_list_object(p, root);
	else
		read_document(p, root);
}

static void on_document(void *ctx, unsigned number, const struct node *root)
{
	struct parse *p = ctx;

	p->number = number;
	read_node(p, root);
}

static bool check_size(struct parse *p, size_t len, size_t max_bytes)
{
	if (len <= max_bytes)
		return true;
	add_error(p, "%s: the file has %zu bytes, at most %zu are allowed; split it", p->name, len,
		  max_bytes);
	return false;
}

struct bounds {
	size_t bytes;
	struct reader_bounds content;
};

static char *more_errors(const char *name, size_t n)
{
	return xasprintf("%s: %zu more error%s", name, n, str_s(n));
}

/* Which documents stand in front of the place where reading ended says nothing about them. */
static void drop_documents(struct manifest *manifest)
{
	struct document *document;

	list_for_each(document, &manifest->documents, link)
		document_free(document);
}

static void parse(const char *name, const char *data, size_t len, const struct bounds *bounds,
		  struct manifest *ret_manifest)
{
	struct parse p = { .name = name, .manifest = ret_manifest };
	const struct reader_handlers handlers = {
		.on_document = on_document,
		.on_error = on_reader_error,
		.ctx = &p,
	};

	*ret_manifest = (struct manifest){ 0 };
	list_init(&ret_manifest->documents);
	if (!check_size(&p, len, bounds->bytes))
		return words_set_any(&ret_manifest->unread);
	if (!reader_read(data, len, &bounds->content, &handlers))
		drop_documents(ret_manifest);
	if (p.n_documents == 0)
		add_error(&p,
			  "%s: no document in the file; expected at least one with apiVersion, "
			  "kind and metadata",
			  name);
	if (p.n_errors > ret_manifest->errors.n) {
		AUTO_FREE char *rest = more_errors(name, p.n_errors - ret_manifest->errors.n);

		strv_add(&ret_manifest->errors, rest);
	}
	if (p.n_errors)
		words_read(data, len, &ret_manifest->unread);
}

void manifest_parse(const char *name, const char *data, size_t len, struct manifest *ret_manifest)
{
	static const struct bounds bounds = {
		.bytes = MANIFEST_MAX_BYTES,
		.content = { .nodes = MANIFEST_MAX_NODES, .text_bytes = MANIFEST_MAX_TEXT_BYTES },
	};

	parse(name, data, len, &bounds, ret_manifest);
}

void manifest_parse_dump(const char *name, const char *data, size_t len,
			 struct manifest *ret_manifest)
{
	static const struct bounds bounds = {
		.bytes = MANIFEST_DUMP_MAX_BYTES,
		.content = { .nodes = MANIFEST_DUMP_MAX_NODES,
			     .text_bytes = MANIFEST_DUMP_MAX_TEXT_BYTES },
	};

	parse(name, data, len, &bounds, ret_manifest);
}

void document_free(struct document *document)
{
	if (!document)
		return;
	list_remove(&document->link);
	free(document->key);
	if (document->message)
		protobuf_c_message_free_unpacked(document->message, NULL);
	free(document);
}

void manifest_fini(struct manifest *manifest)
{
	if (manifest->documents.next)
		drop_documents(manifest);
	strv_fini(&manifest->errors);
	words_fini(&manifest->unread);
	*manifest = (struct manifest){ 0 };
}

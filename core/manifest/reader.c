/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manifest/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

#include "core/base/map.h"
#include "core/manifest/manifest.h"
#include "core/base/text.h"

enum {
	/*
	 * Documents that are no YAML, after which the rest of a file is not read: the parser begins
	 * anew behind each.
	 */
	BROKEN_MAX = 50,
	/*
	 * Lines that begin with '%': the parser compares each directive %TAG with all before it.
	 */
	DIRECTIVES_MAX = 50,
};

struct anchor {
	struct map_node node;
	char *name;
	struct node *target;
};

struct reader {
	const struct reader_handlers *handlers;
	const struct reader_bounds *bounds;
	const char *data;
	size_t len;
	yaml_parser_t parser; /* reads from .start on; its marks count from there */
	size_t start;
	unsigned start_line;    /* from 0 */
	unsigned document;      /* number of the current or last one */
	unsigned document_line; /* where it began, from 0 */
	bool in_document;
	unsigned error_line; /* of the last error, from 0 */
	unsigned n_broken;   /* documents that are no YAML */
	size_t n_nodes;      /* of all documents, aliases expanded */
	size_t text_bytes;   /* the same */
	bool exhausted;      /* a bound was reached: stop for good */
	struct map anchors;  /* struct anchor.node */
	struct tree tree;
};

static void fail(struct reader *r, yaml_mark_t mark, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void fail(struct reader *r, yaml_mark_t mark, const char *fmt, ...)
{
	char message[ERROR_MSG_MAX_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	r->error_line = r->start_line + (unsigned)mark.line;
	r->handlers->on_error(r->handlers->ctx, r->document + !r->in_document, r->error_line + 1,
			      (unsigned)mark.column + 1, message);
}

/* Where line @line (from 0) begins. */
static size_t line_offset(const struct reader *r, unsigned line)
{
	size_t offset = r->start;

	for (unsigned i = r->start_line; i < line && offset < r->len; i++)
		offset = text_next_line(r->data, r->len, offset);
	return offset;
}

static bool is_tab_at(const struct reader *r, yaml_mark_t mark)
{
	size_t offset = line_offset(r, r->start_line + (unsigned)mark.line);
	uint32_t character;

	for (size_t i = 0; i < mark.column && offset < r->len; i++)
		offset += text_decode(r->data + offset, r->len - offset, &character);
	return offset < r->len && r->data[offset] == '\t';
}

static void fail_syntax(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;

	if (is_tab_at(r, p->problem_mark))
		fail(r, p->problem_mark, "a tab cannot indent YAML; use spaces");
	else if (p->context)
		fail(r, p->problem_mark, "not valid YAML: %s %s that begins in line %zu",
		     p->problem, p->context, r->start_line + p->context_mark.line + 1);
	else
		fail(r, p->problem_mark, "not valid YAML: %s",
		     p->problem ? p->problem : "out of memory");
}

static bool next_event(struct reader *r, yaml_event_t *ret_event)
{
	if (yaml_parser_parse(&r->parser, ret_event))
		return true;
	fail_syntax(r);
	return false;
}

static bool count_nodes(struct reader *r, yaml_mark_t mark, size_t n)
{
	r->n_nodes += n;
	if (r->n_nodes <= r->bounds->nodes)
		return true;
	r->exhausted = true;
	fail(r, mark,
	     "the file has more than %zu nodes (aliases count as often as they expand); split it",
	     r->bounds->nodes);
	return false;
}

static bool count_text(struct reader *r, yaml_mark_t mark, size_t bytes)
{
	r->text_bytes += bytes;
	if (r->text_bytes <= r->bounds->text_bytes)
		return true;
	r->exhausted = true;
	fail(r, mark,
	     "the file has more than %zu bytes of text (aliases count as often as they expand); "
	     "split it, or mount large texts as files",
	     r->bounds->text_bytes);
	return false;
}

static bool check_depth(struct reader *r, yaml_mark_t mark, unsigned depth)
{
	if (depth <= MANIFEST_MAX_DEPTH)
		return true;
	fail(r, mark, "nested deeper than %d levels", MANIFEST_MAX_DEPTH);
	return false;
}

static void set_anchor(struct reader *r, const char *name, struct node *target)
{
	struct anchor *anchor;

	if (!name)
		return;
	anchor = map_entry(map_find(&r->anchors, name), struct anchor, node);
	if (!anchor) {
		anchor = xnew(struct anchor);
		anchor->name = xstrdup(name);
		map_insert(&r->anchors, &anchor->node, anchor->name);
	}
	anchor->target = target;
}

static struct node *build_alias(struct reader *r, const yaml_event_t *event, unsigned depth)
{
	const char *name = (const char *)event->data.alias.anchor;
	const struct anchor *anchor = map_entry(map_find(&r->anchors, name), struct anchor, node);

	if (!anchor) {
		fail(r, event->start_mark,
		     "alias \"*%.80s\": no anchor \"&%.80s\" is complete before it", name, name);
		return NULL;
	}
	if (!check_depth(r, event->start_mark, depth + anchor->target->height - 1) ||
	    !count_nodes(r, event->start_mark, anchor->target->n_expanded) ||
	    !count_text(r, event->start_mark, anchor->target->text_bytes))
		return NULL;
	return anchor->target;
}

/* Tags change what a value means; only the one that says "text" is of use here. */
static bool check_tag(struct reader *r, const yaml_event_t *event, const char *tag)
{
	if (!tag || strcmp(tag, "!") == 0 || strcmp(tag, YAML_STR_TAG) == 0)
		return true;
	fail(r, event->start_mark, "the tag \"%.80s\" is not supported; leave it out", tag);
	return false;
}

static struct node *add_node(struct reader *r, enum node_type type, const yaml_event_t *event)
{
	return tree_add(&r->tree, type, r->start_line + (unsigned)event->start_mark.line + 1,
			(unsigned)event->start_mark.column + 1);
}

static struct node *build_scalar(struct reader *r, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value,
		   *tag = (const char *)event->data.scalar.tag;
	struct node *node;

	if (!check_tag(r, event, tag))
		return NULL;
	if (memchr(value, '\0', event->data.scalar.length)) {
		fail(r, event->start_mark, "the text holds a NUL character");
		return NULL;
	}
	if (!count_text(r, event->start_mark, event->data.scalar.length))
		return NULL;
	node = add_node(r, NODE_SCALAR, event);
	node->text_bytes = event->data.scalar.length;
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !tag;
	node->text = xstrndup(value, event->data.scalar.length);
	set_anchor(r, (const char *)event->data.scalar.anchor, node);
	return node;
}

static struct node *build(struct reader *r, const yaml_event_t *event, unsigned depth);

static bool build_children(struct reader *r, struct node *parent, yaml_event_type_t end,
			   unsigned depth)
{
	for (;;) {
		yaml_event_t event;
		struct node *child;

		if (!next_event(r, &event))
			return false;
		if (event.type == end) {
			yaml_event_delete(&event);
			return true;
		}
		child = build(r, &event, depth + 1);
		yaml_event_delete(&event);
		if (!child)
			return false;
		node_append(parent, child);
	}
}

static struct node *build_collection(struct reader *r, const yaml_event_t *event, unsigned depth)
{
	bool list = event->type == YAML_SEQUENCE_START_EVENT;
	const yaml_char_t *anchor =
		list ? event->data.sequence_start.anchor : event->data.mapping_start.anchor;
	const yaml_char_t *tag =
		list ? event->data.sequence_start.tag : event->data.mapping_start.tag;
	struct node *node = add_node(r, list ? NODE_LIST : NODE_MAPPING, event);

	if (!check_tag(r, event, (const char *)tag) ||
	    !build_children(r, node, list ? YAML_SEQUENCE_END_EVENT : YAML_MAPPING_END_EVENT,
			    depth))
		return NULL;
	set_anchor(r, (const char *)anchor, node);
	return node;
}

/* The node that begins with @event; NULL after an error, which was reported. */
static struct node *build(struct reader *r, const yaml_event_t *event, unsigned depth)
{
	if (event->type == YAML_ALIAS_EVENT)
		return build_alias(r, event, depth);
	if (!check_depth(r, event->start_mark, depth) || !count_nodes(r, event->start_mark, 1))
		return NULL;
	if (event->type == YAML_SCALAR_EVENT)
		return build_scalar(r, event);
	check(event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT);
	return build_collection(r, event, depth);
}

static void end_document(struct reader *r)
{
	struct anchor *anchor;

	map_for_each(anchor, &r->anchors, node) {
		map_remove(&r->anchors, &anchor->node);
		free(anchor->name);
		free(anchor);
	}
	tree_fini(&r->tree);
	r->in_document = false;
}

/* The rest of a document after its start; the document is handed over when all of it is there. */
static bool read_document(struct reader *r, yaml_mark_t start)
{
	yaml_event_t event;
	struct node *root;

	r->document++;
	r->in_document = true;
	r->document_line = r->start_line + (unsigned)start.line;
	if (!next_event(r, &event))
		return false;
	root = build(r, &event, 1);
	yaml_event_delete(&event);
	if (!root || !next_event(r, &event)) /* the end of the document */
		return false;
	yaml_event_delete(&event);
	if (!root->plain || root->text[0]) /* "---" with nothing behind it */
		r->handlers->on_document(r->handlers->ctx, r->document, root);
	return true;
}

/* Reads up to the end of the stream (true) or the first error (false). */
static bool read_stream(struct reader *r)
{
	for (;;) {
		yaml_event_t event;
		yaml_event_type_t type;
		yaml_mark_t start;
		bool good = true;

		if (!next_event(r, &event)) {
			r->document++; /* it failed before it began */
			return false;
		}
		type = event.type;
		start = event.start_mark;
		yaml_event_delete(&event);
		if (type == YAML_DOCUMENT_START_EVENT)
			good = read_document(r, start);
		end_document(r);
		if (!good)
			return false;
		if (type == YAML_STREAM_END_EVENT)
			return true;
	}
}

static bool is_marker(const char *line, size_t len)
{
	return len >= 3 && memcmp(line, "---", 3) == 0 && (len == 3 || strchr(" \t\r\n", line[3]));
}

/* Moves the start to the next document behind the error; false when there is none, or after too
 * many. */
static bool skip_document(struct reader *r)
{
	unsigned line = r->error_line > r->document_line ? r->error_line : r->document_line + 1;
	size_t offset = line_offset(r, line);

	while (offset < r->len && !is_marker(r->data + offset, r->len - offset)) {
		offset = text_next_line(r->data, r->len, offset);
		line++;
	}
	r->start = offset;
	r->start_line = r->document_line = line;
	if (offset == r->len || ++r->n_broken < BROKEN_MAX)
		return offset < r->len;
	fail(r, (yaml_mark_t){ 0 },
	     "%d documents before it are not valid YAML; the rest of the file is not read",
	     BROKEN_MAX);
	return false;
}

static bool check_directives(const char *data, size_t len, const struct reader_handlers *h)
{
	unsigned n = 0, line = 1;
	char message[128];

	for (size_t i = 0; i < len; i = text_next_line(data, len, i), line++) {
		if (data[i] != '%' || ++n <= DIRECTIVES_MAX)
			continue;
		snprintf(message, sizeof(message),
			 "more than %d lines begin with '%%': directives are of no use here; "
			 "leave them out",
			 DIRECTIVES_MAX);
		h->on_error(h->ctx, 0, line, 1, message);
		return false;
	}
	return true;
}

static bool check_text(const char *data, size_t len, const struct reader_handlers *h)
{
	unsigned line = 1, column = 1;
	char message[128];
	size_t bytes;

	for (size_t i = 0; i < len; i += bytes, column++) {
		uint32_t character = 0;

		bytes = text_decode(data + i, len - i, &character);
		if (!bytes || !text_is_printable(character)) {
			snprintf(message, sizeof(message),
				 "not a text file: byte 0x%02x; expected YAML or JSON in UTF-8",
				 (unsigned char)data[i]);
			h->on_error(h->ctx, 0, line, column, message);
			return false;
		}
		if (character == '\n') {
			line++;
			column = 0;
		}
	}
	return true;
}

void reader_read(const char *data, size_t len, const struct reader_bounds *bounds,
		 const struct reader_handlers *handlers)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct reader r = { .handlers = handlers, .bounds = bounds, .data = data, .len = len };
	bool done = false;

	if (!check_text(data, len, handlers) || !check_directives(data, len, handlers))
		return;
	if (len >= 3 && memcmp(data, bom, 3) == 0)
		r.start = 3;
	while (!done) {
		check(yaml_parser_initialize(&r.parser));
		yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
		yaml_parser_set_input_string(&r.parser, (const unsigned char *)data + r.start,
					     len - r.start);
		done = read_stream(&r) || r.exhausted || !skip_document(&r);
		yaml_parser_delete(&r.parser);
	}
}

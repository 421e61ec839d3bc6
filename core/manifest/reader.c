/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manifest/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

#include "core/base/map.h"
#include "core/base/text.h"
#include "core/manifest/manifest.h"
#include "core/manifest/raw.h"
#include "core/manifest/surrogates.h"

enum {
	/*
	 * Documents that are no YAML, after which the rest of a file is not read: the parser begins
	 * anew behind each.
	 */
	BROKEN_MAX = 50,
	/* What the parser is given at once at first, then twice as much each time: a file may be
	 * many short documents, each of which begins a parser. */
	FIRST_CHUNK_BYTES = 256,
};

struct anchor {
	struct map_node node;
	char *name;
	struct node *target;
};

struct reader {
	const struct reader_handlers *handlers;
	const struct reader_bounds *bounds;
	char *data;           /* a copy of the file, with the pairs of surrogates joined */
	size_t len;           /* where the part at hand ends; the next one is at .next */
	yaml_parser_t parser; /* reads from .start on; its marks count from there */
	size_t start;
	unsigned start_line, start_column; /* from 0 */
	struct surrogates joined;
	size_t n_given;         /* bytes that the parser has had */
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

/* Where a mark of the parser is in the file, from 1. */
struct place {
	unsigned line, column;
};

/* The same in the text that the parser reads, from 0. */
static struct place place_in_text(const struct reader *r, yaml_mark_t mark)
{
	return (struct place){
		.line = r->start_line + (unsigned)mark.line,
		.column = (unsigned)mark.column + (mark.line ? 0 : r->start_column),
	};
}

static struct place place_of(const struct reader *r, yaml_mark_t mark)
{
	struct place place = place_in_text(r, mark);

	place.column += surrogates_columns(&r->joined, place.line, place.column) + 1;
	place.line++;
	return place;
}

static void fail(struct reader *r, yaml_mark_t mark, const char *fmt, ...)
{
	char message[ERROR_MSG_MAX_BYTES];
	struct place place = place_of(r, mark);
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	r->error_line = place.line - 1;
	r->handlers->on_error(r->handlers->ctx, r->document + !r->in_document, place.line,
			      place.column, message);
}

/* Where line @line (from 0) begins. */
static size_t line_offset(const struct reader *r, unsigned line)
{
	size_t offset = r->start;

	for (unsigned i = r->start_line; i < line && offset < r->len; i++)
		offset = text_next_line(r->data, r->len, offset);
	return offset;
}

static size_t mark_offset(const struct reader *r, yaml_mark_t mark)
{
	size_t offset = line_offset(r, r->start_line + (unsigned)mark.line);
	uint32_t character;

	for (size_t i = 0; i < mark.column && offset < r->len; i++)
		offset += text_decode(r->data + offset, r->len - offset, &character);
	return offset;
}

static bool is_tab_at(const struct reader *r, yaml_mark_t mark)
{
	size_t offset = mark_offset(r, mark);

	return offset < r->len && r->data[offset] == '\t';
}

/* The parser stops at the digits of an escape; is it half of a pair? */
static bool is_half_at(const struct reader *r, yaml_mark_t mark, const char **ret_digits)
{
	size_t offset = mark_offset(r, mark);

	*ret_digits = r->data + offset;
	return offset >= 2 && r->len - offset >= 4 && r->data[offset - 1] == 'u' &&
	       strchr("dD", r->data[offset]) && strchr("89abcdefABCDEF", r->data[offset + 1]);
}

static void fail_half(struct reader *r, yaml_mark_t mark, const char *digits)
{
	mark.column -= 2;
	fail(r, mark,
	     "\"\\u%.4s\" is half of a character; expected a pair such as \"\\ud83d\\ude80\", or the "
	     "character itself",
	     digits);
}

static void fail_syntax(struct reader *r)
{
	static const char bad_escape[] = "found invalid Unicode character escape code";
	const yaml_parser_t *p = &r->parser;
	const char *digits;

	if (str_equal(p->problem, bad_escape) && is_half_at(r, p->problem_mark, &digits))
		fail_half(r, p->problem_mark, digits);
	else if (is_tab_at(r, p->problem_mark))
		fail(r, p->problem_mark, "a tab cannot indent YAML; use spaces");
	else if (p->context)
		fail(r, p->problem_mark, "not valid YAML: %s %s that begins in line %zu",
		     p->problem, p->context, (size_t)place_of(r, p->context_mark).line);
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
	struct place place = place_of(r, event->start_mark);

	return tree_add(&r->tree, type, place.line, place.column);
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
	r->document_line = place_in_text(r, start).line;
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

enum outcome {
	OUTCOME_END,    /* of what the parser was given */
	OUTCOME_BROKEN, /* reported */
	OUTCOME_ANEW,   /* another document begins where no "---" says so; the start is there */
};

/*
 * JSON documents may stand one behind the other, as "jq '.[]'" prints them. The parser expects a
 * marker between them, so it begins anew.
 */
static bool begins_anew(struct reader *r)
{
	static const char no_marker[] = "did not find expected <document start>";
	const yaml_parser_t *p = &r->parser;
	struct place place = place_in_text(r, p->problem_mark);
	size_t offset;

	if (!str_equal(p->problem, no_marker))
		return false;
	offset = mark_offset(r, p->problem_mark);
	if (offset <= r->start || offset >= r->len || !strchr("{[", r->data[offset]))
		return false;
	r->start = offset;
	r->start_line = place.line;
	r->start_column = place.column;
	return true;
}

static enum outcome read_stream(struct reader *r)
{
	for (;;) {
		yaml_event_t event;
		yaml_event_type_t type;
		yaml_mark_t start;
		bool good = true;

		if (!yaml_parser_parse(&r->parser, &event)) {
			if (begins_anew(r))
				return OUTCOME_ANEW;
			fail_syntax(r);
			r->document++; /* it failed before it began */
			return OUTCOME_BROKEN;
		}
		type = event.type;
		start = event.start_mark;
		yaml_event_delete(&event);
		if (type == YAML_DOCUMENT_START_EVENT)
			good = read_document(r, start);
		end_document(r);
		if (!good)
			return OUTCOME_BROKEN;
		if (type == YAML_STREAM_END_EVENT)
			return OUTCOME_END;
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
	r->start_column = 0;
	if (offset == r->len || ++r->n_broken < BROKEN_MAX)
		return offset < r->len;
	fail(r, (yaml_mark_t){ 0 },
	     "%d documents before it are not valid YAML; the rest of the file is not read",
	     BROKEN_MAX);
	r->exhausted = true;
	return false;
}

static int give_chunk(void *ctx, unsigned char *buffer, size_t size, size_t *ret_size)
{
	struct reader *r = ctx;
	size_t left = r->len - r->start - r->n_given,
	       n = r->n_given ? r->n_given : FIRST_CHUNK_BYTES;

	n = n < size ? n : size;
	n = n < left ? n : left;
	memcpy(buffer, r->data + r->start + r->n_given, n);
	r->n_given += n;
	*ret_size = n;
	return 1;
}

static enum outcome parse_from_start(struct reader *r)
{
	enum outcome outcome;

	check(yaml_parser_initialize(&r->parser));
	r->n_given = 0;
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input(&r->parser, give_chunk, r);
	outcome = read_stream(r);
	yaml_parser_delete(&r->parser);
	return outcome;
}

/* From the start to the end of the part. */
static void read_part(struct reader *r)
{
	enum outcome outcome = OUTCOME_BROKEN;

	while (outcome != OUTCOME_END && !r->exhausted) {
		if (outcome == OUTCOME_BROKEN)
			r->len = r->start + surrogates_join(r->data + r->start, r->len - r->start,
							    r->start_line, r->start_column,
							    &r->joined);
		outcome = parse_from_start(r);
		if (outcome == OUTCOME_BROKEN && !r->exhausted && !skip_document(r))
			outcome = OUTCOME_END;
	}
}

/* Where the next byte order mark begins a line, behind @offset; adds the lines up to there. */
static size_t find_part(const char *data, size_t len, size_t offset, unsigned *line)
{
	do {
		size_t next = text_next_line(data, len, offset);

		*line += next < len;
		offset = next;
	} while (offset < len && !raw_is_bom(data + offset, len - offset));
	return offset;
}

/*
 * A byte order mark at the start of a line is where a file began before it was put behind another
 * one: each such part is read by itself.
 */
static void read_parts(struct reader *r, size_t len)
{
	size_t next;
	unsigned next_line = 0;

	for (size_t at = 0; at < len && !r->exhausted; at = next) {
		r->start = at + (raw_is_bom(r->data + at, len - at) ? RAW_BOM_BYTES : 0);
		r->start_line = next_line;
		r->start_column = 0;
		r->len = next = find_part(r->data, len, at, &next_line);
		if (at == 0 || count_nodes(r, (yaml_mark_t){ 0 }, 1))
			read_part(r);
	}
}

bool reader_read(const char *data, size_t len, const struct reader_bounds *bounds,
		 const struct reader_handlers *handlers)
{
	struct reader r = { .handlers = handlers, .bounds = bounds };

	if (!raw_check(data, len, handlers))
		return false;
	r.data = xstrndup(data, len);
	read_parts(&r, len);
	free(r.data);
	surrogates_fini(&r.joined);
	return !r.exhausted;
}

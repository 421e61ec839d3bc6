/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/logread/log_source_private.h"

void log_source_init(struct log_source *source, const struct log_query *query, const char *dir)
{
	*source = (struct log_source){
		.query = query,
		.dir = dir,
		.tail = query->tail,
		.end_offset = UINT64_MAX,
		.text.fd = -1,
	};
}

void log_source_fini(struct log_source *source)
{
	log_text_close(&source->text);
	for (int i = 0; i < LOG_STREAMS; i++)
		buf_fini(&source->joined[i]);
	buf_fini(&source->out);
}

/* ---- entries ---- */

static struct log_line line_of(struct log_source *source, const struct log_piece *piece)
{
	struct log_line line = { .time_ns = source->last_ns, .text = piece->data };

	line.len = piece->len;
	if (piece->continues) {
		line = source->long_line;
		line.text = piece->data;
		line.len = piece->len;
	} else {
		log_line_parse(piece->data, piece->len, &line);
	}
	source->long_line = line;
	line.partial |= piece->goes_on;
	return line;
}

static bool is_wanted(const struct log_source *source, const struct log_line *line)
{
	int64_t until_ns = source->query->until_ns;

	return line->time_ns >= source->query->since_ns && (!until_ns || line->time_ns < until_ns);
}

static void give_joined(struct log_source *source, enum log_stream stream, bool partial,
			struct log_entry *ret)
{
	struct buf *joined = &source->joined[stream], old = source->out;

	source->out = *joined;
	*joined = old;
	joined->len = 0;
	*ret = (struct log_entry){ source->joined_ns[stream], stream, partial, source->out.data,
				   source->out.len };
	source->joined_ns[stream] = 0;
}

static void join(struct log_source *source, const struct log_line *line)
{
	struct buf *joined = &source->joined[line->stream];

	if (!joined->len)
		source->joined_ns[line->stream] = line->time_ns;
	buf_add(joined, line->text, line->len);
}

/* Whether there is an entry by it. */
static bool take(struct log_source *source, const struct log_line *line, struct log_entry *ret)
{
	struct buf *joined = &source->joined[line->stream];

	if (line->time_ns > source->last_ns)
		source->last_ns = line->time_ns;
	if (!is_wanted(source, line))
		return false;
	if (!line->partial && !joined->len) {
		*ret = (struct log_entry){ line->time_ns, line->stream, false, line->text,
					   line->len };
		return true;
	}
	if (line->partial && joined->len + line->len > LOG_JOIN_MAX && joined->len) {
		give_joined(source, line->stream, true, ret);
		join(source, line);
		return true;
	}
	join(source, line);
	if (!line->partial)
		give_joined(source, line->stream, false, ret);
	return !line->partial;
}

/* 1: a piece; 0: the file has none now. */
static int next_piece(struct log_source *source, struct log_piece *ret)
{
	int r = log_text_next(&source->text, ret);

	return r == 0 && source->sealed ? log_text_rest(&source->text, ret) : r;
}

int log_source_next(struct log_source *source, struct log_entry *ret, struct error *err)
{
	struct log_piece piece;
	struct log_line line;
	int r;

	for (;;) {
		if (!log_text_is_open(&source->text)) {
			r = log_source_begin(source, err);
			if (r < 0 || !log_text_is_open(&source->text)) {
				source->ended |= !source->query->follow;
				return r;
			}
		}
		r = next_piece(source, &piece);
		if (r < 0)
			return error_set(err, r, "cannot read %s: %s", source->dir, strerror(-r));
		if (r > 0) {
			line = line_of(source, &piece);
			if (take(source, &line, ret))
				return 1;
			continue;
		}
		r = log_source_advance(source, err);
		if (r == -ESTALE)
			continue;
		if (r <= 0)
			return r;
	}
}

bool log_source_flush(struct log_source *source, struct log_entry *ret)
{
	for (int i = 0; i < LOG_STREAMS; i++) {
		if (source->joined[i].len)
			return give_joined(source, (enum log_stream)i, true, ret), true;
	}
	return false;
}

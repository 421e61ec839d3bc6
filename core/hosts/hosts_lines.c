/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hosts/hosts_lines.h"

#include "core/base/str.h"

struct hosts_line {
	struct map_node node; /* struct hosts_lines.lines */
	size_t at, len;       /* with its newline */
	unsigned round;
	char text[]; /* without it */
};

static void forget_line(struct hosts_lines *lines, struct hosts_line *line)
{
	map_remove(&lines->lines, &line->node);
	free(line);
}

static void forget_all(struct hosts_lines *lines)
{
	struct hosts_line *line;

	map_for_each(line, &lines->lines, node)
		forget_line(lines, line);
	lines->text.len = lines->blank = 0;
}

/* Adjacent ones are one. */
static void add_patch(struct hosts_lines *lines, size_t at, size_t len)
{
	struct hosts_patch *last = lines->n_patches ? &lines->patches[lines->n_patches - 1] : NULL;

	if (last && last->at + last->len == at)
		last->len += len;
	else if (lines->n_patches == HOSTS_PATCHES_MAX)
		lines->whole = true;
	else
		lines->patches[lines->n_patches++] = (struct hosts_patch){ at, len };
}

static void append(struct hosts_lines *lines, const char *text)
{
	size_t len = strlen(text);
	struct hosts_line *line = xcalloc(1, sizeof(*line) + len + 1);

	memcpy(line->text, text, len);
	if (!map_insert(&lines->lines, &line->node, line->text)) {
		free(line);
		return;
	}
	line->at = lines->text.len;
	line->len = len + 1;
	line->round = lines->round;
	buf_add(&lines->text, text, len);
	buf_add_str(&lines->text, "\n");
	add_patch(lines, line->at, line->len);
}

/* A comment: whoever reads the file skips it. */
static void blank(struct hosts_lines *lines, struct hosts_line *line)
{
	memset(lines->text.data + line->at, ' ', line->len - 1);
	lines->text.data[line->at] = '#';
	lines->blank += line->len;
	add_patch(lines, line->at, line->len);
	forget_line(lines, line);
}

/* Takes the first line off. */
static char *next_line(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	if (!end)
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return line;
}

/* What is there stays; returns what is new, a line after the other. */
static char *keep_known(struct hosts_lines *lines, char *text)
{
	struct buf fresh = { 0 };
	char *line;

	while ((line = next_line(&text))) {
		struct hosts_line *known =
			map_entry(map_find(&lines->lines, line), struct hosts_line, node);

		if (known)
			known->round = lines->round;
		else
			buf_printf(&fresh, "%s\n", line);
	}
	return buf_take(&fresh);
}

static void append_all(struct hosts_lines *lines, char *text)
{
	char *line;

	while ((line = next_line(&text)))
		append(lines, line);
}

static bool is_mostly_blank(const struct hosts_lines *lines)
{
	return lines->blank > HOSTS_BLANK_BYTES &&
	       lines->blank > lines->text.len / HOSTS_BLANK_PART;
}

/* Room that was blank is so again: what stands there now is not told apart. */
void hosts_lines_seed(struct hosts_lines *lines, const char *text)
{
	AUTO_FREE char *copy = xstrdup(text);
	char *rest = copy, *line;

	while ((line = next_line(&rest))) {
		size_t at = lines->text.len;

		if (*line != '#') {
			append(lines, line);
			continue;
		}
		buf_printf(&lines->text, "%s\n", line);
		memset(lines->text.data + at + 1, ' ', lines->text.len - at - 2);
		lines->blank += lines->text.len - at;
	}
}

void hosts_lines_update(struct hosts_lines *lines, const char *text)
{
	AUTO_FREE char *copy = xstrdup(text), *fresh = NULL;
	struct hosts_line *line;

	lines->round++;
	lines->n_patches = 0;
	lines->whole = lines->text.len == 0;
	lines->len_before = lines->text.len;
	fresh = keep_known(lines, copy);
	map_for_each(line, &lines->lines, node)
		if (line->round != lines->round)
			blank(lines, line);
	append_all(lines, fresh);
	if (!lines->whole && !is_mostly_blank(lines))
		return;
	forget_all(lines);
	memcpy(copy, text, strlen(text));
	append_all(lines, copy);
	lines->whole = true;
	lines->n_patches = 0;
}

void hosts_lines_fini(struct hosts_lines *lines)
{
	forget_all(lines);
	buf_fini(&lines->text);
}

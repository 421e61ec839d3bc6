/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manifest/ignore.h"

#include <errno.h>

#include "core/base/str.h"
#include "core/base/text.h"

/* ---- a name ---- */

/* The end of a class that begins at "[": behind its "]", NULL when there is none. */
static const char *class_end(const char *p)
{
	p++;
	p += *p == '!' || *p == '^';
	for (const char *first = p; *p && (*p != ']' || p == first); p++)
		p += *p == '\\' && p[1];
	return *p ? p + 1 : NULL;
}

static bool class_has(const char *p, const char *end, unsigned char c)
{
	bool negated, has = false;

	p++;
	negated = *p == '!' || *p == '^';
	p += negated;
	while (p < end - 1) {
		unsigned char low, high;

		p += *p == '\\';
		low = high = (unsigned char)*p++;
		if (p[0] == '-' && p + 1 < end - 1) {
			p += 1 + (p[1] == '\\');
			high = (unsigned char)*p++;
		}
		has |= low <= c && c <= high;
	}
	return has != negated;
}

/* What stands at @p, which is no "*", against one byte; NULL, or behind it. */
static const char *match_byte(const char *p, char c)
{
	const char *end;

	switch (*p) {
	case '?':
		return p + 1;
	case '[':
		end = class_end(p);
		return end && class_has(p, end, (unsigned char)c) ? end : NULL;
	case '\\':
		return p[1] == c ? p + 2 : NULL;
	default:
		return *p && *p == c ? p + 1 : NULL;
	}
}

/* On a mismatch only the last "*" takes one byte more: no others need be tried. */
static bool match_name(const char *p, const char *name, size_t len, uint64_t *steps)
{
	const char *star = NULL, *end = name + len, *from = name;

	while (name < end) {
		const char *next = *p == '*' ? NULL : match_byte(p, *name);

		++*steps;
		if (*p == '*') {
			star = ++p;
			from = name;
		} else if (next) {
			p = next;
			name++;
		} else if (star) {
			p = star;
			name = ++from;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return !*p;
}

/* ---- a path ---- */

/* "a/b": moves behind the first name and its slash. */
static const char *next_name(const char *path, size_t *ret_len)
{
	*ret_len = strcspn(path, "/");
	return path + *ret_len + (path[*ret_len] == '/');
}

/* The same with names in the place of bytes: what "*" is to them, NULL is here. */
static bool match_path(const struct ignore_pattern *pattern, const char *path, uint64_t *steps)
{
	unsigned at = 0, any = 0; /* any: behind the last NULL; 0: there was none */
	const char *from = path;

	while (*path) {
		bool is_any = at < pattern->n_names && !pattern->names[at];
		size_t len;
		const char *next = next_name(path, &len);

		++*steps;
		if (is_any) {
			any = ++at;
			from = path;
		} else if (at < pattern->n_names &&
			   match_name(pattern->names[at], path, len, steps)) {
			at++;
			path = next;
		} else if (any) {
			at = any;
			path = from = next_name(from, &len);
		} else {
			return false;
		}
	}
	return at == pattern->n_names;
}

enum ignore_verdict ignore_judge(const struct ignore *ignore, const char *path, bool is_directory,
				 uint64_t *steps)
{
	for (size_t i = ignore->n; i-- > 0;) {
		const struct ignore_pattern *pattern = &ignore->patterns[i];

		++*steps;
		if ((!pattern->directories_only || is_directory) &&
		    match_path(pattern, path, steps))
			return pattern->takes_in ? IGNORE_NO : IGNORE_YES;
	}
	return IGNORE_SAYS_NOTHING;
}

/* ---- a line ---- */

/* What a name must not have; NULL when all is well. */
static const char *bad_name(const char *name)
{
	if (!*name)
		return "a name is missing between two slashes";
	if (str_equal(name, ".") || str_equal(name, ".."))
		return "\".\" and \"..\" name nothing here: begin with \"/\" for this directory";
	for (const char *p = name; *p; p++) {
		if (*p == '\\' && !*++p)
			return "it ends in a backslash";
		if (*p != '[')
			continue;
		if (!class_end(p))
			return "the \"[\" has no \"]\"";
		if (memmem(p, (size_t)(class_end(p) - p), "[:", 2))
			return "classes such as [:alpha:] are not known";
		p = class_end(p) - 1;
	}
	return NULL;
}

static const char *add_name(struct ignore_pattern *pattern, const char *name)
{
	if (pattern->n_names == IGNORE_NAMES_MAX)
		return "it has more names than 32";
	pattern->names[pattern->n_names++] = name;
	return name ? bad_name(name) : NULL;
}

/* Cuts @text, which has no slash at either end, into names. "**" in front is any directories, at
 * the end whatever is below: one name at least. */
static const char *add_names(struct ignore_pattern *pattern, char *text)
{
	const char *problem = NULL;

	for (char *name; !problem && (name = strsep(&text, "/"));) {
		bool any = str_equal(name, "**");

		if (!any)
			problem = add_name(pattern, name);
		else if (pattern->n_names == 0 || pattern->names[pattern->n_names - 1])
			problem = add_name(pattern, NULL);
		if (!problem && any && !text)
			problem = add_name(pattern, "*");
	}
	return problem;
}

/* Without spaces at the end, unless a backslash stands before them. */
static size_t trimmed(const char *line, size_t len)
{
	while (len > 0 && line[len - 1] == ' ' && !(len > 1 && line[len - 2] == '\\'))
		len--;
	return len;
}

/* NULL, or what is wrong with the pattern. */
static const char *parse_pattern(const char *line, size_t len, struct ignore_pattern *pattern)
{
	bool tied;
	char *text;

	pattern->takes_in = *line == '!';
	line += pattern->takes_in;
	len -= pattern->takes_in;
	pattern->directories_only = len > 0 && line[len - 1] == '/';
	len -= pattern->directories_only;
	tied = memchr(line, '/', len) != NULL;
	if (len > 0 && *line == '/') {
		line++;
		len--;
	}
	if (!len)
		return "it names nothing";
	text = pattern->text = xstrndup(line, len);
	if (!tied)
		add_name(pattern, NULL);
	return add_names(pattern, text);
}

static bool is_text(const char *line, size_t len)
{
	uint32_t character = 1;
	size_t n = 0;

	for (; len > 0 && character && (n = text_decode(line, len, &character)); len -= n)
		line += n;
	return len == 0 && character;
}

static int add_line(struct ignore *ignore, const char *line, size_t len, const char **ret_problem)
{
	struct ignore_pattern pattern = { 0 };

	len -= len > 0 && line[len - 1] == '\r';
	len = trimmed(line, len);
	if (!len || *line == '#')
		return 0;
	if (len > IGNORE_PATTERN_MAX_BYTES)
		*ret_problem = "it is longer than 256 bytes";
	else if (ignore->n == IGNORE_PATTERNS_MAX)
		*ret_problem = "more than 1000 patterns";
	else if (!is_text(line, len))
		*ret_problem = "it is no text in UTF-8";
	else
		*ret_problem = parse_pattern(line, len, &pattern);
	if (*ret_problem) {
		free(pattern.text);
		return -EINVAL;
	}
	ignore->patterns[ignore->n++] = pattern;
	return 0;
}

/* ---- the file ---- */

void ignore_fini(struct ignore *ignore)
{
	for (size_t i = 0; i < ignore->n; i++)
		free(ignore->patterns[i].text);
	free(ignore->patterns);
	*ignore = (struct ignore){ 0 };
}

static size_t count_lines(const char *data, size_t len)
{
	size_t n = 1;

	for (size_t i = 0; i < len; i++)
		n += data[i] == '\n';
	return n < IGNORE_PATTERNS_MAX ? n : IGNORE_PATTERNS_MAX;
}

int ignore_parse(const char *shown, const char *data, size_t len, struct ignore *ret_ignore,
		 struct error *err)
{
	static const char mark[] = "\xef\xbb\xbf";
	const char *end = data + len, *problem = NULL;
	AUTO(ignore_fini) struct ignore ignore = { 0 };

	if (len > IGNORE_FILE_MAX_BYTES)
		return error_set(err, -EINVAL, "%s has more than %d bytes", shown,
				 IGNORE_FILE_MAX_BYTES);
	if (len >= strlen(mark) && memcmp(data, mark, strlen(mark)) == 0)
		data += strlen(mark);
	ignore.patterns =
		xcalloc(count_lines(data, (size_t)(end - data)), sizeof(*ignore.patterns));
	for (unsigned number = 1; data < end; number++) {
		const char *line_end = memchr(data, '\n', (size_t)(end - data));
		size_t line_len = (size_t)((line_end ? line_end : end) - data);

		if (add_line(&ignore, data, line_len, &problem) < 0)
			return error_set(err, -EINVAL, "%s:%u: %s", shown, number, problem);
		data += line_len + 1;
	}
	*ret_ignore = ignore;
	ignore = (struct ignore){ 0 };
	return 0;
}

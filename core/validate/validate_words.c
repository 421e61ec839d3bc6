/* SPDX-License-Identifier: Apache-2.0 */
/* What all parts say the same way. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/validate/validate.h"

enum { PATH_TEXT_MAX_BYTES = 512 };

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

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/target.h"

/* The next component that counts, its length in @ret_len; 0 at the end. */
static const char *next_component(const char *path, size_t *ret_len)
{
	do {
		path += strspn(path, "/");
		*ret_len = strcspn(path, "/");
		if (*ret_len != 1 || *path != '.')
			return path;
		path += *ret_len;
	} while (true);
}

bool target_equal(const char *a, const char *b)
{
	size_t a_len, b_len;

	if (str_empty(a) || str_empty(b))
		return false;
	do {
		a = next_component(a, &a_len);
		b = next_component(b, &b_len);
		if (a_len != b_len || strncmp(a, b, a_len) != 0)
			return false;
		a += a_len;
		b += b_len;
	} while (a_len);
	return true;
}

bool target_contains(const char *outer, const char *inner)
{
	size_t outer_len, inner_len;

	if (str_empty(outer) || str_empty(inner))
		return false;
	for (;;) {
		outer = next_component(outer, &outer_len);
		inner = next_component(inner, &inner_len);
		if (!outer_len)
			return true;
		if (outer_len != inner_len || strncmp(outer, inner, outer_len) != 0)
			return false;
		outer += outer_len;
		inner += inner_len;
	}
}

uint32_t target_hash(const char *path)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	size_t len;

	if (str_empty(path))
		return 0;
	for (path = next_component(path, &len); len; path = next_component(path + len, &len)) {
		hash = (hash ^ '/') * 16777619u;
		for (size_t i = 0; i < len; i++)
			hash = (hash ^ (unsigned char)path[i]) * 16777619u;
	}
	return hash;
}

size_t target_depth(const char *path)
{
	size_t depth = 0, len;

	for (path = next_component(path, &len); len; path = next_component(path + len, &len)) {
		if (len != 2 || strncmp(path, "..", 2) != 0)
			depth++;
		else if (depth)
			depth--;
	}
	return depth;
}

bool target_is_root(const char *path)
{
	return target_equal(path, "/");
}

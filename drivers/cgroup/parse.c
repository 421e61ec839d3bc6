/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cgroup/parse.h"

#include <limits.h>

bool cgroup_parse_populated(const char *text, bool *ret_populated)
{
	static const char key[] = "populated ";

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!str_starts_with(line, key))
			continue;
		line += sizeof(key) - 1;
		if ((line[0] != '0' && line[0] != '1') || (line[1] != '\n' && line[1] != '\0'))
			return false;
		*ret_populated = line[0] == '1';
		return true;
	}
	return false;
}

uint64_t cgroup_parse_counter(const char *text, const char *name)
{
	size_t len = strlen(name);
	uint64_t value = 0;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!str_starts_with(line, name) || line[len] != ' ')
			continue;
		for (const char *p = line + len + 1; *p >= '0' && *p <= '9'; p++)
			if (__builtin_mul_overflow(value, 10, &value) ||
			    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
				return UINT64_MAX;
		return value;
	}
	return 0;
}

static bool controller_is_valid(const char *name, size_t len)
{
	if (len == 0 || len > CGROUP_CONTROLLER_MAX_BYTES)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9') &&
		    name[i] != '_')
			return false;
	return true;
}

bool cgroup_has_controller(const struct strv *controllers, const char *name)
{
	for (size_t i = 0; i < controllers->n; i++)
		if (strcmp(controllers->items[i], name) == 0)
			return true;
	return false;
}

bool cgroup_wants_controller(const char *name)
{
	static const char *const wanted[] = { "cpu", "memory", "io", "pids" };

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (strcmp(name, wanted[i]) == 0)
			return true;
	return false;
}

bool cgroup_lacks_controller(const struct strv *offered, const struct strv *enabled)
{
	for (size_t i = 0; i < offered->n; i++)
		if (cgroup_wants_controller(offered->items[i]) &&
		    !cgroup_has_controller(enabled, offered->items[i]))
			return true;
	return false;
}

void cgroup_parse_controllers(const char *text, struct strv *ret_controllers)
{
	while (*text && ret_controllers->n < CGROUP_CONTROLLERS_MAX) {
		size_t len = strcspn(text, " \n");

		if (controller_is_valid(text, len)) {
			AUTO_FREE char *name = xstrndup(text, len);

			if (!cgroup_has_controller(ret_controllers, name))
				strv_add(ret_controllers, name);
		}
		text += len;
		text += strspn(text, " \n");
	}
}

/* The number at the start of @text up to the end of the line; 0 when there is none. */
static pid_t parse_pid(const char *text)
{
	long pid = 0;

	for (; *text >= '0' && *text <= '9'; text++) {
		pid = pid * 10 + (*text - '0');
		if (pid > INT_MAX)
			return 0;
	}
	return *text == '\n' || *text == '\0' ? (pid_t)pid : 0;
}

size_t cgroup_parse_pids(const char *text, pid_t *ret_pids, size_t max)
{
	size_t n = 0;

	while (*text && n < max) {
		pid_t pid = parse_pid(text);

		if (pid > 0)
			ret_pids[n++] = pid;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return n;
}

static bool directory_name_is_valid(const char *name, size_t len)
{
	if (len == 0 || len > NAME_MAX)
		return false;
	return strncmp(name, "..", len) != 0 || len > 2; /* neither "." nor ".." */
}

bool cgroup_root_is_valid(const char *root)
{
	if (root[0] != '/')
		return false;
	while (*root == '/') {
		size_t len = strcspn(++root, "/");

		if (!directory_name_is_valid(root, len))
			return false;
		root += len;
	}
	return true;
}

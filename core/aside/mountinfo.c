/* SPDX-License-Identifier: Apache-2.0 */
#include "core/aside/mountinfo.h"

#include <fcntl.h>
#include <limits.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "core/base/str.h"

enum {
	TABLE_MAX_BYTES = 64 * 1024 * 1024,
	/* of a line: "id parent dev root POINT options ... - TYPE source options" */
	POINT_FIELD = 5,
};

static bool read_table(struct buf *ret)
{
	return fs_read_file(AT_FDCWD, "/proc/self/mountinfo", TABLE_MAX_BYTES, ret, NULL) == 0 &&
	       ret->data;
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : line + strlen(line);
}

static const char *next_field(const char *field)
{
	return field + strcspn(field, " \n") + strspn(field + strcspn(field, " \n"), " ");
}

static const char *field_of(const char *line, int number)
{
	while (--number > 0)
		line = next_field(line);
	return line;
}

/* What follows the single "-". */
static const char *type_of(const char *line)
{
	const char *field = field_of(line, POINT_FIELD + 2);

	while (*field && *field != '\n' && strncmp(field, "- ", 2) != 0)
		field = next_field(field);
	return *field == '-' ? field + 2 : field;
}

static bool is_octal(const char *p)
{
	return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' &&
	       p[2] <= '7';
}

/* Spaces, tabs, newlines and backslashes are written as \ooo. */
static void read_point(const char *field, char ret[PATH_MAX])
{
	size_t n = 0;

	for (; *field && *field != ' ' && *field != '\n' && n < PATH_MAX - 1; field++) {
		if (*field == '\\' && is_octal(field + 1)) {
			ret[n++] = (char)((field[1] - '0') << 6 | (field[2] - '0') << 3 |
					  (field[3] - '0'));
			field += 3;
		} else {
			ret[n++] = *field;
		}
	}
	ret[n] = '\0';
}

static bool lies_below(const char *path, const char *point)
{
	size_t len = str_equal(point, "/") ? 0 : strlen(point);

	return strncmp(path, point, len) == 0 && (!path[len] || path[len] == '/');
}

char *mountinfo_find_in(const char *text, const char *path)
{
	char point[PATH_MAX], best[PATH_MAX] = "";

	for (const char *line = text; *line; line = next_line(line)) {
		read_point(field_of(line, POINT_FIELD), point);
		if (lies_below(path, point) && strlen(point) > strlen(best))
			memcpy(best, point, sizeof(best));
	}
	return *best ? xstrdup(best) : NULL;
}

char *mountinfo_find(const char *path)
{
	AUTO_BUF struct buf table = { 0 };

	return read_table(&table) ? mountinfo_find_in(table.data, path) : NULL;
}

/* The kernel alone answers for these. */
static bool is_local(const char *type)
{
	static const char *const names[] = {
		"apparmorfs", "bcachefs",   "binfmt_misc", "bpf",      "btrfs",    "cgroup",
		"cgroup2",    "configfs",   "debugfs",     "devpts",   "devtmpfs", "efivarfs",
		"erofs",      "exfat",      "ext2",        "ext3",     "ext4",     "f2fs",
		"fusectl",    "hugetlbfs",  "iso9660",     "jfs",      "mqueue",   "nsfs",
		"ntfs3",      "overlay",    "proc",        "pstore",   "ramfs",    "rootfs",
		"rpc_pipefs", "securityfs", "selinuxfs",   "squashfs", "sysfs",    "tmpfs",
		"tracefs",    "udf",        "vfat",        "xfs",      "zfs",
	};
	size_t len = strcspn(type, " \n");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == len && strncmp(names[i], type, len) == 0)
			return true;
	return false;
}

/* systemd keeps one there on most hosts, for a filesystem of the kernel's own. */
static bool is_systemds(const char *point)
{
	return str_starts_with(point, "/proc/sys/fs/binfmt_misc ");
}

bool mountinfo_may_hang_in(const char *text)
{
	for (const char *line = text; *line; line = next_line(line))
		if (!is_local(type_of(line)) && !is_systemds(field_of(line, POINT_FIELD)))
			return true;
	return false;
}

bool mountinfo_may_hang(void)
{
	AUTO_BUF struct buf table = { 0 };

	return !read_table(&table) || mountinfo_may_hang_in(table.data);
}

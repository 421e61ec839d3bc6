/* SPDX-License-Identifier: Apache-2.0 */
#include "core/logread/log_listing.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/base/fs.h"
#include "core/base/str.h"

enum { FILES_MAX = 4096 }; /* of one container: more are not ours */

static bool take_number(const char **text, uint64_t max, uint64_t *ret)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*ret = strtoull(*text, &end, 10);
	*text = end;
	return !errno && *ret <= max;
}

bool log_file_name_parse(const char *name, struct log_file *ret)
{
	const char *at = name;
	uint64_t number = 0;

	*ret = (struct log_file){ 0 };
	if (!str_copy(ret->name, sizeof(ret->name), name) ||
	    !take_number(&at, UINT64_MAX, &ret->run) || !str_starts_with(at, ".log"))
		return false;
	at += strlen(".log");
	if (*at == '.' && at[1] >= '0' && at[1] <= '9') {
		at++;
		if (!take_number(&at, FILES_MAX, &number) || number == 0)
			return false;
	}
	ret->number = (unsigned)number;
	ret->packed = str_equal(at, ".zst");
	return ret->packed ? number > 0 : !*at;
}

static int by_age(const void *a, const void *b)
{
	const struct log_file *x = a, *y = b;

	if (x->run != y->run)
		return x->run < y->run ? -1 : 1;
	if (x->number != y->number)
		return x->number > y->number ? -1 : 1;
	return x->packed - y->packed;
}

static int add(int dirfd, const char *name, struct log_listing *files)
{
	struct log_file file;
	struct stat stat;

	if (!log_file_name_parse(name, &file))
		return 0;
	if (fstatat(dirfd, name, &stat, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(stat.st_mode))
		return 0;
	if (files->n == FILES_MAX)
		return -EFBIG;
	file.device = stat.st_dev;
	file.inode = stat.st_ino;
	file.size = (uint64_t)stat.st_size;
	files->items = xrealloc(files->items, (files->n + 1) * sizeof(*files->items));
	files->items[files->n++] = file;
	return 0;
}

/* While one is packed, it is there twice: the one that is not is whole. */
static void drop_twins(struct log_listing *files)
{
	size_t n = 0;

	for (size_t i = 0; i < files->n; i++) {
		const struct log_file *last = n ? &files->items[n - 1] : NULL;

		if (!last || last->run != files->items[i].run ||
		    last->number != files->items[i].number)
			files->items[n++] = files->items[i];
	}
	files->n = n;
}

int log_listing_read(int dirfd, struct log_listing *ret, struct error *err)
{
	DIR *dir = fs_list_fd(dirfd);
	struct dirent *entry;
	int r;

	*ret = (struct log_listing){ 0 };
	if (!dir)
		return error_set(err, -errno, "cannot list the log files: %m");
	while ((r = fs_next_entry(dir, &entry)) > 0) {
		r = add(dirfd, entry->d_name, ret);
		if (r < 0)
			break;
	}
	closedir(dir);
	if (r < 0) {
		log_listing_fini(ret);
		return error_set(err, r, "cannot list the log files: %s", strerror(-r));
	}
	if (ret->n)
		qsort(ret->items, ret->n, sizeof(*ret->items), by_age);
	drop_twins(ret);
	return 0;
}

void log_listing_fini(struct log_listing *files)
{
	free(files->items);
	*files = (struct log_listing){ 0 };
}

const struct log_file *log_listing_find(const struct log_listing *files, dev_t device, ino_t inode)
{
	for (size_t i = 0; i < files->n; i++) {
		if (files->items[i].device == device && files->items[i].inode == inode)
			return &files->items[i];
	}
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/containerd/shims.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>

#include "core/base/fs.h"

enum { CMDLINE_MAX_BYTES = 16 * 1024 };

static const char PROGRAM[] = "containerd-shim";

/* The word after @at; NULL at the end. */
static const char *next_word(const char *cmdline, size_t len, const char *at)
{
	at += strlen(at) + 1;
	return at < cmdline + len ? at : NULL;
}

static bool is_program(const char *word)
{
	const char *slash = strrchr(word, '/');

	return str_starts_with(slash ? slash + 1 : word, PROGRAM);
}

bool shim_parse(const char *cmdline, size_t len, struct shim *ret_shim)
{
	const char *namespace_ = NULL, *id = NULL, *containerd = "";

	if (len == 0 || cmdline[len - 1] != '\0' || !is_program(cmdline))
		return false;
	for (const char *word = next_word(cmdline, len, cmdline); word;) {
		const char *value = next_word(cmdline, len, word);

		if (value && str_equal(word, "-namespace"))
			namespace_ = value;
		else if (value && str_equal(word, "-id"))
			id = value;
		else if (value && str_equal(word, "-address"))
			containerd = value;
		word = value;
	}
	if (str_empty(namespace_) || str_empty(id))
		return false;
	*ret_shim = (struct shim){ .namespace_ = xstrdup(namespace_),
				   .id = xstrdup(id),
				   .containerd = xstrdup(containerd) };
	return true;
}

void shim_fini(struct shim *shim)
{
	free(shim->namespace_);
	free(shim->id);
	free(shim->containerd);
	*shim = (struct shim){ 0 };
}

static void add_process(struct shims *shims, const char *pid, const char *socket)
{
	AUTO_FREE char *path = xasprintf("/proc/%s/cmdline", pid);
	AUTO_BUF struct buf cmdline = { 0 };
	struct shim shim;

	if (fs_read_file(AT_FDCWD, path, CMDLINE_MAX_BYTES, &cmdline, NULL) < 0 || !cmdline.data ||
	    !shim_parse(cmdline.data, cmdline.len, &shim))
		return;
	if (!str_equal(shim.containerd, socket)) {
		shim_fini(&shim);
		return;
	}
	shims->items = xrealloc(shims->items, (shims->n + 1) * sizeof(*shims->items));
	shims->items[shims->n++] = shim;
}

void shims_read(const char *socket, struct shims *ret_shims)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	*ret_shims = (struct shims){ 0 };
	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			add_process(ret_shims, entry->d_name, socket);
	if (dir)
		closedir(dir);
}

void shims_fini(struct shims *shims)
{
	for (size_t i = 0; i < shims->n; i++)
		shim_fini(&shims->items[i]);
	free(shims->items);
	*shims = (struct shims){ 0 };
}

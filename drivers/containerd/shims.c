/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/containerd/shims.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/pidfd.h>

#include "core/base/fs.h"

enum { CMDLINE_MAX_BYTES = 16 * 1024, NAME_MAX_BYTES = 64 };

static const char PROGRAM[] = "containerd-shim"; /* the kernel keeps so many characters */

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

/* containerd runs the same program for a moment to start a shim, and to clean up after one: then an
 * action stands behind the flags and their values. Who kills that one leaves a mess. */
static bool is_action(const char *before, const char *word)
{
	return *before != '-' && *word != '-';
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
		else if (value && is_action(word, value) && !next_word(cmdline, len, value))
			return false;
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

/*
 * Its name tells. The command line lies in the memory of the process, which may be locked while it
 * hangs at a filesystem: not asked of a process that is none of ours.
 */
static bool is_named_so(const char *pid)
{
	AUTO_FREE char *path = xasprintf("/proc/%s/comm", pid);
	AUTO_BUF struct buf name = { 0 };

	return fs_read_file(AT_FDCWD, path, NAME_MAX_BYTES, &name, NULL) == 0 && name.data &&
	       str_starts_with(name.data, PROGRAM);
}

/* False: it is no shim, or has ended. */
static bool read_process(const char *pid, struct shim *ret_shim)
{
	AUTO_FREE char *path = xasprintf("/proc/%s/cmdline", pid);
	AUTO_BUF struct buf cmdline = { 0 };

	return is_named_so(pid) &&
	       fs_read_file(AT_FDCWD, path, CMDLINE_MAX_BYTES, &cmdline, NULL) == 0 &&
	       cmdline.data && shim_parse(cmdline.data, cmdline.len, ret_shim);
}

static void add_process(struct shims *shims, const char *pid, const char *socket)
{
	struct shim shim;

	if (!read_process(pid, &shim))
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
	while (dir && fs_next_entry(dir, &entry) > 0)
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

/* ---- kill ---- */

static bool serves(const char *pid, const char *socket, const char *namespace_, const char *id)
{
	struct shim shim;
	bool is;

	if (!read_process(pid, &shim))
		return false;
	is = str_equal(shim.containerd, socket) && str_equal(shim.namespace_, namespace_) &&
	     str_equal(shim.id, id);
	shim_fini(&shim);
	return is;
}

static int kill_held(const char *pid, const char *socket, const char *namespace_, const char *id,
		     struct error *err)
{
	AUTO_CLOSE int fd = pidfd_open(atoi(pid), 0);

	if (fd < 0 || !serves(pid, socket, namespace_, id))
		return -ENOENT;
	if (pidfd_send_signal(fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return error_set(err, -errno, "cannot kill the shim, process %s: %m", pid);
	return 0;
}

int shim_kill(const char *socket, const char *namespace_, const char *id, struct error *err)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int r = -ENOENT;

	while (dir && r == -ENOENT && fs_next_entry(dir, &entry) > 0)
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    serves(entry->d_name, socket, namespace_, id))
			r = kill_held(entry->d_name, socket, namespace_, id, err);
	if (dir)
		closedir(dir);
	return r == -ENOENT ? error_set(err, r, "no shim serves %s/%s", namespace_, id) : r;
}

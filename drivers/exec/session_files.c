/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/base/fs.h"
#include "drivers/exec/session_private.h"

/* Leads nowhere: it says "<namespace>/<container>", and is there as a whole or not at all. */
#define PLACE "of"
enum { PLACE_MAX_BYTES = 512 };

static const char *const names[EXEC_STREAMS] = { [EXEC_OUT] = "out", [EXEC_ERR] = "err" };

/* An end that nobody's coming or going disturbs. */
static int make_fifo(int dir, const char *name, int flags, int *ret_fd, struct error *err)
{
	if (mkfifoat(dir, name, 0600) < 0)
		return error_set(err, -errno, "cannot make the FIFO %s: %m", name);
	*ret_fd = openat(dir, name, flags | O_NONBLOCK | O_CLOEXEC);
	return *ret_fd < 0 ? error_set(err, -errno, "cannot open the FIFO %s: %m", name) : 0;
}

static int make_fifos(struct session *session, int dir, struct error *err)
{
	size_t n = session->tty ? EXEC_ERR : EXEC_STREAMS; /* a terminal has one output */
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = make_fifo(dir, names[i], O_RDONLY, &session->fifos[i].fd, err);
	/* Opened for both, it needs no reader yet. */
	if (r == 0 && session->has_input)
		r = make_fifo(dir, "in", O_RDWR, &session->input.fd, err);
	return r;
}

static int make_dir(const struct session *session, struct error *err)
{
	int r = fs_make_dirs(session->sessions->dir, 0700, err);

	if (r == 0 && mkdir(session->dir, 0700) < 0)
		r = fs_error(err, -errno, "cannot make", session->dir);
	return r;
}

int session_make_files(struct session *session, struct error *err)
{
	AUTO_FREE char *place = xasprintf("%s/%s", session->namespace_, session->container);
	AUTO_CLOSE int dir = -1;
	int r = make_dir(session, err);

	if (r < 0)
		return r;
	dir = open(session->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || symlinkat(place, dir, PLACE) < 0)
		return fs_error(err, -errno, "cannot write into", session->dir);
	return make_fifos(session, dir, err);
}

void session_open_left(struct session *session)
{
	AUTO_CLOSE int dir = open(session->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	for (size_t i = 0; i < EXEC_STREAMS && dir >= 0; i++)
		if (session->fifos[i].fd < 0)
			session->fifos[i].fd = openat(
				dir, names[i], O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
}

int session_remove_files(const char *dir, struct error *err)
{
	return fs_remove_tree(AT_FDCWD, dir, err);
}

bool session_read_place(const char *dir, char **ret_namespace, char **ret_container)
{
	AUTO_FREE char *path = xasprintf("%s/" PLACE, dir);
	char place[PLACE_MAX_BYTES];
	ssize_t n = readlink(path, place, sizeof(place) - 1);
	char *slash;

	if (n <= 0)
		return false;
	place[n] = '\0';
	slash = strchr(place, '/');
	if (!slash || slash == place || !slash[1])
		return false;
	*ret_namespace = xstrndup(place, (size_t)(slash - place));
	*ret_container = xstrdup(slash + 1);
	return true;
}

int sessions_list(const char *dir, struct strv *ret_ids, struct error *err)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;
	int r = stream ? 0 : -errno;

	while (stream && (r = fs_next_entry(stream, &entry)) > 0)
		strv_add(ret_ids, entry->d_name);
	if (stream)
		closedir(stream);
	return r < 0 && r != -ENOENT ? fs_error(err, r, "cannot list", dir) : 0;
}

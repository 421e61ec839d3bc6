/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cellfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "core/base/str.h"
#include "core/model/names.h"

#define HOSTNAME_PREFIX "hostname."
#define LOCALHOST "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

/* What is read back was written here: a host name, or a few lines of hosts. */
enum { FILE_MAX_BYTES = 4096 };

static const char *const names[] = { [CELLFILE_HOSTS] = "hosts", [CELLFILE_HOSTNAME] = "hostname" };

char *cellfiles_path(const char *run_path, const char *cell_key, const char *role,
		     enum cellfile file)
{
	return run_path ? xasprintf("%s/%s/etc/%s%s%s", run_path, cell_key, names[file],
				    role ? "." : "", role ? role : "")
			: xstrdup("");
}

/* ---- one file ---- */

static int write_in_place(int dir_fd, const char *name, const struct buf *content,
			  struct error *err)
{
	AUTO_CLOSE int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	ssize_t n;

	if (fd < 0)
		return fs_error(err, -errno, "cannot open", name);
	n = write(fd, content->data, content->len);
	if (n >= 0 && (size_t)n < content->len)
		return fs_error(err, -ENOSPC, "cannot write", name);
	if (n < 0 || ftruncate(fd, (off_t)content->len) < 0)
		return fs_error(err, -errno, "cannot write", name);
	return 0;
}

/* The first of the names is the one that the address is resolved to. */
static int write_hosts(int dir_fd, const char *name, const char *ip, const char *hostname,
		       const char *cell, struct error *err)
{
	AUTO_BUF struct buf hosts = { 0 };

	buf_add_str(&hosts, LOCALHOST);
	if (ip && str_equal(hostname, cell))
		buf_printf(&hosts, "%s\t%s\n", ip, cell);
	else if (ip)
		buf_printf(&hosts, "%s\t%s %s\n", ip, hostname, cell);
	return write_in_place(dir_fd, name, &hosts, err);
}

static int write_hostname(int dir_fd, const char *name, const char *hostname, struct error *err)
{
	AUTO_BUF struct buf content = { 0 };

	buf_printf(&content, "%s\n", hostname);
	return write_in_place(dir_fd, name, &content, err);
}

/* ---- the directory ---- */

/* Locked: the cell's address and a container's files may be written at the same time, and the last
 * one must see what the first one did. */
static int open_dir(const char *run_path, const char *cell_key, struct error *err)
{
	AUTO_FREE char *dir = xasprintf("%s/%s/etc", run_path, cell_key);
	int fd, r = fs_make_dirs(dir, 0755, err);

	if (r < 0)
		return r;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return error_set(err, -errno, "cannot open %s: %m", dir);
	if (flock(fd, LOCK_EX) < 0) {
		r = error_set(err, -errno, "cannot lock %s: %m", dir);
		close(fd);
		return r;
	}
	return fd;
}

/* The hosts file that belongs to hostname.<role>. */
static int update_container(int dir_fd, const char *hostname_file, const char *ip, const char *cell,
			    struct error *err)
{
	AUTO_FREE char *hosts_file = xasprintf("hosts.%s", hostname_file + strlen(HOSTNAME_PREFIX));
	AUTO_BUF struct buf hostname = { 0 };
	int r = fs_read_file(dir_fd, hostname_file, FILE_MAX_BYTES, &hostname, err);

	if (r < 0 || hostname.len == 0)
		return r;
	hostname.data[strcspn(hostname.data, "\n")] = '\0';
	return write_hosts(dir_fd, hosts_file, ip, hostname.data, cell, err);
}

static int update_containers(int dir_fd, const char *ip, const char *cell, struct error *err)
{
	DIR *dir = fs_list_fd(dir_fd);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return error_set(err, -errno, "cannot list the files of cell %s: %m", cell);
	while (r == 0 && (entry = readdir(dir)))
		if (str_starts_with(entry->d_name, HOSTNAME_PREFIX))
			r = update_container(dir_fd, entry->d_name, ip, cell, err);
	closedir(dir);
	return r;
}

int cellfiles_write(const char *run_path, const char *cell_key, const char *ip, struct error *err)
{
	const char *cell = key_name(cell_key);
	AUTO_CLOSE int dir_fd = -1;
	int r;

	if (!run_path)
		return 0;
	dir_fd = open_dir(run_path, cell_key, err);
	if (dir_fd < 0)
		return dir_fd;
	r = write_hosts(dir_fd, names[CELLFILE_HOSTS], ip, cell, cell, err);
	if (r == 0)
		r = write_hostname(dir_fd, names[CELLFILE_HOSTNAME], cell, err);
	if (r == 0)
		r = update_containers(dir_fd, ip, cell, err);
	return r < 0 ? error_wrap(err, r, "files in %s/%s/etc", run_path, cell_key) : 0;
}

/* The address in the cell's own hosts file; NULL when it is not known. Free with free(). */
static char *read_ip(int dir_fd)
{
	AUTO_BUF struct buf hosts = { 0 };
	const char *ip;

	if (fs_read_file(dir_fd, names[CELLFILE_HOSTS], FILE_MAX_BYTES, &hosts, NULL) < 0 ||
	    hosts.len <= strlen(LOCALHOST))
		return NULL;
	ip = hosts.data + strlen(LOCALHOST);
	return xstrndup(ip, strcspn(ip, "\t\n"));
}

int cellfiles_write_container(const char *run_path, const char *cell_key, const char *role,
			      const char *hostname, struct error *err)
{
	AUTO_FREE char *hosts_file = xasprintf("hosts.%s", role), *ip = NULL;
	AUTO_FREE char *hostname_file = xasprintf(HOSTNAME_PREFIX "%s", role);
	AUTO_CLOSE int dir_fd = -1;
	int r;

	if (!run_path)
		return 0;
	dir_fd = open_dir(run_path, cell_key, err);
	if (dir_fd < 0)
		return dir_fd;
	ip = read_ip(dir_fd);
	r = write_hosts(dir_fd, hosts_file, ip, hostname, key_name(cell_key), err);
	if (r == 0)
		r = write_hostname(dir_fd, hostname_file, hostname, err);
	return r < 0 ? error_wrap(err, r, "files in %s/%s/etc", run_path, cell_key) : 0;
}

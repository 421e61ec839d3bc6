/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hosts/cellfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "core/base/str.h"
#include "core/hosts/hosts.h"
#include "core/model/names.h"

#define HOSTNAME_PREFIX "hostname."
#define LOCALHOST "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

/* Between the cell's own names and those of others. */
#define HEADING "# found by name:\n"

/* What is read back was written here: a host name, or hosts. */
enum { FILE_MAX_BYTES = 4096, HOSTS_FILE_MAX_BYTES = 2 * HOSTS_MAX_BYTES };

enum { FILE_MODE = 0644 };

static const char *const names[] = { [CELLFILE_HOSTS] = "hosts", [CELLFILE_HOSTNAME] = "hostname" };

char *cellfiles_path(const char *run_path, const char *cell_key, const char *role,
		     enum cellfile file)
{
	return run_path ? xasprintf("%s/%s/etc/%s%s%s", run_path, cell_key, names[file],
				    role ? "." : "", role ? role : "")
			: xstrdup("");
}

bool cellfiles_are_there(const char *run_path, const char *cell_key, const char *role)
{
	for (size_t i = 0; run_path && i < ARRAY_SIZE(names); i++) {
		AUTO_FREE char *path = cellfiles_path(run_path, cell_key, role, (enum cellfile)i);
		struct stat st;

		if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
			return false;
	}
	return true;
}

/* ---- one file ---- */

/* A link, or an empty directory, where a file of ours shall be. */
static void make_way(int dir_fd, const char *name)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
		unlinkat(dir_fd, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
}

/* @mode 0: not made when it is missing. */
static int write_file(int dir_fd, const char *name, const struct buf *text, mode_t mode,
		      struct error *err)
{
	if (mode)
		make_way(dir_fd, name);
	return fs_update_file(dir_fd, name, text->data, text->len, mode, err);
}

/* The first of the names is the one that the address is resolved to. */
static void add_own_line(struct buf *text, const char *ip, const char *hostname,
			 const char *cell_key)
{
	AUTO_FREE char *stack = key_parent(cell_key);
	const char *cell = key_name(cell_key);

	buf_printf(text, "%s\t", ip);
	if (!str_equal(hostname, cell))
		buf_printf(text, "%s ", hostname);
	buf_printf(text, "%s %s.%s\n", cell, cell, key_name(stack));
}

/* @ret_written may be NULL. */
static int write_hosts(int dir_fd, const char *name, mode_t mode, const char *hostname,
		       const char *cell_key, const struct cellfiles_hosts *hosts,
		       struct cellfiles_written *ret_written, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	int r;

	buf_add_str(&text, LOCALHOST);
	if (hosts->own.ip)
		add_own_line(&text, hosts->own.ip, hostname, cell_key);
	if (hosts->own.ip6)
		add_own_line(&text, hosts->own.ip6, hostname, cell_key);
	if (!str_empty(hosts->names)) {
		buf_add_str(&text, HEADING);
		buf_add_str(&text, hosts->names); /* long: printf() would read it twice */
	}
	r = write_file(dir_fd, name, &text, mode, err);
	if (r == 0 && ret_written && !str_empty(hosts->names))
		cellfiles_written_add(ret_written, name, text.len - strlen(hosts->names));
	return r;
}

static int write_hostname(int dir_fd, const char *name, const char *hostname, struct error *err)
{
	AUTO_BUF struct buf content = { 0 };

	buf_printf(&content, "%s\n", hostname);
	return write_file(dir_fd, name, &content, FILE_MODE, err);
}

/* ---- the directory ---- */

/* Locked: the cell's address and a container's files may be written at the same time, and the last
 * one must see what the first one did. */
static int open_dir(const char *run_path, const char *cell_key, bool make, struct error *err)
{
	AUTO_FREE char *dir = xasprintf("%s/%s/etc", run_path, cell_key);
	int fd, r = make ? fs_make_dirs(dir, 0755, err) : 0;

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
static int update_container(int dir_fd, const char *hostname_file, mode_t mode,
			    const char *cell_key, const struct cellfiles_hosts *hosts,
			    struct cellfiles_written *ret_written, struct error *err)
{
	AUTO_FREE char *hosts_file = xasprintf("hosts.%s", hostname_file + strlen(HOSTNAME_PREFIX));
	AUTO_BUF struct buf hostname = { 0 };
	int r = fs_read_file(dir_fd, hostname_file, FILE_MAX_BYTES, &hostname, err);

	if (r < 0 || hostname.len == 0)
		return r;
	hostname.data[strcspn(hostname.data, "\n")] = '\0';
	return write_hosts(dir_fd, hosts_file, mode, hostname.data, cell_key, hosts, ret_written,
			   err);
}

/* All hosts files of the cell. */
static int update(int dir_fd, const char *cell_key, mode_t mode,
		  const struct cellfiles_hosts *hosts, struct cellfiles_written *ret_written,
		  struct error *err)
{
	int r = write_hosts(dir_fd, names[CELLFILE_HOSTS], mode, key_name(cell_key), cell_key,
			    hosts, ret_written, err);
	DIR *dir = r < 0 ? NULL : fs_list_fd(dir_fd);
	struct dirent *entry;
	int more = 0;

	if (r < 0)
		return r;
	if (!dir)
		return error_set(err, -errno, "cannot list the files of cell %s: %m", cell_key);
	while (r == 0 && (more = fs_next_entry(dir, &entry)) > 0)
		if (entry->d_type == DT_REG && str_starts_with(entry->d_name, HOSTNAME_PREFIX))
			r = update_container(dir_fd, entry->d_name, mode, cell_key, hosts,
					     ret_written, err);
	if (r == 0 && more < 0)
		r = error_set(err, more, "cannot list the files of cell %s: %s", cell_key,
			      strerror(-more));
	closedir(dir);
	return r;
}

/* The addresses in the cell's own hosts file, as far as they are known. They live in @hosts. */
static struct cell_addresses read_own(int dir_fd, struct buf *hosts)
{
	struct cell_addresses own = { 0 };
	char *line, *next;

	if (fs_read_file(dir_fd, names[CELLFILE_HOSTS], HOSTS_FILE_MAX_BYTES, hosts, NULL) < 0 ||
	    hosts->len <= strlen(LOCALHOST))
		return own;
	for (line = hosts->data + strlen(LOCALHOST); *line && *line != *HEADING; line = next) {
		next = line + strcspn(line, "\n");
		next += *next == '\n';
		line[strcspn(line, "\t\n")] = '\0';
		*(strchr(line, ':') ? &own.ip6 : &own.ip) = line;
	}
	return own;
}

/* ---- the one writer ---- */

/* What is written into the directory of a cell, and how. */
struct writing {
	const char *run_path, *cell_key;
	bool make;                   /* what is missing */
	bool keep_addresses;         /* those that its own file has, whatever @hosts says */
	const char *role, *hostname; /* of one container; NULL: all of the cell */
	struct cellfiles_hosts hosts;
	struct cellfiles_written *ret_written; /* may be NULL */
};

static int write_container(int dir_fd, const struct writing *w, struct error *err)
{
	AUTO_FREE char *hosts_file = xasprintf("hosts.%s", w->role);
	AUTO_FREE char *hostname_file = xasprintf(HOSTNAME_PREFIX "%s", w->role);
	int r = write_hosts(dir_fd, hosts_file, FILE_MODE, w->hostname, w->cell_key, &w->hosts,
			    w->ret_written, err);

	return r < 0 ? r : write_hostname(dir_fd, hostname_file, w->hostname, err);
}

static int write_cell(int dir_fd, const struct writing *w, struct error *err)
{
	int r = w->make ? write_hostname(dir_fd, names[CELLFILE_HOSTNAME], key_name(w->cell_key),
					 err)
			: 0;

	return r < 0 ? r
		     : update(dir_fd, w->cell_key, w->make ? FILE_MODE : 0, &w->hosts,
			      w->ret_written, err);
}

static int write_files(struct writing *w, struct error *err)
{
	AUTO_BUF struct buf before = { 0 };
	AUTO_CLOSE int dir_fd = -1;
	int r;

	if (!w->run_path)
		return 0;
	dir_fd = open_dir(w->run_path, w->cell_key, w->make, err);
	if (dir_fd >= 0 && w->keep_addresses)
		w->hosts.own = read_own(dir_fd, &before);
	if (dir_fd < 0)
		r = dir_fd;
	else
		r = w->role ? write_container(dir_fd, w, err) : write_cell(dir_fd, w, err);
	if (r < 0 && w->ret_written)
		cellfiles_written_fini(w->ret_written);
	if (r == -ENOENT && !w->make) /* it is going, or coming: then they are written before it */
		return 0;
	return r < 0 ? error_wrap(err, r, "files in %s/%s/etc", w->run_path, w->cell_key) : 0;
}

int cellfiles_write(const char *run_path, const char *cell_key, const struct cellfiles_hosts *hosts,
		    struct error *err)
{
	struct writing w = {
		.run_path = run_path, .cell_key = cell_key, .make = true, .hosts = *hosts
	};

	return write_files(&w, err);
}

int cellfiles_update(const char *run_path, const char *cell_key,
		     const struct cellfiles_hosts *hosts, struct cellfiles_written *ret_written,
		     struct error *err)
{
	struct writing w = {
		.run_path = run_path,
		.cell_key = cell_key,
		.keep_addresses = !hosts->own.ip && !hosts->own.ip6,
		.hosts = *hosts,
		.ret_written = ret_written,
	};

	return write_files(&w, err);
}

int cellfiles_write_container(const char *run_path, const char *cell_key, const char *role,
			      const char *hostname, const struct cellfiles_hosts *hosts,
			      struct error *err)
{
	struct writing w = {
		.run_path = run_path,
		.cell_key = cell_key,
		.make = true,
		.keep_addresses = true,
		.role = role,
		.hostname = hostname,
		.hosts = *hosts,
	};

	return write_files(&w, err);
}

/* ---- a few bytes of files that are known ---- */

static int patch_file(const char *path, size_t own_bytes, const struct hosts_lines *lines)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (size_t)st.st_size != own_bytes + lines->len_before)
		return -ESTALE;
	for (size_t i = 0; i < lines->n_patches; i++) {
		const struct hosts_patch *patch = &lines->patches[i];

		if (pwrite(fd, lines->text.data + patch->at, patch->len,
			   (off_t)(own_bytes + patch->at)) != (ssize_t)patch->len)
			return -ESTALE;
	}
	return 0;
}

int cellfiles_patch(const char *run_path, const char *cell_key,
		    const struct cellfiles_written *written, const struct hosts_lines *lines)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < written->n; i++) {
		AUTO_FREE char *path =
			xasprintf("%s/%s/etc/%s", run_path, cell_key, written->items[i].name);

		r = patch_file(path, written->items[i].own_bytes, lines);
	}
	return r;
}

void cellfiles_read_names(const char *run_path, const char *cell_key, struct buf *ret)
{
	AUTO_FREE char *path = cellfiles_path(run_path, cell_key, NULL, CELLFILE_HOSTS);
	AUTO_BUF struct buf text = { 0 };
	const char *heading;

	if (fs_read_file(AT_FDCWD, path, HOSTS_FILE_MAX_BYTES, &text, NULL) < 0 || !text.len)
		return;
	heading = strstr(text.data, HEADING);
	if (heading)
		buf_add_str(ret, heading + strlen(HEADING));
}

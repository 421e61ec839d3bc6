/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cellfiles.h"

#include <errno.h>
#include <fcntl.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "core/model/names.h"

static const char *const names[] = { [CELLFILE_HOSTS] = "hosts", [CELLFILE_HOSTNAME] = "hostname" };

char *cellfiles_path(const char *run_path, const char *cell_key, enum cellfile file)
{
	return run_path ? xasprintf("%s/%s/etc/%s", run_path, cell_key, names[file]) : xstrdup("");
}

static int write_in_place(const char *path, const struct buf *content, struct error *err)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return error_set(err, -errno, "cannot open %s: %m", path);
	if (write(fd, content->data, content->len) != (ssize_t)content->len ||
	    ftruncate(fd, (off_t)content->len) < 0)
		return error_set(err, -errno, "cannot write %s: %m", path);
	return 0;
}

int cellfiles_write(const char *run_path, const char *cell_key, const char *ip, struct error *err)
{
	AUTO_FREE char *dir = xasprintf("%s/%s/etc", run_path ? run_path : "", cell_key);
	AUTO_FREE char *hosts_path = cellfiles_path(run_path, cell_key, CELLFILE_HOSTS);
	AUTO_FREE char *hostname_path = cellfiles_path(run_path, cell_key, CELLFILE_HOSTNAME);
	AUTO_BUF struct buf hosts = { 0 }, hostname = { 0 };
	int r;

	if (!run_path)
		return 0;
	buf_add_str(&hosts, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
	if (ip)
		buf_printf(&hosts, "%s\t%s\n", ip, key_name(cell_key));
	buf_printf(&hostname, "%s\n", key_name(cell_key));
	r = fs_make_dirs(dir, 0755, err);
	if (r == 0)
		r = write_in_place(hosts_path, &hosts, err);
	if (r == 0)
		r = write_in_place(hostname_path, &hostname, err);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config/resolver.h"

#include <errno.h>
#include <fcntl.h>

#include "core/base/fs.h"
#include "core/config/resolv.h"

static int read_one(const char *path, struct buf *ret, size_t *ret_n, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	int r = fs_read_file(AT_FDCWD, path, RESOLV_MAX_BYTES, &text, err);

	if (r < 0 && r != -ENOENT)
		return r;
	*ret_n = text.data ? resolv_render(text.data, ret) : 0;
	return 0;
}

int resolver_read(const struct resolver_files *files, struct buf *ret, size_t *ret_n,
		  struct error *err)
{
	AUTO_BUF struct buf host = { 0 }, stub = { 0 };
	size_t n = 0, n_stub = 0;
	int r = read_one(files->host ? files->host : RESOLVER_HOST_FILE, &host, &n, err);

	if (r < 0)
		return r;
	if (!n &&
	    read_one(files->stub ? files->stub : RESOLVER_STUB_FILE, &stub, &n_stub, NULL) < 0)
		n_stub = 0;
	*ret_n = n_stub ? n_stub : n;
	if (n_stub)
		buf_add(ret, stub.data, stub.len);
	else if (host.len)
		buf_add(ret, host.data, host.len);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The host's resolv.conf. What is made of it is made the same when it is read again. */
#include "core/base/str.h"
#include "core/config/resolv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_FREE char *host = xcalloc(len + 1, 1);
	AUTO_BUF struct buf cell = { 0 }, again = { 0 };
	size_t n;

	if (len)
		memcpy(host, data, len);
	n = resolv_render(host, &cell);
	check(!n || cell.len);
	check(resolv_render(cell.data ? cell.data : "", &again) == n);
	check(str_equal(cell.data, again.data));
	return 0;
}

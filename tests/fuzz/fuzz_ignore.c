/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the bytes of a .kukeonignore: no crash, and no pattern takes longer than its length and
 * that of the path allow. The line behind the first NUL is the path. */
#include "core/base/str.h"
#include "core/manifest/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO(ignore_fini) struct ignore ignore = { 0 };
	const char *text = (const char *)data;
	const char *end = len ? memchr(text, '\0', len) : NULL;
	size_t text_len = end ? (size_t)(end - text) : len;
	AUTO_FREE char *path =
		xstrndup(end ? end + 1 : "a/b.yaml",
			 end ? strnlen(end + 1, len - text_len - 1) : strlen("a/b.yaml"));
	uint64_t steps = 0;
	struct error err;

	if (ignore_parse("f", text, text_len, &ignore, &err) < 0)
		return 0;
	ignore_judge(&ignore, path, true, &steps);
	ignore_judge(&ignore, path, false, &steps);
	check(steps <= 2 * (text_len + 2) * (strlen(path) + 2) * 2);
	return 0;
}

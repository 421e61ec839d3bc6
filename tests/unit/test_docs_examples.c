/* SPDX-License-Identifier: Apache-2.0 */
/* The examples of docs/manifests.md are documents that the daemon takes. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h> /* needs the headers above */

#include "core/base/fs.h"
#include "core/manifest/manifest.h"
#include "core/model/model.h"

static const char *const files[KIND_COUNT] = {
	[KIND_REALM] = "docs/examples/realm.yaml",
	[KIND_SPACE] = "docs/examples/space.yaml",
	[KIND_STACK] = "docs/examples/stack.yaml",
	[KIND_CELL] = "docs/examples/cell.yaml",
	[KIND_CONTAINER] = "docs/examples/container.yaml",
};

static void test_examples(void **state UNUSED)
{
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		AUTO(manifest_fini) struct manifest manifest = { 0 };
		AUTO_BUF struct buf text = { 0 };
		struct document *document;
		struct error err;
		int n = 0;

		if (fs_read_file(AT_FDCWD, files[kind], MANIFEST_MAX_BYTES, &text, &err) < 0)
			fail_msg("%s", err.msg);
		manifest_parse(files[kind], text.data, text.len, &manifest);
		if (manifest.errors.n)
			fail_msg("%s", manifest.errors.items[0]);
		list_for_each(document, &manifest.documents, link) {
			assert_int_equal(document->kind, kind);
			n++;
		}
		assert_int_equal(n, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_examples) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

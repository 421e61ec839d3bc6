/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever an archive says is in it: no crash; every entry that it names is within it. */
#include "core/registry/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO(archive_images_fini) struct archive_images layout = { 0 }, docker = { 0 };
	struct error err;

	if (archive_parse_layout((const char *)data, len, &layout, &err) == 0) {
		check(layout.n > 0);
		for (size_t i = 0; i < layout.n; i++)
			check(layout.items[i].digest && layout.items[i].size >= 0);
	}
	if (archive_parse_docker((const char *)data, len, &docker, &err) < 0)
		return 0;
	check(docker.n > 0);
	for (size_t i = 0; i < docker.n; i++) {
		check(archive_path_is_inside(docker.items[i].config));
		for (size_t j = 0; j < docker.items[i].layers.n; j++)
			check(archive_path_is_inside(docker.items[i].layers.items[j]));
	}
	return 0;
}

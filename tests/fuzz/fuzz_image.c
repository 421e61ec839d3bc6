/* SPDX-License-Identifier: Apache-2.0 */
/* Image documents come from registries: neither parser may fall over anything. */
#include "drivers/oci/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct platform host = { "linux", "amd64", "v3" };
	struct image_manifest manifest = { 0 };
	struct image_config config = { 0 };
	struct error err = { 0 };

	if (image_manifest_parse((const char *)data, len, &host, &manifest, &err) == 0)
		check(image_digest_is_valid(manifest.blob.digest));
	else
		check(err.msg[0]);
	image_manifest_fini(&manifest);
	if (image_config_parse((const char *)data, len, &config, &err) == 0) {
		AUTO_FREE char *chain_id = image_chain_id(&config.diff_ids, config.diff_ids.n);

		check(image_digest_is_valid(chain_id));
	}
	image_config_fini(&config);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/conf/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(cni_result_fini) struct cni_result result = { 0 };
	struct error err = { 0 };

	if (cni_result_parse((const char *)data, size, &result, &err) < 0)
		check(err.msg[0] && !result.root);
	if (cni_error_parse((const char *)data, size, &err) < 0)
		check(!strpbrk(err.msg, "\n\r\033"));
	return 0;
}

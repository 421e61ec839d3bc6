/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is written for an image: no crash; what is taken means the same when it is read again.
 */
#include "core/base/str.h"
#include "core/registry/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO(reference_fini) struct reference reference = { 0 };
	AUTO_FREE char *text = xstrndup((const char *)data, len);
	AUTO_FREE char *name = NULL, *again = NULL, *short_ = NULL, *of_short = NULL;
	struct error err;

	if (reference_parse(text, &reference, &err) < 0)
		return 0;
	name = reference_name(&reference);
	again = reference_name_of(name);
	check(str_equal(name, again));
	short_ = reference_short(&reference);
	of_short = reference_name_of(short_);
	check(str_equal(name, of_short));
	return 0;
}

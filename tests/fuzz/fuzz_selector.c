/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the text: no crash, and a selector or one line that says where it is wrong. */
#include "core/model/selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_FREE char *text = xstrndup((const char *)data, len);
	Api__Metadata__LabelsEntry entry = API__METADATA__LABELS_ENTRY__INIT, *labels = &entry;
	Api__Metadata metadata = API__METADATA__INIT;
	struct selector *selector = NULL;
	struct error err = { 0 };

	entry.key = (char *)"app";
	entry.value = (char *)"web";
	metadata.labels = &labels;
	metadata.n_labels = 1;
	if (selector_parse(text, &selector, &err) < 0) {
		check(!selector && err.msg[0]);
		return 0;
	}
	selector_matches(selector, &metadata);
	selector_matches(selector, NULL);
	selector_free(selector);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a new attachment is called: as no other is, by the journal. */
#include "drivers/attachments/attachment.h"
#include "drivers/cni/cni_private.h"

uint64_t cni_next_number(const struct cni *cni)
{
	const struct journal_record *record = journal_find(cni->journal, SEQUENCE_KEY);
	AUTO_FREE char *text = record ? xstrndup(record->value, record->value_len) : NULL;

	return text ? strtoull(text, NULL, 10) + 1 : 1;
}

static bool is_taken(const struct cni *cni, const char *cell_key, const char *interface)
{
	AUTO_FREE char *prefix = attachment_prefix(cell_key);
	const struct journal_record *record = journal_first(cni->journal, prefix);
	bool taken = false;

	for (; record && !taken; record = journal_next(record, prefix)) {
		AUTO(attachment_fini) struct attachment attachment = { 0 };

		taken = attachment_parse(record->value, record->value_len, &attachment, NULL) ==
				0 &&
			str_equal(attachment.interface, interface);
	}
	return taken;
}

char *cni_choose_interface(const struct cni *cni, const char *cell_key)
{
	for (unsigned n = 1;; n++) {
		AUTO_FREE char *interface = xasprintf("eth%u", n);

		if (!is_taken(cni, cell_key, interface))
			return take_ptr(interface);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/cellfiles_written.h"

#include "core/base/str.h"

void cellfiles_written_fini(struct cellfiles_written *written)
{
	for (size_t i = 0; i < written->n; i++)
		free(written->items[i].name);
	free(written->items);
	*written = (struct cellfiles_written){ 0 };
}

void cellfiles_written_add(struct cellfiles_written *written, const char *name, size_t own_bytes)
{
	written->items = xrealloc(written->items, (written->n + 1) * sizeof(*written->items));
	written->items[written->n++] = (struct cellfile_written){ xstrdup(name), own_bytes };
}

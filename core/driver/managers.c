/* SPDX-License-Identifier: Apache-2.0 */
#include "core/driver/managers.h"

void manager_notes_add(struct manager_notes *notes, const char *name, char *message,
		       const char *remedy)
{
	notes->items = xrealloc(notes->items, (notes->n + 1) * sizeof(*notes->items));
	notes->items[notes->n++] = (struct manager_note){ .name = xstrdup(name),
							  .message = message,
							  .remedy = xstrdup_maybe(remedy) };
}

void manager_notes_fini(struct manager_notes *notes)
{
	for (size_t i = 0; i < notes->n; i++) {
		free(notes->items[i].name);
		free(notes->items[i].message);
		free(notes->items[i].remedy);
	}
	free(notes->items);
	*notes = (struct manager_notes){ 0 };
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An intrusive doubly linked list. A head says its element: "struct list cells; (struct
 * cell.link)". A zeroed link is "not in a list"; a head must be initialised with list_init().
 */
#pragma once

#include "core/base/util.h"

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *head)
{
	head->prev = head->next = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

/* Whether a link (not a head) is in some list. */
static inline bool list_linked(const struct list *link)
{
	return link->next != NULL;
}

static inline void list_insert_before(struct list *position, struct list *link)
{
	check(!list_linked(link));
	link->prev = position->prev;
	link->next = position;
	position->prev->next = link;
	position->prev = link;
}

static inline void list_append(struct list *head, struct list *link)
{
	list_insert_before(head, link);
}

/* Does nothing to a link that is in no list. */
static inline void list_remove(struct list *link)
{
	if (!list_linked(link))
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->prev = link->next = NULL;
}

/* Removes and returns the first link, NULL when empty. */
static inline struct list *list_pop(struct list *head)
{
	struct list *first = head->next;

	if (first == head)
		return NULL;
	list_remove(first);
	return first;
}

/* Moves everything from @from to the empty head @to. */
static inline void list_swap_out(struct list *from, struct list *to)
{
	list_init(to);
	if (list_empty(from))
		return;
	*to = *from;
	to->next->prev = to;
	to->prev->next = to;
	list_init(from);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)

/* Removal of the current element inside the loop is allowed. */
#define list_for_each(item, head, member)                                                          \
	for (struct list *item##_it = (head)->next, *item##_next = item##_it->next;                \
	     item##_it != (head) &&                                                                \
	     ((item) = container_of(item##_it, __typeof__(*(item)), member), true);                \
	     item##_it = item##_next, item##_next = item##_it->next)

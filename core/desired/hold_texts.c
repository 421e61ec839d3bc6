/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired/hold_private.h"

#include "core/base/log.h"
#include "core/base/words.h"
#include "core/state/engine.h"

/* Claims whose names are looked for in texts, all of them in one go. */
struct search {
	struct words_name *names; /* ctx: the claim */
	size_t n, room, left;     /* left: not found yet */
};

static void search_fini(struct search *search)
{
	free(search->names);
}

static void search_add(struct search *search, struct claim *claim, const void *found)
{
	if (search->n == search->room) {
		search->room = 2 * search->room + 16;
		search->names = xrealloc(search->names, search->room * sizeof(*search->names));
	}
	search->names[search->n++] = (struct words_name){
		.hash = words_hash(key_name(claim->object->key)), .ctx = claim, .found = found
	};
	search->left += !found;
}

/* For each the file whose text may hold the document; NULL where there is none. */
static void search_unread(struct search *search, const struct desired *desired)
{
	struct desired_file *file;

	words_sort_names(search->names, search->n);
	list_for_each(file, &desired->unread, unread_link) {
		if (!search->left)
			return;
		search->left -= words_find(&file->unread, search->names, search->n, file);
	}
}

/* A text that is not understood holds what its own file declared, whatever it says. */
static const void *own_text(const struct claim *claim)
{
	return list_linked(&claim->file->unread_link) ? claim->file : NULL;
}

struct gone_text {
	struct list link; /* struct desired.gone_texts */
	struct words words;
};

static void gone_text_free(struct gone_text *gone)
{
	list_remove(&gone->link);
	words_fini(&gone->words);
	free(gone);
}

void hold_forget_texts(struct desired *desired)
{
	struct gone_text *gone;

	list_for_each(gone, &desired->gone_texts, link)
		gone_text_free(gone);
}

static void begin_grace_anew(struct engine *engine, struct claim *claim)
{
	claim->lost_ms = loop_now_ms(engine->loop);
	list_remove(&claim->state_link);
	list_append(&engine->desired.lost, &claim->state_link);
}

void hold_text_goes(struct engine *engine, struct desired_file *file)
{
	struct desired *desired = &engine->desired;
	struct gone_text *gone;
	struct claim *claim;

	list_for_each(claim, &file->claims, file_link)
		if (claim->state == CLAIM_LOST)
			begin_grace_anew(engine, claim);
	if (list_empty(&desired->lost))
		return;
	gone = xnew(struct gone_text);
	gone->words = file->unread;
	file->unread = (struct words){ 0 };
	list_append(&desired->gone_texts, &gone->link);
}

void hold_note_gone_texts(struct engine *engine)
{
	struct desired *desired = &engine->desired;
	AUTO(search_fini) struct search search = { 0 };
	struct gone_text *gone;
	struct claim *claim;

	if (list_empty(&desired->gone_texts))
		return;
	list_for_each(claim, &desired->lost, state_link)
		search_add(&search, claim, NULL);
	words_sort_names(search.names, search.n);
	list_for_each(gone, &desired->gone_texts, link) {
		search.left -=
			search.left ? words_find(&gone->words, search.names, search.n, gone) : 0;
	}
	for (size_t i = 0; i < search.n; i++)
		if (search.names[i].found)
			begin_grace_anew(engine, search.names[i].ctx);
	hold_forget_texts(desired);
}

static void doubt(struct engine *engine, struct claim *claim, const struct desired_file *file)
{
	AUTO_FREE char *why = xasprintf(
		"%s does not declare it any more, but %s cannot be read as a whole and may do so",
		claim->file->path, file->path);

	claim->hidden = 0;
	hold_enter(engine, claim, CLAIM_IN_DOUBT, why);
	log_warning("%s is kept: %s key=%s", kind_name(claim->object->kind), claim->why,
		    claim->object->key);
}

void hold_review(struct engine *engine)
{
	AUTO(search_fini) struct search search = { 0 };
	struct claim *claim;

	hold_note_gone_texts(engine);
	list_for_each(claim, &engine->desired.in_doubt, state_link)
		search_add(&search, claim, own_text(claim));
	search_unread(&search, &engine->desired);
	for (size_t i = 0; i < search.n; i++) {
		claim = search.names[i].ctx;
		if (search.names[i].found)
			continue;
		claim->lost_ms = loop_now_ms(engine->loop);
		hold_enter(engine, claim, CLAIM_LOST, NULL);
	}
	hold_arm(engine);
}

void hold_doubt_expired(struct engine *engine)
{
	AUTO(search_fini) struct search search = { 0 };
	struct claim *claim;

	list_for_each(claim, &engine->desired.lost, state_link) {
		if (!hold_grace_is_over(engine, claim))
			break;
		search_add(&search, claim, own_text(claim));
	}
	search_unread(&search, &engine->desired);
	for (size_t i = 0; i < search.n; i++)
		if (search.names[i].found)
			doubt(engine, search.names[i].ctx, search.names[i].found);
}

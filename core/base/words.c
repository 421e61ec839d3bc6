/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/words.h"

#include <ctype.h>
#include <stdlib.h>

/* FNV-1a */
static const uint64_t hash_basis = 0xcbf29ce484222325, hash_prime = 0x100000001b3;

static bool is_of_word(char c)
{
	return isalnum((unsigned char)c) || c == '-';
}

static uint64_t hash_of(const char *word, size_t len)
{
	uint64_t hash = hash_basis;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)word[i]) * hash_prime;
	return hash;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void sort(struct words *words)
{
	size_t kept = 0;

	if (!words->n) /* and maybe no array */
		return;
	qsort(words->hashes, words->n, sizeof(*words->hashes), compare);
	for (size_t i = 0; i < words->n; i++)
		if (!kept || words->hashes[i] != words->hashes[kept - 1])
			words->hashes[kept++] = words->hashes[i];
	words->n = kept;
}

static bool hides_letters(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char next = i + 1 < len ? data[i + 1] : '\n';

		if (!data[i] || (data[i] == '\\' && strchr("xuU\r\n", next)))
			return true;
	}
	return false;
}

/* Sorted whenever the array is full: a text of few names said often stays small. */
static bool add(struct words *words, size_t *room, uint64_t hash)
{
	if (words->n == *room) {
		sort(words);
		if (words->n > WORDS_MAX)
			return false;
		*room = 2 * words->n + 64;
		words->hashes = xrealloc(words->hashes, *room * sizeof(*words->hashes));
	}
	words->hashes[words->n++] = hash;
	return true;
}

void words_read(const char *data, size_t len, struct words *ret_words)
{
	size_t room = 0;

	*ret_words = (struct words){ 0 };
	if (hides_letters(data, len))
		return words_set_any(ret_words);
	for (size_t i = 0, end; i < len; i = end + 1) {
		for (end = i; end < len && is_of_word(data[end]);)
			end++;
		if (end > i && !add(ret_words, &room, hash_of(data + i, end - i)))
			return words_set_any(ret_words);
	}
	sort(ret_words);
	if (ret_words->n > WORDS_MAX)
		words_set_any(ret_words);
}

void words_set_any(struct words *words)
{
	words_fini(words);
	words->any = true;
}

uint64_t words_hash(const char *name)
{
	return hash_of(name, strlen(name));
}

static int compare_names(const void *a, const void *b)
{
	return compare(&((const struct words_name *)a)->hash,
		       &((const struct words_name *)b)->hash);
}

void words_sort_names(struct words_name *names, size_t n)
{
	if (n)
		qsort(names, n, sizeof(*names), compare_names);
}

static bool has(const struct words *words, uint64_t hash)
{
	return words->any || (words->n && bsearch(&hash, words->hashes, words->n,
						  sizeof(*words->hashes), compare));
}

static size_t mark(struct words_name *name, const void *text)
{
	if (name->found)
		return 0;
	name->found = text;
	return 1;
}

/* The first name that is not before the hash. */
static size_t lower_bound(const struct words_name *names, size_t n, uint64_t hash)
{
	size_t low = 0;

	while (low < n) {
		size_t middle = low + (n - low) / 2;

		if (names[middle].hash < hash)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

size_t words_find(const struct words *words, struct words_name *names, size_t n, const void *text)
{
	size_t marked = 0;

	if (words->any || n < words->n) {
		for (size_t i = 0; i < n; i++)
			if (!names[i].found && has(words, names[i].hash))
				marked += mark(&names[i], text);
		return marked;
	}
	for (size_t i = 0; i < words->n; i++) {
		uint64_t hash = words->hashes[i];

		for (size_t at = lower_bound(names, n, hash); at < n && names[at].hash == hash;
		     at++)
			marked += mark(&names[at], text);
	}
	return marked;
}

void words_fini(struct words *words)
{
	free(words->hashes);
	*words = (struct words){ 0 };
}

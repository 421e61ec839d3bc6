/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network/egress_host.h"

static struct egress_address *find(struct egress_addresses *addresses, const struct ip *address)
{
	for (size_t i = 0; i < addresses->n; i++)
		if (ip_compare(&addresses->items[i].address, address) == 0)
			return &addresses->items[i];
	return NULL;
}

static bool drop_aged(struct egress_addresses *addresses, uint64_t now_ms)
{
	size_t kept = 0, had = addresses->n;

	for (size_t i = 0; i < had; i++)
		if (!addresses->items[i].until_ms || addresses->items[i].until_ms > now_ms)
			addresses->items[kept++] = addresses->items[i];
	addresses->n = kept;
	return kept != had;
}

static bool is_in(const struct ip *answer, size_t n, const struct ip *address)
{
	for (size_t i = 0; i < n; i++)
		if (ip_compare(&answer[i], address) == 0)
			return true;
	return false;
}

/* A free place, or that of the address which left the answers first. */
static struct egress_address *place(struct egress_addresses *addresses)
{
	struct egress_address *found = &addresses->items[0];

	if (addresses->n < EGRESS_ADDRESSES_MAX)
		return &addresses->items[addresses->n++];
	for (size_t i = 1; i < addresses->n; i++)
		if (addresses->items[i].until_ms &&
		    (!found->until_ms || addresses->items[i].until_ms < found->until_ms))
			found = &addresses->items[i];
	return found;
}

bool egress_addresses_take(struct egress_addresses *addresses, bool v6, const struct ip *answer,
			   size_t n, uint64_t now_ms)
{
	bool changed = drop_aged(addresses, now_ms);

	for (size_t i = 0; i < addresses->n; i++) {
		struct egress_address *item = &addresses->items[i];

		if (ip_is_v4(&item->address) != v6 && !item->until_ms &&
		    !is_in(answer, n, &item->address))
			item->until_ms = now_ms + EGRESS_GRACE_MS;
	}
	for (size_t i = 0; i < n; i++) {
		struct egress_address *item = find(addresses, &answer[i]);

		changed |= !item;
		if (!item)
			item = place(addresses);
		*item = (struct egress_address){ .address = answer[i] };
	}
	return changed;
}

void egress_addresses_format(const struct egress_addresses *addresses, struct buf *ret)
{
	char text[IP_TEXT_BYTES];

	buf_add_str(ret, "");
	for (size_t i = 0; i < addresses->n; i++)
		buf_printf(ret, "%s%s", i ? " " : "",
			   ip_format(&addresses->items[i].address, text));
}

void egress_addresses_parse(const char *text, size_t len, struct egress_addresses *ret)
{
	*ret = (struct egress_addresses){ 0 };
	if (len > EGRESS_NOTE_MAX_BYTES)
		return;
	for (size_t at = 0; at < len && ret->n < EGRESS_ADDRESSES_MAX;) {
		const char *end = memchr(text + at, ' ', len - at);
		size_t word_len = (end ? (size_t)(end - text) : len) - at;
		AUTO_FREE char *word = xstrndup(text + at, word_len);
		struct egress_address item = { 0 };

		if (ip_parse(word, &item.address) && !find(ret, &item.address))
			ret->items[ret->n++] = item;
		at += word_len + 1;
	}
}

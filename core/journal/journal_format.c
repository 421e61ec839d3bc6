/* SPDX-License-Identifier: Apache-2.0 */
#include "core/journal/journal_format.h"

#include <endian.h>

#include "core/base/str.h"

enum {
	LENGTH_BYTES = 4,
	SUM_BYTES = 16, /* 64 bits of the digest: against accidents, not against people */
	HEAD_BYTES = LENGTH_BYTES + SUM_BYTES,
	BODY_HEAD_BYTES = 3,
	BODY_MAX_BYTES = BODY_HEAD_BYTES + JOURNAL_KEY_MAX_BYTES + JOURNAL_VALUE_MAX_BYTES,
};

/* The digest covers the length too, so that a flipped bit there cannot shift the reader. */
static void record_sum(const char *body, size_t len, char ret_hex[SHA256_HEX_BYTES])
{
	AUTO_BUF struct buf input = { 0 };
	uint32_t length = htole32((uint32_t)len);

	buf_add(&input, &length, sizeof(length));
	buf_add(&input, body, len);
	sha256_hex(input.data, input.len, ret_hex);
}

void journal_encode(struct buf *out, enum journal_op op, const char *key, const void *value,
		    size_t len)
{
	AUTO_BUF struct buf body = { 0 };
	size_t key_len = strlen(key);
	uint16_t key_length = htole16((uint16_t)key_len);
	char op_byte = (char)op, hex[SHA256_HEX_BYTES];
	uint32_t length;

	check(key_len && key_len <= JOURNAL_KEY_MAX_BYTES && len <= JOURNAL_VALUE_MAX_BYTES);
	buf_add(&body, &op_byte, 1);
	buf_add(&body, &key_length, sizeof(key_length));
	buf_add(&body, key, key_len);
	buf_add(&body, value, len);
	record_sum(body.data, body.len, hex);
	length = htole32((uint32_t)body.len);
	buf_add(out, &length, sizeof(length));
	buf_add(out, hex, SUM_BYTES);
	buf_add(out, body.data, body.len);
}

static bool all_zero(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i])
			return false;
	return true;
}

static bool parse_body(const char *body, size_t len, struct journal_entry *entry)
{
	uint16_t key_length;

	memcpy(&key_length, body + 1, sizeof(key_length));
	entry->op = (enum journal_op)body[0];
	entry->key = body + BODY_HEAD_BYTES;
	entry->key_len = le16toh(key_length);
	if (entry->op != JOURNAL_PUT && entry->op != JOURNAL_REMOVE)
		return false;
	if (entry->key_len == 0 || entry->key_len > JOURNAL_KEY_MAX_BYTES ||
	    entry->key_len > len - BODY_HEAD_BYTES || memchr(entry->key, 0, entry->key_len))
		return false;
	entry->value = entry->key + entry->key_len;
	entry->value_len = len - BODY_HEAD_BYTES - entry->key_len;
	return entry->value_len <= JOURNAL_VALUE_MAX_BYTES;
}

/* Cheap: what is no record at all is not worth its digest. */
static bool has_sum(const char *data)
{
	for (size_t i = 0; i < SUM_BYTES; i++) {
		char c = data[LENGTH_BYTES + i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

enum journal_decoded journal_decode(const char *data, size_t len, struct journal_entry *ret_entry)
{
	struct journal_entry entry = { 0 };
	char hex[SHA256_HEX_BYTES];
	uint32_t length;
	size_t body_len;

	if (len == 0)
		return JOURNAL_END;
	if (len < HEAD_BYTES || all_zero(data, len))
		return JOURNAL_TORN;
	memcpy(&length, data, sizeof(length));
	body_len = le32toh(length);
	if (body_len < BODY_HEAD_BYTES || body_len > BODY_MAX_BYTES)
		return JOURNAL_DAMAGED;
	if (body_len > len - HEAD_BYTES)
		return JOURNAL_TORN;
	if (has_sum(data))
		record_sum(data + HEAD_BYTES, body_len, hex);
	if (!has_sum(data) || memcmp(hex, data + LENGTH_BYTES, SUM_BYTES) != 0)
		return body_len == len - HEAD_BYTES ? JOURNAL_TORN : JOURNAL_DAMAGED;
	if (!parse_body(data + HEAD_BYTES, body_len, &entry))
		return JOURNAL_DAMAGED;
	entry.size = HEAD_BYTES + body_len;
	*ret_entry = entry;
	return JOURNAL_RECORD;
}

size_t journal_find_record(const char *data, size_t len)
{
	struct journal_entry entry;

	for (size_t at = 1; at + HEAD_BYTES < len; at++)
		if (has_sum(data + at) &&
		    journal_decode(data + at, len - at, &entry) == JOURNAL_RECORD)
			return at;
	return len;
}

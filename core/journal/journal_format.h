/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of the journal (core/journal/journal.h). Pure. The file is a magic line, then records back to back:
 *
 *   u32 body length | 16 bytes of SHA-256 in hex over length and body | body: u8 op, u16 key
 * length, key, value
 *
 * Numbers are little-endian.
 */
#pragma once

#include "core/base/buf.h"

#define JOURNAL_MAGIC "kukeon journal 1\n"

enum {
	JOURNAL_MAGIC_BYTES = sizeof(JOURNAL_MAGIC) - 1,
	JOURNAL_KEY_MAX_BYTES = 512,
	JOURNAL_VALUE_MAX_BYTES = 1024 * 1024,
};

enum journal_op { JOURNAL_PUT = 1, JOURNAL_REMOVE = 2 };

/* One record, pointing into what was decoded. */
struct journal_entry {
	enum journal_op op;
	const char *key; /* not NUL-terminated, holds no NUL */
	size_t key_len;
	const char *value;
	size_t value_len;
	size_t size; /* of the whole record in the file */
};

enum journal_decoded {
	JOURNAL_RECORD,
	JOURNAL_END,  /* nothing left */
	JOURNAL_TORN, /* the rest may be the beginning of a record, or is zeros: either the write
			 did not finish, or a length is wrong: journal_find_record() tells */
	JOURNAL_DAMAGED, /* bad record with more behind it */
};

void journal_encode(struct buf *out, enum journal_op op, const char *key, const void *value,
		    size_t len);
enum journal_decoded journal_decode(const char *data, size_t len, struct journal_entry *ret_entry);

/* Where the next whole record begins, behind the first byte; @len when there is none. */
size_t journal_find_record(const char *data, size_t len);

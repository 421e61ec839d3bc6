/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a container prints: its records are all of it, and the same ones wherever it was cut in
 * the middle of its way. */
#include "core/base/buf.h"
#include "logger/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { OUT_BYTES = 40 * 1024 };

/* Prints the first @cut bytes, as one that does not know the others, then the rest. */
static void print_in_two(const char *in, size_t len, size_t cut, struct buf *ret)
{
	static const char stamp[RECORD_STAMP_BYTES] = "2026-03-01T12:00:00.123456789Z";
	static char out[OUT_BYTES];
	size_t at = 0, taken, printed, known = cut;

	for (;;) {
		taken = record_print_all(in + at, known - at, known == len, stamp, "stdout", out,
					 sizeof(out), &printed);
		buf_add(ret, out, printed);
		at += taken;
		if (taken == 0 && known == len)
			break;
		if (taken == 0)
			known = len;
	}
	check(at == len);
}

/* What was printed, of records that are well formed. */
static void text_of(const struct buf *records, struct buf *ret)
{
	const char *at = records->data, *end;

	for (size_t left = records->len; left > 0; left -= (size_t)(end + 1 - at), at = end + 1) {
		end = memchr(at, '\n', left);
		check(end != NULL && end - at >= 40 && end - at <= 40 + LOG_PART_MAX_BYTES);
		buf_add(ret, at + 40, (size_t)(end - at - 40));
		if (at[38] == 'F')
			buf_add_str(ret, "\n");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_BUF struct buf whole = { 0 }, in_two = { 0 }, text = { 0 }, long_one = { 0 };
	size_t cut, n;

	if (len < 3)
		return 0;
	/* Lines that are longer than a part: each is put there some times. */
	n = 1 + data[0] % 8u * 256;
	for (size_t i = 0; i < n && long_one.len < 200 * 1024; i++)
		buf_add(&long_one, data + 3, len - 3);
	if (long_one.len == 0)
		return 0;
	cut = (data[1] * 256u + data[2]) % (long_one.len + 1);
	print_in_two(long_one.data, long_one.len, long_one.len, &whole);
	print_in_two(long_one.data, long_one.len, cut, &in_two);
	check(whole.len == in_two.len && memcmp(whole.data, in_two.data, whole.len) == 0);
	text_of(&whole, &text);
	check(text.len == long_one.len && memcmp(text.data, long_one.data, text.len) == 0);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a registry or its server of tokens answers: no crash; words fit a line of a terminal. */
#include "core/registry/answer.h"
#include "core/registry/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO(token_fini) struct token token = { 0 };
	AUTO_BUF struct buf words = { 0 };
	AUTO_FREE char *text = xstrndup((const char *)data, len);
	struct error err;
	int64_t wait_ms = answer_retry_after_ms(text, 1700000000000);

	int64_t first, total;

	if (answer_content_range(text, &first, &total))
		check(first >= 0 && (total == -1 || total > first));
	check(wait_ms >= -1 && wait_ms <= RETRY_AFTER_MAX_MS);
	answer_add_words((const char *)data, len, &words);
	check(words.len <= ANSWER_WORDS_MAX_BYTES);
	for (size_t i = 0; i < words.len; i++)
		check(words.data[i] >= 0x20 && words.data[i] < 0x7f);
	if (token_parse(text, strlen(text), 1700000000000, &token, &err) == 0)
		check(!strpbrk(token.text, " \r\n"));
	return 0;
}

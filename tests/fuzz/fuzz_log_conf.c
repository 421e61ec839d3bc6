/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever stands in a .conf, or is called like a file of the spool: no crash; what is taken is the
 * same when it is written and read again. */
#include "core/base/str.h"
#include "core/logs/log_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_names(const char *text)
{
	char entry[LOG_NAME_MAX_BYTES], namespace[LOG_NAME_MAX_BYTES], id[LOG_NAME_MAX_BYTES];
	char again[LOG_NAME_MAX_BYTES];
	enum log_suffix suffix;
	unsigned int old;
	uint64_t run;
	bool zst;

	if (log_spool_parse(text, entry, &suffix)) {
		check(log_spool_format(entry, suffix, again) && str_equal(again, text));
		check(log_entry_parse(entry, namespace, id, &run));
		check(log_entry_format(namespace, id, run, again) && str_equal(again, entry));
	}
	if (log_file_parse(text, &run, &old, &zst)) {
		AUTO_FREE char *path = log_file_path("", run, old, zst);

		check(str_equal(path + 1, text));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO(log_conf_fini) struct log_conf conf = { 0 }, again = { 0 };
	AUTO_BUF struct buf text = { 0 }, same = { 0 };
	AUTO_FREE char *name = xstrndup((const char *)data, len);
	struct log_stat stat;
	struct error err;

	try_names(name);
	log_stat_parse((const char *)data, len, &stat);
	if (log_conf_parse((const char *)data, len, &conf, &err) < 0)
		return 0;
	log_conf_format(&conf, &text);
	check(text.len <= 2 * LOG_CONF_MAX_BYTES);
	if (text.len > LOG_CONF_MAX_BYTES)
		return 0;
	check(log_conf_parse(text.data, text.len, &again, &err) == 0);
	log_conf_format(&again, &same);
	check(same.len == text.len && memcmp(same.data, text.data, text.len) == 0);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/logs/log_names.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "core/base/str.h"

static const char *const suffixes[LOG_SPOOL_N] = {
	[LOG_SPOOL_OUT] = "out",   [LOG_SPOOL_ERR] = "err",   [LOG_SPOOL_CONF] = "conf",
	[LOG_SPOOL_DONE] = "done", [LOG_SPOOL_STAT] = "stat",
};

static const char *const drivers[] = {
	[LOG_DRIVER_FILE] = "file",
	[LOG_DRIVER_JOURNALD] = "journald",
};

bool log_driver_parse(const char *word, enum log_driver *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		if (str_equal(word, drivers[i])) {
			*ret = (enum log_driver)i;
			return true;
		}
	}
	return false;
}

const char *log_driver_name(enum log_driver driver)
{
	return drivers[driver];
}

/* Digits and nothing else, as they are printed: no sign, no leading zero. */
static bool parse_number(const char *text, uint64_t *ret)
{
	uint64_t n = 0;

	if (*text == '\0' || (*text == '0' && text[1] != '\0'))
		return false;
	for (; *text != '\0'; text++) {
		if (!isdigit((unsigned char)*text) || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, *text - '0', &n))
			return false;
	}
	*ret = n;
	return true;
}

/* ---- a log_conf ---- */

void log_conf_fini(struct log_conf *conf)
{
	free(conf->dir);
	free(conf->realm);
	free(conf->space);
	free(conf->stack);
	free(conf->cell);
	free(conf->container);
	memset(conf, 0, sizeof(*conf));
}

static int64_t clamp(uint64_t n, int64_t least, int64_t most)
{
	return n < (uint64_t)least ? least : n > (uint64_t)most ? most : (int64_t)n;
}

static bool take_number(struct log_conf *conf, const char *key, const char *value)
{
	uint64_t n;

	if (!parse_number(value, &n))
		return false;
	if (str_equal(key, "run"))
		conf->run = n;
	else if (str_equal(key, "max_bytes"))
		conf->max_bytes = clamp(n, LOG_MIN_BYTES, INT64_MAX / 2);
	else if (str_equal(key, "max_files"))
		conf->max_files = (uint32_t)clamp(n, 1, LOG_FILES_MAX);
	else
		conf->compress = n != 0;
	return true;
}

static char **text_of(struct log_conf *conf, const char *key)
{
	const struct {
		const char *key;
		char **text;
	} texts[] = {
		{ "dir", &conf->dir },     { "realm", &conf->realm },
		{ "space", &conf->space }, { "stack", &conf->stack },
		{ "cell", &conf->cell },   { "container", &conf->container },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (str_equal(key, texts[i].key))
			return texts[i].text;
	}
	return NULL;
}

static bool is_number(const char *key)
{
	static const char *const keys[] = { "run", "max_bytes", "max_files", "compress" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (str_equal(key, keys[i]))
			return true;
	}
	return false;
}

static int take_line(struct log_conf *conf, char *line, struct error *err)
{
	char *value = strchr(line, '='), **text;

	if (value == NULL)
		return error_set(err, -EINVAL, "a line without =");
	*value++ = '\0';
	text = text_of(conf, line);
	if (text != NULL) {
		str_replace(text, value);
		return 0;
	}
	if (str_equal(line, "driver") && !log_driver_parse(value, &conf->driver))
		return error_set(err, -EINVAL, "unknown driver");
	if (is_number(line) && !take_number(conf, line, value))
		return error_set(err, -EINVAL, "%s is no number", line);
	return 0;
}

int log_conf_parse(const char *text, size_t len, struct log_conf *ret, struct error *err)
{
	char *line, *rest;
	int r;

	if (len > LOG_CONF_MAX_BYTES || (len > 0 && memchr(text, '\0', len) != NULL))
		return error_set(err, -EINVAL, "not of this kind");
	AUTO_FREE char *copy = xstrndup(text, len);
	ret->max_bytes = LOG_DEFAULT_BYTES;
	ret->max_files = LOG_DEFAULT_FILES;
	for (line = strtok_r(copy, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		r = take_line(ret, line, err);
		if (r < 0)
			return r;
	}
	if (ret->driver == LOG_DRIVER_FILE && (ret->dir == NULL || ret->dir[0] != '/'))
		return error_set(err, -EINVAL, "dir is no absolute path");
	return 0;
}

static void add_text(struct buf *buf, const char *key, const char *value)
{
	if (!str_empty(value) && strchr(value, '\n') == NULL)
		buf_printf(buf, "%s=%s\n", key, value);
}

void log_conf_format(const struct log_conf *conf, struct buf *ret)
{
	add_text(ret, "dir", conf->dir);
	buf_printf(ret, "run=%llu\ndriver=%s\nmax_bytes=%lld\nmax_files=%u\ncompress=%d\n",
		   (unsigned long long)conf->run, log_driver_name(conf->driver),
		   (long long)conf->max_bytes, conf->max_files, conf->compress);
	add_text(ret, "realm", conf->realm);
	add_text(ret, "space", conf->space);
	add_text(ret, "stack", conf->stack);
	add_text(ret, "cell", conf->cell);
	add_text(ret, "container", conf->container);
}

/* ---- a log_stat ---- */

void log_stat_format(const struct log_stat *stat, struct buf *ret)
{
	buf_printf(ret, "dropped_lines=%llu\ndropped_bytes=%llu\n",
		   (unsigned long long)stat->dropped_lines,
		   (unsigned long long)stat->dropped_bytes);
}

static uint64_t stat_number(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at != NULL && (at == text || at[-1] == '\n') ? strtoull(at + strlen(key), NULL, 10)
							    : 0;
}

void log_stat_parse(const char *text, size_t len, struct log_stat *ret)
{
	AUTO_FREE char *copy = xstrndup(text, len < LOG_CONF_MAX_BYTES ? len : LOG_CONF_MAX_BYTES);

	ret->dropped_lines = stat_number(copy, "dropped_lines=");
	ret->dropped_bytes = stat_number(copy, "dropped_bytes=");
}

/* ---- names in the spool ---- */

static bool is_name(const char *name)
{
	for (const char *c = name; *c != '\0'; c++) {
		if (!isalnum((unsigned char)*c) && strchr("._-", *c) == NULL)
			return false;
	}
	return name[0] != '\0' && name[0] != '.';
}

static bool fits(int printed)
{
	return printed > 0 && printed < LOG_NAME_MAX_BYTES;
}

bool log_entry_format(const char *namespace, const char *id, uint64_t run,
		      char ret[LOG_NAME_MAX_BYTES])
{
	return is_name(namespace) && is_name(id) &&
	       fits(snprintf(ret, LOG_NAME_MAX_BYTES, "%s+%s+%llu", namespace, id,
			     (unsigned long long)run));
}

static void take_part(char *ret, const char *part)
{
	if (ret != NULL)
		str_copy(ret, LOG_NAME_MAX_BYTES, part);
}

bool log_entry_parse(const char *entry, char *ret_namespace, char *ret_id, uint64_t *ret_run)
{
	char parts[LOG_NAME_MAX_BYTES], *id, *run;
	uint64_t n;

	if (!str_copy(parts, sizeof(parts), entry))
		return false;
	id = strchr(parts, '+');
	run = id != NULL ? strchr(id + 1, '+') : NULL;
	if (run == NULL)
		return false;
	*id++ = *run++ = '\0';
	if (!is_name(parts) || !is_name(id) || !parse_number(run, &n))
		return false;
	take_part(ret_namespace, parts);
	take_part(ret_id, id);
	if (ret_run != NULL)
		*ret_run = n;
	return true;
}

bool log_spool_format(const char *entry, enum log_suffix suffix, char ret[LOG_NAME_MAX_BYTES])
{
	return fits(snprintf(ret, LOG_NAME_MAX_BYTES, "%s.%s", entry, suffixes[suffix]));
}

bool log_spool_parse(const char *name, char ret_entry[LOG_NAME_MAX_BYTES],
		     enum log_suffix *ret_suffix)
{
	char entry[LOG_NAME_MAX_BYTES], *dot;

	if (!str_copy(entry, sizeof(entry), name))
		return false;
	dot = strrchr(entry, '.');
	if (dot == NULL)
		return false;
	*dot++ = '\0';
	for (int i = 0; i < LOG_SPOOL_N; i++) {
		if (str_equal(dot, suffixes[i]) && log_entry_parse(entry, NULL, NULL, NULL)) {
			*ret_suffix = (enum log_suffix)i;
			return str_copy(ret_entry, LOG_NAME_MAX_BYTES, entry);
		}
	}
	return false;
}

/* ---- names of log files ---- */

char *log_file_path(const char *dir, uint64_t run, unsigned int old, bool compressed)
{
	if (old == 0)
		return xasprintf("%s/%llu.log", dir, (unsigned long long)run);
	return xasprintf("%s/%llu.log.%u%s", dir, (unsigned long long)run, old,
			 compressed ? ".zst" : "");
}

/* The number behind ".log.", 0 when there is none. */
static bool parse_old(const char *text, unsigned int *ret)
{
	uint64_t n = 0;

	if (*text != '\0' &&
	    (*text != '.' || !parse_number(text + 1, &n) || n == 0 || n > UINT_MAX))
		return false;
	*ret = (unsigned int)n;
	return true;
}

bool log_file_parse(const char *name, uint64_t *ret_run, unsigned int *ret_old,
		    bool *ret_compressed)
{
	char copy[64], *log;
	bool zst = str_ends_with(name, ".zst");
	unsigned int old;
	uint64_t run;

	if (!str_copy(copy, sizeof(copy), name))
		return false;
	if (zst)
		copy[strlen(copy) - strlen(".zst")] = '\0';
	log = strstr(copy, ".log");
	if (log == NULL)
		return false;
	*log = '\0';
	if (!parse_number(copy, &run) || !parse_old(log + strlen(".log"), &old) ||
	    (zst && old == 0))
		return false;
	*ret_run = run;
	*ret_old = old;
	*ret_compressed = zst;
	return true;
}

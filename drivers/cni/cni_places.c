/* SPDX-License-Identifier: Apache-2.0 */
/* Where a cell is pinned, and where conflists of ours may be. */
#include "core/aside/aside.h"
#include "core/aside/paths.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/journal/journal.h"
#include "core/model/names.h"
#include "drivers/cni/cni_private.h"
#include "drivers/conf/confdir.h"
#include "drivers/netns/netns.h"

char *cni_netns_path(const struct cni *cni, const char *cell_key)
{
	AUTO_FREE char *id = name_cell_id(cell_key);

	return xasprintf("%s/%s", cni->netns_dir, id);
}

char *cni_space_dir(const struct cni *cni, const char *space_key)
{
	AUTO_FREE char *key = xasprintf(CONFDIR_PREFIX "%s", space_key);
	const struct journal_record *record = journal_find(cni->journal, key);

	return record ? xstrndup(record->value, record->value_len) : xstrdup(cni->conf_dir);
}

/* Each at most once. */
static void add_record_dirs(const struct journal_record *record, struct strv *ret_dirs)
{
	AUTO_FREE char *text = xcalloc(record->value_len + 1, 1);

	memcpy(text, record->value, record->value_len);
	for (size_t at = 0; at < record->value_len; at += strlen(text + at) + 1)
		if (text[at] && !strv_has(ret_dirs, text + at))
			strv_add(ret_dirs, text + at);
}

void cni_space_dirs(const struct cni *cni, const char *space_key, struct strv *ret_dirs)
{
	AUTO_FREE char *key = xasprintf(CONFDIR_PREFIX "%s", space_key);
	const struct journal_record *record = journal_find(cni->journal, key);

	if (record)
		add_record_dirs(record, ret_dirs);
	else
		strv_add(ret_dirs, cni->conf_dir);
}

void cni_conf_dirs(const struct cni *cni, struct strv *ret_dirs)
{
	const struct journal_record *record = journal_first(cni->journal, CONFDIR_PREFIX);

	strv_add(ret_dirs, cni->conf_dir);
	for (; record; record = journal_next(record, CONFDIR_PREFIX))
		add_record_dirs(record, ret_dirs);
}

int cni_dir_answers(const struct cni *cni, const char *dir, struct error *err)
{
	int r = str_equal(dir, cni->conf_dir) ? 0 : paths_answer(&dir, 1, PATHS_READ, err);

	return r < 0 ? error_wrap(err, r, "the directory of conflists %s", dir) : 0;
}

void cni_leave_out_hung(const struct cni *cni, struct strv *dirs)
{
	struct strv answering = { 0 };
	struct error err;

	for (size_t i = 0; i < dirs->n; i++)
		if (cni_dir_answers(cni, dirs->items[i], &err) == 0)
			strv_add(&answering, dirs->items[i]);
		else
			log_debug("left out: %s", err.msg);
	strv_fini(dirs);
	*dirs = answering;
}

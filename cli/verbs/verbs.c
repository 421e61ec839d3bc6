/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#include "core/base/str.h"

/* clang-format off */
static const struct verb *const all[] = {
	&verb_init,
	&verb_apply,
	&verb_validate,
	&verb_create,
	&verb_get,
	&verb_status,
	&verb_events,
	&verb_log,
	&verb_wait,
	&verb_start,
	&verb_stop,
	&verb_kill,
	&verb_restart,
	&verb_exec,
	&verb_delete,
	&verb_prune,
	&verb_image,
	&verb_refresh,
	&verb_doctor,
	&verb_uninstall,
	&verb_completion,
	&verb_version,
	&verb_help,
	&verb_complete,
};
/* clang-format on */

void verbs_register(void)
{
	verbs = all;
	n_verbs = ARRAY_SIZE(all);
}

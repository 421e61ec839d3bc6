/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of kuke, one per file verb_<name>.c: those that ask in cli/ask, those about kuke itself
 * in cli/help, those that change something in cli/verbs. */
#pragma once

#include "cli/cli.h"

/* From now on they are the verbs of cli/cli.h. */
void verbs_register(void);

extern const struct verb verb_apply;
extern const struct verb verb_complete; /* for the scripts of verb_completion */
extern const struct verb verb_completion;
extern const struct verb verb_create;
extern const struct verb verb_delete;
extern const struct verb verb_doctor;
extern const struct verb verb_events;
extern const struct verb verb_exec;
extern const struct verb verb_get;
extern const struct verb verb_help;
extern const struct verb verb_image;
extern const struct verb verb_init;
extern const struct verb verb_kill;
extern const struct verb verb_log;
extern const struct verb verb_prune;
extern const struct verb verb_refresh;
extern const struct verb verb_restart;
extern const struct verb verb_start;
extern const struct verb verb_status;
extern const struct verb verb_stop;
extern const struct verb verb_uninstall;
extern const struct verb verb_validate;
extern const struct verb verb_version;
extern const struct verb verb_wait;

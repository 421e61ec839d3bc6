/* SPDX-License-Identifier: Apache-2.0 */
/* What the judgement of lost claims and the search in texts that nobody understands know of each
 * other. Private to them. */
#pragma once

#include "core/desired/hold.h"
#include "core/state/engine.h"

/* The claim is in that state from now on. */
void hold_enter(struct engine *engine, struct claim *claim, enum claim_state state,
		const char *why);

/* The grace of the claim is over. */
bool hold_grace_is_over(const struct engine *engine, const struct claim *claim);

/* What texts that are gone may have held has its whole grace. */
void hold_note_gone_texts(struct engine *engine);

/* Of claims whose grace is over: those that a text may hold are in doubt. */
void hold_doubt_expired(struct engine *engine);

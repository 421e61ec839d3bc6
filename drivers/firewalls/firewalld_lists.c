/* SPDX-License-Identifier: Apache-2.0 */
/* Which bridges the zone is to get, to lose, and to have in its files: lists beside lists, of
 * thousands maybe. Pure. */
#include "drivers/firewalls/firewalld_private.h"

bool firewalld_is_to_go(const struct firewalld *firewalld, const char *bridge)
{
	return strset_has(&firewalld->ours, bridge) && !strset_has(&firewalld->wanted, bridge);
}

const char *firewalld_first_missing(struct firewalld *firewalld)
{
	struct round *round = &firewalld->round;

	for (; round->next_missing < firewalld->wanted.n; round->next_missing++) {
		const char *bridge = firewalld->wanted.items[round->next_missing];

		if (!strset_has(&round->held, bridge) && !strset_has(&round->tried, bridge))
			return bridge;
	}
	return NULL;
}

/* The same: what was held at the beginning stays where it is in the list. */
const char *firewalld_first_to_go(struct firewalld *firewalld)
{
	struct round *round = &firewalld->round;

	for (; round->next_to_go < round->held.n; round->next_to_go++) {
		const char *bridge = round->held.items[round->next_to_go];

		if (firewalld_is_to_go(firewalld, bridge) && !strset_has(&round->tried, bridge))
			return bridge;
	}
	return NULL;
}

bool firewalld_find_to_store(const struct firewalld *firewalld, struct strset *ret)
{
	const struct round *round = &firewalld->round;
	bool changed = false;

	for (size_t i = 0; i < round->stored.n; i++)
		if (firewalld_is_to_go(firewalld, round->stored.items[i]))
			changed = true;
		else
			strset_add(ret, round->stored.items[i]);
	for (size_t i = 0; i < firewalld->wanted.n; i++) {
		const char *bridge = firewalld->wanted.items[i];

		if (!strset_has(&round->elsewhere, bridge))
			changed |= strset_add(ret, bridge);
	}
	return changed;
}

bool firewalld_is_shared(const struct firewalld *firewalld)
{
	const struct round *round = &firewalld->round;

	for (size_t i = 0; i < round->held.n; i++)
		if (!firewalld_is_to_go(firewalld, round->held.items[i]))
			return true;
	return false;
}

bool firewalld_note_ours(struct firewalld *firewalld)
{
	bool changed = false;

	for (size_t i = 0; i < firewalld->wanted.n; i++)
		changed |= strset_add(&firewalld->ours, firewalld->wanted.items[i]);
	return changed;
}

bool firewalld_forget_gone(struct firewalld *firewalld)
{
	struct strset left = { 0 }, ours = firewalld->ours;
	bool changed;

	for (size_t i = 0; i < ours.n; i++)
		if (strset_has(&firewalld->wanted, ours.items[i]))
			strset_add(&left, ours.items[i]);
	changed = left.n != ours.n;
	firewalld->ours = left;
	strset_fini(&ours);
	return changed;
}

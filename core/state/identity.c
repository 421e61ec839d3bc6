/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/identity.h"

#include <stdio.h>
#include <sys/random.h>

#include "core/base/util.h"

/* A UUID of version 4. */
static void make_uid(char ret_uid[IDENTITY_UID_BYTES])
{
	uint16_t part[8];

	check(getrandom(part, sizeof(part), 0) == sizeof(part));
	part[3] = (uint16_t)((part[3] & 0x0fff) | 0x4000);
	part[4] = (uint16_t)((part[4] & 0x3fff) | 0x8000);
	snprintf(ret_uid, IDENTITY_UID_BYTES, "%04x%04x-%04x-%04x-%04x-%04x%04x%04x", part[0],
		 part[1], part[2], part[3], part[4], part[5], part[6], part[7]);
}

void identity_begin(struct identity *identity)
{
	if (*identity->uid && !identity->over)
		return;
	*identity = (struct identity){ .generation = 1 };
	make_uid(identity->uid);
}

void identity_restore(struct identity *identity, const char *uid, uint64_t generation)
{
	if (!uid || !*uid)
		return;
	snprintf(identity->uid, sizeof(identity->uid), "%s", uid);
	identity->generation = generation ? generation : 1;
	identity->over = false;
}

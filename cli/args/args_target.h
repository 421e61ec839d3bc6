/* SPDX-License-Identifier: Apache-2.0 */
/* What the words and scope flags of a verb name: one object, or a list of them. */
#pragma once

#include "api/kukeon.pb-c.h"
#include "cli/args/args.h"
#include "core/base/buf.h"

/* Strings belong to whoever it was made from, or to @path. Not to be copied. */
struct target {
	enum kind kind;
	const char *name;                  /* NULL: a list */
	const char *scope[KIND_CONTAINER]; /* complete for a named object; else NULL means any */
	struct key_parts path;             /* of a name that was given with its scope */
};

/* The words KIND [NAME] and --realm, --space, ...; instead of these REALM/SPACE/.../NAME, as
 * results print it. 0 or -EINVAL. */
int target_read(const struct args *args, struct target *ret_target, struct error *err);

/* The same of KIND NAME..., the word @i: 1 is the first name. */
int target_read_word(const struct args *args, unsigned i, struct target *ret_target,
		     struct error *err);

/* Appends the keys of all names, which target_read_word() has taken. */
void target_add_keys(const struct args *args, struct strv *ret_keys);

/* The object with this key; false when it is no key. */
bool target_from_key(const char *key, struct key_parts *parts, struct target *ret_target);

Api__Selector target_selector(const struct target *target);

/* Sets @err to 'cell "web" not found ...'; returns CLI_FAILED. */
enum cli_exit target_not_found(const struct target *target, struct error *err);

/* Appends ' in realm "a", space "b"'; nothing without a scope. */
void target_add_scope(const struct target *target, struct buf *out);

/* Where the daemon itself stands. */
#define SYSTEM_REALM "kukeon-system"
#define SYSTEM_NAME "kukeon"
#define SYSTEM_CELL "kukeond"

/* Whether a named object is the cell that stands for the daemon. */
bool target_is_system_cell(const struct target *target);

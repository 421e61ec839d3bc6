/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of everything outside the daemon, computed from an object's key (DESIGN 1.4). Pure.
 *
 * A key is the path of an object in the hierarchy: "realm", "realm/space", "realm/space/stack",
 * "realm/space/stack/cell", "realm/space/stack/cell/container". Its depth is its kind. Every part
 * obeys name_is_valid(), so a key never holds anything that a path could trip over.
 */
#pragma once

#include "core/base/error.h"

enum kind { KIND_REALM, KIND_SPACE, KIND_STACK, KIND_CELL, KIND_CONTAINER, KIND_COUNT };

enum {
	NAME_MAX_BYTES = 63,
	KEY_MAX_BYTES = 5 * (NAME_MAX_BYTES + 1),
	CONTAINERD_ID_MAX_BYTES = 76, /* containerd's limit on identifiers */
	BRIDGE_NAME_MAX_BYTES = 15,   /* IFNAMSIZ - 1 */
};

/* "Realm", "Space", ... as in a manifest's kind. */
const char *kind_name(enum kind kind);
bool kind_parse(const char *name, enum kind *ret_kind);

/* [A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?, 1 to 63 bytes. */
bool name_is_valid(const char *name);

struct key_parts {
	enum kind kind;
	char part[KIND_COUNT][NAME_MAX_BYTES + 1]; /* indexed by enum kind; "" below .kind */
};

/* False when @key is not one to five valid names joined by '/'. */
bool key_split(const char *key, struct key_parts *ret_parts);

/* The first @kind + 1 of the names joined by '/'. Free with free(). */
char *key_join(enum kind kind, const char *const names[]);

/* The key of the object above, NULL for a realm. Free with free(). */
char *key_parent(const char *key);

/* The last name of a key; points into @key. */
const char *key_name(const char *key);
enum kind key_kind(const char *key);

/* containerd namespace of a realm: "kukeon-<realm>"; one that begins with "kukeon-" keeps its name.
 */
char *name_containerd_namespace(const char *realm);

/*
 * containerd id of a container: <space>_<stack>_<cell>_<role>, role "root" for the root, else the
 * container's id. What containerd would refuse (over 76 bytes, "--" in a name) is cut and ends in a
 * stable hash of the full path.
 */
char *name_containerd_id(const char *cell_key, const char *role);

/*
 * Identifier of a cell for netns pins and CNI: the key with '_' for '/', at most 255 bytes.
 * Reversible, because no name holds '_': what a crash left on disk says whose it is.
 */
char *name_cell_id(const char *cell_key);

/* The key of a cell from its identifier, NULL when it is none of ours. Free with free(). */
char *name_cell_key(const char *cell_id);

/* cgroup of an object below the mount: "<root>/<realm>/<space>/..."; @root is e.g. "/kukeon". */
char *name_cgroup(const char *root, const char *key);

/* cgroup leaf of a container: <cell's cgroup>/<cell>_<role>. */
char *name_cgroup_leaf(const char *root, const char *cell_key, const char *role);

/* CNI network of a space, and the stem of its conflist's file name: "<realm>-<space>". */
char *name_network(const char *space_key);

/* What our bridges are called; also those that no conflist names any more. */
#define BRIDGE_PREFIX "kuke-"

/* "kuke-<realm>-<space>" cut to 15 bytes; with @hashed the tail is a stable hash of the key
 * instead. */
char *name_bridge(const char *space_key, bool hashed);

/* Whether a network link can have the name: it stands in commands and paths. */
bool name_is_link(const char *name);

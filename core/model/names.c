/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/names.h"

#include <net/if.h>
#include <stdio.h>

#include "core/base/str.h"

enum { ID_HASH_BYTES = 10, BRIDGE_HASH_BYTES = 6 };

static const char *const kind_names[KIND_COUNT] = {
	[KIND_REALM] = "Realm", [KIND_SPACE] = "Space",         [KIND_STACK] = "Stack",
	[KIND_CELL] = "Cell",   [KIND_CONTAINER] = "Container",
};

const char *kind_name(enum kind kind)
{
	check(kind < KIND_COUNT);
	return kind_names[kind];
}

bool kind_parse(const char *name, enum kind *ret_kind)
{
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		if (strcmp(name, kind_names[kind]) == 0) {
			*ret_kind = (enum kind)kind;
			return true;
		}
	}
	return false;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool name_bytes_valid(const char *name, size_t len)
{
	if (len == 0 || len > NAME_MAX_BYTES || !is_alnum(name[0]) || !is_alnum(name[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(name[i]) && name[i] != '-')
			return false;
	return true;
}

bool name_is_valid(const char *name)
{
	return name && name_bytes_valid(name, strnlen(name, NAME_MAX_BYTES + 1));
}

bool key_split(const char *key, struct key_parts *ret_parts)
{
	struct key_parts parts = { 0 };

	for (int kind = 0; kind < KIND_COUNT; kind++) {
		size_t len = strcspn(key, "/");

		if (!name_bytes_valid(key, len))
			return false;
		memcpy(parts.part[kind], key, len);
		parts.kind = (enum kind)kind;
		if (!key[len]) {
			*ret_parts = parts;
			return true;
		}
		key += len + 1;
	}
	return false;
}

char *key_join(enum kind kind, const char *const names[])
{
	char key[KEY_MAX_BYTES];
	size_t len = 0;

	for (int i = 0; i <= (int)kind; i++) {
		check(name_is_valid(names[i]));
		len += (size_t)snprintf(key + len, sizeof(key) - len, "%s%s", i ? "/" : "",
					names[i]);
	}
	return xstrdup(key);
}

char *key_parent(const char *key)
{
	const char *slash = strrchr(key, '/');

	return slash ? xstrndup(key, (size_t)(slash - key)) : NULL;
}

const char *key_name(const char *key)
{
	const char *slash = strrchr(key, '/');

	return slash ? slash + 1 : key;
}

enum kind key_kind(const char *key)
{
	int depth = 0;

	for (const char *p = key; *p; p++)
		depth += *p == '/';
	check(depth < KIND_COUNT);
	return (enum kind)depth;
}

/* @id when containerd takes it as it is, else its beginning and a hash of @full, which says the
 * same at full length. */
static char *bounded_id(const char *id, const char *full)
{
	char hex[SHA256_HEX_BYTES], cut[CONTAINERD_ID_MAX_BYTES + 1];
	size_t len = 0;

	if (strlen(id) <= CONTAINERD_ID_MAX_BYTES && !strstr(id, "--"))
		return xstrdup(id);
	for (const char *p = id; *p && len < CONTAINERD_ID_MAX_BYTES - ID_HASH_BYTES - 1; p++) {
		if (is_alnum(*p) || (len && is_alnum(cut[len - 1])))
			cut[len++] = *p;
	}
	if (len && !is_alnum(cut[len - 1]))
		len--;
	cut[len] = '\0';
	sha256_hex(full, strlen(full), hex);
	return xasprintf("%s_%.*s", cut, ID_HASH_BYTES, hex);
}

char *name_containerd_namespace(const char *realm)
{
	AUTO_FREE char *name =
		str_starts_with(realm, "kukeon-") ? xstrdup(realm) : xasprintf("kukeon-%s", realm);

	return bounded_id(name, name);
}

static void split_or_die(const char *key, enum kind kind, struct key_parts *ret_parts)
{
	check(key_split(key, ret_parts) && ret_parts->kind == kind);
}

char *name_containerd_id(const char *cell_key, const char *role)
{
	struct key_parts p;

	split_or_die(cell_key, KIND_CELL, &p);
	AUTO_FREE char *id = xasprintf("%s_%s_%s_%s", p.part[KIND_SPACE], p.part[KIND_STACK],
				       p.part[KIND_CELL], role);
	AUTO_FREE char *full = xasprintf("%s/%s", cell_key, role);

	return bounded_id(id, full);
}

char *name_cell_id(const char *cell_key)
{
	char *id = xstrdup(cell_key);

	check(key_kind(cell_key) == KIND_CELL);
	for (char *p = id; *p; p++)
		if (*p == '/')
			*p = '_';
	return id;
}

char *name_cell_key(const char *cell_id)
{
	AUTO_FREE char *key = xstrdup(cell_id);
	struct key_parts parts;

	if (strchr(cell_id, '/'))
		return NULL;
	for (char *p = key; *p; p++)
		if (*p == '_')
			*p = '/';
	return key_split(key, &parts) && parts.kind == KIND_CELL ? take_ptr(key) : NULL;
}

char *name_cgroup(const char *root, const char *key)
{
	return xasprintf("%s/%s", root, key);
}

char *name_cgroup_leaf(const char *root, const char *cell_key, const char *role)
{
	return xasprintf("%s/%s/%s_%s", root, cell_key, key_name(cell_key), role);
}

char *name_network(const char *space_key)
{
	struct key_parts p;

	split_or_die(space_key, KIND_SPACE, &p);
	return xasprintf("%s-%s", p.part[KIND_REALM], p.part[KIND_SPACE]);
}

char *name_bridge(const char *space_key, bool hashed)
{
	AUTO_FREE char *network = name_network(space_key);
	AUTO_FREE char *name = xasprintf("kuke-%s", network);
	char hex[SHA256_HEX_BYTES];

	if (!hashed)
		return xstrndup(name, BRIDGE_NAME_MAX_BYTES);
	sha256_hex(space_key, strlen(space_key), hex);
	return xasprintf("%.*s%.*s", BRIDGE_NAME_MAX_BYTES - BRIDGE_HASH_BYTES, name,
			 BRIDGE_HASH_BYTES, hex);
}

bool name_is_link(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				  "._-");

	return len > 0 && len < IF_NAMESIZE && !name[len] && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

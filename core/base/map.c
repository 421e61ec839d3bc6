/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A treap: a binary search tree by key that is a heap by priority. The priority is a hash of the
 * key, so the shape depends on the content alone and two runs over the same keys walk the same
 * tree.
 */
#include "core/base/map.h"

static uint64_t key_priority(const char *key)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a, then a finaliser to spread short keys */

	for (const char *p = key; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	return h ^ (h >> 33);
}

struct map_node *map_find(const struct map *map, const char *key)
{
	struct map_node *node = map->root;

	while (node) {
		int order = strcmp(key, node->key);

		if (order == 0)
			return node;
		node = order < 0 ? node->left : node->right;
	}
	return NULL;
}

struct map_node *map_find_from(const struct map *map, const char *key)
{
	struct map_node *node = map->root, *best = NULL;

	while (node) {
		if (strcmp(node->key, key) >= 0) {
			best = node;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return best;
}

/* Puts @child where @node hangs. */
static void replace_child(struct map *map, struct map_node *node, struct map_node *child)
{
	struct map_node *parent = node->parent;

	if (!parent)
		map->root = child;
	else if (parent->left == node)
		parent->left = child;
	else
		parent->right = child;
	if (child)
		child->parent = parent;
}

/* Lifts @node, a child, over its parent. */
static void rotate_up(struct map *map, struct map_node *node)
{
	struct map_node *parent = node->parent;

	replace_child(map, parent, node);
	if (parent->left == node) {
		parent->left = node->right;
		if (node->right)
			node->right->parent = parent;
		node->right = parent;
	} else {
		parent->right = node->left;
		if (node->left)
			node->left->parent = parent;
		node->left = parent;
	}
	parent->parent = node;
}

bool map_insert(struct map *map, struct map_node *node, const char *key)
{
	struct map_node **link = &map->root, *parent = NULL;

	while (*link) {
		int order = strcmp(key, (*link)->key);

		if (order == 0)
			return false;
		parent = *link;
		link = order < 0 ? &parent->left : &parent->right;
	}
	*node = (struct map_node){ .key = key, .parent = parent, .priority = key_priority(key) };
	*link = node;
	while (node->parent && node->parent->priority < node->priority)
		rotate_up(map, node);
	map->count++;
	return true;
}

void map_remove(struct map *map, struct map_node *node)
{
	while (node->left && node->right)
		rotate_up(map,
			  node->left->priority > node->right->priority ? node->left : node->right);
	replace_child(map, node, node->left ? node->left : node->right);
	*node = (struct map_node){ 0 };
	map->count--;
}

struct map_node *map_first(const struct map *map)
{
	struct map_node *node = map->root;

	while (node && node->left)
		node = node->left;
	return node;
}

struct map_node *map_next(const struct map_node *node)
{
	if (node->right) {
		node = node->right;
		while (node->left)
			node = node->left;
		return (struct map_node *)node;
	}
	while (node->parent && node->parent->right == node)
		node = node->parent;
	return node->parent;
}

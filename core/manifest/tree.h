/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One YAML document as a tree of nodes that know where they stood. Aliases share the node of their
 * anchor, so it is a graph without cycles; walking it costs no more than the bounds of the reader
 * allow, in steps and in bytes of text.
 */
#pragma once

#include "core/base/util.h"

enum node_type { NODE_SCALAR, NODE_LIST, NODE_MAPPING };

struct node {
	enum node_type type;
	unsigned line, column;  /* of the first character, from 1 */
	bool plain;             /* a scalar without quotes: may be a number, a boolean or null */
	char *text;             /* of a scalar */
	struct node **children; /* of a list; of a mapping: key, value, key, value, ... */
	size_t n_children;
	size_t n_expanded; /* nodes from here down, shared ones as often as they are reached */
	size_t text_bytes; /* the same of their texts */
	unsigned height;   /* levels from here down, 1 for a scalar */
	struct node *next; /* struct tree.nodes */
};

/* Owner of the nodes of one document. */
struct tree {
	struct node *nodes;
};

void tree_fini(struct tree *tree);
struct node *tree_add(struct tree *tree, enum node_type type, unsigned line, unsigned column);
void node_append(struct node *parent, struct node *child);

/* Value of a key in a mapping; NULL when it is not there or @node is no mapping. */
const struct node *node_get(const struct node *node, const char *key);

/* Text of the scalar under @key; NULL when there is none. */
const char *node_get_text(const struct node *node, const char *key);

/*
 * Follows a field path ("spec.containers[0].image") as far as it goes; returns the last node there
 * is. @ret_complete tells whether that is the whole path.
 */
const struct node *node_follow(const struct node *root, const char *path, bool *ret_complete);

/* "a mapping", "a list", "text" or "nothing", for messages. */
const char *node_type_name(const struct node *node);

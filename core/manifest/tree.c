/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manifest/tree.h"

#include "core/base/str.h"

void tree_fini(struct tree *tree)
{
	struct node *next;

	for (struct node *node = tree->nodes; node; node = next) {
		next = node->next;
		free(node->text);
		free(node->children);
		free(node);
	}
	*tree = (struct tree){ 0 };
}

struct node *tree_add(struct tree *tree, enum node_type type, unsigned line, unsigned column)
{
	struct node *node = xnew(struct node);

	*node = (struct node){
		.type = type,
		.line = line,
		.column = column,
		.n_expanded = 1,
		.height = 1,
		.next = tree->nodes,
	};
	tree->nodes = node;
	return node;
}

void node_append(struct node *parent, struct node *child)
{
	size_t n = parent->n_children;

	if ((n & (n - 1)) == 0) /* room for a power of two */
		parent->children =
			xrealloc(parent->children, (n ? 2 * n : 1) * sizeof(*parent->children));
	parent->children[parent->n_children++] = child;
	parent->n_expanded += child->n_expanded;
	parent->text_bytes += child->text_bytes;
	if (parent->height <= child->height)
		parent->height = child->height + 1;
}

static const struct node *get_n(const struct node *node, const char *key, size_t len)
{
	if (node->type != NODE_MAPPING)
		return NULL;
	for (size_t i = 0; i + 1 < node->n_children; i += 2) {
		const struct node *k = node->children[i];

		if (k->type == NODE_SCALAR && strlen(k->text) == len &&
		    memcmp(k->text, key, len) == 0)
			return node->children[i + 1];
	}
	return NULL;
}

const struct node *node_get(const struct node *node, const char *key)
{
	return get_n(node, key, strlen(key));
}

const char *node_get_text(const struct node *node, const char *key)
{
	const struct node *value = node_get(node, key);

	return value && value->type == NODE_SCALAR ? value->text : NULL;
}

/* One step along the path from @node; NULL when it does not exist. Moves @path behind the step. */
static const struct node *step(const struct node *node, const char **path)
{
	const char *p = *path;
	size_t len;

	if (*p == '[') {
		char *end;
		unsigned long i = strtoul(p + 1, &end, 10);

		if (*end != ']' || node->type != NODE_LIST || i >= node->n_children)
			return NULL;
		*path = end + 1;
		return node->children[i];
	}
	p += *p == '.';
	len = strlen(p); /* the rest may be one key that holds dots: a label */
	if (!get_n(node, p, len))
		len = strcspn(p, ".[");
	*path = p + len;
	return get_n(node, p, len);
}

const struct node *node_follow(const struct node *root, const char *path, bool *ret_complete)
{
	const struct node *node = root, *next = root;

	while (*path && (next = step(node, &path)))
		node = next;
	*ret_complete = next != NULL;
	return node;
}

const char *node_type_name(const struct node *node)
{
	static const char *const names[] = {
		[NODE_SCALAR] = "text", [NODE_LIST] = "a list", [NODE_MAPPING] = "a mapping"
	};

	if (node->type == NODE_SCALAR && node->plain && !node->text[0])
		return "nothing";
	return names[node->type];
}

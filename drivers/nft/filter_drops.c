/* SPDX-License-Identifier: Apache-2.0 */
/* What the packet filter has dropped, read from the counters of its elements. */
#include <errno.h>
#include <jansson.h>

#include "drivers/nft/filter_text.h"
#include "drivers/nft/netfilter.h"
#include "drivers/nft/nft.h"
#include "drivers/nft/nft_run.h"

struct drops_op {
	struct op op;
	char *table;
	struct filter_drops drops, *ret_drops;
};

/* {"elem": {"val": "kuke-a", "counter": {"packets": 1, "bytes": 84}}} */
static void add_element(struct filter_drops *drops, const json_t *element)
{
	const json_t *inner = json_object_get(element, "elem");
	const json_t *counter = json_object_get(inner, "counter");
	const char *bridge = json_string_value(json_object_get(inner, "val"));

	if (!bridge || !counter)
		return;
	drops->items = xrealloc(drops->items, (drops->n + 1) * sizeof(*drops->items));
	drops->items[drops->n++] = (struct filter_drop){
		.bridge = xstrdup(bridge),
		.packets = (uint64_t)json_integer_value(json_object_get(counter, "packets")),
		.bytes = (uint64_t)json_integer_value(json_object_get(counter, "bytes")),
	};
}

/* {"nftables": [{"metainfo": ...}, {"set": {..., "elem": [...]}}]} */
static void read_answer(const char *text, struct filter_drops *drops)
{
	json_t *answer = json_loads(text, 0, NULL), *item, *element;
	size_t i, k;

	json_array_foreach(json_object_get(answer, "nftables"), i, item) {
		json_array_foreach(json_object_get(json_object_get(item, "set"), "elem"), k,
				   element)
			add_element(drops, element);
	}
	json_decref(answer);
}

/* No table, no drops: there may be no space yet, or another hand was quicker. */
static int run_read(struct op *op, struct error *err)
{
	struct drops_op *drops = container_of(op, struct drops_op, op);
	AUTO_FREE char *command = xasprintf("list set inet %s " FILTER_DROPPED_SET, drops->table);
	AUTO_FREE char *answer = NULL;
	uint32_t generation;
	int r = nft_generation(&generation, err); /* libnftables ends the process without netlink */

	if (r < 0)
		return r;
	r = nft_run_once(command, NFT_CTX_OUTPUT_JSON, &answer, err);
	if (r == 0)
		read_answer(answer, &drops->drops);
	return r == -EIO ? 0 : r;
}

static void on_finish(struct op *op, int status)
{
	struct drops_op *drops = container_of(op, struct drops_op, op);

	if (status == 0)
		*drops->ret_drops = drops->drops;
	else
		filter_drops_fini(&drops->drops);
	free(drops->table);
	free(drops);
}

static const struct step read_steps[] = {
	{ .name = "read what the packet filter has dropped", .blocking = run_read },
	{ 0 },
};

void netfilter_drops(struct netfilter *netfilter, struct filter_drops *ret_drops, struct call *call)
{
	struct drops_op *drops = xnew(struct drops_op);

	drops->table = xstrdup(netfilter->table);
	drops->ret_drops = ret_drops;
	op_start(&drops->op, netfilter->ops, read_steps, on_finish, call);
}

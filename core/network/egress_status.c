/* SPDX-License-Identifier: Apache-2.0 */
/* What became of egress policies: drops, and what host names stand for. */
#include "core/network/network_egress.h"
#include "core/state/engine.h"

static bool denies(const struct object *object)
{
	return object->spec && object_denies_egress(object);
}

bool egress_any(const struct engine *engine)
{
	const struct object *object;

	map_for_each(object, &engine->spaces, space_node)
		if (denies(object))
			return true;
	return false;
}

/* ---- drops ---- */

static void note_drop(struct drop_count *count, const struct filter_drop *drop)
{
	if (drop->packets < count->packets) { /* counted anew since */
		count->packets_before += count->packets;
		count->bytes_before += count->bytes;
	}
	count->packets = drop->packets;
	count->bytes = drop->bytes;
}

void egress_note_drops(struct engine *engine, const struct filter_drops *drops)
{
	struct object *object;

	map_for_each(object, &engine->spaces, space_node)
		for (size_t i = 0; i < drops->n; i++)
			if (str_equal(object->backing.space.bridge, drops->items[i].bridge))
				note_drop(&object->backing.dropped, &drops->items[i]);
}

/* ---- status ---- */

static Api__EgressHost *host_status(const struct engine *engine, const char *name)
{
	const struct egress_host *host =
		map_entry(map_find(&engine->egress->hosts, name), struct egress_host, node);
	Api__EgressHost *status = xnew(Api__EgressHost);

	api__egress_host__init(status);
	status->host = xstrdup(name);
	if (!host)
		return status;
	status->message = xstrdup_maybe(egress_host_problem(host));
	status->addresses = xcalloc(host->addresses.n, sizeof(*status->addresses));
	for (size_t i = 0; i < host->addresses.n; i++) {
		char text[IP_TEXT_BYTES];

		status->addresses[status->n_addresses++] =
			xstrdup(ip_format(&host->addresses.items[i].address, text));
	}
	return status;
}

static bool is_named_before(const Api__Egress *policy, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (str_equal(policy->allow[k]->host, policy->allow[i]->host))
			return true;
	return false;
}

Api__EgressStatus *egress_status(const struct engine *engine, const struct object *space)
{
	const struct drop_count *dropped = &space->backing.dropped;
	const Api__Egress *policy;
	Api__EgressStatus *status;

	if (!denies(space))
		return NULL;
	policy = ((const Api__Space *)space->spec)->spec->network->egress;
	status = xnew(Api__EgressStatus);
	api__egress_status__init(status);
	status->has_dropped_packets = status->has_dropped_bytes = true;
	status->dropped_packets = dropped->packets_before + dropped->packets;
	status->dropped_bytes = dropped->bytes_before + dropped->bytes;
	status->hosts = xcalloc(policy->n_allow, sizeof(*status->hosts));
	for (size_t i = 0; i < policy->n_allow; i++)
		if (!str_empty(policy->allow[i]->host) && !is_named_before(policy, i))
			status->hosts[status->n_hosts++] =
				host_status(engine, policy->allow[i]->host);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/driver.h"

void container_fact_fini(struct container_fact *fact)
{
	free(fact->id);
	free(fact->cell_key);
	free(fact->role);
	free(fact->container);
	free(fact->spec_hash);
	*fact = (struct container_fact){ 0 };
}

void container_facts_fini(struct container_facts *facts)
{
	for (size_t i = 0; i < facts->n; i++)
		container_fact_fini(&facts->items[i]);
	free(facts->items);
	*facts = (struct container_facts){ 0 };
}

void space_fact_fini(struct space_fact *fact)
{
	free(fact->space_key);
	free(fact->conflist);
	free(fact->bridge);
	free(fact->subnet);
	free(fact->drift);
	*fact = (struct space_fact){ 0 };
}

void attachment_fact_fini(struct attachment_fact *fact)
{
	free(fact->cell_key);
	free(fact->ip);
	free(fact->bridge);
	free(fact->link);
	free(fact->reservation);
	free(fact->drift);
	*fact = (struct attachment_fact){ 0 };
}

void network_facts_fini(struct network_facts *facts)
{
	for (size_t i = 0; i < facts->n_spaces; i++)
		space_fact_fini(&facts->spaces[i]);
	for (size_t i = 0; i < facts->n_attachments; i++)
		attachment_fact_fini(&facts->attachments[i]);
	free(facts->spaces);
	free(facts->attachments);
	*facts = (struct network_facts){ 0 };
}

void cgroup_fact_fini(struct cgroup_fact *fact)
{
	free(fact->key);
	strv_fini(&fact->controllers);
	*fact = (struct cgroup_fact){ 0 };
}

void cgroup_facts_fini(struct cgroup_facts *facts)
{
	for (size_t i = 0; i < facts->n; i++)
		cgroup_fact_fini(&facts->items[i]);
	free(facts->items);
	*facts = (struct cgroup_facts){ 0 };
}

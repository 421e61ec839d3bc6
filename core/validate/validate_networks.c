/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of the further spaces that containers name. Whether a space exists is not to be seen from a
 * document. */
#include <stdio.h>

#include "core/model/networks.h"
#include "core/validate/validate.h"

enum { FIELD_MAX_BYTES = 32 };

static void validate_entry(const char *prefix, const Api__ContainerSpec *spec, size_t i,
			   struct model_problems *problems)
{
	const char *entry = spec->networks[i];
	AUTO_FREE char *key = networks_space_key(entry, "realm"); /* any realm will do */
	char field[FIELD_MAX_BYTES];

	snprintf(field, sizeof(field), "networks[%zu]", i);
	if (!key) {
		validate_problem(problems, prefix, field,
				 "\"" SHOWN "\" does not name a space; expected \"space\" for one "
				 "of the cell's realm, or \"realm/space\"",
				 entry);
		return;
	}
	for (size_t before = 0; before < i; before++) {
		if (!str_equal(entry, spec->networks[before]))
			continue;
		validate_problem(problems, prefix, field,
				 "\"" SHOWN "\" is named by networks[%zu] already", entry, before);
		return;
	}
}

void validate_networks(const char *prefix, const Api__ContainerSpec *spec,
		       struct model_problems *problems)
{
	if (!validate_list(prefix, "networks", spec->n_networks, problems))
		return;
	for (size_t i = 0; i < spec->n_networks; i++)
		validate_entry(prefix, spec, i, problems);
}

void validate_joins(const Api__CellSpec *spec, struct model_problems *problems)
{
	AUTO(strv_fini) struct strv spaces = { 0 };

	networks_of_cell(spec, &spaces);
	if (spaces.n > NETWORKS_MAX_JOINS)
		validate_problem(problems, "spec", "containers",
				 "name %zu further spaces in their networks, at most %d are "
				 "allowed in a cell",
				 spaces.n, NETWORKS_MAX_JOINS);
}

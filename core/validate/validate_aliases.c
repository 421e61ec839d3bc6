/* SPDX-License-Identifier: Apache-2.0 */
/* Further names of a cell: what a resolver takes for a host name and nothing else. */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "core/model/names.h"
#include "core/validate/validate.h"

enum { ALIASES_MAX = 32, ALIAS_MAX_BYTES = 253 };

static bool is_label(const char *label, size_t len)
{
	if (len == 0 || len > NAME_MAX_BYTES || !isalnum((unsigned char)label[0]) ||
	    !isalnum((unsigned char)label[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)label[i]) && label[i] != '-' && label[i] != '_')
			return false;
	return true;
}

/* A name whose last label is a number would be taken for an address. */
static bool is_host_name(const char *name)
{
	size_t len = 0;

	if (strlen(name) > ALIAS_MAX_BYTES)
		return false;
	for (const char *label = name;; label += len + 1) {
		len = strcspn(label, ".");
		if (!is_label(label, len))
			return false;
		if (!label[len])
			return strspn(label, "0123456789") != len;
	}
}

static bool is_repeated(const Api__ContainerSpec *spec, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcasecmp(spec->networks_aliases[i], spec->networks_aliases[index]) == 0)
			return true;
	return false;
}

void validate_aliases(const char *prefix, const Api__ContainerSpec *spec,
		      struct model_problems *problems)
{
	if (spec->n_networks_aliases > ALIASES_MAX) {
		validate_problem(problems, prefix, "networksAliases",
				 "has %zu names, at most %d are allowed", spec->n_networks_aliases,
				 ALIASES_MAX);
		return;
	}
	for (size_t i = 0; i < spec->n_networks_aliases; i++) {
		const char *alias = spec->networks_aliases[i];
		char field[40];

		snprintf(field, sizeof(field), "networksAliases[%zu]", i);
		if (!is_host_name(alias))
			validate_problem(problems, prefix, field,
					 "\"" SHOWN
					 "\" is not a host name; expected letters, digits, '-' and "
					 "'_' in parts separated by '.', such as db or db.internal",
					 alias);
		else if (strcasecmp(alias, "localhost") == 0)
			validate_problem(problems, prefix, field,
					 "localhost is every container's own; choose another name");
		else if (is_repeated(spec, i))
			validate_problem(problems, prefix, field,
					 "\"" SHOWN "\" stands there twice", alias);
	}
}

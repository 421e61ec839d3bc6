/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/model/model.h"

bool model_size_parse(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "kmgtp";
	size_t digits = strspn(text, "0123456789");
	const char *unit = text[digits] ? strchr(units, text[digits] | 0x20) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	unsigned long long n;

	if (digits == 0 || digits > 18 || (text[digits] && (!unit || text[digits + 1])))
		return false;
	n = strtoull(text, NULL, 10);
	if (n == 0 || n > (UINT64_MAX >> 1) >> shift)
		return false;
	*ret_bytes = n << shift;
	return true;
}

struct model_log_settings model_log_settings(const Api__ContainerSpec *spec,
					     const struct model_log_settings *defaults)
{
	struct model_log_settings settings = *defaults;

	if (!spec)
		return settings;
	if (spec->log_driver != API__LOG_DRIVER__LOG_DRIVER_UNSPECIFIED)
		settings.driver = spec->log_driver;
	if (!str_empty(spec->log_max_size))
		model_size_parse(spec->log_max_size, &settings.max_bytes);
	if (spec->log_max_files)
		settings.max_files = spec->log_max_files;
	return settings;
}

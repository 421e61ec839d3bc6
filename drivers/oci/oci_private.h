/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of an OCI spec; each returns a new JSON value. For oci.c only. */
#pragma once

#include <jansson.h>

#include "drivers/oci/oci.h"

/* process: arguments, environment, user, capabilities, limits */
int oci_process(const struct oci_options *options, json_t **ret_process, struct error *err);

json_t *oci_mounts(const struct oci_options *options);

/* linux: namespaces, cgroup, devices, masked paths */
json_t *oci_linux(const struct oci_options *options);

json_t *oci_strings(const char *const items[], size_t n);
#define OCI_STRINGS(...)                                                                           \
	oci_strings((const char *const[]){ __VA_ARGS__ },                                          \
		    ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

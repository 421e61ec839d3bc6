/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI runtime spec of a container, as JSON. Pure. */
#pragma once

#include "core/driver/runtime.h"
#include "drivers/oci/image.h"
#include "drivers/oci/inputs.h"

struct oci_options {
	const struct container_request *request;
	const struct image_config *image;
	const struct host *host;
	const struct inputs *inputs;
	const char *resolv_conf; /* NULL: the image's own */
};

/* Free the JSON with free(). -EINVAL names the field to change. */
int oci_spec(const struct oci_options *options, char **ret_json, struct error *err);

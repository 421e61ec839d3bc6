/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The defaults are those of containerd's own clients, so that an image behaves as its author saw
 * it. Where they differ:
 *   - no seccomp profile: containerd keeps its default profile in client code, it cannot be asked
 *     for over the API;
 *   - no tmpfs over /run: it would hide what images put there (/run/postgresql);
 *   - /sys/fs/cgroup is mounted, read-only, from a cgroup namespace of the container's own;
 *   - no limits of its own: those come from the cgroups above.
 */
#include "drivers/oci/oci_private.h"

#include <errno.h>

/* What runc 1.0 and later take; nothing newer is used. */
#define OCI_VERSION "1.0.2"

json_t *oci_strings(const char *const items[], size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(items[i]));
	return array;
}

int oci_spec(const struct oci_options *options, char **ret_json, struct error *err)
{
	const struct container_request *request = options->request;
	json_t *process, *root;
	int r = oci_process(options, &process, err);

	if (r < 0)
		return r;
	root = json_pack("{s:s, s:o, s:{s:s, s:b}, s:s, s:o, s:o, s:{s:s}}", "ociVersion",
			 OCI_VERSION, "process", process, "root", "path", "rootfs", "readonly",
			 (int)request->spec->read_only_root_filesystem, "hostname",
			 request->hostname, "mounts", oci_mounts(options), "linux",
			 oci_linux(options),
			 /* Containers with the same value share one shim. */
			 "annotations", "io.containerd.runc.v2.group", request->group_id);
	*ret_json = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	if (!*ret_json)
		return error_set(err, -EINVAL,
				 "a string of the spec or of the image is not valid UTF-8");
	return 0;
}

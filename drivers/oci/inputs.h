/* SPDX-License-Identifier: Apache-2.0 */
/* What the spec of a container is made from besides the request: device nodes of the host, the user
 * of the image. Everything here blocks: for a worker thread. */
#pragma once

#include "api/containerd.pb-c.h"
#include "core/driver/seam.h"
#include "drivers/oci/host.h"
#include "drivers/oci/user_parse.h"

struct inputs {
	struct host_devices all;   /* of a privileged container */
	struct host_devices named; /* spec.devices in that order, at their targets */
	struct strv layers;        /* of the container's snapshot, the topmost first; none, and: */
	struct error layers_why;
	struct user user;
	/* Volumes that the image declares and the container gets; the first one's directory is
	 * "<volumes_path>/0". */
	struct strv volume_targets;
	char *volumes_path;
};

void inputs_fini(struct inputs *inputs);

/* The directory of volume_targets[@i]. Free with free(). */
char *inputs_volume_path(const struct inputs *inputs, size_t i);

/* Whether inputs_read_host() has anything to do. */
bool inputs_need_host(const Api__ContainerSpec *spec);

/* Checks that the sources of volumes exist, and reads devices. -EINVAL names the field to change,
 * -ASIDE_HANGS the one that leads to what does not answer. Blocks for ASIDE_LIMIT_MS at most. */
int inputs_read_host(const Api__ContainerSpec *spec, struct inputs *inputs, struct error *err);

/* Whether inputs_check_volumes() has anything to do. */
bool inputs_name_paths(const Api__ContainerSpec *spec);

/* Whether what the spec names on the host answers, whatever it says: runc is not sent there when it
 * does not. -ASIDE_HANGS and time as above. */
int inputs_check_volumes(const Api__ContainerSpec *spec, struct error *err);

/* Where the files of the snapshot lie. Does not block. */
void inputs_set_layers(struct inputs *inputs, Ctd__Mount *const *mounts, size_t n_mounts);

/* The user, from the files in the layers. @image_user is the image's own. */
int inputs_read_user(const Api__ContainerSpec *spec, const char *image_user, struct inputs *inputs,
		     struct error *err);

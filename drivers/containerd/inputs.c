/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/containerd/inputs.h"

#include <errno.h>
#include <sys/stat.h>

#include "drivers/containerd/layers.h"

void inputs_fini(struct inputs *inputs)
{
	host_devices_fini(&inputs->all);
	host_devices_fini(&inputs->named);
	strv_fini(&inputs->layers);
	user_fini(&inputs->user);
}

bool inputs_need_host(const Api__ContainerSpec *spec)
{
	return spec->privileged || spec->n_volumes || spec->n_devices;
}

/* ---- the host ---- */

/* containerd would make no directory for it, and a mistyped path must not become an empty one. */
static int check_source(const Api__Volume *volume, size_t i, struct error *err)
{
	struct stat st;

	if (str_equal(volume->kind, "tmpfs") || stat(volume->source, &st) == 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		return error_set(err, -EINVAL,
				 "volumes[%zu].source: %s is not there on the host: make the "
				 "directory or file, or correct the path",
				 i, volume->source);
	return error_set(err, -EINVAL, "volumes[%zu].source: %s cannot be used: %m", i,
			 volume->source);
}

static int read_device(const Api__Device *device, size_t i, struct host_devices *devices,
		       struct error *err)
{
	const char *target = str_empty(device->target) ? device->source : device->target;
	int r = host_device_read(device->source, target, devices);

	switch (r) {
	case 0:
		return 0;
	case -ENOENT:
	case -ENOTDIR:
		return error_set(err, -EINVAL,
				 "devices[%zu].source: %s is not there on the host: load its "
				 "driver, or correct the path",
				 i, device->source);
	case -ENODEV:
		return error_set(err, -EINVAL,
				 "devices[%zu].source: %s is no device node: use volumes for files "
				 "and directories",
				 i, device->source);
	default:
		errno = -r;
		return error_set(err, -EINVAL, "devices[%zu].source: %s cannot be used: %m", i,
				 device->source);
	}
}

int inputs_read_host(const Api__ContainerSpec *spec, struct inputs *inputs, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < spec->n_volumes && r == 0; i++)
		r = check_source(spec->volumes[i], i, err);
	for (size_t i = 0; i < spec->n_devices && r == 0; i++)
		r = read_device(spec->devices[i], i, &inputs->named, err);
	if (r == 0 && spec->privileged)
		host_devices_read("/dev", &inputs->all);
	return r;
}

/* ---- the user ---- */

void inputs_set_layers(struct inputs *inputs, Ctd__Mount *const *mounts, size_t n_mounts)
{
	strv_fini(&inputs->layers);
	layers_find(mounts, n_mounts, &inputs->layers, &inputs->layers_why);
}

/* NULL, and why, when it cannot be read. */
static const char *read_file(const struct inputs *inputs, const char *path, struct buf *buf,
			     struct error *why)
{
	*why = inputs->layers_why;
	if (inputs->layers.n == 0 ||
	    layers_read_file(&inputs->layers, path, USER_FILE_MAX_BYTES, buf, why) < 0)
		return NULL;
	return buf->data;
}

int inputs_read_user(const Api__ContainerSpec *spec, const char *image_user, struct inputs *inputs,
		     struct error *err)
{
	bool own = !str_empty(spec->user);
	AUTO_BUF struct buf passwd = { 0 }, group = { 0 };
	struct error passwd_why, group_why;
	struct user_files files = { .passwd_why = &passwd_why, .group_why = &group_why };

	user_fini(&inputs->user);
	files.passwd = read_file(inputs, "/etc/passwd", &passwd, &passwd_why);
	files.group = read_file(inputs, "/etc/group", &group, &group_why);
	return user_find(own ? spec->user : image_user, own ? "user" : "the image's user", &files,
			 &inputs->user, err);
}

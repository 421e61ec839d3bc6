/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/oci/inputs.h"

#include <errno.h>
#include <fcntl.h>

#include "core/aside/aside.h"
#include "core/aside/mountinfo.h"
#include "core/aside/paths.h"
#include "core/model/target.h"
#include "drivers/oci/layers.h"

void inputs_fini(struct inputs *inputs)
{
	host_devices_fini(&inputs->all);
	host_devices_fini(&inputs->named);
	strv_fini(&inputs->layers);
	user_fini(&inputs->user);
	strv_fini(&inputs->volume_targets);
	free(inputs->volumes_path);
}

char *inputs_volume_path(const struct inputs *inputs, size_t i)
{
	return xasprintf("%s/%zu", inputs->volumes_path, i);
}

bool inputs_name_paths(const Api__ContainerSpec *spec)
{
	return spec->n_volumes || spec->n_devices;
}

bool inputs_need_host(const Api__ContainerSpec *spec)
{
	return spec->privileged || inputs_name_paths(spec);
}

/* ---- the host ---- */

/* containerd would make no directory for it, and a mistyped path must not become an empty one. */
static int check_source(const Api__Volume *volume, size_t i, int code, struct error *err)
{
	if (code == 0)
		return 0;
	if (code == -ENOENT || code == -ENOTDIR)
		return error_set(err, -EINVAL,
				 "volumes[%zu].source: %s is not there on the host: make the "
				 "directory or file, or correct the path",
				 i, volume->source);
	return error_set(err, -EINVAL, "volumes[%zu].source: %s cannot be used: %s", i,
			 volume->source, strerror(-code));
}

static int add_device(const Api__Device *device, size_t i, const struct path_fact *fact,
		      struct host_devices *devices, struct error *err)
{
	const char *target = str_empty(device->target) ? device->source : device->target;
	int r = fact->code < 0 ? fact->code : host_device_add(devices, target, fact);

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
		return error_set(err, -EINVAL, "devices[%zu].source: %s cannot be used: %s", i,
				 device->source, strerror(-r));
	}
}

/* The paths of the host that a spec names: those of volumes, then those of devices. */
struct named {
	const char **paths;
	size_t *fields; /* the index in the list that it stands in */
	size_t n, n_volumes;
};

static void find_named(const Api__ContainerSpec *spec, struct named *ret)
{
	size_t most = spec->n_volumes + spec->n_devices + 1;

	*ret = (struct named){ .paths = xcalloc(most, sizeof(char *)),
			       .fields = xcalloc(most, sizeof(size_t)) };
	for (size_t i = 0; i < spec->n_volumes; i++) {
		if (spec->volumes[i]->kind == API__VOLUME_KIND__VOLUME_KIND_TMPFS)
			continue;
		ret->paths[ret->n] = spec->volumes[i]->source;
		ret->fields[ret->n++] = i;
	}
	ret->n_volumes = ret->n;
	for (size_t i = 0; i < spec->n_devices; i++) {
		ret->paths[ret->n] = spec->devices[i]->source;
		ret->fields[ret->n++] = i;
	}
}

static void named_fini(struct named *named)
{
	free(named->paths);
	free(named->fields);
}

/* Whatever the paths lead to, this comes back. */
static int look_at_named(const struct named *named, struct path_fact *facts, struct error *err)
{
	size_t number;
	int r = paths_look(named->paths, named->n, PATHS_STAT, facts, &number, err);

	if (r == -ASIDE_HANGS)
		return error_wrap(err, r, "%s[%zu].source: %s does not answer",
				  number < named->n_volumes ? "volumes" : "devices",
				  named->fields[number], named->paths[number]);
	return r;
}

int inputs_check_volumes(const Api__ContainerSpec *spec, struct error *err)
{
	AUTO(named_fini) struct named named = { 0 };
	AUTO_FREE struct path_fact *facts = NULL;

	find_named(spec, &named);
	facts = xcalloc(named.n + 1, sizeof(*facts));
	return look_at_named(&named, facts, err);
}

static void walk_aside(struct aside_page *page, void *result UNUSED, const void *ctx)
{
	struct host_devices devices;

	str_copy(page->at, sizeof(page->at), ctx);
	host_devices_read(ctx, &devices);
}

/* What somebody has mounted below /dev may not answer: then another process finds that out. */
static int read_all_devices(struct host_devices *ret, struct error *err)
{
	static const char dir[] = "/dev";
	const struct aside aside = {
		.name = "the devices of this host", .run = walk_aside, .ctx = dir, .allocates = true
	};
	int r = mountinfo_may_hang() ? aside_run(&aside, NULL, NULL, err) : 0;

	if (r < 0)
		return error_wrap(err, r, "privileged: not every device could be looked at");
	host_devices_read(dir, ret);
	return 0;
}

/*
 * The cell's own files are mounted in a volume on /etc too. What they are mounted on runc makes in
 * a volume that can be written; in one that cannot it has to be there. @source answered just now.
 */
static int make_places(const char *source, size_t field, struct error *err)
{
	static const char *const names[] = { "hosts", "hostname", "resolv.conf" };
	AUTO_CLOSE int dir = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return 0; /* runc says what is wrong with it */
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO_CLOSE int fd = openat(
			dir, names[i], O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

		if (fd < 0 && errno != EEXIST)
			return error_set(
				err, -EINVAL,
				"volumes[%zu]: %s has no %s that the cell's own could be "
				"mounted on, and it cannot be made: %m: make an empty file",
				field, source, names[i]);
	}
	return 0;
}

static int check_volume(const Api__Volume *volume, size_t field, int code, struct error *err)
{
	int r = check_source(volume, field, code, err);

	if (r == 0 && volume->read_only && target_equal(volume->target, "/etc"))
		r = make_places(volume->source, field, err);
	return r;
}

int inputs_read_host(const Api__ContainerSpec *spec, struct inputs *inputs, struct error *err)
{
	AUTO(named_fini) struct named named = { 0 };
	AUTO_FREE struct path_fact *facts = NULL;
	int r;

	find_named(spec, &named);
	facts = xcalloc(named.n + 1, sizeof(*facts));
	r = look_at_named(&named, facts, err);
	for (size_t i = 0; i < named.n && r == 0; i++) {
		size_t field = named.fields[i];

		if (i < named.n_volumes)
			r = check_volume(spec->volumes[field], field, facts[i].code, err);
		else
			r = add_device(spec->devices[field], field, &facts[i], &inputs->named, err);
	}
	if (r == 0 && spec->privileged)
		r = read_all_devices(&inputs->all, err);
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

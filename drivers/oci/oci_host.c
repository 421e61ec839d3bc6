/* SPDX-License-Identifier: Apache-2.0 */
/* The half of an OCI spec that says what a container sees of the host: mounts, namespaces, devices.
 */
#include "drivers/oci/oci_private.h"

#include "core/model/model.h"
#include "core/model/target.h"

/* ---- mounts ---- */

/* A mount that cannot be put into JSON (no UTF-8) becomes null, which runc refuses: better than a
 * mount less. */
static void add_mount(json_t *mounts, const char *target, const char *type, const char *source,
		      json_t *options)
{
	json_t *mount = json_pack("{s:s, s:s, s:s, s:o}", "destination", target, "type", type,
				  "source", source, "options", options);

	json_array_append_new(mounts, mount ? mount : json_null());
}

/* A file of ours. */
static void add_file(json_t *mounts, const char *target, const char *source, bool read_only)
{
	if (!str_empty(source))
		add_mount(mounts, target, "bind", source,
			  OCI_STRINGS("rbind", "rprivate", read_only ? "ro" : "rw"));
}

static void add_default_mounts(json_t *mounts, bool privileged)
{
	const char *sys = privileged ? "rw" : "ro";

	add_mount(mounts, "/proc", "proc", "proc", OCI_STRINGS("nosuid", "noexec", "nodev"));
	add_mount(mounts, "/dev", "tmpfs", "tmpfs",
		  OCI_STRINGS("nosuid", "strictatime", "mode=755", "size=65536k"));
	add_mount(mounts, "/dev/pts", "devpts", "devpts",
		  OCI_STRINGS("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620",
			      "gid=5"));
	add_mount(mounts, "/dev/shm", "tmpfs", "shm",
		  OCI_STRINGS("nosuid", "noexec", "nodev", "mode=1777", "size=65536k"));
	add_mount(mounts, "/dev/mqueue", "mqueue", "mqueue",
		  OCI_STRINGS("nosuid", "noexec", "nodev"));
	add_mount(mounts, "/sys", "sysfs", "sysfs", OCI_STRINGS("nosuid", "noexec", "nodev", sys));
	add_mount(mounts, "/sys/fs/cgroup", "cgroup", "cgroup",
		  OCI_STRINGS("nosuid", "noexec", "nodev", "relatime", sys));
}

static void add_tmpfs(json_t *mounts, const Api__Tmpfs *tmpfs)
{
	AUTO_FREE char *mode =
		xasprintf("mode=%s", str_empty(tmpfs->mode) ? MODEL_TMPFS_MODE : tmpfs->mode);
	json_t *options = OCI_STRINGS("nosuid", "nodev", mode);

	if (!str_empty(tmpfs->size)) {
		AUTO_FREE char *size = xasprintf("size=%s", tmpfs->size);

		json_array_append_new(options, json_string(size));
	}
	add_mount(mounts, tmpfs->target, "tmpfs", "tmpfs", options);
}

/* rro goes for what is mounted below the source too (runc 1.1, kernel 5.12): ro alone would leave
 * that writable. */
static json_t *bind_options(bool read_only)
{
	return read_only ? OCI_STRINGS("rbind", "rprivate", "ro", "rro")
			 : OCI_STRINGS("rbind", "rprivate", "rw");
}

static void add_volume(json_t *mounts, const Api__Volume *volume)
{
	if (volume->kind == API__VOLUME_KIND__VOLUME_KIND_TMPFS)
		add_mount(mounts, volume->target, "tmpfs", "tmpfs",
			  OCI_STRINGS("nosuid", "nodev", "mode=" MODEL_TMPFS_MODE,
				      volume->read_only ? "ro" : "rw"));
	else
		add_mount(mounts, volume->target, "bind", volume->source,
			  bind_options(volume->read_only));
}

/* Writable whatever the root filesystem is: the image says that it writes there. */
static void add_image_volumes(json_t *mounts, const struct inputs *inputs)
{
	for (size_t i = 0; i < inputs->volume_targets.n; i++) {
		AUTO_FREE char *source = inputs_volume_path(inputs, i);

		add_mount(mounts, inputs->volume_targets.items[i], "bind", source,
			  OCI_STRINGS("rbind", "rprivate", "rw"));
	}
}

struct placed_mount {
	json_t *mount;
	size_t depth, index;
};

static int compare_places(const void *a, const void *b)
{
	const struct placed_mount *x = a, *y = b;

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static size_t mount_depth(const json_t *mount)
{
	const char *target = json_string_value(json_object_get(mount, "destination"));

	return target ? target_depth(target) : 0; /* one that runc refuses */
}

/* Mounts are made one after the other: a parent that comes later would hide what is in it. Those of
 * one depth stay in their order. Takes @mounts over. */
static json_t *parents_first(json_t *mounts)
{
	size_t n = json_array_size(mounts), i;
	AUTO_FREE struct placed_mount *places = xcalloc(n + 1, sizeof(*places));
	json_t *sorted = json_array(), *mount;

	json_array_foreach(mounts, i, mount)
		places[i] = (struct placed_mount){ mount, mount_depth(mount), i };
	qsort(places, n, sizeof(*places), compare_places);
	for (i = 0; i < n; i++)
		json_array_append(sorted, places[i].mount);
	json_decref(mounts);
	return sorted;
}

/*
 * The files of the cell are writable, as users of such systems know it (a container may edit its
 * /etc/hosts), unless the whole root filesystem is read-only. The host's resolv.conf is not the
 * container's to change. Of one target the volume comes last: it may replace any of these; one
 * above a target does not.
 */
json_t *oci_mounts(const struct oci_options *options)
{
	const struct container_request *request = options->request;
	const Api__ContainerSpec *spec = request->spec;
	json_t *mounts = json_array();

	add_default_mounts(mounts, spec->privileged);
	add_image_volumes(mounts, options->inputs);
	add_file(mounts, "/etc/resolv.conf", options->resolv_conf, true);
	add_file(mounts, "/etc/hosts", request->hosts_path, spec->read_only_root_filesystem);
	add_file(mounts, "/etc/hostname", request->hostname_path, spec->read_only_root_filesystem);
	for (size_t i = 0; i < spec->n_tmpfs; i++)
		add_tmpfs(mounts, spec->tmpfs[i]);
	for (size_t i = 0; i < spec->n_volumes; i++)
		add_volume(mounts, spec->volumes[i]);
	return parents_first(mounts);
}

/* ---- devices ---- */

static void add_default_rules(json_t *rules)
{
	static const struct {
		int64_t major, minor; /* -1: all */
		const char *type, *access;
	} allowed[] = {
		{ -1, -1, "c", "m" },    { -1, -1, "b", "m" }, /* mknod alone gives no access */
		{ 1, 3, "c", "rwm" },    { 1, 5, "c", "rwm" }, /* null, zero */
		{ 1, 7, "c", "rwm" },    { 1, 8, "c", "rwm" }, /* full, random */
		{ 1, 9, "c", "rwm" },    { 5, 0, "c", "rwm" }, /* urandom, tty */
		{ 5, 1, "c", "rwm" },    { 5, 2, "c", "rwm" }, /* console, ptmx */
		{ 136, -1, "c", "rwm" },                       /* pts */
	};

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		json_t *rule = json_pack("{s:b, s:s, s:s}", "allow", 1, "type", allowed[i].type,
					 "access", allowed[i].access);

		if (allowed[i].major >= 0)
			json_object_set_new(rule, "major", json_integer(allowed[i].major));
		if (allowed[i].minor >= 0)
			json_object_set_new(rule, "minor", json_integer(allowed[i].minor));
		json_array_append_new(rules, rule);
	}
}

static void add_named_rules(json_t *rules, const Api__ContainerSpec *spec,
			    const struct host_devices *named)
{
	for (size_t i = 0; i < named->n; i++) {
		const struct host_device *d = &named->items[i];
		const char type[] = { d->type, '\0' }, *access = spec->devices[i]->permissions;

		json_array_append_new(rules, json_pack("{s:b, s:s, s:I, s:I, s:s}", "allow", 1,
						       "type", type, "major", (json_int_t)d->major,
						       "minor", (json_int_t)d->minor, "access",
						       str_empty(access) ? "rwm" : access));
	}
}

static json_t *device_rules(const struct oci_options *options)
{
	bool privileged = options->request->spec->privileged;
	json_t *rules = json_pack("[{s:b, s:s}]", "allow", (int)privileged, "access", "rwm");

	if (!privileged) {
		add_default_rules(rules);
		add_named_rules(rules, options->request->spec, &options->inputs->named);
	}
	return rules;
}

static void add_devices(json_t *array, const struct host_devices *devices)
{
	for (size_t i = 0; i < devices->n; i++) {
		const struct host_device *d = &devices->items[i];
		const char type[] = { d->type, '\0' };

		json_array_append_new(
			array, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "path", d->path,
					 "type", type, "major", (json_int_t)d->major, "minor",
					 (json_int_t)d->minor, "fileMode", (json_int_t)d->mode,
					 "uid", (json_int_t)d->uid, "gid", (json_int_t)d->gid));
	}
}

/* ---- the linux section ---- */

static json_t *namespaces(const char *netns_path)
{
	return json_pack("[{s:s}, {s:s}, {s:s}, {s:s}, {s:s}, {s:s, s:s}]", "type", "pid", "type",
			 "ipc", "type", "uts", "type", "mount", "type", "cgroup", "type", "network",
			 "path", netns_path);
}

/* The same in containerd 1.6 to 2.3. */
static void add_path_restrictions(json_t *section)
{
	json_object_set_new(section, "maskedPaths",
			    OCI_STRINGS("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
					"/proc/latency_stats", "/proc/timer_list",
					"/proc/timer_stats", "/proc/sched_debug", "/sys/firmware",
					"/sys/devices/virtual/powercap", "/proc/scsi"));
	json_object_set_new(section, "readonlyPaths",
			    OCI_STRINGS("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
					"/proc/sysrq-trigger"));
}

json_t *oci_linux(const struct oci_options *options)
{
	const struct container_request *request = options->request;
	bool privileged = request->spec->privileged;
	json_t *devices,
		*section = json_pack("{s:s, s:o, s:{s:o}}", "cgroupsPath", request->cgroup_path,
				     "namespaces", namespaces(request->netns_path), "resources",
				     "devices", device_rules(options));

	if (!section)
		return NULL;
	devices = json_array();
	add_devices(devices, &options->inputs->named); /* first: runc leaves a node that is there */
	add_devices(devices, &options->inputs->all);
	json_object_set_new(section, "devices", devices);
	if (!privileged)
		add_path_restrictions(section);
	return section;
}

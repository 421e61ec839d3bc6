/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/containerd/volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "drivers/containerd/volume_tree.h"
#include "drivers/oci/layers_copy.h"

/* Neither namespaces nor ids of containerd have it. */
#define SEPARATOR '+'

char *volumes_path(const char *dir, const char *namespace_, const char *id)
{
	return dir ? xasprintf("%s/%s%c%s", dir, namespace_, SEPARATOR, id) : NULL;
}

bool volumes_split(const char *name, char **ret_namespace, char **ret_id)
{
	const char *at = strchr(name, SEPARATOR);

	if (!at || at == name || !at[1])
		return false;
	*ret_namespace = xstrndup(name, (size_t)(at - name));
	*ret_id = xstrdup(at + 1);
	return true;
}

int volumes_list(const char *dir, struct strv *ret_names, struct error *err)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;
	int r = stream ? 0 : -errno;

	while (stream && (r = fs_next_entry(stream, &entry)) > 0)
		if (strchr(entry->d_name, SEPARATOR))
			strv_add(ret_names, entry->d_name);
	if (stream)
		closedir(stream);
	return r < 0 && r != -ENOENT ? fs_error(err, r, "cannot list", dir) : 0;
}

static const char *find_owner(const struct host_things *things, const char *name)
{
	for (size_t i = 0; i < things->n; i++)
		if ((things->items[i].kind == HOST_CONTAINER ||
		     things->items[i].kind == HOST_SNAPSHOT) &&
		    str_equal(things->items[i].name, name))
			return things->items[i].owner;
	return NULL;
}

void volumes_add(const struct strv *names, struct host_things *things)
{
	for (size_t i = 0; i < names->n; i++) {
		AUTO_FREE char *namespace_ = NULL, *id = NULL, *name = NULL, *owner = NULL;
		struct host_thing *thing;

		if (!volumes_split(names->items[i], &namespace_, &id))
			continue;
		name = xasprintf("%s/%s", namespace_, id);
		owner = xstrdup_maybe(find_owner(things, name));
		thing = host_things_add(things, HOST_VOLUMES, name, owner);
		thing->id = take_ptr(id);
		thing->why = owner ? NULL : xstrdup("the container that wrote them is gone");
	}
}

/* What the image does not have begins empty, and is root's. */
static int fill(const struct inputs *inputs, size_t i, int fd, const atomic_bool *stop,
		struct error *err)
{
	const char *target = inputs->volume_targets.items[i];
	int r = layers_copy(&inputs->layers, target, fd, stop, err);

	if (r == -ENOENT)
		return fchmod(fd, 0755) < 0 ? error_set(err, -errno, "cannot set its mode: %m") : 0;
	return r < 0 ? error_wrap(err, r, "the image's volume %s", target) : 0;
}

static int make_one(const struct inputs *inputs, size_t i, const atomic_bool *stop,
		    struct error *err)
{
	AUTO_FREE char *path = inputs_volume_path(inputs, i);
	AUTO_CLOSE int fd = -1;

	if (mkdir(path, 0700) < 0)
		return fs_error(err, -errno, "cannot create directory", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fs_error(err, -errno, "cannot open", path);
	return fill(inputs, i, fd, stop, err);
}

static int make_all(const struct inputs *inputs, const atomic_bool *stop, struct error *err)
{
	int r = fs_make_dirs(inputs->volumes_path, 0700, err);

	for (size_t i = 0; i < inputs->volume_targets.n && r == 0; i++)
		r = make_one(inputs, i, stop, err);
	/* A record that outlives a power cut must not refer to what has not. */
	return r < 0 ? r : fs_sync_all(inputs->volumes_path, err);
}

int volumes_make(const struct inputs *inputs, const atomic_bool *stop, struct error *err)
{
	struct error ignored;
	int r = volume_tree_remove(inputs->volumes_path, stop, err);

	if (r == 0)
		r = make_all(inputs, stop, err);
	if (r < 0)
		volume_tree_remove(inputs->volumes_path, stop, &ignored);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The inventory of addresses that are reserved. */
#include <dirent.h>
#include <errno.h>

#include "core/base/fs.h"
#include "core/model/names.h"
#include "drivers/attachments/reservation.h"
#include "drivers/cni/network_inventory.h"

static bool is_reservation(const char *name)
{
	return name[0] != '.' && !str_equal(name, "lock") &&
	       !str_starts_with(name, "last_reserved_ip");
}

/* The cell of "<cell id>.<n>"; NULL: it is not of one. Free with free(). */
static char *cell_of_container(const char *container)
{
	const char *dot = strrchr(container, '.');
	AUTO_FREE char *id = dot ? xstrndup(container, (size_t)(dot - container)) : NULL;

	return id ? name_cell_key(id) : NULL;
}

/* In a directory of others, what is not of a cell is theirs. One that was cut is of whom has the
 * address; one of a cell that is on no record may be that of one which is not adopted yet. */
static void add_reservation(struct inventory_op *inventory, const char *path, bool shared)
{
	AUTO_FREE char *container = reservation_container(path);
	AUTO_FREE char *cell_key = cell_of_container(container);
	const char *owner = claims_owner(&inventory->containers, container);
	struct host_thing *thing;

	if (!owner && !cell_key)
		owner = claims_owner(&inventory->addresses, path);
	if (shared && !cell_key && !owner)
		return;
	thing = host_things_add(&inventory->things, HOST_IPAM, path, owner ? owner : cell_key);
	thing->unnamed = !owner && cell_key;
	if (!owner)
		thing->why = *container ? xasprintf("reserved for %.300s, which is not attached",
						    container)
					: xstrdup("it does not say for whom");
}

static int add_reservations(struct inventory_op *inventory, const char *path, bool shared,
			    struct error *err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int r;

	if (!dir)
		return errno == ENOENT ? 0 : error_set(err, -errno, "cannot list %s: %m", path);
	while ((r = fs_next_entry(dir, &entry)) > 0) {
		AUTO_FREE char *file = xasprintf("%s/%s", path, entry->d_name);

		if (entry->d_type == DT_REG && is_reservation(entry->d_name))
			add_reservation(inventory, file, shared);
	}
	closedir(dir);
	return r < 0 ? fs_error(err, r, "cannot list", path) : 0;
}

/* All of our own directory, and elsewhere where a conflist of ours points to. */
int inventory_add_ipam(struct inventory_op *inventory, struct error *err)
{
	AUTO_FREE char *ours = xasprintf("%s/", inventory->ipam_dir);
	DIR *dir = opendir(inventory->ipam_dir);
	struct dirent *entry;
	struct claim *claim;
	int r = 0, more = 0;

	if (!dir && errno != ENOENT)
		return error_set(err, -errno, "cannot list %s: %m", inventory->ipam_dir);
	while (dir && r == 0 && (more = fs_next_entry(dir, &entry)) > 0) {
		AUTO_FREE char *path = xasprintf("%s%s", ours, entry->d_name);

		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			r = add_reservations(inventory, path, false, err);
	}
	if (dir)
		closedir(dir);
	if (r == 0 && more < 0)
		r = fs_error(err, more, "cannot list", inventory->ipam_dir);
	map_for_each(claim, &inventory->reserved, node)
		if (r == 0 && !str_starts_with(claim->name, ours))
			r = add_reservations(inventory, claim->name, true, err);
	return r;
}

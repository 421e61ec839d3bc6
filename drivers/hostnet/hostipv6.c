/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hostnet/hostipv6.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "core/base/str.h"
#include "drivers/netlink/nl.h"

#define CONF "/proc/sys/net/ipv6/conf"

enum { SETTING_MAX_BYTES = 16 };

int hostipv6_check(struct error *err)
{
	if (access(CONF, F_OK) == 0)
		return 0;
	return error_set(err, -EAFNOSUPPORT,
			 "the kernel of this host does without IPv6 (ipv6.disable=1 when it was "
			 "booted, or no such module): take ipv6 and subnet6 out of the space");
}

/* ---- forwarding ---- */

static bool is_set_to(const char *path, char value)
{
	AUTO_BUF struct buf text = { 0 };

	return fs_read_file(AT_FDCWD, path, SETTING_MAX_BYTES, &text, NULL) == 0 && text.data &&
	       text.data[0] == value;
}

static bool learns_routes(const char *link)
{
	AUTO_FREE char *bridge = xasprintf("/sys/class/net/%s/bridge", link);
	AUTO_FREE char *master = xasprintf("/sys/class/net/%s/master", link);
	AUTO_FREE char *setting = xasprintf(CONF "/%s/accept_ra", link);

	return strcmp(link, "all") != 0 && strcmp(link, "default") != 0 &&
	       access(bridge, F_OK) < 0 && access(master, F_OK) < 0 && is_set_to(setting, '1');
}

static int keep_learning(const char *link, struct error *err)
{
	AUTO_FREE char *setting = xasprintf(CONF "/%s/accept_ra", link);
	int r = fs_write_existing(AT_FDCWD, setting, "2", err);

	return r == -ENOENT ? 0 : r; /* it has just gone */
}

int hostipv6_forward(struct error *err)
{
	static const char forwarding[] = CONF "/all/forwarding";
	struct dirent *entry;
	DIR *dir;
	int r = 0, more = 0;

	if (is_set_to(forwarding, '1'))
		return 0;
	dir = opendir(CONF);
	if (!dir)
		return error_set(err, -errno, "cannot list " CONF ": %m");
	while (r == 0 && (more = fs_next_entry(dir, &entry)) > 0)
		if (learns_routes(entry->d_name))
			r = keep_learning(entry->d_name, err);
	closedir(dir);
	if (r == 0 && more < 0)
		r = fs_error(err, more, "cannot list", CONF);
	return r < 0 ? r : fs_write_existing(AT_FDCWD, forwarding, "1", err);
}

/* ---- bridges ---- */

/* One that cannot be set is as it is: the addresses then come a second later. */
void hostipv6_prepare_bridge(const char *name)
{
	static const struct {
		const char *name, *value;
	} settings[] = {
		{ "disable_ipv6", "0" },
		{ "accept_ra", "0" },
		{ "accept_dad", "0" },
		{ "dad_transmits", "0" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		AUTO_FREE char *path = xasprintf(CONF "/%s/%s", name, settings[i].name);

		if (!is_set_to(path, settings[i].value[0]))
			fs_write_existing(AT_FDCWD, path, settings[i].value, NULL);
	}
}

int hostipv6_make_bridge(const char *name, struct error *err)
{
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	AUTO(nl_auto_link) struct rtnl_link *link = rtnl_link_bridge_alloc();
	int r = nl_open(&sock, err);

	if (r < 0)
		return r;
	check(link);
	rtnl_link_set_name(link, name);
	r = rtnl_link_add(sock, link, NLM_F_CREATE | NLM_F_EXCL);
	if (r < 0 && r != -NLE_EXIST)
		return nl_to_error(err, "make the bridge", r);
	hostipv6_prepare_bridge(name);
	return 0;
}

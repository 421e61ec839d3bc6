/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hostnet/switches.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "core/model/names.h"
#include "drivers/conf/conflist.h"
#include "drivers/hostnet/hostipv6.h"

#define CONF4 "/proc/sys/net/ipv4/conf"
#define CONF6 "/proc/sys/net/ipv6/conf"

enum { SWITCH_MAX_BYTES = 16, FILE_MAX_BYTES = 64 * 1024, FILES_MAX = 128 };

/* 1, 0; -1: there is none, or it cannot be read. */
static int read_switch(const char *path)
{
	AUTO_BUF struct buf text = { 0 };

	if (fs_read_file(AT_FDCWD, path, SWITCH_MAX_BYTES, &text, NULL) < 0 || !text.data)
		return -1;
	return text.data[0] == '0' ? 0 : 1;
}

/* ---- who ---- */

/* "net/ipv4/ip_forward" is the same, and "-" before it means that it may be missing. */
static bool is_name(const char *line, size_t len, const char *name)
{
	if (len && *line == '-') {
		line++;
		len--;
	}
	if (len != strlen(name))
		return false;
	for (size_t i = 0; i < len; i++)
		if (line[i] != name[i] && !(line[i] == '/' && name[i] == '.'))
			return false;
	return true;
}

bool switches_text_turns_off(const char *text, const char *name)
{
	bool off = false;

	for (const char *rest = text; *rest;) {
		const char *line = rest + strspn(rest, " \t");
		size_t len = strcspn(line, " \t=\n");
		const char *value = line + len + strspn(line + len, " \t");

		if (*value == '=' && is_name(line, len, name)) {
			value += 1 + strspn(value + 1, " \t");
			off = value[0] == '0' && !isdigit((unsigned char)value[1]);
		}
		rest += strcspn(rest, "\n");
		rest += *rest == '\n';
	}
	return off;
}

static bool file_turns_off(const char *path, const char *name)
{
	AUTO_BUF struct buf text = { 0 };

	return fs_read_file(AT_FDCWD, path, FILE_MAX_BYTES, &text, NULL) == 0 && text.data &&
	       switches_text_turns_off(text.data, name);
}

static char *find_in_dir(const char *path, const char *name)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char *found = NULL;

	for (int n = 0; dir && !found && n < FILES_MAX && fs_next_entry(dir, &entry) > 0; n++) {
		AUTO_FREE char *file = xasprintf("%s/%s", path, entry->d_name);

		if (str_ends_with(file, ".conf") && file_turns_off(file, name))
			found = take_ptr(file);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Who turned it off does not stand there; but who does so at every start or reload may be found. */
static char *who(const char *name, const char *link)
{
	static const char *const dirs[] = { "/etc/sysctl.d", "/run/sysctl.d", "/usr/lib/sysctl.d" };
	AUTO_FREE char *networkd =
		link ? xasprintf("/run/systemd/netif/links/%u", if_nametoindex(link)) : NULL;

	if (file_turns_off("/etc/sysctl.conf", name))
		return xstrdup("/etc/sysctl.conf says so");
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		AUTO_FREE char *file = find_in_dir(dirs[i], name);

		if (file)
			return xasprintf("%s says so", file);
	}
	if (networkd && access(networkd, F_OK) == 0)
		return xasprintf("systemd-networkd manages %s: IPv4Forwarding=yes in its .network "
				 "file keeps it",
				 link);
	return xstrdup("by hand or by a program, with sysctl or in /proc/sys");
}

/* ---- the host's ---- */

static const char harm[] = "packets do not pass between cells and what is outside their space";

/* @name: of the switch, off; @turn_on: 0 or -errno. */
static void note(struct host_ways *ways, const char *name, const char *link, int turned_on,
		 const struct error *err)
{
	AUTO_FREE char *by = who(name, link);

	if (ways->keep && turned_on == 0) {
		AUTO_FREE char *words =
			xasprintf("%s was turned off (%s): it is on again", name, by);

		strv_add(&ways->mended, words);
	} else if (!ways->off && ways->keep) {
		ways->off = xasprintf("%s is off (%s) and cannot be turned on (%s): %s", name, by,
				      err->msg, harm);
	} else if (!ways->off) {
		ways->off = xasprintf("%s is off (%s): %s; turn it on: sysctl -w %s=1, or kuke "
				      "doctor --fix",
				      name, by, harm, name);
	}
}

static void look_at(struct host_ways *ways, const char *path, const char *name, const char *link)
{
	struct error err = { 0 };
	int r = 0;

	if (read_switch(path) != 0)
		return;
	if (ways->keep)
		r = fs_write_existing(AT_FDCWD, path, "1", &err);
	note(ways, name, link, r, &err);
}

static void look_at_ipv6(struct host_ways *ways)
{
	struct error err = { 0 };
	int r = 0;

	if (read_switch(CONF6 "/all/forwarding") != 0)
		return;
	if (ways->keep)
		r = hostipv6_forward(&err); /* which lets links learn their routes all the same */
	note(ways, "net.ipv6.conf.all.forwarding", NULL, r, &err);
}

/* The kernel asks the link by which a packet came. */
static void look_at_uplink(struct host_ways *ways, int ifindex)
{
	char link[IF_NAMESIZE];

	if (!if_indextoname((unsigned)ifindex, link))
		return;
	AUTO_FREE char *path = xasprintf(CONF4 "/%s/forwarding", link);
	AUTO_FREE char *name = xasprintf("net.ipv4.conf.%s.forwarding", link);

	look_at(ways, path, name, link);
}

/* ---- ours ---- */

static void turn_on(const char *conf, const char *bridge)
{
	AUTO_FREE char *path = xasprintf("%s/%s/forwarding", conf, bridge);

	if (read_switch(path) == 0)
		fs_write_existing(AT_FDCWD, path, "1", NULL);
}

static bool is_needed(const struct ways_space *space)
{
	return space->used && name_is_link(space->bridge);
}

void switches_look(struct host_ways *ways, const int *uplinks, size_t n_uplinks)
{
	bool any = false, any6 = false;

	ways->forwards = read_switch("/proc/sys/net/ipv4/ip_forward") == 1;
	for (size_t i = 0; i < ways->n_spaces; i++) {
		any |= is_needed(&ways->spaces[i]);
		any6 |= is_needed(&ways->spaces[i]) && ways->spaces[i].subnet6;
	}
	if (any)
		look_at(ways, "/proc/sys/net/ipv4/ip_forward", "net.ipv4.ip_forward", NULL);
	if (any6)
		look_at_ipv6(ways);
	for (size_t i = 0; any && i < n_uplinks; i++)
		look_at_uplink(ways, uplinks[i]);
	for (size_t i = 0; ways->bridges_doubted && i < ways->n_spaces; i++) {
		if (!is_needed(&ways->spaces[i]))
			continue;
		turn_on(CONF4, ways->spaces[i].bridge);
		if (ways->spaces[i].subnet6)
			turn_on(CONF6, ways->spaces[i].bridge);
	}
}

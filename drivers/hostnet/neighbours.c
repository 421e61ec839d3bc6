/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hostnet/neighbours.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "drivers/conf/confdir.h"

enum { FILE_MAX_BYTES = 256 * 1024, FILES_MAX = 256 };

#define CNI_DIR "/etc/cni/net.d"
#define NETAVARK_DIR "/etc/containers/networks"
#define DOCKER_FILE "/etc/docker/daemon.json"
#define PODMAN_DEFAULT "10.88.0.0/16"

/* "172.17.0.1/16" too: an address and the prefix of its range. */
static void add(struct taken_subnets *taken, const char *text, const char *who, const char *path)
{
	AUTO_FREE char *owner = xasprintf("%s (%s)", who, path);
	struct subnet subnet;
	unsigned prefix;
	struct ip ip;

	if (!text || !ip_parse_range(text, &ip, &prefix))
		return;
	subnet = subnet_make(&ip, prefix);
	taken_subnets_add(taken, &subnet, owner);
}

static const char *member(json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

void neighbours_read_docker(const char *path, const char *text, size_t len,
			    struct taken_subnets *taken)
{
	json_t *root = json_loadb(text, len, 0, NULL), *pool;
	size_t i;

	add(taken, member(root, "bip"), "Docker's bridge", path);
	add(taken, member(root, "fixed-cidr"), "Docker's bridge", path);
	json_array_foreach(json_object_get(root, "default-address-pools"), i, pool)
		add(taken, member(pool, "base"), "a pool of Docker's", path);
	json_decref(root);
}

bool neighbours_read_netavark(const char *path, const char *text, size_t len,
			      struct taken_subnets *taken)
{
	json_t *root = json_loadb(text, len, 0, NULL), *subnet;
	bool is_default = str_equal(member(root, "name"), "podman");
	AUTO_FREE char *who = xasprintf("podman's network %.80s",
					member(root, "name") ? member(root, "name") : "?");
	size_t i;

	json_array_foreach(json_object_get(root, "subnets"), i, subnet)
		add(taken, member(subnet, "subnet"), who, path);
	json_decref(root);
	return is_default;
}

/* The value of a line of TOML that is a string; NULL: it is something else. */
static char *quoted_value(const char *line)
{
	const char *at = strchr(line, '=');
	size_t len;

	at = at ? at + 1 + strspn(at + 1, " \t") : "";
	if (*at != '"' && *at != '\'')
		return NULL;
	len = strcspn(at + 1, *at == '"' ? "\"" : "'");
	return at[1 + len] == *at ? xstrndup(at + 1, len) : NULL;
}

static bool begins_word(const char *line, const char *word)
{
	size_t len = strlen(word);

	return str_starts_with(line, word) && strchr(" \t=", line[len]);
}

char *neighbours_read_default_subnet(const char *text)
{
	bool in_network = false;
	char *found = NULL;

	for (const char *rest = text; *rest;) {
		size_t len = strcspn(rest, "\n");
		AUTO_FREE char *whole = xstrndup(rest, len);
		const char *line = whole + strspn(whole, " \t");

		if (*line == '[')
			in_network = str_starts_with(line, "[network]");
		else if (in_network && begins_word(line, "default_subnet")) {
			free(found);
			found = quoted_value(line);
		}
		rest += len + (rest[len] == '\n');
	}
	return found;
}

/* ---- where they stand ---- */

static bool read_text(const char *path, struct buf *ret)
{
	return fs_read_file(AT_FDCWD, path, FILE_MAX_BYTES, ret, NULL) == 0 && ret->data;
}

/* Whether one of them is the network that podman takes when none is named. */
static bool add_cni_networks(struct taken_subnets *taken)
{
	AUTO(confdir_fini) struct confdir confdir = { 0 };
	bool is_default = false;

	confdir_read(&confdir, CNI_DIR, NULL);
	for (size_t i = 0; i < confdir.n; i++) {
		const struct conflist *list = &confdir.items[i].list;
		AUTO_FREE char *who = xasprintf("network %s", list->name);

		if (list->space_key)
			continue; /* of another kukeond: its routes count, and its bridge */
		is_default |= str_equal(list->name, "podman");
		for (size_t k = 0; k < list->subnets.n; k++)
			add(taken, list->subnets.items[k], who, confdir.items[i].path);
	}
	return is_default;
}

static bool add_netavark_networks(struct taken_subnets *taken)
{
	DIR *dir = opendir(NETAVARK_DIR);
	struct dirent *entry;
	bool is_default = false;

	for (int n = 0; dir && n < FILES_MAX && fs_next_entry(dir, &entry) > 0; n++) {
		AUTO_FREE char *path = xasprintf(NETAVARK_DIR "/%s", entry->d_name);
		AUTO_BUF struct buf text = { 0 };

		if (str_ends_with(path, ".json") && read_text(path, &text))
			is_default |= neighbours_read_netavark(path, text.data, text.len, taken);
	}
	if (dir)
		closedir(dir);
	return is_default;
}

/* It is there, and has been used by root: what it keeps stands there. */
static bool has_podman(void)
{
	return (access("/usr/bin/podman", X_OK) == 0 ||
		access("/usr/local/bin/podman", X_OK) == 0) &&
	       access("/var/lib/containers/storage", F_OK) == 0;
}

/* The network that podman takes when none is named need not be in any file: then it has the range
 * of the settings, or the one that is built in. */
static void add_podman_default(struct taken_subnets *taken)
{
	static const char *const files[] = { "/etc/containers/containers.conf",
					     "/usr/share/containers/containers.conf" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO_BUF struct buf text = { 0 };
		AUTO_FREE char *subnet = read_text(files[i], &text)
						 ? neighbours_read_default_subnet(text.data)
						 : NULL;

		if (subnet)
			return add(taken, subnet, "podman's default network", files[i]);
	}
	if (has_podman())
		add(taken, PODMAN_DEFAULT, "podman's default network", "built in");
}

void neighbours_add_taken(struct taken_subnets *taken)
{
	AUTO_BUF struct buf text = { 0 };
	bool cni = add_cni_networks(taken), netavark = add_netavark_networks(taken);

	if (!cni && !netavark)
		add_podman_default(taken);
	if (read_text(DOCKER_FILE, &text))
		neighbours_read_docker(DOCKER_FILE, text.data, text.len, taken);
}

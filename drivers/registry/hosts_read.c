/* SPDX-License-Identifier: Apache-2.0 */
/* certs.d: a directory for each registry, with a hosts.toml, or with certificates as docker lays
 * them there. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/aside/mountinfo.h"
#include "core/aside/paths.h"
#include "core/base/fs.h"
#include "core/registry/toml.h"
#include "drivers/registry/endpoint.h"

enum { FILES_MAX = 256 };

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The files there that may be certificates, whole paths, sorted. */
static int list_files(const char *path, struct strv *files, struct error *err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int r = dir ? 0 : -errno;

	while (dir && files->n < FILES_MAX && (r = fs_next_entry(dir, &entry)) > 0) {
		AUTO_FREE char *file = xasprintf("%s/%s", path, entry->d_name);

		if (entry->d_type != DT_DIR)
			strv_add(files, file);
	}
	if (dir)
		closedir(dir);
	if (r < 0)
		return error_set(err, r, "cannot list %s: %s", path, strerror(-r));
	if (files->n)
		qsort(files->items, files->n, sizeof(*files->items), compare);
	return 0;
}

/* Certificates mean that it is spoken to by https, loopback or not. */
static void use_https(struct registry_host *host)
{
	size_t len;
	const char *rest = url_authority(host->url, &len);
	char *url = xasprintf("https://%s", rest);

	free(host->url);
	host->url = url;
	host->plain = false;
}

/* x.crt: a CA; x.cert and x.key: ours. */
static void take_file(const struct strv *files, const char *file, struct registry_host *host)
{
	if (str_ends_with(file, ".crt"))
		strv_add(&host->ca, file);
	if (str_ends_with(file, ".cert")) {
		AUTO_FREE char *key =
			xasprintf("%.*s.key", (int)(strlen(file) - strlen(".cert")), file);

		strv_add(&host->client, file);
		strv_add(&host->client, strv_has(files, key) ? key : "");
	}
}

static int read_docker_layout(const char *path, const char *registry,
			      struct registry_hosts *ret_hosts, struct error *err)
{
	AUTO(strv_fini) struct strv files = { 0 };
	struct registry_host *host;
	int r = list_files(path, &files, err);

	if (r < 0)
		return r;
	registry_hosts_default(registry, ret_hosts);
	host = &ret_hosts->items[0];
	for (size_t i = 0; i < files.n; i++)
		take_file(&files, files.items[i], host);
	if (host->plain && (host->ca.n || host->client.n))
		use_https(host);
	return 0;
}

static int read_directory(const char *path, const char *registry, struct registry_hosts *ret_hosts,
			  struct error *err)
{
	AUTO_FREE char *file = xasprintf("%s/hosts.toml", path);
	AUTO_BUF struct buf text = { 0 };
	int r = fs_read_file(AT_FDCWD, file, TOML_MAX_BYTES, &text, err);

	if (r == -ENOENT)
		return read_docker_layout(path, registry, ret_hosts, err);
	if (r == 0)
		r = registry_hosts_parse(text.data ? text.data : "", text.len, registry, path,
					 ret_hosts, err);
	return r == -EBADMSG || r == -EFBIG ? error_wrap(err, r, "%s", file) : r;
}

/* Of one of the directories of certs.d. -ENOENT: it has nothing for the registry. */
static int read_from(const char *certs_path, const struct strv *names, const char *registry,
		     struct registry_hosts *ret_hosts, struct error *err)
{
	for (size_t i = 0; i < names->n; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", certs_path, names->items[i]);
		const char *const asked = path;
		struct stat st;
		int r = mountinfo_may_hang() ? paths_answer(&asked, 1, PATHS_READ, err) : 0;

		if (r < 0)
			return r;
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			return read_directory(path, registry, ret_hosts, err);
	}
	return -ENOENT;
}

int hosts_read(const char *certs_path, const char *registry, struct registry_hosts *ret_hosts,
	       struct error *err)
{
	AUTO(strv_fini) struct strv names = { 0 };
	AUTO_FREE char *paths = xstrdup(certs_path);
	char *rest = paths, *path;
	int r = -ENOENT;

	registry_hosts_directories(registry, &names);
	while (r == -ENOENT && (path = strtok_r(rest, ":", &rest)))
		r = read_from(path, &names, registry, ret_hosts, err);
	if (r == -ENOENT) {
		registry_hosts_default(registry, ret_hosts);
		r = 0;
	}
	return r < 0 ? error_wrap(err, r, "the hosts of %s", registry) : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/registry/registry_hosts_private.h"

#include <errno.h>
#include <strings.h>

#include "core/registry/reference.h"

#define DOCKER_ENDPOINT "registry-1.docker.io"
#define HTTP "http://"
#define HTTPS "https://"

void registry_host_fini(struct registry_host *host)
{
	free(host->url);
	strv_fini(&host->ca);
	strv_fini(&host->client);
	strv_fini(&host->headers);
	*host = (struct registry_host){ 0 };
}

void registry_hosts_fini(struct registry_hosts *hosts)
{
	for (size_t i = 0; i < hosts->n; i++)
		registry_host_fini(&hosts->items[i]);
	free(hosts->items);
	*hosts = (struct registry_hosts){ 0 };
}

/* ---- the registry itself ---- */

bool registry_is_loopback(const char *host)
{
	size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");

	if (host[0] == '[' && host[len - 1] && strcspn(host + len, ":/?#"))
		return false;
	return (len == strlen("localhost") && strncasecmp(host, "localhost", len) == 0) ||
	       (len == strlen("[::1]") && strncmp(host, "[::1]", len) == 0) ||
	       (str_starts_with(host, "127.") && strspn(host, "0123456789.") == len);
}

static const char *scheme_for(const char *host)
{
	return registry_is_loopback(host) && !str_ends_with(host, ":443") ? HTTP : HTTPS;
}

static const char *endpoint_of(const char *registry)
{
	return str_equal(registry, REFERENCE_DOCKER) ? DOCKER_ENDPOINT : registry;
}

static struct registry_host own_host(const char *registry)
{
	const char *endpoint = endpoint_of(registry), *scheme = scheme_for(endpoint);

	return (struct registry_host){
		.url = xasprintf("%s%s/v2", scheme, endpoint),
		.can = REGISTRY_CAN_ALL,
		.plain = str_equal(scheme, HTTP),
	};
}

static void add_host(struct registry_hosts *hosts, struct registry_host host)
{
	hosts->items = xrealloc(hosts->items, (hosts->n + 1) * sizeof(*hosts->items));
	hosts->items[hosts->n++] = host;
}

void registry_hosts_default(const char *registry, struct registry_hosts *ret_hosts)
{
	*ret_hosts = (struct registry_hosts){ 0 };
	add_host(ret_hosts, own_host(registry));
}

void registry_hosts_directories(const char *registry, struct strv *ret_names)
{
	const char *bracket = strrchr(registry, ']');
	const char *colon = strrchr(bracket ? bracket : registry, ':');

	*ret_names = (struct strv){ 0 };
	if (colon) {
		AUTO_FREE char *name =
			xasprintf("%.*s_%s_", (int)(colon - registry), registry, colon + 1);

		strv_add(ret_names, name);
	}
	strv_add(ret_names, registry);
	strv_add(ret_names, "_default");
}

/* ---- from the file's entries to hosts ---- */

/* "https://a.example/path", "a.example:5000" */
static int split_url(const char *name, const char **ret_scheme, const char **ret_host,
		     struct error *err)
{
	const char *scheme = strstr(name, "://");
	const char *host = scheme ? scheme + 3 : name;
	bool http = scheme && strncasecmp(name, HTTP, strlen(HTTP)) == 0;
	bool https = scheme && strncasecmp(name, HTTPS, strlen(HTTPS)) == 0;

	if ((scheme && !http && !https) || !*host || *host == '/' || strpbrk(host, " \t\r\n@?#\\"))
		return error_set(
			err, -EBADMSG,
			"\"%.200s\" is no host; expected a URL such as https://mirror.example",
			name);
	*ret_host = host;
	*ret_scheme = http ? HTTP : https ? HTTPS : scheme_for(host);
	return 0;
}

static char *url_of(const char *scheme, const char *host, bool override_path)
{
	size_t len = strlen(host);

	while (len && host[len - 1] == '/')
		len--;
	if (override_path)
		return xasprintf("%s%.*s", scheme, (int)len, host);
	if (len > 3 && strncmp(host + len - 3, "/v2", 3) == 0)
		len -= 3;
	return xasprintf("%s%.*s/v2", scheme, (int)len, host);
}

/* The entry's host, taken out of it. */
static int take_host(struct hosts_file *file, struct hosts_entry *entry,
		     struct registry_hosts *hosts, struct error *err)
{
	const char *endpoint = endpoint_of(file->registry), *scheme = HTTPS, *host = "";
	int r = split_url(entry->name ? entry->name : endpoint, &scheme, &host, err);
	size_t len;

	if (r < 0)
		return r;
	len = strcspn(host, "/");
	entry->host.url = url_of(scheme, host, entry->override_path);
	entry->host.plain = str_equal(scheme, HTTP);
	entry->host.can = entry->host.can ? entry->host.can : REGISTRY_CAN_ALL;
	entry->host.mirror = strlen(endpoint) != len || strncasecmp(endpoint, host, len) != 0;
	add_host(hosts, entry->host);
	entry->host = (struct registry_host){ 0 };
	return 0;
}

int registry_hosts_parse(const char *text, size_t len, const char *registry, const char *directory,
			 struct registry_hosts *ret_hosts, struct error *err)
{
	AUTO(hosts_file_fini)
	struct hosts_file file = { .registry = registry, .directory = directory };
	AUTO(registry_hosts_fini) struct registry_hosts hosts = { 0 };
	int r = hosts_file_read(text, len, &file, err);

	for (size_t i = 0; r == 0 && i < file.n_hosts; i++)
		r = take_host(&file, &file.hosts[i], &hosts, err);
	if (r == 0)
		r = take_host(&file, &file.top, &hosts, err);
	if (r < 0)
		return r;
	*ret_hosts = hosts;
	hosts = (struct registry_hosts){ 0 };
	return 0;
}

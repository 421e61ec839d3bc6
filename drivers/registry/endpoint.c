/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/registry/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>

#include "core/aside/mountinfo.h"
#include "core/aside/paths.h"
#include "core/base/fs.h"

enum { PEM_MAX_BYTES = 1024 * 1024 };

static void forget(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void secret_fini(struct secret *secret)
{
	forget(secret->text);
	free(secret->username);
	*secret = (struct secret){ 0 };
}

void endpoints_fini(struct endpoints *endpoints)
{
	for (size_t i = 0; i < endpoints->n; i++) {
		struct endpoint *endpoint = &endpoints->items[i];

		registry_host_fini(&endpoint->host);
		secret_fini(&endpoint->secret);
		free(endpoint->authority);
		free(endpoint->ca);
		free(endpoint->cert);
		forget(endpoint->key);
	}
	free(endpoints->items);
	*endpoints = (struct endpoints){ 0 };
}

/* ---- URLs ---- */

const char *url_authority(const char *url, size_t *ret_len)
{
	const char *host = strstr(url, "://");

	host = host ? host + strlen("://") : url;
	*ret_len = strcspn(host, "/?#");
	return host;
}

bool url_is_same_place(const char *a, const char *b)
{
	size_t a_len, b_len;
	const char *a_host = url_authority(a, &a_len), *b_host = url_authority(b, &b_len);

	a_len += (size_t)(a_host - a);
	b_len += (size_t)(b_host - b);
	return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

/* ---- what is asked for ---- */

struct endpoint_inputs *endpoint_inputs_new(const char *certs_path,
					    const struct reference *reference,
					    Api__RegistryCredentials *const *credentials,
					    size_t n_credentials)
{
	struct endpoint_inputs *inputs = xnew(struct endpoint_inputs);

	inputs->refs = 1;
	inputs->certs_path = xstrdup(certs_path);
	inputs->reference = (struct reference){
		.registry = xstrdup(reference->registry),
		.repository = xstrdup(reference->repository),
		.tag = xstrdup_maybe(reference->tag),
		.digest = xstrdup_maybe(reference->digest),
	};
	inputs->credentials = xcalloc(n_credentials + 1, sizeof(*inputs->credentials));
	for (size_t i = 0; i < n_credentials; i++)
		inputs->credentials[i] = (struct credential){
			.server_address = str_dup_filled(credentials[i]->server_address),
			.username = str_dup_filled(credentials[i]->username),
			.password = str_dup_filled(credentials[i]->password),
			.password_file = str_dup_filled(credentials[i]->password_file),
			.docker_config = str_dup_filled(credentials[i]->docker_config),
		};
	inputs->n_credentials = n_credentials;
	return inputs;
}

void endpoint_inputs_unref(struct endpoint_inputs *inputs)
{
	if (!inputs || --inputs->refs)
		return;
	for (size_t i = 0; i < inputs->n_credentials; i++) {
		struct credential *credential = &inputs->credentials[i];

		free(credential->server_address);
		free(credential->username);
		forget(credential->password);
		free(credential->password_file);
		free(credential->docker_config);
	}
	free(inputs->credentials);
	reference_fini(&inputs->reference);
	free(inputs->certs_path);
	free(inputs);
}

/* ---- reading ---- */

int named_file_read(const char *path, size_t max_bytes, struct buf *ret, struct error *err)
{
	int r = 0;

	if (path[0] != '/')
		return error_set(err, -EINVAL, "%s: expected an absolute path", path);
	if (mountinfo_may_hang())
		r = paths_answer(&path, 1, PATHS_READ, err);
	return r < 0 ? r : fs_read_file(AT_FDCWD, path, max_bytes, ret, err);
}

/* Appended to *pem; several certificates may stand one behind the other. */
static int add_pem(const char *path, char **pem, struct error *err)
{
	struct buf text = { 0 };
	int r;

	if (*pem)
		buf_printf(&text, "%s\n", *pem);
	r = named_file_read(path, PEM_MAX_BYTES, &text, err);
	if (r == 0) {
		forget(*pem);
		*pem = buf_take(&text);
	}
	buf_fini(&text);
	return r;
}

/* Of several certificates for us, the first one is shown. */
static int read_pems(struct endpoint *endpoint, struct error *err)
{
	const struct strv *client = &endpoint->host.client;
	int r = 0;

	for (size_t i = 0; r == 0 && i < endpoint->host.ca.n; i++)
		r = add_pem(endpoint->host.ca.items[i], &endpoint->ca, err);
	if (r == 0 && client->n)
		r = add_pem(client->items[0], &endpoint->cert, err);
	if (r == 0 && client->n > 1 && *client->items[1])
		r = add_pem(client->items[1], &endpoint->key, err);
	return r;
}

/* A mirror is another registry: it gets nothing that was given for the one that it mirrors. */
static int read_secret(const struct endpoint_inputs *inputs, struct endpoint *endpoint,
		       struct error *err)
{
	const struct reference asked = {
		.registry =
			endpoint->host.mirror ? endpoint->authority : inputs->reference.registry,
		.repository = inputs->reference.repository,
	};
	int r = secret_read(inputs->credentials, inputs->n_credentials, &asked, &endpoint->secret,
			    err);

	if (r < 0 || !endpoint->secret.text || !endpoint->host.plain ||
	    registry_is_loopback(endpoint->authority))
		return r;
	secret_fini(&endpoint->secret);
	endpoint->withheld = true;
	return 0;
}

static void take_host(struct registry_host *host, struct endpoint *endpoint)
{
	size_t len;
	const char *authority = url_authority(host->url, &len);

	endpoint->authority = xstrndup(authority, len);
	endpoint->host = *host;
	*host = (struct registry_host){ 0 };
}

int endpoints_read(const struct endpoint_inputs *inputs, struct endpoints *ret_endpoints,
		   enum image_fault *ret_fault, struct error *err)
{
	AUTO(registry_hosts_fini) struct registry_hosts hosts = { 0 };
	AUTO(endpoints_fini) struct endpoints endpoints = { 0 };
	int r = hosts_read(inputs->certs_path, inputs->reference.registry, &hosts, err);

	*ret_fault = IMAGE_FAULT_OTHER;
	endpoints.items = xcalloc(hosts.n + 1, sizeof(*endpoints.items));
	for (size_t i = 0; r == 0 && i < hosts.n; i++) {
		struct endpoint *endpoint = &endpoints.items[endpoints.n++];

		take_host(&hosts.items[i], endpoint);
		r = read_pems(endpoint, err);
		if (r < 0)
			break;
		r = read_secret(inputs, endpoint, err);
		if (r < 0 && r != -EREMOTEIO)
			*ret_fault = IMAGE_FAULT_UNAUTHORIZED;
	}
	if (r < 0)
		return r;
	*ret_endpoints = endpoints;
	endpoints = (struct endpoints){ 0 };
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/registry/docker_config.h"

#include <errno.h>
#include <nettle/base64.h>
#include <strings.h>

#include "core/base/str.h"
#include "core/registry/json.h"

enum {
	ENTRIES_MAX = 1024,
	SECRET_MAX_BYTES = 64 * 1024,
};

#define DOCKER_HUB_NAMES "index.docker.io", "registry-1.docker.io"

static void forget(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

static void login_fini(struct docker_login *login)
{
	free(login->registry);
	free(login->repository);
	free(login->username);
	forget(login->secret);
	*login = (struct docker_login){ 0 };
}

void docker_config_fini(struct docker_config *config)
{
	for (size_t i = 0; i < config->n_logins; i++)
		login_fini(&config->logins[i]);
	for (size_t i = 0; i < config->n_helpers; i++) {
		free(config->helpers[i].registry);
		free(config->helpers[i].name);
	}
	free(config->logins);
	free(config->helpers);
	*config = (struct docker_config){ 0 };
}

/* ---- keys: "https://index.docker.io/v1/", "quay.io", "quay.io/team" ---- */

static char *registry_of(const char *host, size_t len)
{
	static const char *const hub[] = { DOCKER_HUB_NAMES };

	for (size_t i = 0; i < ARRAY_SIZE(hub); i++) {
		if (strlen(hub[i]) == len && strncasecmp(hub[i], host, len) == 0)
			return xstrdup(REFERENCE_DOCKER);
	}
	return xstrndup(host, len);
}

static const char *skip_scheme(const char *key)
{
	if (strncasecmp(key, "https://", strlen("https://")) == 0)
		return key + strlen("https://");
	return strncasecmp(key, "http://", strlen("http://")) == 0 ? key + strlen("http://") : key;
}

static void split_key(const char *key, char **ret_registry, char **ret_repository)
{
	const char *host = skip_scheme(key), *path = host + strcspn(host, "/");
	size_t len;

	*ret_registry = registry_of(host, (size_t)(path - host));
	path += strspn(path, "/");
	len = strlen(path);
	while (len && path[len - 1] == '/')
		len--;
	if (len == 2 && (strncmp(path, "v1", len) == 0 || strncmp(path, "v2", len) == 0))
		len = 0;
	*ret_repository = xstrndup(path, len);
}

/* ---- auths ---- */

static char *decode(const char *text)
{
	struct base64_decode_ctx ctx;
	size_t len = strlen(text), n = BASE64_DECODE_LENGTH(len);
	char *plain = xcalloc(n + 1, 1);

	base64_decode_init(&ctx);
	if (len <= SECRET_MAX_BYTES &&
	    base64_decode_update(&ctx, &n, (uint8_t *)plain, len, text) &&
	    base64_decode_final(&ctx))
		return plain;
	free(plain);
	return NULL;
}

/* "user:password" in base64, as docker login writes it; false: it is not that. */
static bool read_auth(const char *auth, struct docker_login *login)
{
	char *plain = decode(auth);
	char *colon = plain ? strchr(plain, ':') : NULL;

	if (colon && colon > plain) {
		login->username = xstrndup(plain, (size_t)(colon - plain));
		login->secret = xstrdup(colon + 1);
	}
	forget(plain);
	return login->secret != NULL;
}

static bool set_token(struct docker_login *login, enum login_kind kind, const char *token)
{
	if (str_empty(token) || strlen(token) > SECRET_MAX_BYTES)
		return false;
	login->kind = kind;
	login->username = xstrdup("");
	login->secret = xstrdup(token);
	return true;
}

static bool set_password(struct docker_login *login, const char *username, const char *password)
{
	if (str_empty(username) || str_empty(password))
		return false;
	login->username = xstrdup(username);
	login->secret = xstrdup(password);
	return true;
}

/* False: nothing to log in with stands there, as where a helper keeps it. */
static bool read_login(const json_t *entry, struct docker_login *login)
{
	return set_token(login, LOGIN_IDENTITY_TOKEN,
			 registry_json_string(entry, "identitytoken")) ||
	       set_token(login, LOGIN_REGISTRY_TOKEN,
			 registry_json_string(entry, "registrytoken")) ||
	       read_auth(registry_json_string(entry, "auth"), login) ||
	       set_password(login, registry_json_string(entry, "username"),
			    registry_json_string(entry, "password"));
}

static void read_auths(json_t *auths, struct docker_config *config)
{
	const char *key;
	json_t *entry;

	config->logins = xcalloc(json_object_size(auths), sizeof(*config->logins));
	json_object_foreach(auths, key, entry) {
		struct docker_login login = { 0 };

		if (!read_login(entry, &login))
			continue;
		split_key(key, &login.registry, &login.repository);
		config->logins[config->n_logins++] = login;
	}
}

/* ---- helpers ---- */

static bool is_program_name(const char *name)
{
	return !str_empty(name) && strlen(name) < 64 && name[0] != '.' && name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
		       strlen(name);
}

static void read_helpers(json_t *helpers, struct docker_config *config)
{
	const char *key;
	json_t *name;

	config->helpers = xcalloc(json_object_size(helpers), sizeof(*config->helpers));
	json_object_foreach(helpers, key, name) {
		struct docker_helper *helper = &config->helpers[config->n_helpers];
		AUTO_FREE char *path = NULL;

		if (!is_program_name(json_string_value(name)))
			continue;
		split_key(key, &helper->registry, &path);
		helper->name = xstrdup(json_string_value(name));
		config->n_helpers++;
	}
}

int docker_config_parse(const char *data, size_t len, struct docker_config *ret_config,
			struct error *err)
{
	AUTO(registry_json_unref) json_t *root = NULL;
	json_t *auths, *helpers;
	int r = registry_json_parse("file", data, len, &root, err);

	if (r < 0)
		return r;
	auths = json_object_get(root, "auths");
	helpers = json_object_get(root, "credHelpers");
	if ((auths && !json_is_object(auths)) || (helpers && !json_is_object(helpers)))
		return error_set(
			err, -EBADMSG,
			"\"auths\" and \"credHelpers\" are no objects; expected registries "
			"there, as docker login writes them");
	if (json_object_size(auths) > ENTRIES_MAX || json_object_size(helpers) > ENTRIES_MAX)
		return error_set(err, -EFBIG, "it has more than %d registries", ENTRIES_MAX);
	*ret_config = (struct docker_config){ 0 };
	read_auths(auths, ret_config);
	read_helpers(helpers, ret_config);
	return 0;
}

/* ---- looking up ---- */

static bool holds(const char *prefix, const char *repository)
{
	size_t len = strlen(prefix);

	return len == 0 || (strncmp(prefix, repository, len) == 0 &&
			    (repository[len] == '\0' || repository[len] == '/'));
}

size_t docker_key_match(const char *key, const struct reference *reference)
{
	AUTO_FREE char *registry = NULL;
	AUTO_FREE char *repository = NULL;

	split_key(key, &registry, &repository);
	if (strcasecmp(registry, reference->registry) != 0 ||
	    !holds(repository, reference->repository))
		return 0;
	return 1 + strlen(repository);
}

const struct docker_login *docker_config_find(const struct docker_config *config,
					      const struct reference *reference)
{
	const struct docker_login *best = NULL;

	for (size_t i = 0; i < config->n_logins; i++) {
		const struct docker_login *login = &config->logins[i];

		if (strcasecmp(login->registry, reference->registry) == 0 &&
		    holds(login->repository, reference->repository) &&
		    (!best || strlen(login->repository) > strlen(best->repository)))
			best = login;
	}
	return best;
}

const char *docker_config_helper(const struct docker_config *config,
				 const struct reference *reference)
{
	for (size_t i = 0; i < config->n_helpers; i++) {
		if (strcasecmp(config->helpers[i].registry, reference->registry) == 0)
			return config->helpers[i].name;
	}
	return NULL;
}

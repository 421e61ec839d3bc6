/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file in which docker and podman keep what they log in to registries with,
 * ~/.docker/config.json or auth.json: its "auths" and "credHelpers". Pure. Nothing secret ever
 * stands in an error.
 */
#pragma once

#include "core/base/error.h"
#include "core/registry/reference.h"

enum login_kind {
	LOGIN_PASSWORD,
	LOGIN_IDENTITY_TOKEN, /* exchanged for one that may be shown, as a refresh token */
	LOGIN_REGISTRY_TOKEN, /* shown as it is */
};

struct docker_login {
	char *registry, *repository; /* whose it is: all below it; "": all of the registry */
	enum login_kind kind;
	char *username; /* "" with a token */
	char *secret;
};

struct docker_helper {
	char *registry;
	char *name; /* the program docker-credential-<name>; letters, digits, "-", "_", "." */
};

struct docker_config {
	struct docker_login *logins;
	size_t n_logins;
	struct docker_helper *helpers;
	size_t n_helpers;
};

/* Overwrites its own copies of what is secret; those of the JSON parser, and @data, are gone when
 * their memory is used again. */
void docker_config_fini(struct docker_config *config);

/* How close @key, "https://index.docker.io/v1/", "quay.io/team", is to an image: 1 and the length
 * of what it says behind its registry; 0: the image is not below it. */
size_t docker_key_match(const char *key, const struct reference *reference);

/* -EBADMSG, -EFBIG: @ret_config is untouched. What it cannot use, "credsStore" among it, is left
 * out. */
int docker_config_parse(const char *data, size_t len, struct docker_config *ret_config,
			struct error *err);

/* The login for an image, that of the longest prefix; NULL: there is none. */
const struct docker_login *docker_config_find(const struct docker_config *config,
					      const struct reference *reference);

/* The helper of its registry; NULL: there is none. It goes before a login. */
const char *docker_config_helper(const struct docker_config *config,
				 const struct reference *reference);

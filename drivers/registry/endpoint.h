/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands for a registry, as it is asked: its hosts in order, each with what connections to it
 * are made with and what it is shown. Read from files and helpers that others name.
 */
#pragma once

#include "api/kukeon.pb-c.h"
#include "core/driver/images.h"
#include "core/registry/docker_config.h"
#include "core/registry/reference.h"
#include "core/registry/registry_hosts.h"
#include "drivers/http/http.h"

struct secret {
	enum login_kind kind;
	char *username, *text; /* @text NULL: there is none */
};

void secret_fini(struct secret *secret);

struct registry_login;

struct endpoint {
	struct registry_host host;
	char *authority; /* "registry-1.docker.io", "localhost:5000" */
	char *ca, *cert, *key;
	struct secret secret;
	bool withheld; /* it has one, which would go over the wire as it is */
	struct registry_login *login;
};

struct endpoints {
	struct endpoint *items;
	size_t n;
};

/* Their logins are given back by whoever took them. */
void endpoints_fini(struct endpoints *endpoints);

/* As a URL has it, valid as long as that: *ret_len bytes behind "://". */
const char *url_authority(const char *url, size_t *ret_len);

/* Scheme, host and port are the same. */
bool url_is_same_place(const char *a, const char *b);

struct credential {
	char *server_address, *username, *password, *password_file, *docker_config; /* or NULL */
};

/* What is asked for; not changed any more, and shared with the thread that reads. */
struct endpoint_inputs {
	unsigned refs; /* counted on the loop */
	char *certs_path;
	struct reference reference;
	struct credential *credentials;
	size_t n_credentials;
};

struct endpoint_inputs *endpoint_inputs_new(const char *certs_path,
					    const struct reference *reference,
					    Api__RegistryCredentials *const *credentials,
					    size_t n_credentials);
void endpoint_inputs_unref(struct endpoint_inputs *inputs);

/* Blocks: for a thread of its own. <0: *ret_fault says of what kind that is. */
int endpoints_read(const struct endpoint_inputs *inputs, struct endpoints *ret_endpoints,
		   enum image_fault *ret_fault, struct error *err);

/* ---- its parts ---- */

/* A file that somebody else named, after another process has come back from there where it may
 * hang. */
int named_file_read(const char *path, size_t max_bytes, struct buf *ret, struct error *err);

/* certs.d, for a registry; without any file there the registry itself. */
int hosts_read(const char *certs_path, const char *registry, struct registry_hosts *ret_hosts,
	       struct error *err);

/* The one of the longest prefix for @reference; ret_secret->text stays NULL where there is none. */
int secret_read(const struct credential *credentials, size_t n, const struct reference *reference,
		struct secret *ret_secret, struct error *err);

/* What docker-credential-<name> has for a server. -ENOENT: nothing. */
int helper_ask(const char *name, const char *server, struct secret *ret_secret, struct error *err);

/* Where helpers are looked for, and with which environment they run. */
#define HELPER_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

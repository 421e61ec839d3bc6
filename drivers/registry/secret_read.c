/* SPDX-License-Identifier: Apache-2.0 */
/* Which of a realm's credentials an image is asked for with: that of the longest prefix, of two
 * that are as long the first. Only what is chosen is read. */
#include <errno.h>

#include "core/base/fs.h"
#include "drivers/registry/endpoint.h"

enum {
	PASSWORD_MAX_BYTES = 64 * 1024,
	DOCKER_CONFIG_MAX_BYTES = 1024 * 1024,
};

#define DOCKER_SERVER "https://index.docker.io/v1/" /* docker.io, to docker's helpers */

/* What would be taken. */
struct choice {
	size_t match; /* 0: nothing yet */
	const struct credential *credential;
	char *helper;         /* of a docker config */
	struct secret secret; /* the same */
};

static void choice_fini(struct choice *choice)
{
	free(choice->helper);
	secret_fini(&choice->secret);
	*choice = (struct choice){ 0 };
}

static void forget_buf(struct buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->capacity);
	buf_fini(buf);
}

static void replace(struct choice *choice, struct choice by)
{
	if (by.match <= choice->match) {
		choice_fini(&by);
		return;
	}
	choice_fini(choice);
	*choice = by;
}

/* ---- docker's file ---- */

static void consider_logins(const struct docker_config *config, const struct credential *credential,
			    size_t match, const struct reference *reference, struct choice *choice)
{
	const char *helper = docker_config_helper(config, reference);
	const struct docker_login *login = docker_config_find(config, reference);
	struct choice found = { .match = match, .credential = credential };

	if (helper) {
		found.helper = xstrdup(helper);
	} else if (login) {
		if (found.match < 1 + strlen(login->repository))
			found.match = 1 + strlen(login->repository);
		found.secret = (struct secret){ .kind = login->kind,
						.username = xstrdup(login->username),
						.text = xstrdup(login->secret) };
	} else {
		return;
	}
	replace(choice, found);
}

static int consider_docker(const struct credential *credential, size_t match,
			   const struct reference *reference, struct choice *choice,
			   struct error *err)
{
	AUTO(docker_config_fini) struct docker_config config = { 0 };
	AUTO(forget_buf) struct buf text = { 0 };
	int r = named_file_read(credential->docker_config, DOCKER_CONFIG_MAX_BYTES, &text, err);

	if (r < 0)
		return error_wrap(err, r, "registryCredentials: dockerConfig");
	r = docker_config_parse(text.data ? text.data : "", text.len, &config, err);
	if (r < 0)
		return error_wrap(err, r, "registryCredentials: dockerConfig %s",
				  credential->docker_config);
	consider_logins(&config, credential, match, reference, choice);
	return 0;
}

static int consider(const struct credential *credential, const struct reference *reference,
		    struct choice *choice, struct error *err)
{
	size_t match = credential->docker_config ? 1 : 0;

	if (credential->server_address)
		match = docker_key_match(credential->server_address, reference);
	if (match == 0)
		return 0;
	if (credential->docker_config)
		return consider_docker(credential, match, reference, choice, err);
	replace(choice, (struct choice){ .match = match, .credential = credential });
	return 0;
}

/* ---- what was chosen ---- */

static int read_password(const char *path, char **ret, struct error *err)
{
	AUTO(forget_buf) struct buf text = { 0 };
	int r = named_file_read(path, PASSWORD_MAX_BYTES, &text, err);

	if (r < 0)
		return error_wrap(err, r, "registryCredentials: passwordFile");
	if (text.len && text.data[text.len - 1] == '\n')
		text.len--;
	if (text.len && text.data[text.len - 1] == '\r')
		text.len--;
	if (text.len == 0 || memchr(text.data, '\0', text.len))
		return error_set(err, -EBADMSG,
				 "registryCredentials: passwordFile %s: expected a password", path);
	*ret = xstrndup(text.data, text.len);
	return 0;
}

static int read_helper(const char *helper, const struct reference *reference, struct secret *secret,
		       struct error *err)
{
	bool hub = str_equal(reference->registry, REFERENCE_DOCKER);
	int r = helper_ask(helper, hub ? DOCKER_SERVER : reference->registry, secret, err);

	return r == -ENOENT ? 0 : r; /* it has none for it */
}

static int read_chosen(struct choice *choice, const struct reference *reference,
		       struct secret *secret, struct error *err)
{
	const struct credential *credential = choice->credential;

	if (choice->helper)
		return read_helper(choice->helper, reference, secret, err);
	if (choice->secret.text) {
		*secret = choice->secret;
		choice->secret = (struct secret){ 0 };
		return 0;
	}
	secret->kind = credential->username ? LOGIN_PASSWORD : LOGIN_IDENTITY_TOKEN;
	secret->username = xstrdup(credential->username ? credential->username : "");
	if (credential->password_file)
		return read_password(credential->password_file, &secret->text, err);
	secret->text = xstrdup(credential->password ? credential->password : "");
	return 0;
}

int secret_read(const struct credential *credentials, size_t n, const struct reference *reference,
		struct secret *ret_secret, struct error *err)
{
	AUTO(choice_fini) struct choice choice = { 0 };
	struct secret secret = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = consider(&credentials[i], reference, &choice, err);
	if (r == 0 && choice.match)
		r = read_chosen(&choice, reference, &secret, err);
	if (r < 0) {
		secret_fini(&secret);
		return r;
	}
	*ret_secret = secret;
	return 0;
}

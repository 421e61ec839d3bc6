/* SPDX-License-Identifier: Apache-2.0 */
#include "core/registry/reference.h"

#include <ctype.h>
#include <errno.h>

#include "core/base/str.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define HEX DIGITS "abcdef"
#define SHA256 "sha256:"

enum { SHA256_HEX_DIGITS = SHA256_HEX_BYTES - 1 };

void reference_fini(struct reference *reference)
{
	free(reference->registry);
	free(reference->repository);
	free(reference->tag);
	free(reference->digest);
	*reference = (struct reference){ 0 };
}

/* ---- registry ---- */

/* Letters, digits and inner hyphens. */
static bool is_host_label(const char *s, size_t len)
{
	return len > 0 && s[0] != '-' && s[len - 1] != '-' &&
	       strspn(s, LOWER UPPER DIGITS "-") >= len;
}

static bool is_host(const char *s, size_t len)
{
	size_t label;

	if (len > 2 && s[0] == '[')
		return strspn(s + 1, HEX "ABCDEF:.") == len - 2 && s[len - 1] == ']';
	for (;; s += label + 1, len -= label + 1) {
		const char *dot = memchr(s, '.', len);

		label = dot ? (size_t)(dot - s) : len;
		if (!is_host_label(s, label))
			return false;
		if (!dot)
			return true;
	}
}

/* Where the port's colon stands; @len: there is none. */
static size_t port_at(const char *s, size_t len)
{
	const char *bracket = s[0] == '[' ? memchr(s, ']', len) : NULL;
	const char *from = bracket ? bracket : s;
	const char *colon = memchr(from, ':', len - (size_t)(from - s));

	return colon ? (size_t)(colon - s) : len;
}

static int check_registry(const char *registry, struct error *err)
{
	size_t len = strlen(registry);
	size_t host = port_at(registry, len);
	size_t digits = host < len ? strspn(registry + host + 1, DIGITS) : 0;
	bool port_is_well = host == len || (digits && digits <= 5 && host + 1 + digits == len &&
					    atoi(registry + host + 1) <= UINT16_MAX);

	if (is_host(registry, host) && port_is_well)
		return 0;
	return error_set(err, -EINVAL,
			 "\"%s\" is no registry; expected a host such as registry.example or "
			 "registry.example:5000 before the first slash",
			 registry);
}

/* Of a name's first component: nobody's repository is called so. */
static bool names_registry(const char *s, size_t len)
{
	return memchr(s, '.', len) || memchr(s, ':', len) ||
	       (len == strlen("localhost") && strncmp(s, "localhost", len) == 0) ||
	       strcspn(s, UPPER) < len;
}

/* ---- repository ---- */

/* How long a separator of a component is: ".", "_", "__" or any run of "-". 0: none stands here. */
static size_t separator(const char *s)
{
	size_t underscores = strspn(s, "_");

	if (*s == '.')
		return 1;
	return underscores == 1 || underscores == 2 ? underscores : strspn(s, "-");
}

/* What of @s is a component: lower-case letters and digits, joined by separators. */
static size_t component(const char *s)
{
	size_t len = strspn(s, LOWER DIGITS), joint;

	while (len && (joint = separator(s + len)) > 0) {
		size_t more = strspn(s + len + joint, LOWER DIGITS);

		if (!more)
			break;
		len += joint + more;
	}
	return len;
}

static int check_repository(const char *repository, struct error *err)
{
	const char *s = repository;

	for (size_t len; (len = component(s)) > 0; s++) {
		s += len;
		if (*s == '\0')
			return 0;
		if (*s != '/')
			break;
	}
	if (isupper((unsigned char)*s))
		return error_set(
			err, -EINVAL,
			"the repository \"%s\" has upper-case letters; expected lower case",
			repository);
	return error_set(err, -EINVAL,
			 "\"%s\" is no repository; expected lower-case letters and digits, joined "
			 "by \".\", \"_\", \"__\" or \"-\", with \"/\" between its parts",
			 repository);
}

/* ---- tag and digest ---- */

static int check_tag(const char *tag, struct error *err)
{
	size_t len = strlen(tag);

	if (len && len <= REFERENCE_TAG_MAX_BYTES && tag[0] != '.' && tag[0] != '-' &&
	    strspn(tag, LOWER UPPER DIGITS "_.-") == len)
		return 0;
	return error_set(
		err, -EINVAL,
		"\"%.*s\" is no tag; expected at most %d letters, digits, \"_\", \".\" and "
		"\"-\", of which the last two do not begin it",
		REFERENCE_TAG_MAX_BYTES, tag, REFERENCE_TAG_MAX_BYTES);
}

bool reference_digest_is_valid(const char *digest)
{
	const char *hex = digest + strlen(SHA256);

	return str_starts_with(digest, SHA256) && strlen(hex) == SHA256_HEX_DIGITS &&
	       strspn(hex, HEX) == SHA256_HEX_DIGITS;
}

static int check_digest(const char *digest, struct error *err)
{
	if (reference_digest_is_valid(digest))
		return 0;
	return error_set(
		err, -EINVAL,
		"\"%.80s\" is no digest; expected \"sha256:\" and 64 lower-case hex digits",
		digest);
}

/* ---- the whole ---- */

/* Cuts @name at its last @mark that stands behind a slash; what was behind it, NULL when there is
 * none. */
static char *cut(char *name, char mark)
{
	char *at = strrchr(name, mark);

	if (!at || strchr(at, '/'))
		return NULL;
	*at = '\0';
	return at + 1;
}

static void split_name(const char *name, struct reference *reference)
{
	const char *slash = strchr(name, '/');
	size_t first = slash ? (size_t)(slash - name) : 0;
	bool has_registry = slash && names_registry(name, first);
	const char *rest = has_registry ? slash + 1 : name;

	reference->registry = has_registry ? xstrndup(name, first) : xstrdup(REFERENCE_DOCKER);
	if (str_equal(reference->registry, "index." REFERENCE_DOCKER))
		str_replace(&reference->registry, REFERENCE_DOCKER);
	if (str_equal(reference->registry, REFERENCE_DOCKER) && !strchr(rest, '/'))
		reference->repository = xasprintf("library/%s", rest);
	else
		reference->repository = xstrdup(rest);
}

static bool is_bare_hex(const char *name)
{
	return strlen(name) == SHA256_HEX_DIGITS && strspn(name, HEX) == SHA256_HEX_DIGITS;
}

static int check_name(const char *name, struct error *err)
{
	if (str_empty(name))
		return error_set(err, -EINVAL,
				 "there is no repository; expected an image such as nginx:1.27");
	if (strstr(name, "://"))
		return error_set(err, -EINVAL,
				 "an image is no URL; leave out what stands before the registry");
	return 0;
}

static int check_parts(const struct reference *reference, struct error *err)
{
	size_t len = strlen(reference->registry) + 1 + strlen(reference->repository);
	int r = 0;

	if (len > REFERENCE_NAME_MAX_BYTES)
		return error_set(err, -EINVAL,
				 "registry and repository have %zu bytes, at most %d are allowed",
				 len, REFERENCE_NAME_MAX_BYTES);
	r = check_registry(reference->registry, err);
	if (r == 0)
		r = check_repository(reference->repository, err);
	if (r == 0 && reference->tag)
		r = check_tag(reference->tag, err);
	if (r == 0 && reference->digest)
		r = check_digest(reference->digest, err);
	return r;
}

int reference_parse(const char *text, struct reference *ret_reference, struct error *err)
{
	AUTO(reference_fini) struct reference reference = { 0 };
	AUTO_FREE char *name = xstrdup(text);
	char *at = strchr(name, '@');
	char *tag;
	int r;

	if (is_bare_hex(text))
		return error_set(err, -EINVAL,
				 "64 hex digits are no name of an image; write NAME@sha256:%.8s...",
				 text);
	if (at) {
		*at = '\0';
		reference.digest = xstrdup(at + 1);
	}
	tag = cut(name, ':');
	r = check_name(name, err);
	if (r < 0)
		return r;
	split_name(name, &reference);
	if (tag || !at)
		reference.tag = xstrdup(tag ? tag : "latest");
	r = check_parts(&reference, err);
	if (r < 0)
		return r;
	*ret_reference = reference;
	reference = (struct reference){ 0 };
	return 0;
}

char *reference_name(const struct reference *reference)
{
	return xasprintf("%s/%s%c%s", reference->registry, reference->repository,
			 reference->digest ? '@' : ':',
			 reference->digest ? reference->digest : reference->tag);
}

/* What of the name is left out: "docker.io/library/", "docker.io/", or nothing, where what follows
 * would be read as a registry. */
static size_t understood(const struct reference *reference)
{
	static const char library[] = "library/";
	const char *repository = reference->repository, *slash;
	size_t docker = strlen(REFERENCE_DOCKER "/");

	if (!str_equal(reference->registry, REFERENCE_DOCKER))
		return 0;
	if (str_starts_with(repository, library) && !strchr(repository + strlen(library), '/'))
		return docker + strlen(library);
	slash = strchr(repository, '/');
	return slash && !names_registry(repository, (size_t)(slash - repository)) ? docker : 0;
}

char *reference_short(const struct reference *reference)
{
	AUTO_FREE char *whole = xasprintf("%s/%s", reference->registry, reference->repository);
	const char *tag = reference->tag, *digest = reference->digest;

	return xasprintf("%s%s%s%s%s", whole + understood(reference), tag ? ":" : "",
			 tag ? tag : "", digest ? "@" : "", digest ? digest : "");
}

char *reference_name_of(const char *text)
{
	AUTO(reference_fini) struct reference reference = { 0 };

	if (reference_parse(text, &reference, NULL) < 0)
		return xstrdup(text);
	return reference_name(&reference);
}

char *reference_name_at(const char *text, const char *digest)
{
	AUTO(reference_fini) struct reference reference = { 0 };

	if (reference_parse(text, &reference, NULL) < 0)
		return xasprintf("%s@%s", text, digest);
	str_replace(&reference.digest, digest);
	return reference_name(&reference);
}

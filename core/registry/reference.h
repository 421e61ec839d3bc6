/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name of an image as people write it, "nginx" or
 * "registry.example:5000/team/app:1.2@sha256:...", and what it stands for. Read as Docker reads it
 * (the grammar of the distribution project's package reference). Pure.
 */
#pragma once

#include "core/base/error.h"

enum {
	REFERENCE_NAME_MAX_BYTES = 255, /* registry and repository with the slash between them */
	REFERENCE_TAG_MAX_BYTES = 128,
};

#define REFERENCE_DOCKER "docker.io" /* the registry of a name that says none */

struct reference {
	char *registry;   /* "docker.io", "localhost:5000", "[::1]:5000" */
	char *repository; /* "library/nginx" */
	char *tag;        /* "latest"; NULL: none, there is a digest */
	char *digest;     /* "sha256:<64 hex digits>"; NULL: none */
};

void reference_fini(struct reference *reference);

/* -EINVAL with what is wrong and, where it can be guessed, what was meant. Neither tag nor digest
 * means the tag "latest". */
int reference_parse(const char *text, struct reference *ret_reference, struct error *err);

/* What containerd calls it: whole, and without the tag when there is a digest, which decides. Free
 * with free(). */
char *reference_name(const struct reference *reference);

/* As people would write it: no "docker.io/library/"; with tag and digest. Free with free(). */
char *reference_short(const struct reference *reference);

/* What containerd calls the image that @text names; a copy of @text when that is no reference. Free
 * with free(). */
char *reference_name_of(const char *text);

/* The same for what @text once stood for, by its digest: "docker.io/library/nginx@sha256:...". */
char *reference_name_at(const char *text, const char *digest);

/* "sha256:" and 64 lower-case hex digits: no other algorithm is taken. */
bool reference_digest_is_valid(const char *digest);

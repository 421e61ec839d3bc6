/* SPDX-License-Identifier: Apache-2.0 */
/* The options of kuke create. */
#pragma once

#include "api/kukeon.pb-c.h"
#include "cli/args/args.h"

enum { CREATE_LABELS_MAX = 256 };

/* Strings are argv's. */
struct create_options {
	const char *labels[CREATE_LABELS_MAX]; /* KEY=VALUE */
	size_t n_labels;
	const char *namespace, *subnet, *subnet6;
	bool ipv6;
	Api__ContainerSpec *container; /* what was given of it; NULL: nothing. May be taken. */
	const char *given[KIND_COUNT]; /* an option that was given and is for this kind alone */
};

extern const struct argp create_options_argp;

/* 0, or -EINVAL when an option is not for @kind. */
int create_options_check(const struct create_options *own, enum kind kind, struct error *err);

/* The struct itself belongs to the args. */
void create_options_fini(struct create_options *own);

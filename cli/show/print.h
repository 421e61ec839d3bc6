/* SPDX-License-Identifier: Apache-2.0 */
/* A list of objects, or one, in each of the formats of -o. */
#pragma once

#include "cli/args/args.h"
#include "cli/show/object.h"

struct print_options {
	enum args_output output;
	bool single;           /* a named object: JSON is the object, not an array */
	bool headless, labels; /* of tables: no headers; with labels */
	bool color;
	time_t now;
};

/* The columns of a table beside those that it always has. */
unsigned print_columns(const struct print_options *options);

/*
 * All objects are of @kind. A table of nothing prints nothing (the talk about it is the caller's);
 * JSON then is [] and YAML is empty.
 */
void print_objects(enum kind kind, Api__Object *const *objects, size_t n,
		   const struct print_options *options, FILE *out);

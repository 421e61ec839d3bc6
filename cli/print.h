/* SPDX-License-Identifier: Apache-2.0 */
/* A list of objects, or one, in each of the formats of -o. */
#pragma once

#include "cli/args.h"
#include "cli/object.h"

struct print_options {
	enum args_output output;
	bool single; /* a named object: JSON is the object, not an array */
	bool color;
	time_t now;
};

/*
 * All objects are of @kind. A table of nothing prints nothing (the talk about it is the caller's);
 * JSON then is [] and YAML is empty.
 */
void print_objects(enum kind kind, Api__Object *const *objects, size_t n,
		   const struct print_options *options, FILE *out);

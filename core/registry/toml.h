/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hand-written settings use of TOML 1.0: comments, tables, dotted and quoted keys, strings of
 * one line, booleans, numbers, arrays over several lines, inline tables. Arrays of tables, dates
 * and strings of several lines are refused. Pure; bounded in bytes, depth and keys.
 */
#pragma once

#include "core/base/error.h"
#include "core/base/str.h"

enum {
	TOML_MAX_BYTES = 256 * 1024,
	TOML_MAX_DEPTH = 8, /* of arrays and inline tables in each other, and of words in a key */
};

enum toml_kind { TOML_STRING, TOML_BOOL, TOML_NUMBER, TOML_ARRAY };

struct toml_value {
	enum toml_kind kind;
	char *text; /* of a string; of a boolean and a number as it stands there */
	struct toml_value *items;
	size_t n_items;
};

/* A value at its whole key, table and all: {"host", "https://a.example", "ca"}. Both are valid
 * during the call. < 0 ends the parse with that; what was set as error gets its line in front. */
typedef int (*toml_value_fn)(void *ctx, const struct strv *key, const struct toml_value *value,
			     struct error *err);
/* A table's header, before what is in it. */
typedef int (*toml_table_fn)(void *ctx, const struct strv *key, struct error *err);

/* In the order of the text. -EBADMSG or -EFBIG with the line, or what a function gave. */
int toml_parse(const char *text, size_t len, toml_table_fn on_table, toml_value_fn on_value,
	       void *ctx, struct error *err);

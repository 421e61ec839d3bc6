/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The groups of options that several verbs share. Group numbers only fix the order in the help:
 * verbs put their own first, in group 0. What stands for a value says what completes it: FILE or
 * DIR a path, "a|b" these words, NAME an object of the kind that the option is called after.
 */
#include <errno.h>
#include <sys/un.h>

#include "cli/args/args.h"
#include "core/base/buf.h"

#define DEFAULT_SOCKET "/run/kukeon/kukeond.sock"

/* Options without a letter; above every character. */
enum {
	KEY_REALM = 0x100,
	KEY_SPACE,
	KEY_STACK,
	KEY_CELL,
	KEY_SOCKET,
	KEY_HOST,
	KEY_WAIT,
	KEY_TIMEOUT
};

static const char *const output_names[OUTPUT_COUNT] = {
	[OUTPUT_TABLE] = "table", [OUTPUT_WIDE] = "wide", [OUTPUT_YAML] = "yaml",
	[OUTPUT_JSON] = "json",   [OUTPUT_NAME] = "name",
};

/* ---- scope ---- */

int args_set_scope(struct args *args, enum kind kind, const char *option, const char *value)
{
	args->scope[kind] = value;
	if (name_is_valid(value))
		return 0;
	error_set(args->err, -EINVAL,
		  "%s \"%s\": a name has letters, digits and inner dashes, at most %d", option,
		  value, NAME_MAX_BYTES);
	return EINVAL;
}

static error_t parse_scope(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case KEY_REALM:
		return args_set_scope(args, KIND_REALM, "--realm", arg);
	case KEY_SPACE:
		return args_set_scope(args, KIND_SPACE, "--space", arg);
	case KEY_STACK:
		return args_set_scope(args, KIND_STACK, "--stack", arg);
	case KEY_CELL:
		return args_set_scope(args, KIND_CELL, "--cell", arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option scope_options[] = {
	{ .group = 1, .name = "realm", .key = KEY_REALM, .arg = "NAME", .doc = "Realm to look in" },
	{ .group = 2, .name = "space", .key = KEY_SPACE, .arg = "NAME", .doc = "Space to look in" },
	{ .group = 3, .name = "stack", .key = KEY_STACK, .arg = "NAME", .doc = "Stack to look in" },
	{ .group = 4,
	  .name = "cell",
	  .key = KEY_CELL,
	  .arg = "NAME",
	  .doc = "Cell to look in. A list is narrowed by what is given; for a named object each is "
		 "default when not given" },
	{ 0 },
};

const struct argp args_scope = { .options = scope_options, .parser = parse_scope };

/* ---- format ---- */

void args_add_outputs(const struct verb *verb, struct buf *out)
{
	for (int i = 0; i < OUTPUT_COUNT; i++) {
		if (verb->outputs & (1U << i))
			buf_printf(out, "%s%s", out->len ? ", " : "", output_names[i]);
	}
}

static error_t parse_output(const struct args *args, const char *arg, enum args_output *ret_output)
{
	AUTO_BUF struct buf known = { 0 };

	for (int i = 0; i < OUTPUT_COUNT; i++) {
		if (!(args->verb->outputs & (1U << i)) || strcmp(arg, output_names[i]) != 0)
			continue;
		*ret_output = (enum args_output)i;
		return 0;
	}
	args_add_outputs(args->verb, &known);
	error_set(args->err, -EINVAL, "-o \"%s\": %s knows %s", arg, args->verb->name, known.data);
	return EINVAL;
}

static error_t parse_format(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	return key == 'o' ? parse_output(args, arg, &args->output) : ARGP_ERR_UNKNOWN;
}

static const struct argp_option format_options[] = {
	{ .group = 5, .name = "output", .key = 'o', .arg = "FORMAT", .doc = "How to print" },
	{ 0 },
};

const struct argp args_format = { .options = format_options, .parser = parse_format };

/* ---- files ---- */

static error_t parse_files(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	if (key == 'R') /* it is so anyway */
		return 0;
	if (key != 'f')
		return ARGP_ERR_UNKNOWN;
	strv_add(&args->files, arg);
	return 0;
}

static const struct argp_option file_options[] = {
	{ .name = "file",
	  .key = 'f',
	  .arg = "FILE",
	  .doc = "A file, a directory with all manifests below it, or - for standard input; may be "
		 "given several times" },
	{ .name = "recursive",
	  .key = 'R',
	  .doc = "For those who are used to it: a directory always stands for all below it" },
	{ 0 },
};

const struct argp args_files = { .options = file_options, .parser = parse_files };

/* ---- wait ---- */

bool args_parse_duration(const char *text, uint64_t *ret_ms)
{
	enum { SECOND = 1, MINUTE = 60, HOUR = 3600, MAX_SECONDS = 1000 * HOUR };
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = { { "", SECOND }, { "s", SECOND }, { "m", MINUTE }, { "h", HOUR } };
	uint64_t number;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	for (size_t i = 0; errno == 0 && number <= MAX_SECONDS && i < ARRAY_SIZE(units); i++) {
		if (!str_equal(end, units[i].unit))
			continue;
		*ret_ms = number * units[i].seconds * 1000;
		return *ret_ms > 0 && *ret_ms <= MAX_SECONDS * 1000ULL;
	}
	return false;
}

error_t args_set_timeout(struct args *args, const char *value)
{
	if (args_parse_duration(value, &args->timeout_ms))
		return 0;
	error_set(args->err, -EINVAL, "--timeout \"%s\": expected a time such as 30s, 5m or 1h",
		  value);
	return EINVAL;
}

static error_t parse_wait(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case KEY_WAIT:
		args->wait = true;
		return 0;
	case KEY_TIMEOUT:
		return args_set_timeout(args, arg);
	case ARGP_KEY_END:
		if (!args->timeout_ms || args->wait)
			return 0;
		error_set(args->err, -EINVAL, "--timeout is the limit of --wait: give both");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option wait_options[] = {
	{ .group = 5, .name = "wait", .key = KEY_WAIT, .doc = "Return only when it is so" },
	{ .group = 5,
	  .name = "timeout",
	  .key = KEY_TIMEOUT,
	  .arg = "TIME",
	  .doc = "How long --wait waits, e.g. 30s, 5m or 1h (else 60s)" },
	{ 0 },
};

const struct argp args_wait = { .options = wait_options, .parser = parse_wait };

/* ---- common ---- */

static error_t set_socket(struct args *args, const char *option, const char *path)
{
	struct sockaddr_un address;

	args->socket = path;
	if (*path && strlen(path) < sizeof(address.sun_path))
		return 0;
	error_set(args->err, -EINVAL, "%s \"%s\": expected the path of a socket, 1 to %zu bytes",
		  option, path, sizeof(address.sun_path) - 1);
	return EINVAL;
}

static error_t set_host(struct args *args, const char *host)
{
	static const char scheme[] = "unix://";

	if (str_starts_with(host, scheme) && host[strlen(scheme)] == '/')
		return set_socket(args, "--host", host + strlen(scheme));
	error_set(args->err, -EINVAL, "--host \"%s\": expected unix:///path/of/socket", host);
	return EINVAL;
}

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case KEY_SOCKET:
		return set_socket(args, "--socket", arg);
	case KEY_HOST:
		return set_host(args, arg);
	case 'h':
		args->help = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option common_options[] = {
	{ .group = 6,
	  .name = "socket",
	  .key = KEY_SOCKET,
	  .arg = "FILE",
	  .doc = "Socket of kukeond (else the variable KUKEON_SOCKET, else " DEFAULT_SOCKET ")" },
	{ .group = 7,
	  .name = "host",
	  .key = KEY_HOST,
	  .arg = "URL",
	  .doc = "The same as unix:///FILE" },
	{ .group = 8, .name = "help", .key = 'h', .doc = "Show this help" },
	{ 0 },
};

const struct argp args_common = { .options = common_options, .parser = parse_common };

int args_find_socket(struct args *args)
{
	const char *value = getenv("KUKEON_SOCKET");

	if (args->socket)
		return 0;
	if (str_empty(value)) {
		args->socket = DEFAULT_SOCKET;
		return 0;
	}
	return set_socket(args, "KUKEON_SOCKET", value) ? -EINVAL : 0;
}

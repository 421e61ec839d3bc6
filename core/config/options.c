/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config/options.h"
#include "core/base/version.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/manifest/manifest.h"
#include "core/model/field.h"

#define DEFAULT_CONFIG_FILE "/etc/kukeon/kukeond.yaml"

enum { CONFIG_MAX_BYTES = 64 * 1024, KEY_CONFIG = 0x200, KEY_FIRST };

/* Fields of Config: flag --run-path is field run_path. */
enum { SOCKET = 0 };
#define FLAG(index, flag, value, text)                                                             \
	{                                                                                          \
		.group = 4, .name = (flag), .key = KEY_FIRST + (index), .arg = (value),            \
		.doc = (text)                                                                      \
	}

const struct argp_option options_flags[OPTIONS_COUNT + 2] = {
	FLAG(SOCKET, "socket", "FILE",
	     "Where kuke is answered (default: kukeond.sock in the runtime directory)"),
	FLAG(1, "run-path", "DIR", "Tree of stored objects"),
	FLAG(2, "runtime-dir", "DIR", "Network namespaces, address reservations and socket"),
	FLAG(3, "manifests-dir", "DIR", "Manifests that the host shall become"),
	FLAG(4, "containerd-socket", "FILE", "gRPC socket of containerd"),
	FLAG(5, "snapshotter", "NAME", "Snapshotter of containerd"),
	FLAG(6, "cgroup-root", "PATH", "Cgroup below the mount that everything lives in"),
	FLAG(7, "cgroup-mount", "DIR", "Where cgroup v2 is mounted"),
	FLAG(8, "cni-conf-dir", "DIR", "Where the conflists of spaces are written"),
	FLAG(9, "cni-bin-dir", "DIR[:DIR]", "Where CNI plugins are searched"),
	FLAG(10, "subnet-pool", "CIDR[,CIDR...]",
	     "Range of the first space; the next ones follow, then those of the next place"),
	FLAG(11, "subnet-pool6", "CIDR",
	     "IPv6 range of the first space with one (default: the host's own)"),
	FLAG(12, "log-level", "error|warning|info|debug", "How much to log"),
	FLAG(13, "prune-grace", "SECONDS", "How long an object stays without its document"),
	FLAG(14, "prune-guard", "SHARE%,NUMBER|off",
	     "Hold, not delete, when more than this share of the cells and at least so many go"),
	FLAG(15, "resync", "SECONDS", "Time between full looks at the host"),
	FLAG(16, "forwarding", "keep|leave",
	     "Turn forwarding on again when another hand turns it off, or only tell"),
	FLAG(17, "images-max-mib", "MIB",
	     "Remove unused images, oldest use first, while a realm has more (else never)"),
	FLAG(18, "images-max-days", "DAYS",
	     "Remove images that nobody has used for so long (else never)"),
	FLAG(19, "images-check-every", "SECONDS",
	     "Time between looks for new images of cells that are updated (0: never)"),
	FLAG(20, "images-ready-within", "SECONDS",
	     "Time for a cell to become Ready with a new image, before it goes back"),
	FLAG(21, "log-dir", "DIR", "Where the log files of containers lie"),
	FLAG(22, "log-driver", "file|journald|none",
	     "Where what containers print goes, unless they or their space say"),
	FLAG(23, "log-max-size", "SIZE", "When a log file is put aside and a new one begun"),
	FLAG(24, "log-max-files", "NUMBER", "How many log files of each run are kept"),
	FLAG(25, "log-compress", "on|off", "Compress log files that were put aside"),
	{ .group = 4,
	  .name = "config",
	  .key = KEY_CONFIG,
	  .arg = "FILE",
	  .doc = "Settings (default: " DEFAULT_CONFIG_FILE ")" },
	{ 0 },
};

/* run-path -> run_path, or KUKEON_RUN_PATH. */
static char *field_name(const char *flag)
{
	char *name = xstrdup(flag);

	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	return name;
}

static char *variable_name(const char *flag)
{
	AUTO_FREE char *field = field_name(flag);
	char *name = xasprintf("KUKEON_%s", field);

	for (char *p = name; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return name;
}

static const ProtobufCFieldDescriptor *field_of(size_t index)
{
	AUTO_FREE char *name = field_name(options_flags[index].name);
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field_by_name(&api__config__descriptor, name);

	check(field);
	return field;
}

static void *member(Api__Config *config, size_t offset)
{
	return (char *)config + offset;
}

static void set_list(Api__Config *config, const ProtobufCFieldDescriptor *field, const char *value)
{
	field_clear(&config->base, field);
	for (const char *rest = value; *rest;) {
		size_t len = strcspn(rest, ",");

		if (len)
			*(char **)field_add(&config->base, field) = xstrndup(rest, len);
		rest += len + (rest[len] == ',');
	}
}

static const char *unit_of(const ProtobufCFieldDescriptor *field)
{
	if (str_ends_with(field->name, "_mib"))
		return "MiB";
	if (str_ends_with(field->name, "_files"))
		return "files";
	return str_ends_with(field->name, "_days") ? "days" : "seconds";
}

/* Fields are strings, lists of them, or uint32. */
static int set(Api__Config *config, const ProtobufCFieldDescriptor *field, const char *value,
	       struct error *err)
{
	char **string = member(config, field->offset);
	unsigned long number;
	char *end;

	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		set_list(config, field, value);
		return 0;
	}
	if (field->type == PROTOBUF_C_TYPE_STRING) {
		if (*string != field->default_value)
			free(*string);
		*string = xstrdup(value);
		return 0;
	}
	errno = 0;
	number = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || errno || number > UINT32_MAX)
		return error_set(err, -EINVAL, "\"%s\" is not a number of %s", value,
				 unit_of(field));
	*(uint32_t *)member(config, field->offset) = (uint32_t)number;
	*(protobuf_c_boolean *)member(config, field->quantifier_offset) = true;
	return 0;
}

/* ---- the command line ---- */

bool options_take(struct options *options, int key, const char *value)
{
	if (key == KEY_CONFIG)
		options->config_file = value;
	else if (key >= KEY_FIRST && key < KEY_FIRST + OPTIONS_COUNT)
		options->given[key - KEY_FIRST] = value;
	else
		return false;
	return true;
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	if (key == ARGP_KEY_ARG)
		argp_error(state, "unexpected argument \"%s\"", arg);
	return options_take(state->input, key, arg) ? 0 : ARGP_ERR_UNKNOWN;
}

void options_give_socket(struct options *options, const char *path)
{
	options->given[SOCKET] = path;
}

bool options_given(const struct options *options)
{
	bool given = options->config_file != NULL;

	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		AUTO_FREE char *variable = variable_name(options_flags[i].name);

		given |= i != SOCKET && (options->given[i] || getenv(variable));
	}
	return given;
}

static void add_flag(const char *name, const char *value, struct strv *ret_argv)
{
	AUTO_FREE char *flag = xasprintf("--%s=%s", name, value);

	if (value)
		strv_add(ret_argv, flag);
}

void options_add_flags(const struct options *options, struct strv *ret_argv)
{
	add_flag("config", options->config_file, ret_argv);
	for (size_t i = 0; i < OPTIONS_COUNT; i++)
		add_flag(options_flags[i].name, options->given[i], ret_argv);
}

/* ---- the other sources ---- */

/* A file in which every line is blank or a comment is how one begins. */
static bool says_nothing(const struct buf *text)
{
	const char *rest = text->data ? text->data : "";

	while (*(rest += strspn(rest, " \t\r\n")) == '#')
		rest += strcspn(rest, "\n");
	return *rest == '\0';
}

static int read_file(const char *path, bool required, Api__Config **ret_config, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct error problem;
	int r = fs_read_file(AT_FDCWD, path, CONFIG_MAX_BYTES, &text, &problem);

	if ((r == -ENOENT && !required) || (r == 0 && says_nothing(&text))) {
		*ret_config = xnew(Api__Config);
		api__config__init(*ret_config);
		return 0;
	}
	if (r < 0)
		return error_set(err, r, "%s", problem.msg);
	return manifest_parse_stored(path, text.data, text.len, &api__config__descriptor,
				     (ProtobufCMessage **)ret_config, err);
}

/* What the flag says, else the environment, over what the file says. */
static int overlay(Api__Config *config, size_t index, const char *given, struct error *err)
{
	AUTO_FREE char *variable = variable_name(options_flags[index].name);
	const char *value = given ? given : getenv(variable);
	int r = value ? set(config, field_of(index), value, err) : 0;

	if (r < 0 && given)
		return error_wrap(err, r, "--%s", options_flags[index].name);
	return r < 0 ? error_wrap(err, r, "%s", variable) : 0;
}

/* The first has been the only one since the beginning: hosts have spaces there. The others are for
 * hosts where 10.0.0.0/8 leads elsewhere, aside of what home networks and Docker take first. */
static void add_default_pools(Api__Config *config)
{
	static const char *const pools[] = { "10.88.0.0/16", "172.24.0.0/20", "192.168.128.0/22" };
	const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(
		&api__config__descriptor, "subnet_pool");

	if (config->n_subnet_pool)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(pools); i++)
		*(char **)field_add(&config->base, field) = xstrdup(pools[i]);
}

int options_load(const struct options *options, Api__Config **ret_config, struct error *err)
{
	const char *file = options->config_file ? options->config_file : DEFAULT_CONFIG_FILE;
	Api__Config *config = NULL;
	int r = read_file(file, options->config_file != NULL, &config, err);

	check(api__config__descriptor.n_fields == OPTIONS_COUNT); /* each has its flag */
	for (size_t i = 0; i < OPTIONS_COUNT && r == 0; i++)
		r = overlay(config, i, options->given[i], err);
	if (r < 0) {
		if (config)
			protobuf_c_message_free_unpacked(&config->base, NULL);
		return r;
	}
	add_default_pools(config);
	if (str_empty(config->socket)) {
		free(config->socket);
		config->socket = xasprintf("%s/kukeond.sock", config->runtime_dir);
	}
	*ret_config = config;
	return 0;
}

/* What --help or --version print may get nowhere. */
static void check_output(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return;
	fprintf(stderr, "kukeond: write to standard output: %m\n");
	_exit(EXIT_FAILURE);
}

int options_read(int argc, char **argv, Api__Config **ret_config, struct error *err)
{
	const struct argp argp = {
		.options = options_flags,
		.parser = on_option,
		.doc = "Runs containers as the manifests say.",
	};
	struct options options = { 0 };
	static char version[64];

	atexit(check_output);
	snprintf(version, sizeof(version), "kukeond %s", kukeon_version);
	argp_program_version = version;
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	return options_load(&options, ret_config, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/options.h"

#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>

#include "core/base/fs.h"
#include "core/manifest/manifest.h"

#define DEFAULT_CONFIG_FILE "/etc/kukeon/kukeond.yaml"

enum { CONFIG_MAX_BYTES = 64 * 1024, OPTION_CONFIG = 'c', OPTION_FIRST = 1000 };

/* What --help says of each field of Config. */
static const struct {
	const char *field, *arg, *doc;
} docs[] = {
	{ "run_path", "DIR", "tree of stored objects" },
	{ "runtime_dir", "DIR", "network namespaces, address reservations, journal and socket" },
	{ "manifests_dir", "DIR", "manifests that the host shall become" },
	{ "socket", "PATH",
	  "where kuke is answered (default: kukeond.sock in the runtime directory)" },
	{ "containerd_socket", "PATH", "containerd's gRPC socket" },
	{ "snapshotter", "NAME", "containerd snapshotter" },
	{ "cgroup_root", "PATH", "cgroup below the mount that everything lives in" },
	{ "cgroup_mount", "DIR", "where cgroup v2 is mounted" },
	{ "cni_conf_dir", "DIR", "where the conflists of spaces are written" },
	{ "cni_bin_dir", "DIR[:DIR]", "where CNI plugins are searched" },
	{ "subnet_pool", "CIDR", "range of the first space; the next ones follow" },
	{ "log_level", "LEVEL", "error, warning, info or debug" },
	{ "prune_grace", "SECONDS", "how long an object stays after its document disappeared" },
	{ "resync", "SECONDS", "time between full looks at the host" },
};

struct reading {
	Api__Config *flags; /* what the command line gave */
	const char *config_file;
};

static const ProtobufCFieldDescriptor *field_of(size_t index)
{
	const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(
		&api__config__descriptor, docs[index].field);

	check(field);
	return field;
}

static void *member(Api__Config *config, size_t offset)
{
	return (char *)config + offset;
}

/* Fields are strings or uint32. */
static bool is_set(Api__Config *config, const ProtobufCFieldDescriptor *field)
{
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return *(char **)member(config, field->offset) != field->default_value;
	return *(protobuf_c_boolean *)member(config, field->quantifier_offset);
}

static int set(Api__Config *config, const ProtobufCFieldDescriptor *field, const char *value,
	       struct error *err)
{
	char **string = member(config, field->offset);
	unsigned long number;
	char *end;

	if (field->type == PROTOBUF_C_TYPE_STRING) {
		if (*string != field->default_value)
			free(*string);
		*string = xstrdup(value);
		return 0;
	}
	errno = 0;
	number = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || errno || number > UINT32_MAX)
		return error_set(err, -EINVAL, "\"%s\" is not a number of seconds", value);
	*(uint32_t *)member(config, field->offset) = (uint32_t)number;
	*(protobuf_c_boolean *)member(config, field->quantifier_offset) = true;
	return 0;
}

/* run_path -> "run-path" or "KUKEON_RUN_PATH". */
static char *option_name(const char *field)
{
	char *name = xstrdup(field);

	for (char *p = name; *p; p++)
		if (*p == '_')
			*p = '-';
	return name;
}

static char *variable_name(const char *field)
{
	char *name = xasprintf("KUKEON_%s", field);

	for (char *p = name; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return name;
}

/* ---- the sources ---- */

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct reading *reading = state->input;
	AUTO_FREE char *name = NULL;
	struct error err;

	if (key == OPTION_CONFIG) {
		reading->config_file = arg;
		return 0;
	}
	if (key == ARGP_KEY_ARG)
		argp_error(state, "unexpected argument \"%s\"", arg);
	if (key < OPTION_FIRST || key >= OPTION_FIRST + (int)ARRAY_SIZE(docs))
		return ARGP_ERR_UNKNOWN;
	name = option_name(docs[key - OPTION_FIRST].field);
	if (set(reading->flags, field_of((size_t)(key - OPTION_FIRST)), arg, &err) < 0)
		argp_error(state, "--%s: %s", name, err.msg);
	return 0;
}

static void read_flags(int argc, char **argv, struct reading *reading)
{
	struct argp_option options[ARRAY_SIZE(docs) + 2] = {
		{ .name = "config",
		  .key = OPTION_CONFIG,
		  .arg = "FILE",
		  .doc = "settings (default: " DEFAULT_CONFIG_FILE ")" },
	};
	const struct argp argp = {
		.options = options,
		.parser = on_option,
		.doc = "Runs containers as the manifests say.",
	};
	char *names[ARRAY_SIZE(docs)];

	argp_program_version = "kukeond " KUKEON_VERSION;
	argp_err_exit_status = 2;
	for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
		names[i] = option_name(docs[i].field);
		options[i + 1] = (struct argp_option){
			.name = names[i],
			.key = OPTION_FIRST + (int)i,
			.arg = docs[i].arg,
			.doc = docs[i].doc,
		};
	}
	argp_parse(&argp, argc, argv, 0, NULL, reading);
	for (size_t i = 0; i < ARRAY_SIZE(docs); i++)
		free(names[i]);
}

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
	int r = fs_read_file(AT_FDCWD, path, CONFIG_MAX_BYTES, &text, err);

	if ((r == -ENOENT && !required) || (r == 0 && says_nothing(&text))) {
		*ret_config = xnew(Api__Config);
		api__config__init(*ret_config);
		return 0;
	}
	if (r < 0)
		return r;
	return manifest_parse_stored(path, text.data, text.len, &api__config__descriptor,
				     (ProtobufCMessage **)ret_config, err);
}

/* Puts what the environment and then the flags say over the file's settings. */
static int overlay(Api__Config *config, Api__Config *flags, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
		const ProtobufCFieldDescriptor *field = field_of(i);
		AUTO_FREE char *variable = variable_name(docs[i].field);
		AUTO_FREE char *number = NULL;
		const char *value = getenv(variable);
		int r = 0;

		if (is_set(flags, field) && field->type == PROTOBUF_C_TYPE_STRING)
			r = set(config, field, *(char **)member(flags, field->offset), err);
		else if (is_set(flags, field))
			r = set(config, field,
				number = xasprintf("%u", *(uint32_t *)member(flags, field->offset)),
				err);
		else if (value)
			r = set(config, field, value, err);
		if (r < 0)
			return error_wrap(err, r, "%s", variable);
	}
	return 0;
}

int options_read(int argc, char **argv, Api__Config **ret_config, struct error *err)
{
	Api__Config flags = API__CONFIG__INIT;
	struct reading reading = { .flags = &flags };
	Api__Config *config = NULL;
	int r;

	read_flags(argc, argv, &reading);
	r = read_file(reading.config_file ? reading.config_file : DEFAULT_CONFIG_FILE,
		      reading.config_file != NULL, &config, err);
	if (r == 0)
		r = overlay(config, &flags, err);
	for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
		const ProtobufCFieldDescriptor *field = field_of(i);

		if (field->type == PROTOBUF_C_TYPE_STRING && is_set(&flags, field))
			free(*(char **)member(&flags, field->offset));
	}
	if (r < 0) {
		if (config)
			protobuf_c_message_free_unpacked(&config->base, NULL);
		return r;
	}
	if (str_empty(config->socket)) {
		free(config->socket);
		config->socket = xasprintf("%s/kukeond.sock", config->runtime_dir);
	}
	*ret_config = config;
	return 0;
}

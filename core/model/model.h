/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the schema cannot say: which values are valid, what an empty field means, which container is
 * the root, and what of a spec matters to what runs (the hash). Pure; knows nothing of files, YAML
 * or drivers.
 */
#pragma once

#include "api/kukeon.pb-c.h"
#include "core/base/str.h"
#include "core/model/names.h"
#include "core/model/naming.h"

/*
 * Bounds on one document without its status, wherever it comes from. A manifest within its own
 * bounds (core/manifest/manifest.h) and without aliases is always within these, defaults included.
 */
enum {
	MODEL_MAX_NODES = 12000, /* as YAML: each name, value, mapping and list is one */
	MODEL_MAX_TEXT_BYTES = 2 * 1024 * 1024,
	MODEL_CELL_MAX_CONTAINERS = 64, /* joined ones, too */
	/* What a space gives its containers is copied into each of them. */
	MODEL_DEFAULTS_MAX_NODES = 2000,
	MODEL_DEFAULTS_MAX_TEXT_BYTES = 64 * 1024,
};

/* One thing wrong with a document: where (a field path such as "spec.containers[0].image") and
 * what. */
struct model_problem {
	char *path;
	char *message;
};

struct model_problems {
	struct model_problem *items;
	size_t n;
};

void model_problems_fini(struct model_problems *problems);
void model_problems_add(struct model_problems *problems, const char *path, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* A kind as the schema numbers it, and back: KIND_COUNT when it is none. */
Api__Kind model_api_kind(enum kind kind);
enum kind model_kind(Api__Kind kind);

/* "Ready" */
struct field_name model_state_name(Api__State state);

/* The message type of a kind, and a pointer to its metadata. */
const ProtobufCMessageDescriptor *model_descriptor(enum kind kind);
Api__Metadata *model_metadata(enum kind kind, const ProtobufCMessage *message);

/* The annotation of cells whose images are looked after, and its one value. */
#define MODEL_AUTO_UPDATE "kukeon.io/auto-update"
#define MODEL_AUTO_UPDATE_REGISTRY "registry"

/* NULL: it has none of that name. */
const char *model_annotation(const Api__Metadata *metadata, const char *key);

/*
 * Completes a document in place: apiVersion, kind, metadata and spec exist, metadata.name and
 * spec.id are both set when one was, scope ids are "default" where empty (a container's cellId is
 * not), containers of a cell carry the cell's scope ids, labels and annotations are sorted;
 * status, metadata.uid and metadata.generation are gone.
 */
void model_set_defaults(enum kind kind, ProtobufCMessage *message);

/* Takes metadata.resourceVersion out of a document that model_set_defaults() has completed; 0:
 * there is none. */
uint64_t model_take_version(enum kind kind, ProtobufCMessage *message);

/*
 * Gives every container of a cell what its space's spec.defaults.container says and the container
 * leaves out. @space NULL: nothing. Once per copy of a cell: it is what runs, not what was
 * declared.
 */
void model_apply_space_defaults(Api__CellSpec *cell, const Api__SpaceSpec *space);

/* Adds every problem of a document that model_set_defaults() has completed. */
void model_validate(enum kind kind, const ProtobufCMessage *message,
		    struct model_problems *problems);

/* Whether all names are there that its key is made of, also where other things are wrong. */
bool model_has_key(enum kind kind, const ProtobufCMessage *message);

/* The key of a document that has one. Free with free(). */
char *model_key(enum kind kind, const ProtobufCMessage *message);

/* Index of the root container by the seed's rule; 0 in a valid spec without containers. */
size_t model_root_index(const Api__CellSpec *spec);

enum restart_policy { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };
enum restart_policy model_restart_policy(const Api__ContainerSpec *spec);

/* Number of the stop signal, 0 when the image is to say; grace in milliseconds, default applied.
 * @spec NULL: as if it said nothing. */
int model_stop_signal(const Api__ContainerSpec *spec);
uint64_t model_stop_grace_ms(const Api__ContainerSpec *spec);

/* Cells of the space have IPv6 addresses too. */
bool model_space_has_ipv6(const Api__SpaceSpec *spec);

/* What is not allowed cells of the space do not reach. */
bool model_egress_denies(const Api__Egress *egress);

/* Signal number of "SIGTERM", "TERM" or "15"; 0 when there is no such signal. */
int model_signal_parse(const char *name);

/* Of a tmpfs that names none: everybody may write, nobody may remove what is another's. */
#define MODEL_TMPFS_MODE "1777"

/* Stands in the place of what is secret, wherever that is shown (core/status/secrets.h). */
#define MODEL_HIDDEN "(hidden)"

/* Where a device stands in the container. */
const char *model_device_target(const Api__Device *device);

/*
 * Hash over what a running container is made from. Labels, restart settings, stop settings and
 * networks are left out: they change no process that runs. Versioned: a field added to the schema
 * does not change the hash of specs that do not use it.
 */
void model_container_hash(const Api__CellSpec *cell, size_t container,
			  char ret_hash[SHA256_HEX_BYTES]);

/* Bytes of "4096" or "64m": a number above 0 and at most one unit of k, m, g, t and p, in bytes
 * less than 2^63. False: it is none. */
bool model_size_parse(const char *text, uint64_t *ret_bytes);

/* Bounds of a log file: it holds some lines at least, and all that are kept have names. */
enum { MODEL_LOG_SIZE_MIN = 64 * 1024, MODEL_LOG_FILES_MAX = 1000 };

/* What containers log, unless they say. */
struct model_log_settings {
	Api__LogDriver driver;
	uint64_t max_bytes;
	uint32_t max_files;
};

/* What a container logs; @spec NULL: it says nothing. */
struct model_log_settings model_log_settings(const Api__ContainerSpec *spec,
					     const struct model_log_settings *defaults);

/* A deep copy; free with protobuf_c_message_free_unpacked(). */
ProtobufCMessage *model_copy(const ProtobufCMessage *message);

/* SPDX-License-Identifier: Apache-2.0 */
/* Validation in parts; a message never repeats a value that may be a secret (env). Internal to
 * core/model. */
#pragma once

#include "core/model/model.h"

/* Values from input are cut to this many bytes in messages. */
#define SHOWN "%.80s"

/* The role of a root container in names (core/model/names.h); no other container may be called so.
 */
#define VALIDATE_ROOT_ROLE "root"
#define VALIDATE_ROOT_CLASH                                                                        \
	"\"root\" is what the root container is called in containerd; choose another id or make "  \
	"this container the root"

/* Adds a problem at "<prefix>.<field>". */
void validate_problem(struct model_problems *problems, const char *prefix, const char *field,
		      const char *fmt, ...) PRINTF_LIKE(4, 5);

void validate_name(const char *prefix, const char *field, const char *name,
		   struct model_problems *problems);

/* Absolute, without "..", at most PATH_MAX. @what says what the path is for. */
/* @value is a number that the schema knows. */
void validate_enum(const char *prefix, const char *field, const ProtobufCEnumDescriptor *type,
		   int value, struct model_problems *problems);
void validate_path(const char *prefix, const char *field, const char *what, const char *path,
		   struct model_problems *problems);

/* False, with a problem, when the document is larger than MODEL_MAX; nothing else of it is worth a
 * look then. */
bool validate_size(const ProtobufCMessage *document, struct model_problems *problems);
bool validate_defaults_size(const char *prefix, const Api__ContainerDefaults *defaults,
			    struct model_problems *problems);

void validate_realm(const Api__RealmSpec *spec, struct model_problems *problems);
void validate_credentials(const Api__RealmSpec *spec, struct model_problems *problems);
void validate_space(const Api__SpaceSpec *spec, struct model_problems *problems);
void validate_egress(const char *prefix, const Api__Egress *egress,
		     struct model_problems *problems);
void validate_cell(const Api__CellSpec *spec, struct model_problems *problems);

/* A list that somebody writes has some tens of entries; these are compared with each other. */
enum { VALIDATE_LIST_MAX = 256 };

/* False, with a problem, when a list has more than VALIDATE_LIST_MAX entries. */
bool validate_list(const char *prefix, const char *field, size_t n,
		   struct model_problems *problems);

/* What runs in a container: user, signal, host name, capabilities. */
void validate_process(const char *prefix, const Api__ContainerSpec *spec,
		      struct model_problems *problems);

/* What is put into its filesystem: volumes, tmpfs, devices. */
void validate_mounts(const char *prefix, const Api__ContainerSpec *spec,
		     struct model_problems *problems);

/* Which further spaces it names, and how many all of a cell do. */
void validate_networks(const char *prefix, const Api__ContainerSpec *spec,
		       struct model_problems *problems);
void validate_joins(const Api__CellSpec *spec, struct model_problems *problems);
/* Published ports: of one container; of all containers of a cell, which share its address. */
void validate_ports(const char *prefix, const Api__ContainerSpec *spec,
		    struct model_problems *problems);
void validate_cell_ports(const Api__CellSpec *spec, struct model_problems *problems);

/* Further names of its cell: networksAliases. */
void validate_aliases(const char *prefix, const Api__ContainerSpec *spec,
		      struct model_problems *problems);

/* What a space gives its containers; @prefix is the path of the defaults. */
void validate_container_defaults(const char *prefix, const Api__ContainerDefaults *defaults,
				 struct model_problems *problems);

/* @prefix is the path of the spec: "spec", or "spec.containers[0]" inside a cell. Scope ids are the
 * caller's business. */
void validate_container(const char *prefix, const Api__ContainerSpec *spec,
			struct model_problems *problems);

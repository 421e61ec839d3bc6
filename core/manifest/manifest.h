/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests: YAML or JSON text to checked documents, and documents back to text. Pure: no files, no
 * loop.
 *
 * Built on the generic mapper (core/manifest/mapper.h), which knows nothing but protobuf-c
 * descriptors.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/words.h"
#include "core/model/model.h"

/* Bounds on what a file may ask of us (SPEC 3). */
enum {
	MANIFEST_MAX_BYTES = 1024 * 1024,
	MANIFEST_MAX_DEPTH = 32,
	/* Per file, aliases counted as often as they expand. A scalar may be longer than it was
	 * written ("\L"), so a file without aliases has 1.5 MiB of text at most. */
	MANIFEST_MAX_NODES = 10000,
	MANIFEST_MAX_TEXT_BYTES = 2 * MANIFEST_MAX_BYTES,
	/* Reported per file; a last line counts the rest. */
	MANIFEST_MAX_ERRORS = 100,
	MANIFEST_MAX_ERROR_BYTES = 16 * 1024, /* all but the last of them together */
};

/*
 * What the store writes it must be able to read: any document within the bounds of
 * core/model/model.h with any status. YAML makes at most five bytes of one (two bytes of text in a
 * literal block, indented by eight; a control character is four), and some forty of a node.
 */
enum {
	MANIFEST_STORED_MAX_BYTES = 16 * 1024 * 1024,
	MANIFEST_STORED_MAX_NODES = 32 * 1024,
	MANIFEST_STORED_MAX_TEXT_BYTES = 4 * 1024 * 1024,
};

/* What kuke reads back of what it printed: some ten thousand objects with their status. */
enum {
	MANIFEST_DUMP_MAX_BYTES = 64 * 1024 * 1024,
	MANIFEST_DUMP_MAX_NODES = 2 * 1000 * 1000,
	MANIFEST_DUMP_MAX_TEXT_BYTES = MANIFEST_DUMP_MAX_BYTES,
};

struct document {
	struct list link;     /* struct manifest.documents */
	struct map_node node; /* by key, while the file is read */
	enum kind kind;
	char *key;
	ProtobufCMessage
		*message; /* Api__Realm, ... by kind; defaults set, valid, without status */
};

void document_free(struct document *document);

struct manifest {
	struct list documents; /* struct document.link: the good ones, in the order of the file */
	struct strv errors;  /* "web.yaml:3:11: document 1: Cell \"web\": spec.containers[0].imgae:
				unknown field, ..." */
	struct words unread; /* of a file with errors: what may be in the part that is not
				understood */
};

void manifest_fini(struct manifest *manifest);

/*
 * Reads all documents of a file and reports every error at once. @name stands in front of each
 * error. A document with an error is left out; the others are there, unless a bound was reached: of
 * a file that was not read to its end there are none. Never fails otherwise: a file that is no YAML
 * at all has one error. A file without any document has an error too: it is what a truncated write
 * looks like. Documents may also stand in a list, as in what kuke get -o json prints, or in the
 * items of a "kind: List".
 */
void manifest_parse(const char *name, const char *data, size_t len, struct manifest *ret_manifest);

/* The same within MANIFEST_DUMP_MAX: for a process of somebody's own, never for the daemon. */
void manifest_parse_dump(const char *name, const char *data, size_t len,
			 struct manifest *ret_manifest);

/* One document of a known type with its status, as the store keeps it: no defaults, no validation,
 * within MANIFEST_STORED_MAX. */
int manifest_parse_stored(const char *name, const char *data, size_t len,
			  const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret_message,
			  struct error *err);

/* What stands in a document of the store beside the object. */
struct manifest_beside {
	const char *name;    /* a field of the document */
	const char *earlier; /* another one, which is read where that is not there */
	const ProtobufCMessageDescriptor *type;
	ProtobufCMessage *message; /* what is there; NULL: nothing */
};

/*
 * The same of an object, and sets @beside->message.
 * Fields that are not known are passed over in both of them and in the status: what earlier or
 * later daemons said there is not what is declared.
 */
int manifest_parse_stored_object(const char *name, const struct buf *data,
				 const ProtobufCMessageDescriptor *type,
				 struct manifest_beside *beside, ProtobufCMessage **ret_message,
				 struct error *err);

/* Appends the message as one YAML document (no "---") or as JSON (indented, no newline at the end).
 * Unset fields and empty lists are left out. */
void manifest_emit_yaml(const ProtobufCMessage *message, struct buf *out);
void manifest_emit_json(const ProtobufCMessage *message, struct buf *out);

/* The same JSON with the lists that are empty, for who looks for something in them. */
void manifest_emit_json_whole(const ProtobufCMessage *message, struct buf *out);

/* The same JSON on one line, without its end. */
void manifest_emit_json_line(const ProtobufCMessage *message, struct buf *out);

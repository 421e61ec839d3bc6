/* SPDX-License-Identifier: Apache-2.0 */
#include "core/store_load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/desired.h"
#include "core/joins.h"
#include "core/model/view.h"
#include "core/restart.h"
#include "core/status.h"
#include "core/store.h"

static void set_aside(const char *path, const struct error *err)
{
	AUTO_FREE char *aside = xasprintf("%s" STORE_DAMAGED, path);

	log_warning("store: %s; set aside as %s", err->msg, aside);
	if (rename(path, aside) < 0)
		log_warning("store: cannot rename %s: %s", path, strerror(errno));
}

/* ---- what a stored status brings back ---- */

static enum run_intent restored_intent(const char *name)
{
	enum run_intent intent = intent_parse(name);

	return intent == INTENT_RESTART ? INTENT_RUN : intent; /* never twice */
}

static void restore_container(struct engine *engine, struct object *object,
			      const Api__ContainerStatus *status)
{
	enum run_intent run = restored_intent(status->intent);
	struct container *c;

	list_for_each(c, &object->cell.containers, link) {
		if (!str_equal(c->name, status->id))
			continue;
		c->run = run ? run : c->run;
		if (container_is_root(c) != status->root) /* one of this name on its way out */
			continue;
		c->restarts = status->restart_count;
		c->exit_code = status->exit_code;
		c->started_wall_ms = status_time_parse(status->started_at);
		c->finished_wall_ms = status_time_parse(status->finished_at);
		c->stored_pid = status->pid;
		c->restarts_in_row = status->restarts_in_row;
		c->oom_killed = status->oom_killed;
		c->exited = status->ended;
		c->exited_ms = restart_loop_time(loop_now_ms(engine->loop),
						 loop_wall_ms(engine->loop), c->finished_wall_ms);
	}
}

static void restore_status(struct engine *engine, struct object *object, const Api__Status *status)
{
	object->status.created_ms = status_time_parse(status->created_at);
	object->status.updated_ms = status_time_parse(status->updated_at);
	object->status.ready_ms = status_time_parse(status->ready_at);
	object->status.told = object->status.told_before = status->has_state;
	object->status.told_state = status->state;
	object->status.told_reason = reason_parse(status->reason);
	if (!str_empty(status->ip) || !str_empty(status->last_ip))
		object->cell.last_ip =
			xstrdup(str_empty(status->ip) ? status->last_ip : status->ip);
	if (!str_empty(status->ip6) || !str_empty(status->last_ip6))
		object->cell.last_ip6 =
			xstrdup(str_empty(status->ip6) ? status->last_ip6 : status->ip6);
	joins_restore(object, status);
	for (size_t i = 0; i < status->n_ports; i++)
		strv_add(&object->cell.ports, status->ports[i]);
	object->cell.run = restored_intent(status->intent);
	for (size_t i = 0; i < status->n_containers; i++)
		restore_container(engine, object, status->containers[i]);
}

/* ---- files ---- */

static int read_message(const char *path, enum kind kind, ProtobufCMessage **ret_message,
			struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	int r = fs_read_file(AT_FDCWD, path, MANIFEST_STORED_MAX_BYTES, &text, err);

	return r < 0 ? r
		     : manifest_parse_stored(path, text.data, text.len, model_descriptor(kind),
					     ret_message, err);
}

static int check_key(const char *path, const char *key, enum kind kind,
		     const ProtobufCMessage *message, struct error *err)
{
	AUTO_FREE char *own_key = NULL;
	struct model_problems problems = { 0 };
	int r = 0;

	model_validate(kind, message, &problems);
	if (problems.n)
		r = error_set(err, -EINVAL, "%s: %s: %s", path, problems.items[0].path,
			      problems.items[0].message);
	else if (!str_equal(own_key = model_key(kind, message), key))
		r = error_set(err, -EINVAL, "%s: it is the file of %s but describes %s", path, key,
			      own_key);
	model_problems_fini(&problems);
	return r;
}

/* Somebody may still want what a damaged file described: it stays as it is until it is said anew.
 */
static void keep(struct engine *engine, const char *key)
{
	AUTO_FREE char *cell = key_kind(key) == KIND_CONTAINER ? key_parent(key) : xstrdup(key);

	engine_get(engine, cell)->kept = true;
}

/* Such a file is for people: what it says stands in the cell's. */
static bool is_part_of_cell(enum kind kind, const ProtobufCMessage *stored)
{
	const Api__ContainerStatus *status =
		kind == KIND_CONTAINER ? ((const Api__Container *)stored)->status : NULL;

	return status && str_equal(status->source, DESIRED_SOURCE_CELL);
}

/* The document of a file, checked, with defaults; NULL when there is none (set aside when it is
 * damaged). @ret_stored: the same as it was read, with its status. */
static ProtobufCMessage *load_document(struct engine *engine, const char *key, enum kind kind,
				       ProtobufCMessage **ret_stored)
{
	AUTO_FREE char *name = store_file_path(key);
	AUTO_FREE char *path = xasprintf("%s/%s", engine->run_path, name);
	ProtobufCMessage *stored = NULL, *document = NULL;
	struct error err = { 0 };
	int r = read_message(path, kind, &stored, &err);

	if (r == 0 && is_part_of_cell(kind, stored))
		r = -ENOENT;
	if (r == 0) {
		document = model_copy(stored);
		model_set_defaults(kind, document);
		r = check_key(path, key, kind, document, &err);
	}
	if (r == 0) {
		*ret_stored = stored;
		return document;
	}
	if (r != -ENOENT) {
		set_aside(path, &err);
		keep(engine, key);
	}
	protobuf_c_message_free_unpacked(document, NULL);
	protobuf_c_message_free_unpacked(stored, NULL);
	return NULL;
}

static void load_container(struct engine *engine, const char *key)
{
	ProtobufCMessage *stored, *document = load_document(engine, key, KIND_CONTAINER, &stored);
	const Api__ContainerStatus *status;

	if (!document)
		return;
	status = ((const Api__Container *)stored)->status;
	desired_restore(engine, status ? status->source : NULL, key,
			status ? status->held : NULL, document);
	protobuf_c_message_free_unpacked(stored, NULL);
}

/* Those that are documents of their own; the others are in the cell's. */
static void load_containers(struct engine *engine, const char *dir, const char *cell_key)
{
	static const char suffix[] = ".yaml";
	AUTO_FREE char *path = xasprintf("%s/containers", dir);
	DIR *stream = opendir(path);
	struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		AUTO_FREE char *name = xstrdup(entry->d_name);
		size_t len = strlen(name);
		AUTO_FREE char *key = NULL;

		if (len <= strlen(suffix) || !str_equal(name + len - strlen(suffix), suffix))
			continue;
		name[len - strlen(suffix)] = '\0';
		key = xasprintf("%s/%s", cell_key, name);
		if (name_is_valid(name))
			load_container(engine, key);
	}
	if (stream)
		closedir(stream);
}

/* What only a crash leaves: a directory of ours without the file that says what it is. */
static bool left_by_crash(const char *dir, enum kind kind)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;
	bool ours = stream;

	while (stream && ours && (entry = readdir(stream))) {
		const char *name = entry->d_name;

		if (name[0] == '.')
			continue;
		ours = entry->d_type == DT_DIR &&
		       (kind == KIND_CELL ? str_equal(name, "containers") || str_equal(name, "etc")
					  : name_is_valid(name));
	}
	if (stream)
		closedir(stream);
	return ours;
}

static void load_object(struct engine *engine, const char *dir, const char *key, enum kind kind)
{
	ProtobufCMessage *stored, *document;
	const Api__Status *status;

	if (kind == KIND_CELL)
		load_containers(engine, dir, key);
	document = load_document(engine, key, kind, &stored);
	if (!document) {
		if (left_by_crash(dir, kind)) /* nobody wants it: it goes */
			engine_get(engine, key);
		return;
	}
	status = model_status(kind, stored);
	engine_get(engine, key);
	desired_restore(engine, status ? status->source : NULL, key,
			status ? status->held : NULL, document);
	if (status)
		restore_status(engine, engine_get(engine, key), status);
	protobuf_c_message_free_unpacked(stored, NULL);
}

static void load_dir(struct engine *engine, const char *dir, const char *key, enum kind kind)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		AUTO_FREE char *below = xasprintf("%s/%s", dir, entry->d_name);
		AUTO_FREE char *below_key =
			xasprintf("%s%s%s", key, *key ? "/" : "", entry->d_name);

		if (entry->d_type != DT_DIR || !name_is_valid(entry->d_name))
			continue;
		load_object(engine, below, below_key, kind);
		if (kind < KIND_CELL)
			load_dir(engine, below, below_key, kind + 1);
	}
	if (stream)
		closedir(stream);
}

void store_load(struct engine *engine)
{
	load_dir(engine, engine->run_path, "", KIND_REALM);
}

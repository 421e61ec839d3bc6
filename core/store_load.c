/* SPDX-License-Identifier: Apache-2.0 */
#include "core/store_load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/desired.h"
#include "core/model/view.h"
#include "core/status.h"

static void set_aside(const char *path, const struct error *err)
{
	AUTO_FREE char *aside = xasprintf("%s.damaged", path);

	log_warning("store: %s; set aside as %s", err->msg, aside);
	if (rename(path, aside) < 0)
		log_warning("store: cannot rename %s: %s", path, strerror(errno));
}

/* ---- what a stored status brings back ---- */

static void restore_container(struct object *object, const Api__ContainerStatus *status)
{
	struct container *c;

	list_for_each(c, &object->cell.containers, link) {
		if (!str_equal(c->name, status->id))
			continue;
		c->restarts = status->restart_count;
		c->exit_code = status->exit_code;
		c->started_wall_ms = status_time_parse(status->started_at);
		c->finished_wall_ms = status_time_parse(status->finished_at);
	}
}

static void restore_status(struct object *object, const Api__Status *status)
{
	object->status.created_ms = status_time_parse(status->created_at);
	object->status.updated_ms = status_time_parse(status->updated_at);
	object->status.ready_ms = status_time_parse(status->ready_at);
	if (!str_empty(status->ip))
		object->cell.last_ip = xstrdup(status->ip);
	for (size_t i = 0; i < status->n_containers; i++)
		restore_container(object, status->containers[i]);
}

/* ---- files ---- */

static int read_message(const char *path, enum kind kind, ProtobufCMessage **ret_message,
			struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	int r = fs_read_file(AT_FDCWD, path, MANIFEST_MAX_BYTES, &text, err);

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

static void load_object(struct engine *engine, const char *dir, const char *key, enum kind kind)
{
	static const char manifest_source[] = "manifest:";
	AUTO_FREE char *path = xasprintf("%s/%s", dir, store_file_name(kind));
	ProtobufCMessage *message = NULL, *spec = NULL;
	const Api__Status *status;
	struct object *object;
	struct error err = { 0 };
	int r = read_message(path, kind, &message, &err);

	if (r == -ENOENT) {
		if (kind == KIND_CELL) /* a crash came before its first write: nobody wants it, so
					  it goes */
			engine_get(engine, key);
		return;
	}
	if (r == 0) {
		spec = model_copy(message);
		model_set_defaults(kind, spec);
		r = check_key(path, key, kind, spec, &err);
	}
	if (r < 0) {
		protobuf_c_message_free_unpacked(spec, NULL);
		protobuf_c_message_free_unpacked(message, NULL);
		return set_aside(path, &err);
	}
	status = model_status(kind, message);
	object = engine_get(engine, key);
	if (status && status->source && str_starts_with(status->source, manifest_source))
		desired_restore(engine, status->source + strlen(manifest_source), key, spec);
	else
		protobuf_c_message_free_unpacked(spec, NULL);
	if (status)
		restore_status(object, status);
	protobuf_c_message_free_unpacked(message, NULL);
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

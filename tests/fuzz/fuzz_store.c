/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file below the run path, whatever is in it: the daemon comes up, the file was read as what it
 * is or set aside, and what was read can be written and read again. The first byte chooses the
 * kind.
 */
#include <fcntl.h>
#include <stdio.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/manifest/manifest.h"
#include "core/store/store.h"
#include "tests/fake/host.h"

enum { RUN_MS = 3000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const keys[KIND_COUNT] = {
	"main", "main/web", "main/web/front", "main/web/front/blog", "main/web/front/blog/side",
};

/* What is read once is good for good. */
static void check_round_trip(enum kind kind, const char *data, size_t len)
{
	ProtobufCMessage *message = NULL, *again = NULL;
	AUTO_BUF struct buf text = { 0 };
	struct error err;

	if (manifest_parse_stored("fuzz", data, len, model_descriptor(kind), &message, &err) < 0)
		return;
	manifest_emit_yaml(message, &text);
	if (text.len <= MANIFEST_STORED_MAX_BYTES) {
		check(manifest_parse_stored("again", text.data, text.len, model_descriptor(kind),
					    &again, &err) == 0);
		protobuf_c_message_free_unpacked(again, NULL);
	}
	protobuf_c_message_free_unpacked(message, NULL);
}

static void write_file(const char *run_path, enum kind kind, const char *data, size_t len)
{
	AUTO_FREE char *name = store_file_path(keys[kind]);
	AUTO_FREE char *path = xasprintf("%s/%s", run_path, name);
	AUTO_FREE char *dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	FILE *file;

	check(fs_make_dirs(dir, 0755, NULL) == 0);
	file = fopen(path, "we");
	check(file);
	check(fwrite(data, 1, len, file) == len);
	fclose(file);
}

static void load(const char *run_path)
{
	struct sim sim;

	sim_init(&sim, 1);
	sim.run_path = run_path;
	sim_start(&sim);
	sim_scanned(&sim);
	sim_run(&sim, RUN_MS);
	sim_fini(&sim);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char run_path[] = "/dev/shm/kukeon-fuzz-XXXXXX";
	enum kind kind;

	if (len == 0)
		return 0;
	log_set_level(LOG_ERROR);
	kind = (enum kind)(data[0] % KIND_COUNT);
	check_round_trip(kind, (const char *)data + 1, len - 1);
	check(mkdtemp(run_path));
	write_file(run_path, kind, (const char *)data + 1, len - 1);
	load(run_path);
	fs_remove_tree(AT_FDCWD, run_path, NULL);
	return 0;
}

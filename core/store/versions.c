/* SPDX-License-Identifier: Apache-2.0 */
#include "core/store/versions.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/wall.h"

/* Written a few times a day at most, and so small that JSON's numbers last for 2^33 starts. */
enum { STEP = 1 << 20 };
enum { FILE_MAX_BYTES = 64 };

static char *path_of(const struct engine *engine)
{
	return xasprintf("%s/" VERSIONS_FILE, engine->run_path);
}

/* More than any count can have come to: there are fewer changes than microseconds. */
static uint64_t beyond_all(void)
{
	return (uint64_t)wall_now_ms() * 1000;
}

/* A number with the end of its line, which no version of ours has come to; 0: it is none. */
static uint64_t parse_end(const struct buf *text)
{
	uint64_t end;
	char newline;

	if (!text->len || !strchr("123456789", text->data[0]) ||
	    sscanf(text->data, "%" SCNu64 "%c", &end, &newline) != 2)
		return 0;
	return newline == '\n' && end < INT64_MAX ? end : 0;
}

static uint64_t read_end(const char *path)
{
	AUTO_BUF struct buf text = { 0 };
	struct error err;
	uint64_t end;
	int r = fs_read_file(AT_FDCWD, path, FILE_MAX_BYTES, &text, &err);

	if (r == -ENOENT)
		return 0;
	end = r == 0 ? parse_end(&text) : 0;
	if (end)
		return end;
	log_warning("store: %s; resource versions go on beyond all that there can have been",
		    r < 0 ? err.msg : path);
	return beyond_all();
}

void versions_restore(struct engine *engine)
{
	AUTO_FREE char *path = path_of(engine);

	engine->version = read_end(path);
}

/* What cannot be reserved is not counted on: the next daemon, which knows nothing of ours, would
 * begin with versions that were used. */
uint64_t versions_reserve(struct engine *engine)
{
	AUTO_FREE char *path = path_of(engine), *text = NULL;
	uint64_t end;
	struct error err;

	text = versions_text(engine, &end);
	if (fs_write_file_atomic(path, text, strlen(text), 0600, &err) == 0)
		return end;
	log_warning("store: %s", err.msg);
	if (engine->version < beyond_all())
		engine->version = beyond_all();
	return engine->version;
}

bool versions_are_low(const struct engine *engine, uint64_t end)
{
	return engine->version + STEP / 2 > end;
}

char *versions_text(const struct engine *engine, uint64_t *ret_end)
{
	*ret_end = engine->version + STEP;
	return xasprintf("%" PRIu64 "\n", *ret_end);
}

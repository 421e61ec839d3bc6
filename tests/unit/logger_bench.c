/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/logger_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "tests/unit/scratch.h"

enum {
	WAIT_MS = 30 * 1000,
	WAIT_STEP_MS = 5,
	TEXT_MAX_BYTES = 1 << 30,
	FILES_MAX = LOG_FILES_MAX,
	HEAD_BYTES = sizeof("2006-01-02T15:04:05.999999999Z stdout F ") - 1,
};

static const char *const names[] = { "stdout", "stderr" };

int bench_setup(void **state)
{
	struct bench *b = xnew(struct bench);

	snprintf(b->dir, sizeof(b->dir), "%s/test-logger-XXXXXX", SCRATCH);
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->spool, sizeof(b->spool), "%s/spool", b->dir);
	snprintf(b->state, sizeof(b->state), "%s/state", b->dir);
	snprintf(b->logs, sizeof(b->logs), "%s/logs", b->dir);
	assert_int_equal(mkdir(b->spool, 0700), 0);
	*state = b;
	return 0;
}

int bench_teardown(void **state)
{
	struct bench *b = *state;

	if (b->logger > 0)
		bench_kill(b, SIGKILL);
	fs_remove_tree(AT_FDCWD, b->dir, NULL);
	free(b);
	return 0;
}

/* ---- the program ---- */

void bench_start(struct bench *b)
{
	b->logger = fork();
	assert_true(b->logger >= 0);
	if (b->logger > 0)
		return;
	execl(KUKEON_LOG_PROGRAM, "kukeon-log", "--spool", b->spool, "--state", b->state,
	      b->journal != NULL ? "--journal" : NULL, b->journal, NULL);
	_exit(127);
}

static int wait_for_end(struct bench *b)
{
	int status;

	assert_int_equal(waitpid(b->logger, &status, 0), b->logger);
	b->logger = 0;
	return status;
}

void bench_kill(struct bench *b, int signal)
{
	kill(b->logger, signal);
	wait_for_end(b);
}

int bench_stop(struct bench *b)
{
	int status;

	kill(b->logger, SIGTERM);
	status = wait_for_end(b);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- what a container prints ---- */

static void path_of(struct bench *b, const struct source *source, enum log_suffix suffix,
		    char ret[512])
{
	char name[LOG_NAME_MAX_BYTES];

	assert_true(log_spool_format(source->entry, suffix, name));
	snprintf(ret, 512, "%s/%s", b->spool, name);
}

static int make_fifo(struct bench *b, const struct source *source, enum log_suffix suffix)
{
	char path[512];
	int fd;

	path_of(b, source, suffix, path);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

void source_write_conf(struct bench *b, const struct source *source)
{
	AUTO_BUF struct buf text = { 0 };
	char path[512];

	log_conf_format(&source->conf, &text);
	path_of(b, source, LOG_SPOOL_CONF, path);
	assert_int_equal(fs_write_file_atomic(path, text.data, text.len, 0600, NULL), 0);
}

void source_open(struct bench *b, struct source *source, int number, uint64_t run)
{
	char id[32];

	snprintf(id, sizeof(id), "cell_c%d", number);
	assert_true(log_entry_format("default.test", id, run, source->entry));
	source->conf.run = run;
	if (source->conf.dir == NULL)
		source->conf.dir = xasprintf("%s/r/s/t/cell/c%d", b->logs, number);
	if (source->conf.max_bytes == 0)
		source->conf.max_bytes = LOG_DEFAULT_BYTES;
	if (source->conf.max_files == 0)
		source->conf.max_files = LOG_DEFAULT_FILES;
	source->fds[0] = make_fifo(b, source, LOG_SPOOL_OUT);
	source->fds[1] = make_fifo(b, source, LOG_SPOOL_ERR);
	source_write_conf(b, source);
}

void source_print(struct source *source, int stream, const void *data, size_t len)
{
	const char *at = data;
	ssize_t n;

	for (; len > 0; at += n, len -= (size_t)n) {
		n = write(source->fds[stream], at, len);
		assert_true(n > 0);
	}
}

void source_end(struct bench *b, struct source *source)
{
	char from[512], to[512];

	path_of(b, source, LOG_SPOOL_CONF, from);
	path_of(b, source, LOG_SPOOL_DONE, to);
	assert_int_equal(rename(from, to), 0);
}

void source_close(struct source *source)
{
	close(source->fds[0]);
	close(source->fds[1]);
	free(source->conf.dir);
}

void bench_wait_file(struct bench *b, const struct source *source, enum log_suffix suffix,
		     bool is_there)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_MS * 1000000L };
	char path[512];

	path_of(b, source, suffix, path);
	for (int ms = 0; ms < WAIT_MS; ms += WAIT_STEP_MS) {
		if ((access(path, F_OK) == 0) == is_there)
			return;
		nanosleep(&step, NULL);
	}
	fail_msg("%s is %s", path, is_there ? "not there" : "still there");
}

/* ---- what is in its log ---- */

void source_read(const struct source *source, struct buf *ret)
{
	for (unsigned int old = FILES_MAX; old-- > 0;) {
		AUTO_FREE char *path =
			log_file_path(source->conf.dir, source->conf.run, old, false);

		if (access(path, F_OK) == 0)
			assert_int_equal(fs_read_file(AT_FDCWD, path, TEXT_MAX_BYTES, ret, NULL),
					 0);
	}
}

static void add_text(const char *line, size_t len, int stream, struct buf *ret)
{
	if (len < HEAD_BYTES || line[10] != 'T' || line[29] != 'Z' || line[30] != ' ' ||
	    (line[38] != 'F' && line[38] != 'P') || line[39] != ' ')
		fail_msg("no record: \"%.*s\"", (int)(len < 100 ? len : 100), line);
	if (strncmp(line + 31, names[stream], 6) != 0)
		return;
	buf_add(ret, line + HEAD_BYTES, len - HEAD_BYTES);
	if (line[38] == 'F')
		buf_add_str(ret, "\n");
}

void source_text(const struct source *source, int stream, struct buf *ret)
{
	AUTO_BUF struct buf all = { 0 };
	const char *end;

	source_read(source, &all);
	for (const char *line = all.data; line != NULL && line < all.data + all.len;
	     line = end + 1) {
		end = memchr(line, '\n', (size_t)(all.data + all.len - line));
		if (end == NULL) /* it is being written */
			break;
		add_text(line, (size_t)(end - line), stream, ret);
	}
}

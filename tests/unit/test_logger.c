/* SPDX-License-Identifier: Apache-2.0 */
/* kukeon-log at work: what is printed is in the log, whatever becomes of it meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "tests/unit/logger_bench.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KUKEON_LOG_SANITIZED true
#else
#define KUKEON_LOG_SANITIZED false
#endif

static void sleep_ms(long ms)
{
	const struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void end_and_wait(struct bench *b, struct source *source)
{
	source_end(b, source);
	bench_wait_file(b, source, LOG_SPOOL_DONE, false);
}

/* Of the first stream, as soon as it is in the log; it begins with that. */
static void wait_for_text(const struct source *source, const char *begin)
{
	AUTO_FREE char *path = log_file_path(source->conf.dir, source->conf.run, 0, false);

	for (int ms = 0; ms < 30 * 1000; ms += 5, sleep_ms(5)) {
		AUTO_BUF struct buf text = { 0 };

		if (access(path, F_OK) == 0)
			source_text(source, 0, &text);
		if (text.len >= strlen(begin) && str_starts_with(text.data, begin))
			return;
	}
	fail_msg("%s: \"%s\" does not come", source->entry, begin);
}

/* ---- what is written ---- */

static void what_is_printed_stays_as_it_is(void **state)
{
	static const char odd[] = "nul \0 here\n\033[31mred\033[0m\r\n\n\xff\xfe\nno end";
	struct bench *b = *state;
	struct source source = { 0 };
	AUTO_BUF struct buf text = { 0 };

	bench_start(b);
	source_open(b, &source, 1, 7);
	source_print(&source, 0, odd, sizeof(odd) - 1);
	end_and_wait(b, &source);
	source_text(&source, 0, &text);
	assert_int_equal(text.len, sizeof(odd) - 1);
	assert_memory_equal(text.data, odd, text.len);
	assert_int_equal(bench_stop(b), 0);
	source_close(&source);
}

static void long_lines_are_parts(void **state)
{
	struct bench *b = *state;
	struct source source = { .conf = { .max_bytes = 1 << 20 } };
	AUTO_BUF struct buf line = { 0 }, text = { 0 };
	struct stat st;

	for (size_t len = LOG_PART_MAX_BYTES - 1; len <= LOG_PART_MAX_BYTES + 1; len++) {
		memset(buf_reserve(&line, len), 'x', len);
		line.len += len;
		buf_add_str(&line, "\n");
	}
	bench_start(b);
	source_open(b, &source, 1, 7);
	source_print(&source, 0, line.data, line.len);
	end_and_wait(b, &source);
	source_text(&source, 0, &text);
	assert_int_equal(text.len, line.len);
	assert_memory_equal(text.data, line.data, text.len);
	AUTO_FREE char *path = log_file_path(source.conf.dir, 7, 0, false);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, line.len + 4 * 40 + 1); /* one of three is two records */
	assert_int_equal(st.st_mode & 0777, 0640);
	source_close(&source);
}

/* ---- killed ---- */

enum { SOURCES = 20, KILLS = 30, LONG_EVERY = 997, LONG_BYTES = 40 * 1000 };

struct shared {
	volatile bool stop;
	long n_lines[SOURCES][2];
	int64_t worst_ms[SOURCES];
};

static size_t number_line(char *line, long n)
{
	int len = sprintf(line, "%ld %.*s\n", n, (int)(n % 90),
			  "the quick brown fox jumps over the lazy dog, and then once more, "
			  "as it is that quick, again");

	if (n % LONG_EVERY != LONG_EVERY - 1)
		return (size_t)len;
	memset(line + len - 1, 'y', LONG_BYTES);
	line[len - 1 + LONG_BYTES] = '\n';
	return (size_t)len + LONG_BYTES;
}

static void print_numbers(struct source *source, struct shared *shared, int i)
{
	static char line[LONG_BYTES + 256];

	for (long n = 0; !shared->stop; n++) {
		for (int stream = 0; stream < 2; stream++) {
			int64_t began = now_ms(), took;

			source_print(source, stream, line, number_line(line, n));
			took = now_ms() - began;
			if (took > shared->worst_ms[i])
				shared->worst_ms[i] = took;
			shared->n_lines[i][stream]++;
		}
	}
}

static void require_numbers(const struct source *source, int stream, long n_lines)
{
	static char line[LONG_BYTES + 256];
	AUTO_BUF struct buf text = { 0 };
	size_t at = 0, len;

	source_text(source, stream, &text);
	for (long n = 0; n < n_lines; n++) {
		len = number_line(line, n);
		if (at + len > text.len || memcmp(text.data + at, line, len) != 0)
			fail_msg("%s stream %d: line %ld of %ld is \"%.60s\"", source->entry,
				 stream, n, n_lines, text.len > at ? text.data + at : "");
		at += len;
	}
	if (at != text.len)
		fail_msg("%s stream %d: more than its %ld lines: \"%.60s\"", source->entry, stream,
			 n_lines, text.data + at);
}

static void kill_often(struct bench *b)
{
	srand(1);
	for (int i = 0; i < KILLS; i++) {
		bench_start(b);
		sleep_ms(rand() % 60);
		bench_kill(b, SIGKILL);
	}
	bench_start(b);
}

static void no_kill_loses_or_doubles_a_line(void **state)
{
	struct bench *b = *state;
	struct source sources[SOURCES] = { 0 };
	pid_t pids[SOURCES];
	int64_t worst_ms = 0;
	long n_lines = 0;
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < SOURCES; i++) {
		sources[i].conf.max_bytes = 300 * 1000;
		sources[i].conf.max_files = LOG_FILES_MAX;
		source_open(b, &sources[i], i, 7);
		pids[i] = fork();
		if (pids[i] == 0) {
			print_numbers(&sources[i], shared, i);
			_exit(0);
		}
	}
	kill_often(b);
	shared->stop = true;
	for (int i = 0; i < SOURCES; i++)
		waitpid(pids[i], NULL, 0);
	for (int i = 0; i < SOURCES; i++) {
		end_and_wait(b, &sources[i]);
		for (int stream = 0; stream < 2; stream++)
			require_numbers(&sources[i], stream, shared->n_lines[i][stream]);
		n_lines += shared->n_lines[i][0] + shared->n_lines[i][1];
		worst_ms = shared->worst_ms[i] > worst_ms ? shared->worst_ms[i] : worst_ms;
		source_close(&sources[i]);
	}
	print_message("%ld lines, %d kills, worst write %lld ms\n", n_lines, KILLS,
		      (long long)worst_ms);
	munmap(shared, sizeof(*shared));
}

/* ---- told to end ---- */

static void at_sigterm_all_is_written(void **state)
{
	struct bench *b = *state;
	struct source source = { 0 };
	AUTO_BUF struct buf text = { 0 };

	bench_start(b);
	source_open(b, &source, 1, 7);
	source_print(&source, 0, "one\n", 4);
	wait_for_text(&source, "one\n");
	for (int i = 0; i < 1000; i++)
		source_print(&source, 0, "more\n", 5);
	assert_int_equal(bench_stop(b), 0);
	source_text(&source, 0, &text);
	assert_int_equal(text.len, 4 + 5 * 1000);
	source_close(&source);
}

static void what_is_printed_without_a_logger_waits(void **state)
{
	struct bench *b = *state;
	struct source source = { 0 };
	AUTO_BUF struct buf text = { 0 };

	source_open(b, &source, 1, 7);
	source_print(&source, 0, "before\n", 7);
	source_end(b, &source); /* it never saw .conf */
	bench_start(b);
	bench_wait_file(b, &source, LOG_SPOOL_DONE, false);
	source_text(&source, 0, &text);
	assert_string_equal(text.data, "before\n");
	source_close(&source);
}

/* ---- files ---- */

static bool has_file(const struct source *source, uint64_t run, unsigned int old)
{
	AUTO_FREE char *path = log_file_path(source->conf.dir, run, old, false);

	return access(path, F_OK) == 0;
}

static void one_run_before_is_kept(void **state)
{
	struct bench *b = *state;

	bench_start(b);
	for (uint64_t run = 7; run <= 9; run++) {
		struct source source = { 0 };

		source_open(b, &source, 1, run);
		source_print(&source, 0, "x\n", 2);
		end_and_wait(b, &source);
		assert_true(has_file(&source, run, 0));
		assert_int_equal(has_file(&source, run - 1, 0), run > 7);
		assert_false(has_file(&source, run - 2, 0));
		source_close(&source);
	}
}

static void old_files_are_counted(void **state)
{
	static char line[1000];
	struct bench *b = *state;
	struct source source = { .conf = { .max_bytes = LOG_MIN_BYTES, .max_files = 3 } };
	AUTO_BUF struct buf text = { 0 };

	memset(line, 'z', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	bench_start(b);
	source_open(b, &source, 1, 7);
	for (int i = 0; i < 3000; i++)
		source_print(&source, i % 2, line, sizeof(line));
	end_and_wait(b, &source);
	assert_true(has_file(&source, 7, 0) && has_file(&source, 7, 1) && has_file(&source, 7, 2));
	assert_false(has_file(&source, 7, 3));
	source_read(&source, &text);
	assert_in_range(text.len, LOG_MIN_BYTES, 3 * LOG_MIN_BYTES + 200 * 1000);
	source_close(&source);
}

static void half_a_line_of_others_is_cut(void **state)
{
	struct bench *b = *state;
	struct source source = { 0 };
	AUTO_BUF struct buf text = { 0 };
	AUTO_FREE char *dir = xasprintf("%s/r/s/t/cell/c1", b->logs);
	AUTO_FREE char *path = log_file_path(dir, 7, 0, false);
	static const char half[] = "2026-03-01T12:00:00.123456789Z stdout F one\n2026-03-01T12";

	assert_int_equal(fs_make_dirs(dir, 0755, NULL), 0);
	assert_int_equal(fs_write_file_atomic(path, half, sizeof(half) - 1, 0640, NULL), 0);
	bench_start(b);
	source_open(b, &source, 1, 7);
	source_print(&source, 0, "two\n", 4);
	end_and_wait(b, &source);
	source_text(&source, 0, &text);
	assert_string_equal(text.data, "one\ntwo\n");
	source_close(&source);
}

/* ---- a disk that takes nothing ---- */

/* Whole numbered lines, and where some are missing there is as large a gap; returns how many gaps.
 */
static int require_counted(const struct source *source, long n_lines)
{
	AUTO_BUF struct buf all = { 0 };
	char *line, *rest, *at;
	long next = 0, n;
	int gaps = 0;

	source_read(source, &all);
	for (line = strtok_r(all.data, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		at = strstr(line, "[kukeon: ");
		n = strtol(at != NULL ? at + strlen("[kukeon: ") : line + 40, NULL, 10);
		gaps += at != NULL;
		if (at == NULL && n != next)
			fail_msg("line %ld where %ld was due: \"%.80s\"", n, next, line);
		next += at != NULL ? n : 1;
	}
	assert_int_equal(next, n_lines);
	return gaps;
}

static long print_for_ms(struct source *source, long n, int64_t ms, int64_t *ret_worst_ms)
{
	char line[256];
	int64_t began = now_ms(), before, took;

	for (*ret_worst_ms = 0; now_ms() - began < ms; n++) {
		before = now_ms();
		source_print(source, 0, line,
			     (size_t)snprintf(line, sizeof(line), "%ld %0120d\n", n, 7));
		took = now_ms() - before;
		if (took > *ret_worst_ms)
			*ret_worst_ms = took;
	}
	return n;
}

/* A file where a directory is due: nothing can be written until it is gone. */
static void what_cannot_be_written_is_counted(void **state)
{
	struct bench *b = *state;
	struct source source = { .conf = { .max_files = LOG_FILES_MAX } };
	int64_t worst_ms;
	long n;

	assert_int_equal(fs_write_file_atomic(b->logs, "x", 1, 0600, NULL), 0);
	bench_start(b);
	source_open(b, &source, 1, 7);
	n = print_for_ms(&source, 0, 1500, &worst_ms);
	assert_in_range(worst_ms, 0, 5 * 1000);
	bench_wait_file(b, &source, LOG_SPOOL_STAT, true);
	bench_kill(b, SIGKILL); /* what it has counted stays */
	bench_start(b);
	assert_int_equal(unlink(b->logs), 0);
	sleep_ms(1500);
	n = print_for_ms(&source, n, 300, &worst_ms);
	end_and_wait(b, &source);
	assert_in_range(require_counted(&source, n), 1, 3);
	source_close(&source);
}

/* Nobody else sees what is mounted. Only root may. */
static bool have_mounts(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static bool mount_small(const char *dir)
{
	return mkdir(dir, 0755) == 0 && have_mounts() &&
	       mount("small", dir, "tmpfs", 0, "size=1m") == 0;
}

static void on_a_full_disk_lines_are_counted(void **state)
{
	struct bench *b = *state;
	struct source source = { .conf = { .max_bytes = 8 << 20, .max_files = LOG_FILES_MAX } };
	int64_t worst_ms;
	long n;

	if (!mount_small(b->logs)) {
		print_message("skipped: no mount\n");
		skip();
	}
	bench_start(b);
	source_open(b, &source, 1, 7);
	n = print_for_ms(&source, 0, 1500, &worst_ms);
	assert_in_range(worst_ms, 0, 5 * 1000);
	bench_wait_file(b, &source, LOG_SPOOL_STAT, true);
	assert_int_equal(mount(NULL, b->logs, NULL, MS_REMOUNT, "size=200m"), 0);
	sleep_ms(1500);
	n = print_for_ms(&source, n, 300, &worst_ms);
	end_and_wait(b, &source);
	assert_in_range(require_counted(&source, n), 1, 3);
	source_close(&source);
	umount2(b->logs, MNT_DETACH);
}

/* ---- nothing but what it has to ---- */

static long number_in(const char *path, const char *key)
{
	AUTO_BUF struct buf text = { 0 };
	const char *at;

	assert_int_equal(fs_read_file(AT_FDCWD, path, 64 * 1024, &text, NULL), 0);
	at = strstr(text.data, key);
	assert_non_null(at);
	return strtol(at + strlen(key), NULL, 10);
}

/* Of all threads. */
static long n_wakeups(const struct bench *b)
{
	AUTO_FREE char *tasks = xasprintf("/proc/%d/task", b->logger);
	AUTO_CLOSE int fd = open(tasks, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fs_list_fd(fd);
	struct dirent *task;
	long n = 0;

	while (fs_next_entry(dir, &task) > 0) {
		AUTO_FREE char *path = xasprintf("%s/%s/status", tasks, task->d_name);

		n += number_in(path, "\nvoluntary_ctxt_switches:");
	}
	closedir(dir);
	return n;
}

static void two_hundred_containers_are_small_and_idle(void **state)
{
	enum { N = 200, RSS_MAX_KB = 4 * 1024 };
	static struct source sources[N];
	struct bench *b = *state;
	long rss_kb, wakeups;

	bench_start(b);
	for (int i = 0; i < N; i++) {
		source_open(b, &sources[i], i, 7);
		for (int j = 0; j < 100; j++)
			source_print(&sources[i], j % 2, "some text that is a line\n", 25);
	}
	for (int i = 0; i < N; i++)
		wait_for_text(&sources[i], "some text that is a line\n");
	sleep_ms(500);
	AUTO_FREE char *path = xasprintf("/proc/%d/status", b->logger);
	rss_kb = number_in(path, "VmRSS:");
	wakeups = n_wakeups(b);
	sleep_ms(1000);
	wakeups = n_wakeups(b) - wakeups;
	print_message("%d containers: RSS %ld KB, %ld wake-ups in a second\n", N, rss_kb, wakeups);
	assert_int_equal(wakeups, 0);
	if (!KUKEON_LOG_SANITIZED)
		assert_in_range(rss_kb, 1, RSS_MAX_KB);
	for (int i = 0; i < N; i++)
		source_close(&sources[i]);
}

static void a_gigabyte_without_a_line_is_bounded(void **state)
{
	enum { CHUNK_BYTES = 1 << 20, RSS_MAX_KB = 4 * 1024 };
	const long n_chunks = getenv("KUKEON_TEST_ALL") != NULL ? 1024 : 64;
	struct bench *b = *state;
	struct source source = { .conf = { .max_bytes = 1 << 20, .max_files = 2 } };
	AUTO_BUF struct buf all = { 0 };
	AUTO_FREE char *chunk = xcalloc(1, CHUNK_BYTES);
	AUTO_FREE char *path = NULL;

	bench_start(b);
	source_open(b, &source, 1, 7);
	for (long i = 0; i < n_chunks; i++)
		source_print(&source, 0, chunk, CHUNK_BYTES);
	path = xasprintf("/proc/%d/status", b->logger);
	if (!KUKEON_LOG_SANITIZED)
		assert_in_range(number_in(path, "VmRSS:"), 1, RSS_MAX_KB);
	end_and_wait(b, &source);
	source_read(&source, &all);
	assert_in_range(all.len, 64 * 1024, 3 << 20);
	source_close(&source);
}

/* ---- is it there? ---- */

static bool pulse_is(const struct bench *b, const char *token)
{
	AUTO_FREE char *path = xasprintf("%s/" LOG_PULSE_NAME, b->spool);
	AUTO_BUF struct buf text = { 0 };

	return fs_read_file(AT_FDCWD, path, 64, &text, NULL) == 0 && text.len == strlen(token) &&
	       memcmp(text.data, token, text.len) == 0;
}

static void ping(const struct bench *b, const char *token)
{
	AUTO_FREE char *path = xasprintf("%s/" LOG_PING_NAME, b->spool);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, token, strlen(token)), strlen(token));
}

static void it_answers(void **state)
{
	struct bench *b = *state;

	bench_start(b);
	sleep_ms(100);
	ping(b, "first");
	for (int i = 0; i < 1000 && !pulse_is(b, "first"); i++)
		sleep_ms(5);
	assert_true(pulse_is(b, "first"));
	kill(b->logger, SIGSTOP);
	ping(b, "second");
	sleep_ms(300);
	assert_true(pulse_is(b, "first"));
	bench_kill(b, SIGKILL);
}

static void a_second_one_waits_for_the_first(void **state)
{
	struct bench *b = *state;
	struct source source = { 0 };
	pid_t first;

	source_open(b, &source, 1, 7);
	bench_start(b);
	source_print(&source, 0, "one\n", 4);
	wait_for_text(&source, "one\n");
	first = b->logger;
	bench_start(b);
	kill(first, SIGSTOP);
	source_print(&source, 0, "two\n", 4);
	sleep_ms(300);
	kill(first, SIGKILL);
	waitpid(first, NULL, 0);
	wait_for_text(&source, "one\ntwo\n");
	source_close(&source);
}

/* ---- a disk that hangs ---- */

/* A filesystem that keeps silent, so that who asks it cannot even be killed; 0: cannot be had. */
static pid_t mount_silent(const char *dir)
{
	char said[16] = "";
	int pipe_fds[2];
	pid_t pid;

	assert_int_equal(mkdir(dir, 0755), 0);
	if (!have_mounts() || access("/dev/fuse", R_OK | W_OK) < 0)
		return 0;
	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(pipe_fds[1], STDOUT_FILENO);
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		execl(FUSE_SERVER_PROGRAM, "fuse_server", dir, "silent", NULL);
		_exit(127);
	}
	close(pipe_fds[1]);
	(void)!read(pipe_fds[0], said, sizeof(said) - 1);
	close(pipe_fds[0]);
	if (str_starts_with(said, "mounted"))
		return pid;
	waitpid(pid, NULL, 0);
	return 0;
}

static void require_answer(const struct bench *b, const char *token)
{
	sleep_ms(200);
	ping(b, token);
	for (int i = 0; i < 2000 && !pulse_is(b, token); i++)
		sleep_ms(5);
	assert_true(pulse_is(b, token));
}

static void a_disk_that_hangs_stops_nobody(void **state)
{
	struct bench *b = *state;
	struct source source = { 0 };
	pid_t fuse = mount_silent(b->logs), hung;
	int64_t worst_ms;

	if (fuse == 0) {
		print_message("skipped: no FUSE\n");
		skip();
	}
	source.conf.dir = xasprintf("%s/x/y", b->logs);
	bench_start(b);
	source_open(b, &source, 1, 7);
	print_for_ms(&source, 0, 4000, &worst_ms);
	assert_in_range(worst_ms, 0, 8 * 1000);
	bench_wait_file(b, &source, LOG_SPOOL_STAT, true);
	require_answer(b, "hangs");
	hung = b->logger;
	kill(hung, SIGKILL); /* one thread of it cannot end */
	bench_start(b);
	require_answer(b, "takes over");
	print_for_ms(&source, 0, 500, &worst_ms);
	kill(b->logger, SIGKILL);
	kill(fuse, SIGUSR1); /* it answers */
	waitpid(hung, NULL, 0);
	bench_kill(b, SIGKILL);
	kill(fuse, SIGTERM);
	waitpid(fuse, NULL, 0);
	source_close(&source);
}

/* ---- the journal ---- */

static int bind_journal(struct bench *b, char *path, size_t size)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const struct timeval limit = { .tv_sec = 20 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(path, size, "%s/journal", b->dir);
	assert_true(str_copy(at.sun_path, sizeof(at.sun_path), path));
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	return fd;
}

static void journald_gets_fields(void **state)
{
	static char text[4096];
	struct bench *b = *state;
	char path[192];
	AUTO_CLOSE int fd = bind_journal(b, path, sizeof(path));
	struct source source = { .conf = { .driver = LOG_DRIVER_JOURNALD,
					   .realm = (char *)"r",
					   .space = (char *)"s",
					   .stack = (char *)"t",
					   .cell = (char *)"web",
					   .container = (char *)"main" } };

	b->journal = path;
	bench_start(b);
	source_open(b, &source, 1, 7);
	source_print(&source, 1, "to the journal\n", 15);
	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "PRIORITY=3\nSYSLOG_IDENTIFIER=main\nKUKEON_REALM=r\n"
				  "KUKEON_SPACE=s\nKUKEON_STACK=t\nKUKEON_CELL=web\n"
				  "KUKEON_CONTAINER=main\nKUKEON_RUN=7\nMESSAGE=to the journal\n");
	end_and_wait(b, &source);
	source_close(&source);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_printed_stays_as_it_is),
		TEST(long_lines_are_parts),
		TEST(no_kill_loses_or_doubles_a_line),
		TEST(at_sigterm_all_is_written),
		TEST(what_is_printed_without_a_logger_waits),
		TEST(one_run_before_is_kept),
		TEST(old_files_are_counted),
		TEST(half_a_line_of_others_is_cut),
		TEST(what_cannot_be_written_is_counted),
		TEST(on_a_full_disk_lines_are_counted),
		TEST(two_hundred_containers_are_small_and_idle),
		TEST(a_gigabyte_without_a_line_is_bounded),
		TEST(it_answers),
		TEST(a_second_one_waits_for_the_first),
		TEST(a_disk_that_hangs_stops_nobody),
		TEST(journald_gets_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* kukeon-log at work: what is printed is in the log, whatever becomes of it meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_printed_stays_as_it_is, bench_setup,
						bench_teardown),
		cmocka_unit_test_setup_teardown(long_lines_are_parts, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(no_kill_loses_or_doubles_a_line, bench_setup,
						bench_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

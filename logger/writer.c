/* SPDX-License-Identifier: Apache-2.0 */
#include "logger/writer.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>

#include "core/base/log.h"
#include "logger/write.h"

enum { STACK_BYTES = 128 * 1024 };

void writer_kick(struct logger *logger)
{
	(void)!eventfd_write(logger->kick_fd, 1);
}

/* One of many is written a batch at a time, so that none waits for all of another. */
static void write_entry(struct writer *writer, struct entry *entry, struct batch *batch)
{
	struct logger *logger = writer->logger;
	enum written written;

	entry->is_busy = true;
	pthread_mutex_unlock(&logger->lock);
	written = write_some(logger, entry, batch);
	pthread_mutex_lock(&logger->lock);
	entry->is_busy = false;
	entry->is_failing = written == WRITTEN_FAILED;
	if (written == WRITTEN_SOME)
		writer_queue_locked(logger, entry);
	if (written == WRITTEN_FAILED || entry->all_written)
		writer_kick(logger);
}

static void *writer_main(void *arg)
{
	struct writer *writer = arg;
	struct logger *logger = writer->logger;
	struct batch *batch = xcalloc(1, sizeof(*batch));
	struct list *next;

	pthread_mutex_lock(&logger->lock);
	for (;;) {
		while (list_empty(&writer->queue) && !logger->is_stopping)
			pthread_cond_wait(&writer->wakes, &logger->lock);
		next = list_pop(&writer->queue);
		if (next == NULL)
			break;
		write_entry(writer, list_entry(next, struct entry, queued), batch);
	}
	pthread_mutex_unlock(&logger->lock);
	free(batch);
	return NULL;
}

int writer_start(struct logger *logger, enum log_driver driver, struct error *err)
{
	struct writer *writer = &logger->writers[driver];
	pthread_attr_t attr;
	int r;

	if (writer->is_running)
		return 0;
	writer->logger = logger;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	r = pthread_create(&writer->thread, &attr, writer_main, writer);
	pthread_attr_destroy(&attr);
	if (r != 0)
		return error_set(err, -r, "cannot begin a thread: %s", strerror(r));
	writer->is_running = true;
	return 0;
}

void writer_queue_locked(struct logger *logger, struct entry *entry)
{
	struct writer *writer = &logger->writers[entry->conf.driver];

	if (list_linked(&entry->queued))
		return;
	list_append(&writer->queue, &entry->queued);
	pthread_cond_signal(&writer->wakes);
}

void writer_queue(struct logger *logger, struct entry *entry)
{
	pthread_mutex_lock(&logger->lock);
	writer_queue_locked(logger, entry);
	pthread_mutex_unlock(&logger->lock);
}

bool writers_stop(struct logger *logger)
{
	struct timespec until;
	bool all = true;

	pthread_mutex_lock(&logger->lock);
	logger->is_stopping = true;
	for (size_t i = 0; i < ARRAY_SIZE(logger->writers); i++)
		pthread_cond_signal(&logger->writers[i].wakes);
	pthread_mutex_unlock(&logger->lock);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += DRAIN_MS / 1000;
	for (size_t i = 0; i < ARRAY_SIZE(logger->writers); i++) {
		struct writer *writer = &logger->writers[i];

		if (writer->is_running &&
		    pthread_clockjoin_np(writer->thread, NULL, CLOCK_MONOTONIC, &until) != 0)
			all = false;
	}
	return all;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/hostile_frames.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "core/base/buf.h"

enum { FRAME_HEADERS = 1, FRAME_RST_STREAM = 3, FRAME_PING = 6 };
enum { END_HEADERS = 4, BATCH = 256, POLL_MS = 50 };

/* The headers of a Version call, none of them compressed beyond HPACK's static table. */
static const char call_headers[] = "\x83\x86"                               /* POST, http */
				   "\x04\x1e/kukeon.v1beta1.Kukeon/Version" /* :path */
				   "\x01\x01x"                              /* :authority */
				   "\x0f\x10\x10"
				   "application/grpc" /* content-type */
				   "\x00\x02te\x08trailers";

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void add_frame(struct buf *out, unsigned type, unsigned flags, uint32_t stream,
		      const char *payload, size_t len)
{
	const char header[9] = { (char)(len >> 16),    (char)(len >> 8),    (char)len,
				 (char)type,           (char)flags,         (char)(stream >> 24),
				 (char)(stream >> 16), (char)(stream >> 8), (char)stream };

	buf_add(out, header, sizeof(header));
	buf_add(out, payload, len);
}

/* False: the peer has closed, or does not take any more before @end_ms. */
static bool send_all(int fd, const struct buf *out, uint64_t end_ms)
{
	size_t sent = 0;

	while (sent < out->len && now_ms() < end_ms) {
		struct pollfd wait = { .fd = fd, .events = POLLOUT };
		ssize_t n;

		poll(&wait, 1, POLL_MS);
		n = send(fd, out->data + sent, out->len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			return false;
		sent += n > 0 ? (size_t)n : 0;
	}
	return sent == out->len;
}

void frames_flood_pings(int fd, unsigned ms)
{
	AUTO_BUF struct buf out = { 0 };

	for (int i = 0; i < BATCH; i++)
		add_frame(&out, FRAME_PING, 0, 0, "01234567", 8);
	for (uint64_t end_ms = now_ms() + ms; send_all(fd, &out, end_ms);)
		;
}

void frames_flood_resets(int fd, unsigned ms)
{
	uint64_t end_ms = now_ms() + ms;
	uint32_t stream = 1;
	bool going = true;

	while (going) {
		AUTO_BUF struct buf out = { 0 };

		for (int i = 0; i < BATCH; i++, stream += 2) {
			add_frame(&out, FRAME_HEADERS, END_HEADERS, stream, call_headers,
				  sizeof(call_headers) - 1);
			add_frame(&out, FRAME_RST_STREAM, 0, stream, "\0\0\0\x08", 4);
		}
		going = send_all(fd, &out, end_ms);
	}
}

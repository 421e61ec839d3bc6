/* SPDX-License-Identifier: Apache-2.0 */
/* The network driver: many host names asked for at once, of a name server that is slow in places.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/e2e/network_fixture.h"

enum {
	NAMES = 60,
	SILENCE_MS = 3000, /* until a question is given up */
	SOON_MS = 5000,    /* far less than one after the other takes, on a loaded machine too */
	DNS_HEADER = 12,
	TYPE_A = 1,
	TTL = 7,
	PACKET_BYTES = 512,
};

struct server {
	int fd;
	pthread_t thread;
	atomic_bool ends;
};

struct asked {
	struct waited w;
	struct resolved resolved;
};

/* ---- a name server: "slow..." is never answered for IPv6, "gone..." does not exist, "dead..." is
 * not answered at all ---- */

static size_t add_address(unsigned char *at)
{
	static const unsigned char record[] = { 0xc0, DNS_HEADER, 0, TYPE_A, 0,   1, 0, 0,
						0,    TTL,        0, 4,      192, 0, 2, 7 };

	memcpy(at, record, sizeof(record));
	return sizeof(record);
}

/* Returns the length of the answer that takes the question's place; 0: none. */
static size_t answer(unsigned char *packet, size_t len)
{
	const char *name = (const char *)packet + DNS_HEADER + 1;
	size_t end = DNS_HEADER + strlen((const char *)packet + DNS_HEADER) + 1;
	bool a = packet[end + 1] == TYPE_A, gone = strncmp(name, "gone", 4) == 0;

	check(end + 4 <= len);
	if (strncmp(name, "dead", 4) == 0 || (strncmp(name, "slow", 4) == 0 && !a))
		return 0;
	packet[2] = 0x81;
	packet[3] = gone ? 0x83 : 0x80;
	packet[7] = a && !gone;
	packet[11] = 0; /* without what may follow the question */
	return end + 4 + (a && !gone ? add_address(packet + end + 4) : 0);
}

static void *serve(void *ctx)
{
	struct server *server = ctx;
	unsigned char packet[PACKET_BYTES + 64];
	struct sockaddr_in peer;

	while (!atomic_load(&server->ends)) {
		struct pollfd fd = { .fd = server->fd, .events = POLLIN };
		socklen_t peer_len = sizeof(peer);
		ssize_t n;

		if (poll(&fd, 1, 100) <= 0)
			continue;
		memset(packet, 0, sizeof(packet));
		n = recvfrom(server->fd, packet, PACKET_BYTES, 0, (struct sockaddr *)&peer,
			     &peer_len);
		n = n > DNS_HEADER ? (ssize_t)answer(packet, (size_t)n) : 0;
		if (n)
			sendto(server->fd, packet, (size_t)n, 0, (struct sockaddr *)&peer,
			       peer_len);
	}
	return NULL;
}

static void server_open(struct server *server)
{
	static const char settings[] = "nameserver 127.0.0.1\n";
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(53) };
	struct error err;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*server = (struct server){ .fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) };
	assert_return_code(bind(server->fd, (struct sockaddr *)&address, sizeof(address)), errno);
	assert_int_equal(
		fs_write_file_atomic("/etc/resolv.conf", settings, strlen(settings), 0644, &err),
		0);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_close(struct server *server)
{
	atomic_store(&server->ends, true);
	pthread_join(server->thread, NULL);
	close(server->fd);
}

/* ---- tests ---- */

static void ask(struct fixture *f, struct asked *asked, const char *name, int i, bool v6)
{
	char text[32];

	snprintf(text, sizeof(text), "%s%d.test", name, i);
	asked->resolved = (struct resolved){ 0 };
	f->network->ops->resolve(f->network, text, v6, &asked->resolved, waited_init(&asked->w, f));
}

/* None waits for another, and IPv4 does not wait for IPv6. */
static void test_all_at_once(void **state)
{
	static struct asked v4[NAMES], v6[NAMES], later;
	struct fixture *f = *state;
	struct server server;
	double begun = now_ms();

	server_open(&server);
	for (int i = 0; i < NAMES; i++) {
		ask(f, &v6[i], "slow", i, true);
		ask(f, &v4[i], "slow", i, false);
	}
	for (int i = 0; i < NAMES; i++) {
		assert_int_equal(wait_for(&v4[i].w, f), 0);
		assert_int_equal(v4[i].resolved.n, 1);
		assert_int_equal(v4[i].resolved.ttl_ms, TTL * 1000);
	}
	ask(f, &later, "new", 0, false); /* one that comes while others are outstanding */
	assert_int_equal(wait_for(&later.w, f), 0);
	for (int i = 0; i < NAMES && now_ms() - begun < SILENCE_MS; i++)
		assert_false(v6[i].w.done);
	for (int i = 0; i < NAMES; i++)
		assert_int_equal(wait_for(&v6[i].w, f), -ETIMEDOUT);
	assert_true(now_ms() - begun < SILENCE_MS + SOON_MS);
	server_close(&server);
}

static void test_no_address(void **state)
{
	struct fixture *f = *state;
	struct server server;
	struct asked gone, none, dead, files;

	server_open(&server);
	ask(f, &gone, "gone", 1, false);
	ask(f, &none, "plain", 1, true);
	ask(f, &dead, "dead", 1, false);
	assert_int_equal(wait_for(&gone.w, f), -ENOENT);
	assert_int_equal(wait_for(&none.w, f), -ENOENT);
	assert_false(dead.w.done);
	assert_int_equal(wait_for(&dead.w, f), -ETIMEDOUT);
	assert_string_equal(dead.w.call.err.msg, "cannot find the host: no name server answers");
	f->network->ops->resolve(f->network, "localhost", false, &files.resolved,
				 waited_init(&files.w, f));
	assert_int_equal(wait_for(&files.w, f), 0);
	server_close(&server);
}

/* What is under way ends with the driver, at once. */
static void test_closes_under_way(void **state)
{
	static struct asked asked[NAMES];
	struct fixture *f = *state;
	struct server server;
	double begun;

	server_open(&server);
	for (int i = 0; i < NAMES; i++)
		ask(f, &asked[i], "dead", i, false);
	for (int i = 0; i < 3; i++)
		uv_run(&f->loop.uv, UV_RUN_NOWAIT);
	begun = now_ms();
	reopen(f);
	assert_true(now_ms() - begun < SOON_MS);
	for (int i = 0; i < NAMES; i++)
		assert_true(asked[i].w.done && asked[i].w.call.status < 0);
	server_close(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closes_under_way, setup, teardown),
	};

	return run_network_tests(tests, ARRAY_SIZE(tests));
}

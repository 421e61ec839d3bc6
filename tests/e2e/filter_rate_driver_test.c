/* SPDX-License-Identifier: Apache-2.0 */
/* What the packet filter costs the packets between two cells of a space, alone and with many more
 * spaces. Prints what it measures; what is judged is that a packet is not looked for space by
 * space: that would halve the rate. */
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

#include "tests/e2e/filter_fixture.h"

enum {
	SPACES = 300,
	RATE_MS = 60,
	RATE_ROUNDS = 25,
	PACKET_BYTES = 64,
	WARM_UP = 1000,
};

static const char BRIDGED[] = "/proc/sys/net/bridge/bridge-nf-call-iptables";

struct socket_request {
	const char *netns;
	int fd;
};

static const double WITH_MANY_MIN = 0.8;

/* A socket stays where it was made. */
static void *make_socket(void *arg)
{
	struct socket_request *request = arg;
	int netns = open(request->netns, O_RDONLY | O_CLOEXEC);

	request->fd = -1;
	if (setns(netns, CLONE_NEWNET) == 0)
		request->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	close(netns);
	return NULL;
}

static int socket_in(struct fixture *f, const char *cell)
{
	AUTO_FREE char *netns = f->network->ops->netns_path(f->network, cell);
	struct socket_request request = { .netns = netns };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, make_socket, &request), 0);
	pthread_join(thread, NULL);
	assert_true(request.fd >= 0);
	return request.fd;
}

/* Packets from one to the other in a second of work, all the way to a socket that nobody reads: the
 * kernel does it on the sender's time. */
static double rate(int fd)
{
	static const char packet[PACKET_BYTES];
	double start, took = 0;
	unsigned long n = 0;

	for (int i = 0; i < WARM_UP; i++)
		send(fd, packet, sizeof(packet), MSG_DONTWAIT);
	start = worked_ms();
	while (took < RATE_MS) {
		for (int i = 0; i < 100; i++)
			n += send(fd, packet, sizeof(packet), MSG_DONTWAIT) > 0;
		took = worked_ms() - start;
	}
	return (double)n * 1000 / took;
}

/* With the space alone in the filter, or with many more. */
static void apply_with_others(struct fixture *f, const struct space_fact *fact, size_t others)
{
	struct filter_wish wish;

	wish_spaces(&wish, others + 1);
	free(wish.spaces[others].bridge);
	free(wish.spaces[others].subnet);
	wish.spaces[others].bridge = xstrdup(fact->bridge);
	wish.spaces[others].subnet = xstrdup(fact->subnet);
	apply(f, &wish);
	filter_wish_fini(&wish);
}

static void measure_rates(struct fixture *f, const struct space_fact *fact, int fd,
			  const char *bridged)
{
	double bare[RATE_ROUNDS], one[RATE_ROUNDS], many[RATE_ROUNDS];

	for (int i = 0; i < RATE_ROUNDS; i++) {
		double unfiltered;

		apply_spaces(f, 0);
		unfiltered = bare[i] = rate(fd);
		apply_with_others(f, fact, 0);
		one[i] = rate(fd) / unfiltered;
		apply_with_others(f, fact, SPACES);
		many[i] = rate(fd) / unfiltered;
	}
	print_message("  bridge-nf-call-iptables %s: bare bridge %.0f packets/s; with the filter "
		      "%.3f of it, with %d more spaces %.3f\n",
		      bridged, median(bare, RATE_ROUNDS), median(one, RATE_ROUNDS), SPACES,
		      median(many, RATE_ROUNDS));
	if (*bridged == '0')
		assert_true(median(many, RATE_ROUNDS) >= WITH_MANY_MIN);
}

static void test_rate(void **state)
{
	static const char *const cells[] = { CELL, "main/web/app/two" };
	struct attachment_fact facts[2] = { 0 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct space_fact fact = { 0 };
	struct fixture *f = *state;
	int from, sink;

	assert_int_equal(ensure(f, &(struct space_request){ .space_key = SPACE }, &fact), 0);
	for (size_t c = 0; c < ARRAY_SIZE(cells); c++) {
		assert_int_equal(create_netns(f, cells[c]), 0);
		assert_int_equal(attach(f, cells[c], NULL, &facts[c]), 0);
	}
	from = socket_in(f, cells[0]);
	sink = socket_in(f, cells[1]);
	inet_pton(AF_INET, facts[1].ip, &to.sin_addr);
	assert_int_equal(bind(sink, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(connect(from, (struct sockaddr *)&to, sizeof(to)), 0);
	for (const char *bridged = "01"; *bridged; bridged++) {
		const char value[] = { *bridged, '\0' };

		if (fs_write_existing(AT_FDCWD, BRIDGED, value, NULL) == 0 || *bridged == '0')
			measure_rates(f, &fact, from, value);
	}
	close(from);
	close(sink);
	for (size_t c = 0; c < ARRAY_SIZE(cells); c++) {
		assert_int_equal(detach(f, cells[c]), 0);
		attachment_fact_fini(&facts[c]);
	}
	apply_spaces(f, 0);
	assert_int_equal(remove_space(f, SPACE), 0);
	space_fact_fini(&fact);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
	};

	return run_network_tests(tests, ARRAY_SIZE(tests));
}

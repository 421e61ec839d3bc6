/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's packet filter against the real kernel: what many spaces cost, that our own changes
 * are told from those of another hand, and that nothing is left of spaces and cells that came and
 * went. Prints what it measures.
 *
 * FILTER_ROUNDS=<n>: that many rounds of coming and going (2000 for the real thing).
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "drivers/cni/cni.h"
#include "drivers/cni/nft.h"

enum {
	SKIPPED = 77,
	SPACES = 300,
	SAMPLES = 15,
	ROUNDS = 40,
	RATE_MS = 60,
	RATE_ROUNDS = 25,
	PACKET_BYTES = 64,
	WARM_UP = 1000,
};

static const char ROOT[] = "/run/filter-test";
static const char BRIDGED[] = "/proc/sys/net/bridge/bridge-nf-call-iptables";

struct fixture {
	struct loop loop;
	struct journal *journal;
	struct network *network;
	unsigned disturbed;
	bool closed;
};

struct waited {
	struct call call;
	bool done;
};

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

/* What we and the kernel for us have worked: a loaded machine changes it little. */
static double worked_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static void on_done(struct call *call)
{
	container_of(call, struct waited, call)->done = true;
}

static struct call *waited_init(struct waited *waited, struct fixture *f)
{
	*waited = (struct waited){ 0 };
	call_init(&waited->call, &f->loop, on_done);
	return &waited->call;
}

static void wait_for(struct waited *waited, struct fixture *f)
{
	while (!waited->done)
		uv_run(&f->loop.uv, UV_RUN_ONCE);
	if (waited->call.status < 0)
		fail_msg("%s", waited->call.err.msg);
}

static void on_closed(void *ctx)
{
	((struct fixture *)ctx)->closed = true;
}

static void wait_closed(struct fixture *f)
{
	while (!f->closed)
		uv_run(&f->loop.uv, UV_RUN_ONCE);
	f->closed = false;
}

static void on_filter(void *ctx)
{
	((struct fixture *)ctx)->disturbed++;
}

static void open_driver(struct fixture *f)
{
	const struct filter_listener listener = { .ctx = f, .on_filter = on_filter };
	struct cni_options options = { .conf_dir = "/run/filter-test/net.d",
				       .bin_dirs = "/opt/cni/bin:/usr/lib/cni",
				       .netns_dir = "/run/filter-test/netns",
				       .subnet_pool_first = "10.88.0.0/16" };
	struct error err = { 0 };

	if (loop_open(&f->loop, LOOP_CLOCK_BOOTTIME, &err) < 0 ||
	    fs_make_dirs(ROOT, 0755, &err) < 0 ||
	    journal_open(&f->journal, &f->loop, "/run/filter-test/journal", &err) < 0)
		fail_msg("%s", err.msg);
	options.journal = f->journal;
	if (cni_open(&f->network, &f->loop, &options, &err) < 0 ||
	    f->network->ops->watch_filter(f->network, &listener, &err) < 0)
		fail_msg("%s", err.msg);
}

static void close_driver(struct fixture *f)
{
	f->network->ops->close(f->network, on_closed, f);
	wait_closed(f);
	journal_close(f->journal, on_closed, f);
	wait_closed(f);
	loop_close(&f->loop);
}

static int setup(void **state)
{
	fs_remove_tree(AT_FDCWD, ROOT, NULL);
	*state = xnew(struct fixture);
	open_driver(*state);
	return 0;
}

static int teardown(void **state)
{
	close_driver(*state);
	free(*state);
	return 0;
}

/* ---- wishes ---- */

static void wish_spaces(struct filter_wish *wish, size_t n)
{
	*wish = (struct filter_wish){ .spaces = xcalloc(n, sizeof(*wish->spaces)), .n_spaces = n };
	for (size_t i = 0; i < n; i++)
		wish->spaces[i] = (struct filter_space){
			.key = xasprintf("r/s%zu", i),
			.bridge = xasprintf("kuke-s%zu", i),
			.subnet = xasprintf("10.%zu.%zu.0/24", 100 + i / 256, i % 256),
		};
}

static double apply(struct fixture *f, struct filter_wish *wish)
{
	double start = worked_ms();
	struct waited waited;

	f->network->ops->filter_apply(f->network, wish, waited_init(&waited, f));
	wait_for(&waited, f);
	return worked_ms() - start;
}

static double apply_spaces(struct fixture *f, size_t n)
{
	struct filter_wish wish;
	double took;

	wish_spaces(&wish, n);
	took = apply(f, &wish);
	filter_wish_fini(&wish);
	return took;
}

static int by_value(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : 1;
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

/* Of adding one to @n spaces. */
static double cost_of_one_more(struct fixture *f, size_t n)
{
	double took[SAMPLES];

	for (int i = 0; i < SAMPLES; i++) {
		apply_spaces(f, n);
		took[i] = apply_spaces(f, n + 1);
	}
	return median(took, SAMPLES);
}

static uint32_t generation(void)
{
	struct error err;
	uint32_t now = 0;

	if (nft_generation(&now, &err) < 0)
		fail_msg("%s", err.msg);
	return now;
}

/* ---- tests ---- */

static void test_many_spaces(void **state)
{
	struct fixture *f = *state;
	uint32_t before = generation();
	double whole = apply_spaces(f, SPACES), second, last;

	assert_int_equal(generation() - before, 1); /* one transaction */
	apply_spaces(f, 1);
	second = cost_of_one_more(f, 1);
	last = cost_of_one_more(f, SPACES);
	print_message("  %d spaces at once: %.1f ms; the 2nd: %.2f ms, the %dst: %.2f ms\n", SPACES,
		      whole, second, SPACES + 1, last);
	assert_true(last <= 2 * second);
	apply_spaces(f, 0);
	assert_int_equal(f->disturbed, 0);
}

/* Told from another hand's: never of our own, always of theirs. */
static void test_another_hand(void **state)
{
	struct fixture *f = *state;
	struct strv tables = { 0 };
	struct error err;

	apply_spaces(f, 2);
	for (unsigned i = 1; i <= 5; i++) {
		assert_int_equal(nft_list_tables(&tables, &err), 0);
		assert_int_equal(tables.n, 1);
		assert_int_equal(nft_delete_table(tables.items[0], &err), 0);
		strv_fini(&tables);
		while (f->disturbed < i)
			uv_run(&f->loop.uv, UV_RUN_ONCE);
		apply_spaces(f, 2 + i);
		uv_run(&f->loop.uv, UV_RUN_NOWAIT);
		assert_int_equal(f->disturbed, i);
	}
	apply_spaces(f, 0);
	assert_int_equal(nft_list_tables(&tables, &err), 0);
	assert_int_equal(tables.n, 0);
}

/* ---- coming and going ---- */

static void ensure_space(struct fixture *f, const char *key, struct space_fact *ret)
{
	const struct space_request request = { .space_key = key };
	struct waited waited;

	f->network->ops->ensure_space(f->network, &request, ret, waited_init(&waited, f));
	wait_for(&waited, f);
}

static void apply_fact(struct fixture *f, const struct space_fact *fact)
{
	struct filter_space space = { .key = fact->space_key,
				      .bridge = fact->bridge,
				      .subnet = fact->subnet };
	struct filter_wish wish = { .spaces = &space, .n_spaces = 1 };

	apply(f, &wish);
}

static void attach(struct fixture *f, const char *key, struct attachment_fact *ret)
{
	const struct attach_request request = { .cell_key = key };
	struct waited waited;

	f->network->ops->create_netns(f->network, key, waited_init(&waited, f));
	wait_for(&waited, f);
	f->network->ops->attach(f->network, &request, ret, waited_init(&waited, f));
	wait_for(&waited, f);
}

static void take_down(struct fixture *f, const char *space, const char *const *cells, size_t n)
{
	struct waited waited;

	for (size_t i = 0; i < n; i++) {
		f->network->ops->detach(f->network, cells[i], waited_init(&waited, f));
		wait_for(&waited, f);
	}
	apply_spaces(f, 0);
	f->network->ops->remove_space(f->network, space, waited_init(&waited, f));
	wait_for(&waited, f);
}

static size_t count_files(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static size_t count_links(void)
{
	struct if_nameindex *links = if_nameindex();
	size_t n = 0;

	for (struct if_nameindex *i = links; i && i->if_index; i++)
		n += strcmp(i->if_name, "lo") != 0;
	if_freenameindex(links);
	return n;
}

static void assert_nothing_left(void)
{
	struct strv tables = { 0 };
	struct error err;

	assert_int_equal(count_links(), 0);
	assert_int_equal(count_files("/run/filter-test/netns"), 0);
	assert_int_equal(count_files("/run/filter-test/ipam"), 0);
	assert_int_equal(count_files("/run/filter-test/net.d"), 0);
	assert_int_equal(nft_list_tables(&tables, &err), 0);
	assert_int_equal(tables.n, 0);
}

static void test_rounds(void **state)
{
	static const char *const cells[] = { "r/s/t/one", "r/s/t/two" };
	const char *text = getenv("FILTER_ROUNDS");
	int rounds = text ? atoi(text) : ROUNDS;
	struct fixture *f = *state;
	double start = now_ms();

	for (int i = 0; i < rounds; i++) {
		struct attachment_fact facts[ARRAY_SIZE(cells)] = { 0 };
		struct space_fact fact = { 0 };

		ensure_space(f, "r/s", &fact);
		apply_fact(f, &fact);
		for (size_t c = 0; c < ARRAY_SIZE(cells); c++) {
			attach(f, cells[c], &facts[c]);
			attachment_fact_fini(&facts[c]);
		}
		space_fact_fini(&fact);
		take_down(f, "r/s", cells, ARRAY_SIZE(cells));
	}
	assert_nothing_left();
	assert_int_equal(f->disturbed, 0);
	print_message("  %d rounds of a space with two cells: %.1f ms each\n", rounds,
		      (now_ms() - start) / rounds);
}

/* ---- packet rate ---- */

struct socket_request {
	const char *netns;
	int fd;
};

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
		assert_true(median(many, RATE_ROUNDS) >= 0.97);
}

static void test_rate(void **state)
{
	static const char *const cells[] = { "r/s/t/one", "r/s/t/two" };
	struct attachment_fact facts[2] = { 0 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct space_fact fact = { 0 };
	struct fixture *f = *state;
	int from, sink;

	ensure_space(f, "r/s", &fact);
	for (size_t c = 0; c < ARRAY_SIZE(cells); c++)
		attach(f, cells[c], &facts[c]);
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
	for (size_t c = 0; c < ARRAY_SIZE(cells); c++)
		attachment_fact_fini(&facts[c]);
	space_fact_fini(&fact);
	take_down(f, "r/s", cells, ARRAY_SIZE(cells));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_spaces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_hand, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
	};

	if (getenv("FILTER_ONLY"))
		cmocka_set_test_filter(getenv("FILTER_ONLY"));
	if (!getenv("KUKEON_TEST_HOST")) {
		puts("skipped: needs a test host of its own (scripts/testhost)");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

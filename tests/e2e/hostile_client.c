/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks one kukeond through its socket and judges how it stands: hostile_client SOCKET PID
 * ATTACK.
 *
 * While an attack runs, somebody else asks for the version again and again over a new connection;
 * the slowest answer, the daemon's memory and its descriptors are printed and held to the limits
 * below. "watch" attacks until standard input ends, so that somebody can change things meanwhile.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "api/kukeon.pb-c.h"
#include "core/rpc/wire/blocking.h"
#include "core/rpc/wire/exchange.h"

#define SERVICE "/kukeon.v1beta1.Kukeon/"
#define GREETING "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0" /* an empty frame; its last zero is the terminator */

enum {
	/* 19 MiB are pages of libraries. Unless the variable of that name says another limit. */
	MEMORY_MAX_KIB = 42 << 10,
	CLIENTS = 100,
	GARBAGE_CONNECTIONS = 200,
	CONNECTIONS = 5000,
	SILENT_CONNECTIONS = 1000,
	WATCHERS = 60,
	LARGE_BYTES = 100 << 20,
	FLOODS = 5,
	FLOOD_MS = 300,
	ANSWER_MAX_MS = 5000, /* for others, during an attack: they are served, on any machine */
	CALL_TIMEOUT_MS = 30000,
	SETTLE_MAX_MS = 15000,
	PAUSE_MS = 10,
};

static int memory_max_kib(void)
{
	const char *text = getenv("MEMORY_MAX_KIB");

	return text ? atoi(text) : MEMORY_MAX_KIB;
}

/* So many times longer may an answer take: a sanitizer makes everything slower. */
static unsigned slowness(void)
{
	const char *text = getenv("SLOWNESS");

	return text ? (unsigned)atoi(text) : 1;
}

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static char target[sizeof("unix:") + sizeof(address.sun_path)];
static const char *daemon_pid;

/* ---- the daemon seen from outside ---- */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void pause_ms(unsigned ms)
{
	const struct timespec pause = { .tv_sec = ms / 1000,
					.tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&pause, NULL);
}

static int count_fds(void)
{
	AUTO_FREE char *path = xasprintf("/proc/%s/fd", daemon_pid);
	DIR *dir = opendir(path);
	int n = 0;

	if (!dir)
		err(1, "the daemon is gone: %s", path);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* The most it ever had. */
static long peak_kib(void)
{
	AUTO_FREE char *path = xasprintf("/proc/%s/status", daemon_pid);
	FILE *file = fopen(path, "re");
	char line[256];
	long kib = -1;

	if (!file)
		err(1, "the daemon is gone: %s", path);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	fclose(file);
	return kib;
}

static int ask_version(void)
{
	struct rpc_client *client = rpc_client_open(target);
	Api__VersionRequest request = API__VERSION_REQUEST__INIT;
	ProtobufCMessage *reply = NULL;
	struct error error;
	int r = rpc_client_call(client, SERVICE "Version", &request.base,
				&api__version_response__descriptor, CALL_TIMEOUT_MS, &reply,
				&error);

	if (r < 0)
		warnx("Version: %s", error.msg);
	else
		protobuf_c_message_free_unpacked(reply, NULL);
	rpc_client_close(client);
	return r;
}

/* ---- somebody else, meanwhile ---- */

static atomic_bool over;
static atomic_int n_asked, n_failed;
static uint64_t slowest_ms;

static void *bystander(void *arg)
{
	while (!over) {
		uint64_t begin_ms = now_ms(), took_ms;

		n_failed += ask_version() < 0;
		n_asked++;
		took_ms = now_ms() - begin_ms;
		if (took_ms > slowest_ms)
			slowest_ms = took_ms;
		pause_ms(PAUSE_MS);
	}
	return arg;
}

/* ---- attacks ---- */

static int connect_raw(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "connect to %s", address.sun_path);
	return fd;
}

static void *one_client(void *arg)
{
	int *failures = arg;

	for (int i = 0; i < 5; i++)
		*failures += ask_version() < 0;
	return NULL;
}

static void attack_with_clients(void)
{
	pthread_t threads[CLIENTS];
	int failures[CLIENTS] = { 0 };

	for (int i = 0; i < CLIENTS; i++)
		if (pthread_create(&threads[i], NULL, one_client, &failures[i]))
			errx(1, "cannot start a thread");
	for (int i = 0; i < CLIENTS; i++) {
		pthread_join(threads[i], NULL);
		n_failed += failures[i];
	}
}

static void send_noise(int fd, unsigned seed, size_t len)
{
	char noise[4096];

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(rand_r(&seed) >> 8);
	for (; len > 0; len -= len < sizeof(noise) ? len : sizeof(noise))
		if (send(fd, noise, len < sizeof(noise) ? len : sizeof(noise), MSG_NOSIGNAL) < 0)
			return;
}

/* At once, behind the greeting, and behind the first frame. */
static void attack_with_garbage(void)
{
	for (unsigned i = 0; i < GARBAGE_CONNECTIONS; i++) {
		int fd = connect_raw();

		if (i % 3 > 0)
			send(fd, GREETING, strlen(GREETING), MSG_NOSIGNAL);
		if (i % 3 > 1)
			send(fd, SETTINGS, sizeof(SETTINGS), MSG_NOSIGNAL);
		send_noise(fd, i, 100 + i * 100);
		close(fd);
	}
}

/* In one message, which is refused for its size; and as noise without end behind a greeting. */
static void attack_with_size(void)
{
	struct rpc_client *client = rpc_client_open(target);
	Api__GetRequest request = API__GET_REQUEST__INIT;
	Api__Selector selector = API__SELECTOR__INIT;
	ProtobufCMessage *reply = NULL;
	struct error error = { 0 };
	int fd, r;

	request.selector = &selector;
	selector.name = xcalloc(1, LARGE_BYTES + 1);
	memset(selector.name, 'x', LARGE_BYTES);
	r = rpc_client_call(client, SERVICE "Get", &request.base, &api__get_response__descriptor,
			    CALL_TIMEOUT_MS, &reply, &error);
	if (r != -ENOSPC)
		errx(1, "100 MB: expected RESOURCE_EXHAUSTED, found %d %s", r, error.msg);
	free(selector.name);
	rpc_client_close(client);
	fd = connect_raw();
	send(fd, GREETING SETTINGS, strlen(GREETING) + sizeof(SETTINGS), MSG_NOSIGNAL);
	send_noise(fd, 1, LARGE_BYTES);
	close(fd);
}

static void attack_with_connections(void)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = connect_raw();

		if (i % 2)
			send(fd, GREETING SETTINGS, strlen(GREETING) + sizeof(SETTINGS),
			     MSG_NOSIGNAL);
		close(fd);
	}
}

/* Until the daemon has had enough or @ms are over; the answers are never read. */
static void flood_with_pings(int fd, unsigned ms)
{
	static const char ping[] = "\0\0\x08\6\0\0\0\0\0"
				   "01234567";
	char pings[256 * (sizeof(ping) - 1)];
	uint64_t end_ms = now_ms() + ms;

	for (size_t at = 0; at < sizeof(pings); at += sizeof(ping) - 1)
		memcpy(pings + at, ping, sizeof(ping) - 1);
	for (size_t at = 0; now_ms() < end_ms;) {
		ssize_t n = send(fd, pings + at, sizeof(pings) - at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			return;
		if (n < 0)
			pause_ms(1);
		else
			at = (at + (size_t)n) % sizeof(pings);
	}
}

static void attack_with_pings(void)
{
	for (int i = 0; i < FLOODS; i++) {
		int fd = connect_raw();

		send(fd, GREETING SETTINGS, strlen(GREETING) + sizeof(SETTINGS), MSG_NOSIGNAL);
		flood_with_pings(fd, FLOOD_MS);
		close(fd);
	}
}

static void attack_with_silence(void)
{
	int *fds = xcalloc(SILENT_CONNECTIONS, sizeof(*fds));

	for (int i = 0; i < SILENT_CONNECTIONS; i++) {
		fds[i] = connect_raw(); /* blocks while the backlog is full */
		if (i % 2)
			send(fds[i], GREETING, 10, MSG_NOSIGNAL);
	}
	n_failed += ask_version() < 0;
	for (int i = 0; i < SILENT_CONNECTIONS; i++)
		close(fds[i]);
	free(fds);
}

/* Watches of everything that never take a message. Everything stays open to the end. */
static void attack_with_watches(void)
{
	static struct rpc_exchange exchanges[WATCHERS];
	Api__WatchRequest watch = API__WATCH_REQUEST__INIT;
	Api__Selector selector = API__SELECTOR__INIT;
	struct rpc_exchange_request request = { .message = &watch.base };
	grpc_completion_queue *queue = grpc_completion_queue_create_for_next(NULL);
	grpc_channel *channel = rpc_channel_create(target);

	watch.selector = &selector;
	selector.has_kind = true;
	selector.kind = API__KIND__KIND_CELL;
	for (int i = 0; i < WATCHERS; i++) {
		rpc_exchange_init(&exchanges[i], channel, queue, SERVICE "Watch", RPC_NO_TIMEOUT);
		rpc_exchange_start_stream(&exchanges[i], &request, &exchanges[i], &exchanges[i]);
	}
	for (int i = 0; i < WATCHERS; i++) /* the headers of each */
		grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
	puts("watching");
	fflush(stdout);
	while (getchar() != EOF)
		;
	grpc_channel_destroy(channel);
	for (int i = 0; i < WATCHERS; i++)
		grpc_call_cancel(exchanges[i].grpc, NULL);
	for (int i = 0; i < WATCHERS; i++)
		grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
	for (int i = 0; i < WATCHERS; i++)
		rpc_exchange_fini(&exchanges[i]);
}

static const struct attack {
	const char *name;
	void (*run)(void);
	unsigned answer_max_ms;
} attacks[] = {
	{ "clients", attack_with_clients, 2 * ANSWER_MAX_MS }, /* all of them at once */
	{ "garbage", attack_with_garbage, ANSWER_MAX_MS },
	{ "size", attack_with_size, ANSWER_MAX_MS },
	{ "connections", attack_with_connections, ANSWER_MAX_MS },
	{ "pings", attack_with_pings, ANSWER_MAX_MS },
	{ "silence", attack_with_silence, ANSWER_MAX_MS },
	{ "watch", attack_with_watches, ANSWER_MAX_MS },
};

/* ---- judging ---- */

static bool judge(const struct attack *attack, int n_before)
{
	uint64_t end_ms = now_ms() + SETTLE_MAX_MS;
	long kib = peak_kib();
	bool good;

	while (count_fds() > n_before && now_ms() < end_ms)
		pause_ms(PAUSE_MS);
	good = n_failed == 0 && n_asked > 0 && slowest_ms <= slowness() * attack->answer_max_ms &&
	       kib <= memory_max_kib() && count_fds() <= n_before;
	printf("%s: %s; others asked %d times, %d failed, slowest %lu ms (limit %u); peak memory "
	       "%ld KiB (limit %d); descriptors %d before, %d after\n",
	       attack->name, good ? "withstood" : "FAILED", n_asked, n_failed,
	       (unsigned long)slowest_ms, slowness() * attack->answer_max_ms, kib, memory_max_kib(),
	       n_before, count_fds());
	return good;
}

static bool run(const struct attack *attack)
{
	int n_before = count_fds();
	pthread_t thread;

	if (pthread_create(&thread, NULL, bystander, NULL))
		errx(1, "cannot start a thread");
	while (n_asked == 0)
		pause_ms(1);
	attack->run();
	over = true;
	pthread_join(thread, NULL);
	return judge(attack, n_before);
}

static void more_descriptors(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	if (argc != 4 || strlen(argv[1]) >= sizeof(address.sun_path))
		errx(2, "usage: hostile_client SOCKET PID ATTACK");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[1]);
	snprintf(target, sizeof(target), "unix:%s", address.sun_path);
	daemon_pid = argv[2];
	more_descriptors();
	rpc_library_init();
	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
		bool good;

		if (strcmp(argv[3], attacks[i].name) != 0)
			continue;
		good = run(&attacks[i]);
		fflush(stdout);
		_exit(good ? 0 : 1); /* gRPC's own end takes its time */
	}
	errx(2, "no attack \"%s\"", argv[3]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registries on loopback: one of the tests that does what each of its repositories says
 * (registry-server), and Debian's docker-registry. Exit 77: not beside them (registry-driver).
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/str.h"
#include "drivers/registry/endpoint.h"
#include "drivers/registry/registry.h"

enum {
	SKIP = 77,
	WAIT_MS = 120 * 1000,
	STALL_MS = 2000,
	BLOB_BYTES = 1000003,
	LOG_MAX_BYTES = 16 * 1024 * 1024,
};

#define HOST "127.0.0.1:5000"
#define PASSWORD "pass word"

static struct {
	const char *dir;
	struct loop loop;
	struct registries *registries;
	struct timer guard;
	char digest[80], *data;
	bool closed;
} host;

/* ---- the host ---- */

static void on_guard(struct timer *timer UNUSED)
{
	fprintf(stderr, "nothing happened for %d ms\n", WAIT_MS);
	abort();
}

static void wait_for(const bool *flag)
{
	timer_start(&host.loop, &host.guard, WAIT_MS, on_guard);
	while (!*flag)
		uv_run(&host.loop.uv, UV_RUN_ONCE);
	timer_stop(&host.guard);
}

static char *path_of(const char *name)
{
	return xasprintf("%s/%s", host.dir, name);
}

static void write_file(const char *name, const char *text)
{
	AUTO_FREE char *path = path_of(name);
	struct error err;

	if (fs_write_file_atomic(path, text, strlen(text), 0644, &err) < 0)
		fail_msg("%s", err.msg);
}

static void on_closed(void *ctx)
{
	*(bool *)ctx = true;
}

static void open_host_with(uint32_t stall_limit_ms)
{
	AUTO_FREE char *certs = path_of("certs.d");
	const struct registries_options options = {
		.certs_path = certs,
		.agent = "kukeon/test",
		.stall_limit_ms = stall_limit_ms,
	};
	struct error err;

	assert_int_equal(loop_open(&host.loop, LOOP_CLOCK_BOOTTIME, &err), 0);
	uv_ref((uv_handle_t *)&host.loop.timer_poll); /* there may be nothing but timers */
	assert_int_equal(registries_open(&host.registries, &host.loop, &options, &err), 0);
	write_file("log", "");
	host.closed = false;
}

static int open_host(void **state UNUSED)
{
	open_host_with(0);
	return 0;
}

static int close_host(void **state UNUSED)
{
	registries_close(host.registries, on_closed, &host.closed);
	wait_for(&host.closed);
	loop_close(&host.loop);
	return 0;
}

/* What the server was asked since the test began. */
static char *requests(void)
{
	AUTO_FREE char *path = path_of("log");
	struct buf log = { 0 };
	struct error err;

	assert_int_equal(fs_read_file(AT_FDCWD, path, LOG_MAX_BYTES, &log, &err), 0);
	return buf_take(&log);
}

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	while ((text = strstr(text, word))) {
		text += strlen(word);
		n++;
	}
	return n;
}

static size_t count_requests(const char *word)
{
	AUTO_FREE char *log = requests();

	return count(log, word);
}

static void assert_requests(size_t n, const char *word)
{
	AUTO_FREE char *log = requests();

	if (count(log, word) != n)
		fail_msg("\"%s\": %zu times, expected %zu:\n%s", word, count(log, word), n, log);
}

/* ---- asking ---- */

/* One at most; NULL fields are left out. */
struct given {
	const char *server, *username, *password, *password_file, *docker_config;
	const char *realm;
};

static const struct given alice = { .server = HOST, .username = "alice", .password = PASSWORD };

static struct registry_session *new_session(const char *image, const struct given *given)
{
	Api__RegistryCredentials credentials = API__REGISTRY_CREDENTIALS__INIT,
				 *all[] = { &credentials };
	struct registry_session *session;
	struct reference reference;
	struct error err;

	if (reference_parse(image, &reference, &err) < 0)
		fail_msg("%s", err.msg);
	if (given) {
		credentials.server_address = (char *)given->server;
		credentials.username = (char *)given->username;
		credentials.password = (char *)given->password;
		credentials.password_file = (char *)given->password_file;
		credentials.docker_config = (char *)given->docker_config;
	}
	session = registry_session_new(host.registries,
				       given && given->realm ? given->realm : "default", &reference,
				       all, given ? 1 : 0);
	reference_fini(&reference);
	return session;
}

struct asking {
	struct call call;
	struct registry_manifest manifest;
	int status;
	char why[ERROR_MSG_MAX_BYTES];
	bool done;
};

static void on_asked(struct call *call)
{
	struct asking *asking = container_of(call, struct asking, call);

	asking->status = call->status;
	if (call->status < 0)
		snprintf(asking->why, sizeof(asking->why), "%s", call->err.msg);
	asking->done = true;
}

static void start_asking(struct asking *asking, struct registry_session *session, bool head)
{
	*asking = (struct asking){ .manifest = { .session = session, .head = head } };
	call_init(&asking->call, &host.loop, on_asked);
	registry_manifest_ask(&asking->manifest, &asking->call);
}

static struct asking ask_in(struct registry_session *session, bool head)
{
	static struct asking asking;

	start_asking(&asking, session, head);
	wait_for(&asking.done);
	registry_manifest_fini(&asking.manifest);
	return asking;
}

static struct asking ask(const char *repository, const struct given *given)
{
	AUTO_FREE char *image = xasprintf("%s/%s", HOST, repository);
	struct registry_session *session = new_session(image, given);
	struct asking asking = ask_in(session, false);

	registry_session_free(session);
	assert_null(strstr(asking.why, PASSWORD));
	return asking;
}

static void assert_well(const struct asking *asking)
{
	if (asking->status < 0)
		fail_msg("%s", asking->why);
}

static void assert_fault(const struct asking *asking, enum image_fault fault, const char *words)
{
	if (asking->status == 0 || asking->manifest.failure.fault != fault ||
	    !strstr(asking->why, words))
		fail_msg("%d, fault %d \"%s\"; expected fault %d, \"%s\"", asking->status,
			 (int)asking->manifest.failure.fault, asking->why, (int)fault, words);
}

struct fetching {
	struct call call;
	struct registry_blob blob;
	struct buf data;
	unsigned rests, n_data; /* every so many pieces it takes none; 0: never */
	size_t cancel_at;       /* 0: nowhere */
	struct timer again;
	int status;
	char why[ERROR_MSG_MAX_BYTES];
	bool done;
};

static void on_again(struct timer *timer)
{
	registry_blob_resume(&container_of(timer, struct fetching, again)->blob);
}

static bool on_data(struct registry_blob *blob, const char *data, size_t len)
{
	struct fetching *fetching = container_of(blob, struct fetching, blob);

	if (fetching->rests && ++fetching->n_data % fetching->rests == 0) {
		timer_start(&host.loop, &fetching->again, 1, on_again);
		return false;
	}
	buf_add(&fetching->data, data, len);
	if (fetching->cancel_at && fetching->data.len >= fetching->cancel_at)
		registry_blob_cancel(blob);
	return true;
}

static void on_fetched(struct call *call)
{
	struct fetching *fetching = container_of(call, struct fetching, call);

	fetching->status = call->status;
	if (call->status < 0)
		snprintf(fetching->why, sizeof(fetching->why), "%s", call->err.msg);
	fetching->done = true;
}

static void fetch_in(struct fetching *fetching, struct registry_session *session)
{
	fetching->blob.session = session;
	fetching->blob.digest = host.digest;
	fetching->blob.size = BLOB_BYTES;
	fetching->blob.on_data = on_data;
	call_init(&fetching->call, &host.loop, on_fetched);
	registry_blob_fetch(&fetching->blob, &fetching->call);
	wait_for(&fetching->done);
}

static void fetch(struct fetching *fetching, const char *repository, const struct given *given)
{
	AUTO_FREE char *image = xasprintf("%s/%s", HOST, repository);
	struct registry_session *session = new_session(image, given);

	fetch_in(fetching, session);
	registry_session_free(session);
}

static void assert_fetched(struct fetching *fetching)
{
	size_t first = BLOB_BYTES - fetching->data.len;

	if (fetching->status < 0)
		fail_msg("%s", fetching->why);
	assert_int_equal(fetching->blob.offset, BLOB_BYTES);
	assert_memory_equal(fetching->data.data, host.data + first, fetching->data.len);
	buf_fini(&fetching->data);
}

static void assert_not_fetched(struct fetching *fetching, enum image_fault fault, const char *words)
{
	if (fetching->status == 0 || fetching->blob.failure.fault != fault ||
	    !strstr(fetching->why, words))
		fail_msg("%d, fault %d \"%s\"; expected fault %d, \"%s\"", fetching->status,
			 (int)fetching->blob.failure.fault, fetching->why, (int)fault, words);
	buf_fini(&fetching->data);
}

/* ---- manifests ---- */

static void test_manifest(void **state UNUSED)
{
	struct registry_session *session = new_session(HOST "/ok", NULL);
	struct asking head = ask_in(session, true), get = ask_in(session, false);

	assert_well(&head);
	assert_well(&get);
	assert_int_equal(head.manifest.size, get.manifest.size);
	assert_string_equal(registry_session_host(session), HOST);
	assert_null(registry_session_waits(session));
	registry_session_free(session);
	assert_requests(1, "HEAD /v2/ok/manifests/latest");
	assert_requests(1, "GET /v2/ok/manifests/latest");
}

static void test_without_head(void **state UNUSED)
{
	struct registry_session *session = new_session(HOST "/nohead", NULL);
	struct asking asking = ask_in(session, true);

	assert_well(&asking);
	registry_session_free(session);
}

static void test_refused_manifests(void **state UNUSED)
{
	static const struct {
		const char *repository;
		enum image_fault fault;
		const char *words;
	} rows[] = {
		{ "missing", IMAGE_FAULT_NOT_THERE, "NAME_UNKNOWN: said by the test" },
		{ "missing", IMAGE_FAULT_NOT_THERE, "is not there, or needs credentials" },
		{ "denied", IMAGE_FAULT_UNAUTHORIZED, "requested access to the resource" },
		{ "junk", IMAGE_FAULT_INVALID, "expected" },
		{ "schema1", IMAGE_FAULT_INVALID, "schema 1" },
		{ "lie", IMAGE_FAULT_INVALID, "it was said to be" },
		{ "huge", IMAGE_FAULT_INVALID, "more than" },
		{ "both", IMAGE_FAULT_INVALID, "at once" },
		{ "other", IMAGE_FAULT_INVALID, "says of itself" },
		{ "loop", IMAGE_FAULT_INVALID, "redirects" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct asking asking = ask(rows[i].repository, NULL);

		assert_fault(&asking, rows[i].fault, rows[i].words);
	}
}

static void test_by_digest(void **state UNUSED)
{
	AUTO_FREE char *image = xasprintf("%s/ok@%s", HOST, host.digest);
	struct registry_session *session = new_session(image, NULL);
	struct asking asking = ask_in(session, true);

	assert_fault(&asking, IMAGE_FAULT_INVALID, "asked for was");
	registry_session_free(session);
}

/* ---- logging in ---- */

static void test_basic(void **state UNUSED)
{
	static const struct given bob = { .server = HOST, .username = "bob", .password = PASSWORD };
	struct asking asking = ask("basic", &alice);

	assert_well(&asking);
	assert_requests(2, "/v2/basic/"); /* the first one without */
	asking = ask("basic", &alice);
	assert_well(&asking);
	assert_requests(3, "/v2/basic/"); /* it is known by now */
	asking = ask("basic", &bob);
	assert_fault(&asking, IMAGE_FAULT_UNAUTHORIZED, "needs other credentials");
	asking = ask("basic", NULL);
	assert_fault(&asking, IMAGE_FAULT_UNAUTHORIZED, "needs credentials");
}

static void test_tokens(void **state UNUSED)
{
	static const struct given bob = { .server = HOST, .username = "bob", .password = PASSWORD };
	static const struct given identity = { .server = HOST, .password = "identity" };
	struct asking asking = ask("bearer", &alice);

	assert_well(&asking);
	asking = ask("bearer", &alice);
	assert_well(&asking);
	assert_requests(1, "POST /token"); /* the second one has it already */
	asking = ask("bearer", &identity);
	assert_well(&asking);
	asking = ask("bearer/get", &alice);
	assert_well(&asking);
	assert_requests(1,
			"GET /token/get?service=test&scope=repository%3Abearer%2Fget%3Apull Bas");
	asking = ask("bearer/anonymous", NULL);
	assert_well(&asking);
	asking = ask("bearer", &bob);
	assert_fault(&asking, IMAGE_FAULT_UNAUTHORIZED, "incorrect username or password");
	asking = ask("bearer", NULL);
	assert_fault(&asking, IMAGE_FAULT_UNAUTHORIZED, "no token");
}

static void test_tokens_apart(void **state UNUSED)
{
	struct given other = alice;
	struct asking asking = ask("bearer", &alice);

	assert_well(&asking);
	other.realm = "another";
	asking = ask("bearer", &other);
	assert_well(&asking);
	assert_requests(2, "POST /token");
}

static void test_one_fetch_for_all(void **state UNUSED)
{
	struct registry_session *session = new_session(HOST "/bearer/late", &alice);
	struct asking all[8];

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		start_asking(&all[i], session, false);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		wait_for(&all[i].done);
		assert_well(&all[i]);
		registry_manifest_fini(&all[i].manifest);
	}
	registry_session_free(session);
	assert_requests(1, "POST /token");
}

static void test_tokens_refused(void **state UNUSED)
{
	struct asking asking = ask("refused", &alice);

	assert_well(&asking);
	assert_requests(2, "POST /token");
	asking = ask("narrow", NULL);
	assert_fault(&asking, IMAGE_FAULT_UNAUTHORIZED, "unauthorized");
	assert_requests(2, "/token/anonymous");
	asking = ask("bearer/evil", &alice);
	assert_fault(&asking, IMAGE_FAULT_UNAUTHORIZED, "expected https");
}

static void test_said_back(void **state UNUSED)
{
	struct asking asking = ask("echo", &alice);

	assert_fault(&asking, IMAGE_FAULT_UNAUTHORIZED, "denied (HTTP 403)");
}

static void test_longest_prefix(void **state UNUSED)
{
	Api__RegistryCredentials wrong = API__REGISTRY_CREDENTIALS__INIT,
				 right = API__REGISTRY_CREDENTIALS__INIT,
				 *all[] = { &wrong, &right };
	struct registry_session *session;
	struct reference reference;
	struct asking asking;

	assert_int_equal(reference_parse(HOST "/basic", &reference, NULL), 0);
	wrong.server_address = (char *)HOST;
	wrong.username = wrong.password = (char *)"bob";
	right.server_address = (char *)HOST "/basic";
	right.username = (char *)"alice";
	right.password = (char *)PASSWORD;
	session = registry_session_new(host.registries, "default", &reference, all, 2);
	asking = ask_in(session, false);
	assert_well(&asking);
	registry_session_free(session);
	reference_fini(&reference);
}

static void test_password_file(void **state UNUSED)
{
	AUTO_FREE char *path = path_of("password");
	struct given given = { .server = HOST, .username = "alice", .password_file = path };
	struct asking asking = ask("basic", &given);

	assert_fault(&asking, IMAGE_FAULT_UNAUTHORIZED, "passwordFile");
	write_file("password", PASSWORD "\n");
	asking = ask("basic", &given);
	assert_well(&asking);
}

static void test_docker_config(void **state UNUSED)
{
	AUTO_FREE char *path = path_of("config.json");
	const struct given given = { .docker_config = path };
	struct asking asking;

	write_file("config.json", "{\"auths\":{\"" HOST "\":{\"auth\":\"YWxpY2U6cGFzcyB3b3Jk\"}}}");
	asking = ask("basic", &given);
	assert_well(&asking);
	write_file("config.json", "{\"auths\":");
	asking = ask("basic", &given);
	assert_fault(&asking, IMAGE_FAULT_UNAUTHORIZED, "dockerConfig");
}

#define HELPER "/usr/local/bin/docker-credential-kukeontest"

/* A program of @text is asked for who asks. */
static struct registry_session *helped_session(const char *text)
{
	AUTO_FREE char *path = path_of("helpers.json");
	const struct given given = { .docker_config = path };
	struct error err;

	write_file("helpers.json", "{\"credHelpers\":{\"" HOST "\":\"kukeontest\"}}");
	if (fs_write_file_atomic(HELPER, text, strlen(text), 0755, &err) < 0)
		fail_msg("%s", err.msg);
	return new_session(HOST "/basic", &given);
}

static struct asking ask_helper(const char *text)
{
	struct registry_session *session = helped_session(text);
	struct asking asking = ask_in(session, false);

	registry_session_free(session);
	unlink(HELPER);
	return asking;
}

static void test_helper(void **state UNUSED)
{
	struct asking asking = ask_helper(
		"#!/bin/sh\n[ \"$1 $(cat) $(id -u) $(id -G)\" = \"get " HOST " 65534 65534\" ] && "
		"echo '{\"ServerURL\":\"x\",\"Username\":\"alice\",\"Secret\":\"" PASSWORD
		"\"}'\n");

	assert_well(&asking);
	asking = ask_helper("#!/bin/sh\necho credentials not found in native keychain\nexit 1\n");
	assert_fault(&asking, IMAGE_FAULT_UNAUTHORIZED, "or needs credentials");
	asking = ask_helper("#!/bin/sh\nexit 3\n");
	assert_fault(&asking, IMAGE_FAULT_UNAUTHORIZED, "docker-credential-kukeontest failed");
	asking = ask_helper("#!/bin/sh\nexec cat /dev/zero\n");
	assert_fault(&asking, IMAGE_FAULT_UNAUTHORIZED, "64 KiB");
}

/* What a helper tells of itself: "PARENT PID OF-ITS-CHILD". */
#define TELLS_FILE "/tmp/kukeontest-helper"

struct told {
	int aside, pid, child;
};

static bool read_told(struct told *ret)
{
	struct buf buf AUTO_BUF = { 0 };
	struct error err;

	return fs_read_file(AT_FDCWD, TELLS_FILE, LOG_MAX_BYTES, &buf, &err) == 0 &&
	       sscanf(buf.data ? buf.data : "", "%d %d %d\n", &ret->aside, &ret->pid,
		      &ret->child) == 3;
}

static bool is_gone(int pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

enum { LOOK_MS = 20, GONE_MS = 5000 }; /* the helper's own limit is twice that */

/* A daemon that asks a helper which does not end. */
static pid_t start_daemon(struct told *ret)
{
	pid_t pid;
	int tries = 0;

	unlink(TELLS_FILE);
	pid = fork();
	if (pid == 0) {
		struct secret secret = { 0 };
		struct error err;

		helper_ask("kukeontest", HOST, &secret, &err);
		_exit(EXIT_SUCCESS);
	}
	for (; !read_told(ret); tries++) {
		assert_true(tries < WAIT_MS / LOOK_MS);
		usleep(LOOK_MS * 1000);
	}
	return pid;
}

static void assert_goes(int pid)
{
	for (int ms = 0; !is_gone(pid); ms += LOOK_MS) {
		if (ms > GONE_MS)
			fail_msg("process %d outlives who asked", pid);
		usleep(LOOK_MS * 1000);
	}
}

/* Killed is the daemon, or the process beside it that listens to the helper. */
static void test_helper_ends_with_us(void **state UNUSED)
{
	const char *text = "#!/bin/sh\nsleep 1000 &\n"
			   "echo $PPID $$ $! >" TELLS_FILE ".new\n"
			   "mv " TELLS_FILE ".new " TELLS_FILE "\nexec sleep 1000\n";
	struct told told;
	struct error err;
	pid_t daemon;

	assert_int_equal(fs_write_file_atomic(HELPER, text, strlen(text), 0755, &err), 0);
	daemon = start_daemon(&told);
	kill(daemon, SIGKILL);
	assert_int_equal(waitpid(daemon, NULL, 0), daemon);
	assert_goes(told.pid);
	assert_goes(told.child);
	assert_goes(told.aside);
	daemon = start_daemon(&told);
	kill(told.aside, SIGKILL);
	assert_goes(told.pid);
	kill(told.child, SIGKILL);
	assert_int_equal(waitpid(daemon, NULL, 0), daemon);
	unlink(TELLS_FILE);
	unlink(HELPER);
}

/* ---- blobs ---- */

static void test_blob(void **state UNUSED)
{
	struct fetching whole = { .rests = 3 }, rest = { .blob.offset = 999999 },
			none = { .blob.offset = BLOB_BYTES };

	fetch(&whole, "ok", NULL);
	assert_fetched(&whole);
	fetch(&rest, "ok", NULL);
	assert_int_equal(rest.data.len, 4);
	assert_fetched(&rest);
	fetch(&none, "ok", NULL);
	assert_int_equal(none.status, 0);
	assert_requests(2, "/blobs/");
}

static void test_blob_breaks_off(void **state UNUSED)
{
	struct fetching cut = { 0 }, ignored = { 0 }, wrong = { 0 };

	fetch(&cut, "cut", NULL);
	assert_fetched(&cut);
	assert_requests(4, "/v2/cut/"); /* 300000 bytes each */
	assert_requests(1, "bytes=900000-");
	fetch(&ignored, "norange", NULL);
	assert_fetched(&ignored);
	fetch(&wrong, "badrange", NULL);
	assert_not_fetched(&wrong, IMAGE_FAULT_INVALID, "were asked for");
}

static void test_blob_is_wrong(void **state UNUSED)
{
	struct fetching junk = { 0 }, shorter = { 0 }, past = { 0 }, more = { 0 }, gone = { 0 };

	fetch(&junk, "junk", NULL);
	assert_not_fetched(&junk, IMAGE_FAULT_INVALID, "the manifest says");
	fetch(&shorter, "short", NULL);
	assert_not_fetched(&shorter, IMAGE_FAULT_INVALID, "the manifest says");
	fetch(&past, "past", NULL);
	assert_not_fetched(&past, IMAGE_FAULT_INVALID, "fewer bytes");
	fetch(&more, "more", NULL);
	assert_not_fetched(&more, IMAGE_FAULT_INVALID, "more bytes");
	fetch(&gone, "missing", NULL);
	assert_not_fetched(&gone, IMAGE_FAULT_NOT_THERE, "NAME_UNKNOWN");
}

static void test_blob_stalls(void **state UNUSED)
{
	struct fetching stall = { 0 }, drip = { 0 };

	close_host(NULL);
	open_host_with(STALL_MS);
	fetch(&stall, "stall", NULL);
	assert_fetched(&stall);
	assert_requests(1, "bytes=500000-");
	fetch(&drip, "drip", NULL);
	assert_fetched(&drip);
	assert_requests(2, "/v2/drip/");
}

static void test_blob_elsewhere(void **state UNUSED)
{
	struct fetching fetching = { 0 };

	fetch(&fetching, "away", &alice);
	assert_fetched(&fetching);
	assert_requests(1, "Basic");
	assert_requests(1, "5001 GET /v2/away/blobs/");
}

static void test_cancelled(void **state UNUSED)
{
	struct fetching fetching = { .cancel_at = 1000 };
	struct registry_session *session = new_session(HOST "/bearer/late", &alice);
	struct asking all[3];

	fetch(&fetching, "ok", NULL);
	assert_int_equal(fetching.status, -ECANCELED);
	buf_fini(&fetching.data);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		start_asking(&all[i], session, false);
	registry_manifest_cancel(&all[0].manifest); /* before anything was done */
	wait_for(&all[0].done);
	assert_int_equal(all[0].status, -ECANCELED);
	while (count_requests("POST /token") == 0)
		uv_run(&host.loop.uv, UV_RUN_NOWAIT);
	registry_manifest_cancel(&all[1].manifest); /* while a token is fetched */
	wait_for(&all[1].done);
	assert_int_equal(all[1].status, -ECANCELED);
	wait_for(&all[2].done);
	assert_well(&all[2]);
	registry_manifest_fini(&all[2].manifest);
	registry_session_free(session);
}

static void test_cancelled_meanwhile(void **state UNUSED)
{
	struct registry_session *session = new_session(HOST "/ok", &alice);
	struct asking asking;

	start_asking(&asking, session, false);
	uv_run(&host.loop.uv, UV_RUN_NOWAIT); /* files are being read */
	registry_manifest_cancel(&asking.manifest);
	wait_for(&asking.done);
	assert_int_equal(asking.status, -ECANCELED);
	registry_session_free(session);
	session = new_session("127.0.0.1:5009/x", NULL);
	start_asking(&asking, session, false);
	while (!registry_session_waits(session))
		uv_run(&host.loop.uv, UV_RUN_ONCE);
	registry_manifest_cancel(&asking.manifest);
	wait_for(&asking.done);
	assert_int_equal(asking.status, -ECANCELED);
	registry_session_free(session);
}

static void test_closed(void **state)
{
	struct registry_session *session = new_session(HOST "/drip", &alice);
	struct asking asking;

	start_asking(&asking, session, false);
	while (count_requests("/v2/drip/") == 0)
		uv_run(&host.loop.uv, UV_RUN_NOWAIT);
	registries_close(host.registries, on_closed, &host.closed);
	wait_for(&asking.done);
	assert_int_equal(asking.status, -ECANCELED);
	assert_false(host.closed); /* it waits for the session */
	registry_session_free(session);
	wait_for(&host.closed);
	loop_close(&host.loop);
	open_host(state);
}

/* ---- again and later ---- */

static void test_again(void **state UNUSED)
{
	struct asking asking = ask("many", NULL);

	assert_well(&asking);
	assert_requests(3, "/v2/many/");
	asking = ask("broken", NULL);
	assert_well(&asking);
	assert_requests(3, "/v2/broken/");
}

/* A server that fails, nobody, and a helper that does not end: at the same time. */
static void test_not_again(void **state UNUSED)
{
	struct registry_session *sessions[] = {
		new_session(HOST "/broken/always", NULL),
		new_session("127.0.0.1:5009/x", NULL),
		helped_session("#!/bin/sh\nsleep 100 & exec sleep 100\n"),
	};
	struct asking all[ARRAY_SIZE(sessions)];

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		start_asking(&all[i], sessions[i], false);
	while (!registry_session_waits(sessions[0]))
		uv_run(&host.loop.uv, UV_RUN_ONCE);
	assert_non_null(strstr(registry_session_waits(sessions[0]), "waits 1 s: "));
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		wait_for(&all[i].done);
		registry_session_free(sessions[i]);
	}
	unlink(HELPER);
	assert_true(error_is_transient(all[0].status) && error_is_transient(all[1].status));
	assert_fault(&all[0], IMAGE_FAULT_UNREACHABLE, "HTTP 500, UNKNOWN");
	assert_fault(&all[1], IMAGE_FAULT_UNREACHABLE, "127.0.0.1:5009");
	assert_fault(&all[2], IMAGE_FAULT_UNAUTHORIZED, "did not answer");
	assert_requests(5, "/v2/broken/always/");
}

static void test_much_later(void **state UNUSED)
{
	struct asking asking = ask("many/long", NULL);

	assert_fault(&asking, IMAGE_FAULT_TOO_MANY, "TOOMANYREQUESTS");
	assert_true(asking.manifest.failure.retry_after_ms > 3500 * 1000);
	asking = ask("ok", NULL); /* of the same host */
	assert_fault(&asking, IMAGE_FAULT_TOO_MANY, "asked too often");
	assert_true(asking.manifest.failure.retry_after_ms > 3500 * 1000);
	assert_requests(0, "/v2/ok/");
}

/* ---- hosts ---- */

static void make_hosts(const char *name, const char *text)
{
	AUTO_FREE char *dir = xasprintf("%s/certs.d/%s", host.dir, name);
	AUTO_FREE char *file = xasprintf("certs.d/%s/hosts.toml", name);

	assert_int_equal(fs_make_dirs(dir, 0755, NULL), 0);
	write_file(file, text);
}

static void test_mirrors(void **state UNUSED)
{
	struct registry_session *session = new_session("mirror/x", NULL);
	struct asking asking;

	make_hosts("docker.io", "server = \"http://127.0.0.1:5000\"\n"
				"[host.\"http://127.0.0.1:5009\"]\n" /* nobody there */
				"[host.\"http://127.0.0.1:5001\"]\n");
	asking = ask_in(session, true);
	assert_well(&asking);
	assert_string_equal(registry_session_host(session), "127.0.0.1:5001");
	registry_session_free(session);
	assert_requests(1, "5001 HEAD /v2/mirror/x/manifests/latest?ns=docker.io");
	session = new_session("team/app", NULL);
	make_hosts("docker.io", "server = \"http://127.0.0.1:5000\"\n"
				"[host.\"http://127.0.0.1:5001\"]\ncapabilities = [\"pull\"]\n");
	asking = ask_in(session, true); /* a tag is not asked for there */
	assert_well(&asking);
	assert_string_equal(registry_session_host(session), "127.0.0.1:5000");
	registry_session_free(session);
	session = new_session("mirror/missing", NULL);
	asking = ask_in(session, true); /* what the registry says counts, and is said at once */
	assert_fault(&asking, IMAGE_FAULT_NOT_THERE, "127.0.0.1:5000 says not found");
	registry_session_free(session);
	make_hosts("docker.io", "server = 7\n");
	session = new_session("team/app", NULL);
	asking = ask_in(session, true);
	assert_fault(&asking, IMAGE_FAULT_OTHER, "hosts.toml");
	registry_session_free(session);
}

static void test_hung_file(void **state UNUSED)
{
	AUTO_FREE char *mounted = path_of("fuse");
	AUTO_FREE char *path = path_of("hung/password");
	const struct given given = { .server = HOST, .username = "alice", .password_file = path };
	struct registry_session *session = new_session(HOST "/basic", &given);
	struct asking hung, asking;

	if (access(mounted, F_OK) < 0) {
		registry_session_free(session);
		skip();
	}
	start_asking(&hung, session, false);
	asking = ask("ok", NULL);
	assert_well(&asking);
	assert_false(hung.done);
	wait_for(&hung.done);
	assert_fault(&hung, IMAGE_FAULT_OTHER, "has not answered since");
	assert_true(error_is_transient(hung.status));
	registry_session_free(session);
}

/* Its thread is left to itself. */
static void test_closed_while_hung(void **state UNUSED)
{
	AUTO_FREE char *mounted = path_of("fuse");
	AUTO_FREE char *path = path_of("hung/config");
	const struct given given = { .docker_config = path };
	struct registry_session *session = new_session(HOST "/basic", &given);
	struct asking hung;

	if (access(mounted, F_OK) < 0) {
		registry_session_free(session);
		skip();
	}
	start_asking(&hung, session, false);
	uv_run(&host.loop.uv, UV_RUN_NOWAIT);
	registries_close(host.registries, on_closed, &host.closed);
	wait_for(&hung.done);
	assert_int_equal(hung.status, -ECANCELED);
	registry_session_free(session);
	wait_for(&host.closed);
	loop_close(&host.loop);
	open_host(NULL);
}

/* ---- docker-registry ---- */

static struct asking ask_image(const char *image, const struct given *given)
{
	struct registry_session *session = new_session(image, given);
	struct asking asking = ask_in(session, true);

	registry_session_free(session);
	return asking;
}

/* All of it, and what was missing of it. */
static void fetch_image(const char *image, const struct given *given)
{
	struct registry_session *session = new_session(image, given);
	struct fetching whole = { 0 }, rest = { .blob.offset = 900000 };
	struct asking asking = ask_in(session, true);

	assert_well(&asking);
	fetch_in(&whole, session);
	assert_fetched(&whole);
	fetch_in(&rest, session);
	assert_int_equal(rest.data.len, BLOB_BYTES - 900000);
	assert_fetched(&rest);
	registry_session_free(session);
}

static void test_docker_registry(void **state UNUSED)
{
	struct asking asking = ask_image("127.0.0.1:5010/x", NULL);

	assert_fault(&asking, IMAGE_FAULT_NOT_THERE, "MANIFEST_UNKNOWN");
	fetch_image("127.0.0.1:5010/team/app", NULL);
}

static void test_docker_registry_tls(void **state UNUSED)
{
	static const struct given given = { .server = "localhost:5011",
					    .username = "alice",
					    .password = PASSWORD };
	struct asking asking;

	make_hosts("localhost_5011_", "server = \"https://localhost:5011\"\n");
	asking = ask_image("localhost:5011/team/app", &given);
	assert_fault(&asking, IMAGE_FAULT_UNREACHABLE, "certificate");
	assert_false(error_is_transient(asking.status));
	make_hosts("localhost_5011_",
		   "server = \"https://localhost:5011\"\nca = \"../../tls/ca.crt\"\n");
	fetch_image("localhost:5011/team/app", &given);
	asking = ask_image("localhost:5011/team/app", NULL);
	assert_fault(&asking, IMAGE_FAULT_UNAUTHORIZED, "UNAUTHORIZED");
}

static void test_docker_registry_system(void **state UNUSED)
{
	struct asking asking;

	make_hosts("localhost_5013_", "server = \"https://localhost:5013\"\n");
	asking = ask_image("localhost:5013/x", NULL);
	assert_fault(&asking, IMAGE_FAULT_NOT_THERE, "MANIFEST_UNKNOWN");
	make_hosts("localhost_5013_", /* beside another one */
		   "server = \"https://localhost:5013\"\nca = \"../../tls/ca.crt\"\n");
	asking = ask_image("localhost:5013/x", NULL);
	assert_fault(&asking, IMAGE_FAULT_NOT_THERE, "MANIFEST_UNKNOWN");
}

static void link_file(const char *from, const char *to)
{
	AUTO_FREE char *target = path_of(from);
	AUTO_FREE char *path = path_of(to);

	assert_int_equal(symlink(target, path), 0);
}

/* As docker lays certificates there: a CA, and ours with its key. */
static void test_docker_registry_client(void **state UNUSED)
{
	AUTO_FREE char *dir = path_of("certs.d/localhost:5012");
	struct asking asking;

	assert_int_equal(fs_make_dirs(dir, 0755, NULL), 0);
	link_file("tls/ca.crt", "certs.d/localhost:5012/ca.crt");
	link_file("tls/client.cert", "certs.d/localhost:5012/us.cert");
	link_file("tls/client.key", "certs.d/localhost:5012/us.key");
	asking = ask_image("localhost:5012/x", NULL);
	assert_fault(&asking, IMAGE_FAULT_NOT_THERE, "MANIFEST_UNKNOWN");
}

/* ---- the blob that all of the server have ---- */

static void make_blob(void)
{
	char hex[SHA256_HEX_BYTES];

	host.data = xcalloc(BLOB_BYTES, 1);
	for (uint64_t i = 0; i < BLOB_BYTES; i++)
		host.data[i] = (char)(i * 2654435761 >> 13);
	sha256_hex(host.data, BLOB_BYTES, hex);
	snprintf(host.digest, sizeof(host.digest), "sha256:%s", hex);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, open_host, close_host)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(manifest),
		TEST(without_head),
		TEST(refused_manifests),
		TEST(by_digest),
		TEST(basic),
		TEST(tokens),
		TEST(tokens_apart),
		TEST(one_fetch_for_all),
		TEST(tokens_refused),
		TEST(said_back),
		TEST(longest_prefix),
		TEST(password_file),
		TEST(docker_config),
		TEST(helper),
		TEST(helper_ends_with_us),
		TEST(blob),
		TEST(blob_breaks_off),
		TEST(blob_is_wrong),
		TEST(blob_stalls),
		TEST(blob_elsewhere),
		TEST(cancelled),
		TEST(cancelled_meanwhile),
		TEST(closed),
		TEST(again),
		TEST(not_again),
		TEST(much_later),

		TEST(mirrors),
		TEST(docker_registry),
		TEST(docker_registry_tls),
		TEST(docker_registry_client),
		TEST(docker_registry_system),
		TEST(closed_while_hung),
		TEST(hung_file),
	};

	host.dir = getenv("KUKEON_TEST_REGISTRIES");
	if (!host.dir) {
		printf("not beside the registries (tests/e2e/registry-driver)\n");
		return SKIP;
	}
	make_blob();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

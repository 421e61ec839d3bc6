/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/host/host_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "cli/args/host_args.h"
#include "cli/host/host_run.h"
#include "core/base/fs.h"
#include "core/base/str.h"

#define SYSTEMD_RUNS "/run/systemd/system" /* sd_booted(3) */
#define UNITS "kukeond.socket", "kukeond.service", "kukeon-log.service"
#define UNIT_SOCKET "/run/kukeon/kukeond.sock" /* ListenStream= of kukeond.socket */

enum {
	START_LIMIT_MS = 30 * 1000, /* it only has to open its socket */
	START_POLL_MS = 10,         /* between two looks whether it answers */
	LAST_WORDS_MAX_BYTES = 4096,
};

bool host_daemon_reachable(const char *socket_path)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (fd < 0 || !str_copy(address.sun_path, sizeof(address.sun_path), socket_path))
		return false;
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

/* ---- systemd ---- */

/* Units serve the host's one instance; settings on a command line mean another. Free with free().
 */
static char *find_systemctl(const struct options *settings, const Api__Config *config)
{
	AUTO_FREE char *program = NULL;
	const char *argv[] = { NULL, "cat", UNITS, NULL };

	if (access(SYSTEMD_RUNS, F_OK) < 0 || options_given(settings) ||
	    !str_equal(config->socket, UNIT_SOCKET))
		return NULL;
	argv[0] = program = host_find_program("systemctl");
	if (!program || host_run(argv, true, NULL) < 0)
		return NULL;
	return take_ptr(program);
}

static int run_units(const char *systemctl, const char *verb, struct error *err)
{
	const char *const argv[] = { systemctl, verb, "--now", "--quiet", UNITS, NULL };

	int r = host_run(argv, false, err);

	return r < 0 ? error_wrap(err, r,
				  "%s units, see 'systemctl status kukeond.socket kukeond.service'",
				  verb)
		     : 0;
}

int host_daemon_disable(const struct options *settings, const Api__Config *config,
			struct error *err)
{
	AUTO_FREE char *systemctl = find_systemctl(settings, config);

	return systemctl ? run_units(systemctl, "disable", err) : 0;
}

/* ---- detached ---- */

/* Beside kuke, else in PATH. Free with free(). */
static char *find_kukeond(void)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *path = NULL;

	if (len > 0) {
		self[len] = '\0';
		path = host_find_in(dirname(self), "kukeond");
	}
	return path ? path : host_find_program("kukeond");
}

static int spawn(const char *program, const struct options *settings, const char *log,
		 pid_t *ret_pid)
{
	AUTO(strv_fini) struct strv argv = { 0 };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r;

	strv_add(&argv, program);
	options_add_flags(settings, &argv);
	argv.items = xrealloc(argv.items, (argv.n + 1) * sizeof(*argv.items));
	argv.items[argv.n] = NULL;
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addchdir_np(&actions, "/");
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log,
					 O_WRONLY | O_CREAT | O_APPEND, 0600);
	posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	r = posix_spawn(ret_pid, program, &actions, &attributes, argv.items, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return -r;
}

/* What a file ends with, however long it is: earlier daemons wrote to it, too. */
static void read_end(const char *path, struct buf *ret)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	off_t from = size > LAST_WORDS_MAX_BYTES ? size - LAST_WORDS_MAX_BYTES : 0;
	ssize_t n = size < 0 ? -1
			     : pread(fd, buf_reserve(ret, LAST_WORDS_MAX_BYTES),
				     LAST_WORDS_MAX_BYTES, from);

	if (n <= 0)
		return;
	ret->len += (size_t)n;
	ret->data[ret->len] = '\0';
}

/* The last line of the log without journald's mark of the priority. */
static int say_last_words(const char *log, int status, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	const char *line = "";

	read_end(log, &text);
	while (text.len && text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	if (text.len) {
		line = strrchr(text.data, '\n');
		line = line ? line + 1 : text.data;
		if (line[0] == '<' && line[1] && line[2] == '>')
			line += 3;
	}
	return error_set(err, -EIO, "kukeond ended at once (%s %d): %s; its log is %s",
			 WIFEXITED(status) ? "code" : "signal",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), line, log);
}

static int await_socket(pid_t pid, const char *socket_path, const char *log, struct error *err)
{
	int status;

	for (int waited_ms = 0; waited_ms < START_LIMIT_MS; waited_ms += START_POLL_MS) {
		if (host_daemon_reachable(socket_path))
			return 0;
		if (waitpid(pid, &status, WNOHANG) == pid)
			return say_last_words(log, status, err);
		poll(NULL, 0, START_POLL_MS);
	}
	return error_set(err, -ETIMEDOUT, "kukeond was started but does not open %s; its log is %s",
			 socket_path, log);
}

static int start_detached(const struct options *settings, const Api__Config *config,
			  struct error *err)
{
	AUTO_FREE char *program = find_kukeond();
	AUTO_FREE char *log = xasprintf("%s/kukeond.log", config->run_path);
	pid_t pid;
	int r;

	if (!program)
		return error_set(err, -ENOENT,
				 "kukeond is neither beside kuke nor in PATH: install it");
	r = fs_make_dirs(config->run_path, 0755, err);
	if (r < 0)
		return r;
	r = spawn(program, settings, log, &pid);
	if (r < 0)
		return error_set(err, r, "cannot start %s with its log in %s: %s", program, log,
				 strerror(-r));
	return await_socket(pid, config->socket, log, err);
}

/* ---- both ---- */

int host_daemon_start(const struct options *settings, const Api__Config *config, bool *ret_started,
		      struct error *err)
{
	AUTO_FREE char *systemctl = find_systemctl(settings, config);
	int r;

	*ret_started = !host_daemon_reachable(config->socket);
	if (systemctl) /* also when it runs: it shall run after the next boot too */
		r = run_units(systemctl, "enable", err);
	else
		r = *ret_started ? start_detached(settings, config, err) : 0;
	return r < 0 ? error_wrap(err, r, "start kukeond") : 0;
}

/* The socket is handed on unless the settings say the same: then systemd's units may serve it. */
static int load_for(const char *socket_path, struct options *settings, Api__Config **ret_config,
		    struct error *err)
{
	Api__Config *config = NULL;
	int r = host_args_load(settings, &config, err);

	if (r == 0 && !str_equal(config->socket, socket_path)) {
		protobuf_c_message_free_unpacked(&config->base, NULL);
		options_give_socket(settings, socket_path);
		r = host_args_load(settings, &config, err);
	}
	if (r == 0)
		*ret_config = config;
	return r;
}

int host_daemon_start_at(const char *socket_path, struct error *err)
{
	struct options settings = { 0 };
	Api__Config *config = NULL;
	bool started;
	int r = host_args_need_root("starting kukeond", err);

	if (r == 0)
		r = load_for(socket_path, &settings, &config, err);
	if (r < 0)
		return r;
	r = host_daemon_start(&settings, config, &started, err);
	protobuf_c_message_free_unpacked(&config->base, NULL);
	return r;
}

bool host_daemon_wait_end(int pid, unsigned limit_ms)
{
	AUTO_CLOSE int fd = pidfd_open(pid, 0);
	struct pollfd end = { .fd = fd, .events = POLLIN };

	return fd < 0 || poll(&end, 1, (int)limit_ms) == 1;
}

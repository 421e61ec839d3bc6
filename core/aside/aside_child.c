/* SPDX-License-Identifier: Apache-2.0 */
#include "core/aside/aside_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "core/base/str.h"

enum {
	ENDS_WITHIN_MS = 1000, /* for one that was killed */
	LOOKS = 10,
	LOOK_AGAIN_NS = 2 * 1000 * 1000,
};

bool aside_child_has_ended(const struct child *child)
{
	return waitpid(child->pid, NULL, WNOHANG) != 0;
}

/* Nothing of ours stays open in it: our locks and sockets are not to be held by what hangs. */
static void detach(void)
{
	syscall(SYS_close_range, 0, ~0U, 0);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	prctl(PR_SET_NAME, "kukeond-aside");
}

_Noreturn static void run_child(const struct aside *aside, struct aside_page *page)
{
	detach();
	aside->run(page, aside->result_bytes ? page + 1 : NULL, aside->ctx);
	syscall(SYS_exit_group, EXIT_SUCCESS);
	__builtin_unreachable();
}

int aside_child_start(const struct aside *aside, struct child *child, struct error *err)
{
	struct aside_page *page;

	child->bytes = sizeof(*page) + aside->result_bytes;
	page = mmap(NULL, child->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return error_set(err, -errno, "no memory to look at %s: %m", aside->name);
	child->page = page;
	child->since = time(NULL);
	child->follows = aside->follows;
	child->pid = aside->allocates ? fork() : _Fork();
	if (child->pid == 0)
		run_child(aside, page);
	child->pidfd = child->pid < 0 ? -1 : pidfd_open(child->pid, 0);
	if (child->pidfd >= 0)
		return 0;
	error_set(err, -errno, "cannot start a process to look at %s: %m", aside->name);
	if (child->pid > 0 && kill(child->pid, SIGKILL) == 0)
		waitpid(child->pid, NULL, 0);
	return -EAGAIN;
}

enum end aside_child_await(const struct child *child, int given_up, unsigned limit_ms)
{
	struct pollfd fds[] = {
		{ .fd = child->pidfd, .events = POLLIN },
		{ .fd = given_up, .events = POLLIN },
	};
	int r;

	do
		r = poll(fds, ARRAY_SIZE(fds), (int)limit_ms);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return LATE;
	return fds[0].revents ? ENDED : GIVEN_UP;
}

/* What it does just now. */
enum doing {
	UNTOLD,
	RUNS,           /* or would, if it had a processor */
	WAITS_FOR_LOCK, /* or leaves its turn to who has it */
	WAITS,          /* for anything else */
};

/* /proc/PID/syscall: "running", or the number of the system call in which it sleeps and more. */
static enum doing doing_of(const struct child *child)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/syscall", (int)child->pid);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32] = "";
	long number;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return UNTOLD;
	if (str_starts_with(text, "running"))
		return RUNS;
	number = strtol(text, NULL, 10);
	return number == SYS_futex || number == SYS_sched_yield ? WAITS_FOR_LOCK : WAITS;
}

bool aside_child_waits_for_no_place(const struct child *child)
{
	const struct timespec turn = { .tv_nsec = LOOK_AGAIN_NS };

	for (int i = 0; i < LOOKS; i++) {
		enum doing doing = doing_of(child);

		if (doing != RUNS && doing != WAITS_FOR_LOCK)
			return false;
		nanosleep(&turn, NULL);
	}
	return true;
}

bool aside_child_end(const struct child *child)
{
	struct pollfd fd = { .fd = child->pidfd, .events = POLLIN };

	pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
	return poll(&fd, 1, ENDS_WITHIN_MS) == 1 && aside_child_has_ended(child);
}

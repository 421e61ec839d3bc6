/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs/exec_feeder.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/host/terminal.h"

enum {
	PIECE_BYTES = 64 << 10,
	STUCK_MS = 1000, /* a signal that does not get through to a command that reads nothing */
};

/* What is to be sent next. */
struct sending {
	struct exec_feeder *feeder;
	bool resized, ended; /* to be said; of the input */
	bool input;          /* there may be more */
	int signal;
	uint8_t piece[PIECE_BYTES];
};

/* Those that end a program go to the command; SIGHUP says that our terminal is gone. */
static void watched_signals(sigset_t *ret_set)
{
	static const int signals[] = {
		SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH
	};

	sigemptyset(ret_set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(ret_set, signals[i]);
}

struct exec_feeder *exec_feeder_new(bool input, bool tty)
{
	struct exec_feeder *feeder = xnew(struct exec_feeder);
	sigset_t set;

	watched_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN); /* a reader of ours who goes is told by write() */
	feeder->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	check(feeder->signal_fd >= 0);
	feeder->feed = rpc_feed_new();
	feeder->input = input;
	feeder->tty = tty;
	return feeder;
}

static void send_size(const struct sending *sending)
{
	Api__ExecRequest request = API__EXEC_REQUEST__INIT;
	Api__TerminalSize size = API__TERMINAL_SIZE__INIT;

	if (!terminal_size(STDIN_FILENO, &size.columns, &size.rows))
		return;
	size.has_columns = size.has_rows = true;
	request.size = &size;
	rpc_feed_send(sending->feeder->feed, &request.base);
}

/* Whether there was something. */
static bool send_words(struct sending *sending)
{
	Api__ExecRequest request = API__EXEC_REQUEST__INIT;

	if (sending->signal) {
		request.has_signal = true;
		request.signal = (uint32_t)sending->signal;
		sending->signal = 0;
	} else if (sending->resized) {
		sending->resized = false;
		send_size(sending);
		return true;
	} else if (sending->ended) {
		request.has_end_of_input = request.end_of_input = true;
		sending->ended = false;
	} else {
		return false;
	}
	rpc_feed_send(sending->feeder->feed, &request.base);
	return true;
}

static void read_input(struct sending *sending)
{
	Api__ExecRequest request = API__EXEC_REQUEST__INIT;
	ssize_t n = read(STDIN_FILENO, sending->piece, sizeof(sending->piece));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		sending->input = false;
		sending->ended = true;
		return;
	}
	request.has_input = true;
	request.input.data = sending->piece;
	request.input.len = (size_t)n;
	rpc_feed_send(sending->feeder->feed, &request.base);
}

static void give_up(struct sending *sending, int signal)
{
	sending->feeder->ended_by = signal;
	rpc_feed_cancel(sending->feeder->feed);
}

static void take_signal(struct sending *sending)
{
	struct signalfd_siginfo info;

	if (read(sending->feeder->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		sending->resized = sending->feeder->tty;
	else if (info.ssi_signo == SIGHUP || sending->signal)
		give_up(sending, (int)info.ssi_signo);
	else
		sending->signal = (int)info.ssi_signo;
}

/* Until something can be done. */
static void await(struct sending *sending, bool writable)
{
	struct pollfd fds[] = {
		{ .fd = rpc_feed_fd(sending->feeder->feed), .events = POLLIN },
		{ .fd = sending->feeder->signal_fd, .events = POLLIN },
		{ .fd = writable && sending->input ? STDIN_FILENO : -1, .events = POLLIN },
	};
	int n = poll(fds, ARRAY_SIZE(fds), sending->signal ? STUCK_MS : -1);

	if (n == 0)
		give_up(sending, sending->signal);
	if (n > 0 && fds[1].revents)
		take_signal(sending);
	else if (n > 0 && fds[2].revents)
		read_input(sending);
}

static void *run(void *arg)
{
	struct exec_feeder *feeder = arg;
	struct sending *sending = xnew(struct sending);
	enum rpc_feed_state state;

	sending->feeder = feeder;
	sending->input = feeder->input;
	while ((state = rpc_feed_state(feeder->feed)) != RPC_FEED_ENDED)
		if (state == RPC_FEED_BUSY || !send_words(sending))
			await(sending, state == RPC_FEED_WRITABLE);
	free(sending);
	return NULL;
}

void exec_feeder_start(struct exec_feeder *feeder)
{
	pthread_t thread;

	check(pthread_create(&thread, NULL, run, feeder) == 0);
	pthread_detach(thread); /* it may wait for a key for ever */
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/host/terminal.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>

static struct termios saved;
static volatile sig_atomic_t raw_fd = -1;

bool terminal_size(int fd, unsigned *ret_columns, unsigned *ret_rows)
{
	struct winsize size = { 0 };

	if (!isatty(fd))
		return false;
	ioctl(fd, TIOCGWINSZ, &size);
	*ret_columns = size.ws_col;
	*ret_rows = size.ws_row;
	return true;
}

/* Whatever ends us by a fault of ours; tcsetattr() may be called here (signal-safety(7)). */
static void on_fault(int number)
{
	terminal_restore();
	raise(number); /* SA_RESETHAND: as it would have ended us */
}

static void restore_on_faults(void)
{
	static const int faults[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL };
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = (int)SA_RESETHAND };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		sigaction(faults[i], &action, NULL);
}

int terminal_make_raw(int fd, struct error *err)
{
	struct termios raw;

	if (tcgetattr(fd, &saved) < 0)
		return error_set(err, -errno, "cannot look at the terminal: %m");
	restore_on_faults();
	raw = saved;
	cfmakeraw(&raw);
	raw_fd = fd;
	if (tcsetattr(fd, TCSANOW, &raw) == 0)
		return 0;
	raw_fd = -1;
	return error_set(err, -errno, "cannot set the terminal: %m");
}

void terminal_restore(void)
{
	int fd = raw_fd;

	raw_fd = -1;
	if (fd >= 0)
		tcsetattr(fd, TCSANOW, &saved);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* kuke: the process around cli_main(). */
#include <errno.h>

#include "cli/cli.h"
#include "core/base/fs.h"
#include "core/base/str.h"

FS_OPEN_STANDARD_FIRST

/* https://no-color.org: set and not empty means no. */
static bool wants_color(void)
{
	return isatty(STDOUT_FILENO) && str_empty(getenv("NO_COLOR")) &&
	       !str_equal(getenv("TERM"), "dumb");
}

int main(int argc, char **argv)
{
	struct io io = {
		.out = stdout,
		.err = stderr,
		.color = wants_color(),
		.progress = isatty(STDERR_FILENO),
		.now = time(NULL),
	};
	int code;

	fs_open_standard();
	code = cli_main(argc, argv, &io);
	if ((fflush(stdout) != 0 || ferror(stdout)) && code != CLI_USAGE) {
		if (errno != EPIPE)
			fprintf(stderr, "kuke: write to standard output: %s\n", strerror(errno));
		code = code == CLI_DONE ? CLI_FAILED : code;
	}
	fflush(stderr);
	/* The kernel cleans up faster than gRPC, whose shutdown costs a millisecond. */
	_exit(code % CLI_OF_COMMAND);
}

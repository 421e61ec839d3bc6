/* SPDX-License-Identifier: Apache-2.0 */
/* kukeon-log: reads what containers print, and keeps it (logger/logger.h). */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/base/version.h"
#include "logger/journal.h"
#include "logger/logger.h"

FS_OPEN_STANDARD_FIRST

static const char usage[] =
	"usage: kukeon-log [--spool DIR] [--state DIR] [--group NAME] [--journal SOCKET]\n"
	"Reads what containers print and writes it to their logs; started beside kukeond.\n"
	"  --spool DIR       where kukeond says which there are (/opt/kukeon/" LOG_SPOOL_NAME ")\n"
	"  --state DIR       its own, on a tmpfs (/run/kukeon/log)\n"
	"  --group NAME      of log files (that of the spool)\n"
	"  --journal SOCKET  of journald (" JOURNAL_SOCKET ")\n";

struct options {
	const char *spool, *state, *group, *journal;
};

static const struct option longopts[] = {
	{ "spool", required_argument, NULL, 's' },
	{ "state", required_argument, NULL, 't' },
	{ "group", required_argument, NULL, 'g' },
	{ "journal", required_argument, NULL, 'j' },
	{ "version", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* 0 to go on, otherwise the program ends with it, less one. */
static int take_option(int option, struct options *options)
{
	switch (option) {
	case 's':
		options->spool = optarg;
		return 0;
	case 't':
		options->state = optarg;
		return 0;
	case 'g':
		options->group = optarg;
		return 0;
	case 'j':
		options->journal = optarg;
		return 0;
	case 'v':
		printf("kukeon-log %s\n", KUKEON_VERSION);
		return 1;
	case 'h':
		fputs(usage, stdout);
		return 1;
	default:
		fputs(usage, stderr);
		return 3;
	}
}

/* Each entry has six files open. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	mallopt(M_ARENA_MAX, 1); /* a second heap would be most of our memory */
}

static int find_group(const struct options *options, int spool_fd, gid_t *ret, struct error *err)
{
	const struct group *group;
	struct stat st;
	char *end;

	if (str_empty(options->group)) {
		if (fstat(spool_fd, &st) < 0)
			return error_set(err, -errno, "cannot look at the spool: %m");
		*ret = st.st_gid;
		return 0;
	}
	*ret = (gid_t)strtoul(options->group, &end, 10);
	if (*end == '\0')
		return 0;
	group = getgrnam(options->group);
	if (group == NULL)
		return error_set(err, -ENOENT, "there is no group %s", options->group);
	*ret = group->gr_gid;
	return 0;
}

static int run(const struct options *options, struct error *err)
{
	static struct logger logger;
	int r = logger_open(&logger, options->spool, options->state, err);

	if (r == 0)
		r = find_group(options, logger.spool_fd, &logger.gid, err);
	if (r < 0)
		return r;
	logger.journal = options->journal;
	return logger_run(&logger, err);
}

int main(int argc, char **argv)
{
	struct options options = {
		.spool = "/opt/kukeon/" LOG_SPOOL_NAME,
		.state = "/run/kukeon/log",
		.journal = JOURNAL_SOCKET,
	};
	struct error err;
	int option, end;

	fs_open_standard();
	while ((option = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		end = take_option(option, &options);
		if (end != 0)
			return end - 1;
	}
	if (optind < argc)
		return take_option('?', &options) - 1;
	raise_limits();
	if (run(&options, &err) == 0)
		_exit(0); /* a thread may hang in a disk */
	log_error("%s", err.msg);
	_exit(1);
}

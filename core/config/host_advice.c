/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config/host_advice.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "core/base/fs.h"
#include "core/base/str.h"
#include "core/config/forward_chains.h"
#include "core/config/resolver.h"

enum {
	KERNEL_FILE_MAX_BYTES = 4096,
	INOTIFY_INSTANCES_MIN = 64, /* systemd and containerd have their share of them */
	INOTIFY_WATCHES_MIN = 8192, /* one a cell, one a directory of manifests */
	FILES_MIN = 4096, /* a connection, a plugin's pipes: tens at a time; and containers
			     get no more than the daemon has */
	SPACE_LOW_PERCENT = 5,
	MIB = 1024 * 1024,
	SPACE_LOW_MIB = 256,
	SPACE_NONE_MIB = 16,
	FULL_PERCENT = 80, /* of what is limited */
};

/* When this was written: no host's clock is right before that. 2024-01-01 */
static const time_t CLOCK_MIN = 1704067200;

static void pass(struct host_checks *checks, const char *name, char *message)
{
	host_checks_add(checks, name, API__HOST_CHECK__RESULT__RESULT_PASSED, message, NULL);
}

static void warn(struct host_checks *checks, const char *name, char *message, const char *remedy)
{
	host_checks_add(checks, name, API__HOST_CHECK__RESULT__RESULT_WARNING, message,
			xstrdup(remedy));
}

static void fail(struct host_checks *checks, const char *name, char *message, const char *remedy)
{
	host_checks_add(checks, name, API__HOST_CHECK__RESULT__RESULT_FAILED, message,
			xstrdup(remedy));
}

/* A number of the kernel's; -1 when there is none. */
static long long read_number(const char *path)
{
	AUTO_BUF struct buf text = { 0 };

	if (fs_read_file(AT_FDCWD, path, KERNEL_FILE_MAX_BYTES, &text, NULL) < 0 || !text.data ||
	    !isdigit((unsigned char)text.data[0]))
		return -1;
	return strtoll(text.data, NULL, 10);
}

/* ---- cgroups ---- */

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = strstr(words, word); at; at = strstr(at + 1, word))
		if ((at == words || isspace((unsigned char)at[-1])) &&
		    (!at[len] || isspace((unsigned char)at[len])))
			return true;
	return false;
}

char *host_advice_missing_controllers(const char *offered)
{
	static const char *const wanted[] = { "cpu", "memory", "io", "pids" };
	AUTO_BUF struct buf missing = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!has_word(offered, wanted[i]))
			buf_printf(&missing, "%s%s", missing.len ? " " : "", wanted[i]);
	return missing.len ? buf_take(&missing) : NULL;
}

/* Where ours is made already, what it has counts: whoever is above may not hand everything down. */
static void check_controllers(const Api__Config *config, struct host_checks *checks)
{
	AUTO_FREE char *ours =
		xasprintf("%s%s/cgroup.controllers", config->cgroup_mount, config->cgroup_root);
	AUTO_FREE char *all = xasprintf("%s/cgroup.controllers", config->cgroup_mount);
	AUTO_FREE char *missing = NULL;
	AUTO_BUF struct buf text = { 0 };

	if (fs_read_file(AT_FDCWD, ours, KERNEL_FILE_MAX_BYTES, &text, NULL) < 0 &&
	    fs_read_file(AT_FDCWD, all, KERNEL_FILE_MAX_BYTES, &text, NULL) < 0)
		return;
	missing = host_advice_missing_controllers(text.data ? text.data : "");
	if (missing)
		warn(checks, "controllers",
		     xasprintf("not offered: %s; limits of these have no effect", missing),
		     "enable them in the kernel (cgroup_enable=memory) and in the cgroups above "
		     "(cgroup.subtree_control)");
	else
		pass(checks, "controllers", xstrdup("cpu memory io pids"));
}

/* ---- the network ---- */

/* Of the daemon's own view doctor.c tells: whether cells are there. */
static void check_forwarding(struct host_checks *checks)
{
	if (read_number("/proc/sys/net/ipv4/ip_forward") == 1)
		pass(checks, "IP forwarding", xstrdup("on"));
	else
		warn(checks, "IP forwarding",
		     xstrdup("off: cells reach nothing outside their space"),
		     "kukeond turns it on with the first cell, and keeps it on (setting forwarding); "
		     "now: sysctl -w net.ipv4.ip_forward=1");
}

static void check_ipv6(struct host_checks *checks)
{
	if (access("/proc/sys/net/ipv6/conf", F_OK) == 0)
		pass(checks, "IPv6", xstrdup("there"));
	else
		warn(checks, "IPv6",
		     xstrdup("the kernel does without: no space can have ipv6 or a subnet6"),
		     "if you want one: take ipv6.disable=1 from the kernel's command line and "
		     "reboot, or: modprobe ipv6");
}

static void check_bridge_filter(struct host_checks *checks)
{
	if (read_number("/proc/sys/net/bridge/bridge-nf-call-iptables") == 1)
		warn(checks, "bridge filter",
		     xstrdup("on: the host's iptables rules see the traffic between the cells of a "
			     "space"),
		     "if cells of a space do not reach each other: sysctl -w "
		     "net.bridge.bridge-nf-call-iptables=0");
	else
		pass(checks, "bridge filter", xstrdup("off"));
}

static void add_forward_chain(const struct forward_chain *chain, struct host_checks *checks)
{
	AUTO_FREE char *where = forward_chain_describe(chain);
	AUTO_FREE char *remedy = forward_chain_remedy(chain);

	if (chain->knows_us)
		pass(checks, HOST_ADVICE_FORWARD,
		     xasprintf("%s drops what it does not accept; it has rules for our bridges",
			       where));
	else
		warn(checks, HOST_ADVICE_FORWARD,
		     xasprintf("%s drops what it does not accept (policy drop), whatever Kukeon "
			       "accepts: cells reach nothing outside, and no published port is "
			       "reached",
			       where),
		     remedy);
}

static void check_forward_chains(struct host_checks *checks)
{
	AUTO(forward_chains_fini) struct forward_chains chains = { 0 };
	struct error err;
	int r = forward_chains_list(&chains, &err);

	for (size_t i = 0; i < chains.n; i++)
		add_forward_chain(&chains.items[i], checks);
	if (r < 0 && r != -EPERM)
		warn(checks, HOST_ADVICE_FORWARD, xstrdup(err.msg), "look with: nft list ruleset");
	else if (r == 0 && !chains.n)
		pass(checks, HOST_ADVICE_FORWARD, xstrdup("no other drops what is forwarded"));
}

static void check_resolvers(struct host_checks *checks)
{
	const struct resolver_files files = { 0 };
	AUTO_BUF struct buf text = { 0 };
	struct error err;
	size_t n = 0;

	if (resolver_read(&files, &text, &n, &err) < 0)
		warn(checks, "resolvers", xstrdup(err.msg),
		     "cells keep what they were given; repair " RESOLVER_HOST_FILE);
	else if (n)
		pass(checks, "resolvers", xasprintf("%zu for the cells", n));
	else
		warn(checks, "resolvers",
		     xstrdup(RESOLVER_HOST_FILE " names none that can be reached from a cell: "
						"names outside its space are not resolved"),
		     "add a line \"nameserver ADDRESS\" with an address that is not of loopback");
}

/* ---- limits ---- */

/* Lines "inotify wd:..." of the descriptors of this process. */
static long long count_watches(void)
{
	DIR *dir = opendir("/proc/self/fdinfo");
	struct dirent *entry;
	long long n = 0;

	while (dir && fs_next_entry(dir, &entry) > 0) {
		AUTO_FREE char *path = xasprintf("/proc/self/fdinfo/%s", entry->d_name);
		AUTO_BUF struct buf text = { 0 };
		const char *at;

		/* of one that has more than this, that much is enough to know */
		fs_read_file(AT_FDCWD, path, 16 * MIB, &text, NULL);
		for (at = text.data; at && (at = strstr(at, "inotify wd:")); at++)
			n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

static void check_inotify(bool daemon, struct host_checks *checks)
{
	long long instances = read_number("/proc/sys/fs/inotify/max_user_instances"),
		  watches = read_number("/proc/sys/fs/inotify/max_user_watches"),
		  used = daemon ? count_watches() : 0;
	AUTO_FREE char *message = xasprintf("%lld instances, %lld watches", instances, watches);

	if (used) {
		AUTO_FREE char *limits = take_ptr(message);

		message = xasprintf("%s, %lld of them used", limits, used);
	}
	if (instances >= INOTIFY_INSTANCES_MIN && watches >= INOTIFY_WATCHES_MIN &&
	    used * 100 < watches * FULL_PERCENT)
		pass(checks, "inotify", take_ptr(message));
	else
		warn(checks, "inotify", take_ptr(message),
		     "without watches changes are polled for: sysctl -w "
		     "fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288");
}

static void check_files(struct host_checks *checks)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_cur >= FILES_MIN)
		pass(checks, "open files", xasprintf("%" PRIu64, (uint64_t)limit.rlim_cur));
	else
		warn(checks, "open files",
		     xasprintf("at most %" PRIu64 ", for kukeond and each container",
			       (uint64_t)limit.rlim_cur),
		     "raise LimitNOFILE= of kukeond.service");
}

/* ---- the disk ---- */

Api__HostCheck__Result host_advice_space(uint64_t free_bytes, uint64_t total_bytes)
{
	if (free_bytes < (uint64_t)SPACE_NONE_MIB * MIB)
		return API__HOST_CHECK__RESULT__RESULT_FAILED;
	if (free_bytes < (uint64_t)SPACE_LOW_MIB * MIB &&
	    free_bytes < total_bytes / 100 * SPACE_LOW_PERCENT)
		return API__HOST_CHECK__RESULT__RESULT_WARNING;
	return API__HOST_CHECK__RESULT__RESULT_PASSED;
}

static void check_space(const char *path, const struct statvfs *fs, struct host_checks *checks)
{
	uint64_t free_bytes = (uint64_t)fs->f_bavail * fs->f_frsize;
	Api__HostCheck__Result result =
		host_advice_space(free_bytes, (uint64_t)fs->f_blocks * fs->f_frsize);
	bool passed = result == API__HOST_CHECK__RESULT__RESULT_PASSED;

	host_checks_add(checks, "disk space", result,
			xasprintf("%" PRIu64 " MiB free at %s", free_bytes / MIB, path),
			passed ? NULL
			       : xasprintf("make room on the filesystem of %s: without any, no "
					   "change is taken",
					   path));
}

/* Read-only is found by asking for a file that nobody sees. */
static void check_run_path(const Api__Config *config, struct host_checks *checks)
{
	const char *path = config->run_path;
	struct statvfs fs;
	int fd;

	if (statvfs(path, &fs) < 0) {
		fail(checks, "run path", xasprintf("%s: %s", path, strerror(errno)),
		     "kuke init makes it");
		return;
	}
	fd = open(path, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0 || errno == EOPNOTSUPP || errno == EISDIR)
		pass(checks, "run path", xasprintf("%s can be written to", path));
	else
		fail(checks, "run path",
		     xasprintf("%s cannot be written to: %s", path, strerror(errno)),
		     "mount it writable, or give --run-path");
	if (fd >= 0)
		close(fd);
	check_space(path, &fs, checks);
}

/* ---- who and when ---- */

static void check_user(struct host_checks *checks)
{
	if (geteuid() == 0)
		pass(checks, "user", xstrdup("root"));
	else
		warn(checks, "user", xasprintf("uid %u: not all can be seen", (unsigned)geteuid()),
		     "ask as root, e.g. with sudo");
}

static void check_clock(struct host_checks *checks)
{
	time_t now = time(NULL);
	char text[sizeof("2006-01-02T15:04:05Z")];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	if (now >= CLOCK_MIN)
		pass(checks, "clock", xstrdup(text));
	else
		warn(checks, "clock",
		     xasprintf("%s: times in status are wrong, and containerd may refuse or drop "
			       "what it pulls",
			       text),
		     "set it: timedatectl set-ntp true");
}

void host_advice_make(const Api__Config *config, bool daemon, struct host_checks *checks)
{
	check_user(checks);
	check_controllers(config, checks);
	if (!daemon)
		check_forwarding(checks);
	check_ipv6(checks);
	check_bridge_filter(checks);
	check_forward_chains(checks);
	check_resolvers(checks);
	check_inotify(daemon, checks);
	if (daemon)
		check_files(checks);
	check_run_path(config, checks);
	check_clock(checks);
}

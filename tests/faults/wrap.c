/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The build switch of the fault sweep: kukeond_faults is kukeond with this file linked in front of
 * every external act: calls to containerd (wrap_rpc.c), plugin runs, mounts, what is written, made,
 * renamed or removed in a filesystem (stored files, the journal, cgroups), signals, and what is
 * changed over netlink. Nothing in the product knows of it: the linker's --wrap sends the calls
 * here.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <nftables/libnftables.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/base/list.h"
#include "core/base/str.h"
#include "tests/faults/faults.h"

/* What a file system answers; which of them to which call matters to nobody. */
static const int file_codes[] = { EIO, ENOSPC, EDQUOT, EROFS, ENOMEM, 0 };
static const int removal_codes[] = { EIO, EBUSY, EPERM, EROFS, 0 };
static const int mount_codes[] = { ENOMEM, EPERM, EBUSY, 0 };
static const int spawn_codes[] = { EAGAIN, ENOMEM, 0 };
static const int signal_codes[] = { EPERM, ENOMEM, 0 };
static const int netlink_codes[] = { EBUSY, ENOMEM, ENODEV, EPERM, 0 };

/* "<directory of fd>/<path>" */
static char *path_at(int fd, const char *path)
{
	char link[64], dir[PATH_MAX];
	ssize_t n;

	if (fd == AT_FDCWD || (path && *path == '/'))
		return xstrdup(path);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, dir, sizeof(dir) - 1);
	dir[n < 0 ? 0 : n] = '\0';
	return path ? xasprintf("%s/%s", dir, path) : xstrdup(dir);
}

static char *path_of(int fd)
{
	return path_at(fd, NULL);
}

/* An act that is one call of the system. */
#define WRAP(type, name, detail, codes, parameters, arguments)                                     \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		AUTO_FREE char *words = detail;                                                    \
		struct fault fault = fault_begin(#name, words, codes, false);                      \
		type r;                                                                            \
                                                                                                   \
		errno = fault.code;                                                                \
		r = fault.code ? -1 : __real_##name arguments;                                     \
		fault_end(&fault, r < 0 ? errno : 0, NULL);                                        \
		return r;                                                                          \
	}

WRAP(int, rename, xstrdup(to), file_codes, (const char *from, const char *to), (from, to))
WRAP(int, unlink, xstrdup(path), removal_codes, (const char *path), (path))
WRAP(int, rmdir, xstrdup(path), removal_codes, (const char *path), (path))
WRAP(int, mkfifo, xstrdup(path), file_codes, (const char *path, mode_t mode), (path, mode))
WRAP(int, mkdirat, path_at(fd, path), file_codes, (int fd, const char *path, mode_t mode),
     (fd, path, mode))
WRAP(int, unlinkat, path_at(fd, path), removal_codes, (int fd, const char *path, int flags),
     (fd, path, flags))
WRAP(int, umount2, xstrdup(path), removal_codes, (const char *path, int flags), (path, flags))
WRAP(int, fsync, path_of(fd), file_codes, (int fd), (fd))
WRAP(int, fdatasync, path_of(fd), file_codes, (int fd), (fd))
WRAP(ssize_t, pwrite, path_of(fd), file_codes, (int fd, const void *data, size_t len, off_t at),
     (fd, data, len, at))
WRAP(int, ftruncate, path_of(fd), file_codes, (int fd, off_t len), (fd, len))
WRAP(int, mount, xstrdup(target), mount_codes,
     (const char *source, const char *target, const char *type, unsigned long flags,
      const void *data),
     (source, target, type, flags, data))

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);

/* Paths are made from the top: what is there already is no act. */
int __wrap_mkdir(const char *path, mode_t mode)
{
	struct fault fault;
	int r;

	if (access(path, F_OK) == 0)
		return __real_mkdir(path, mode);
	fault = fault_begin("mkdir", path, file_codes, false);
	errno = fault.code;
	r = fault.code ? -1 : __real_mkdir(path, mode);
	fault_end(&fault, r < 0 ? errno : 0, NULL);
	return r;
}

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);

/* Into files only: pipes and sockets are not acts, and the log is not one of the product's. */
ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	AUTO_FREE char *path = NULL;
	struct fault fault;
	struct stat st;
	ssize_t r;

	if (fd <= STDERR_FILENO || fd == fault_log_fd() || fstat(fd, &st) < 0 ||
	    !S_ISREG(st.st_mode))
		return __real_write(fd, data, len);
	path = path_of(fd);
	fault = fault_begin("write", path, file_codes, false);
	errno = fault.code;
	r = fault.code ? -1 : __real_write(fd, data, len);
	fault_end(&fault, r < 0 ? errno : 0, NULL);
	return r;
}

/* ---- the kernel's objects ---- */

WRAP(int, pidfd_send_signal, NULL, signal_codes,
     (int fd, int signal, siginfo_t *info, unsigned flags), (fd, signal, info, flags))

/* The same for libnl, which returns its own codes. */
#define WRAP_NETLINK(name, detail, parameters, arguments)                                          \
	int __real_##name parameters;                                                              \
	int __wrap_##name parameters;                                                              \
	int __wrap_##name parameters                                                               \
	{                                                                                          \
		struct fault fault = fault_begin(#name, detail, netlink_codes, false);             \
		int r = fault.code ? -nl_syserr2nlerr(fault.code) : __real_##name arguments;       \
                                                                                                   \
		fault_end(&fault, r < 0 ? EIO : 0, NULL);                                          \
		return r;                                                                          \
	}

WRAP_NETLINK(rtnl_link_delete, rtnl_link_get_name((struct rtnl_link *)link),
	     (struct nl_sock * sock, const struct rtnl_link *link), (sock, link))
WRAP_NETLINK(rtnl_link_add, rtnl_link_get_name(link),
	     (struct nl_sock * sock, struct rtnl_link *link, int flags), (sock, link, flags))
WRAP_NETLINK(rtnl_link_change, rtnl_link_get_name(old),
	     (struct nl_sock * sock, struct rtnl_link *old, struct rtnl_link *changes, int flags),
	     (sock, old, changes, flags))
WRAP_NETLINK(rtnl_addr_add, rtnl_addr_get_label(address),
	     (struct nl_sock * sock, struct rtnl_addr *address, int flags), (sock, address, flags))
WRAP_NETLINK(nl_sendto, NULL, (struct nl_sock * sock, void *data, size_t len), (sock, data, len))

int __real_nft_run_cmd_from_buffer(struct nft_ctx *nft, const char *commands);
int __wrap_nft_run_cmd_from_buffer(struct nft_ctx *nft, const char *commands);

/* A change of the packet filter: one transaction. */
int __wrap_nft_run_cmd_from_buffer(struct nft_ctx *nft, const char *commands)
{
	struct fault fault;
	int r;

	if (str_starts_with(commands, "list "))
		return __real_nft_run_cmd_from_buffer(nft, commands);
	fault = fault_begin("nft", NULL, netlink_codes, false);
	r = fault.code ? -1 : __real_nft_run_cmd_from_buffer(nft, commands);
	fault_end(&fault, r < 0 ? EIO : 0, NULL);
	return r;
}

/* ---- plugins ---- */

/* A plugin that runs: the act ends when it is reaped. */
struct plugin {
	struct list link; /* plugins.running */
	pid_t pid;
	struct fault fault;
};

/* Plugins are started and reaped on the loop's thread. */
static struct list running = { &running, &running };

static const char *value_of(char *const envp[], const char *name)
{
	size_t len = strlen(name);

	for (; *envp; envp++)
		if (strncmp(*envp, name, len) == 0 && (*envp)[len] == '=')
			return (*envp)[len + 1] ? *envp + len + 1 : "-";
	return "-";
}

int __real_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attr, char *const argv[], char *const envp[]);
int __wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attr, char *const argv[], char *const envp[]);

/* A lost one is killed at once, wherever it is by then. */
static int run_plugin(pid_t pid, const struct fault *fault)
{
	struct plugin *plugin = xnew(struct plugin);

	plugin->pid = pid;
	plugin->fault = *fault;
	list_append(&running, &plugin->link);
	if (fault_kills_after(fault))
		fault_die();
	return fault->after ? kill(-pid, SIGKILL) : 0;
}

int __wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	AUTO_FREE char *detail =
		xasprintf("%s %s %s %s %s", argv[0], value_of(envp, "CNI_COMMAND"),
			  value_of(envp, "CNI_CONTAINERID"), value_of(envp, "CNI_NETNS"),
			  value_of(envp, "CNI_IFNAME"));
	struct fault fault = fault_begin("plugin", detail, spawn_codes, true);
	int r = fault.code && !fault.after
			? fault.code
			: __real_posix_spawn(pid, path, actions, attr, argv, envp);

	if (r)
		fault_end(&fault, r, NULL);
	else
		run_plugin(*pid, &fault);
	return r;
}

int __real_waitid(idtype_t type, id_t id, siginfo_t *info, int options);
int __wrap_waitid(idtype_t type, id_t id, siginfo_t *info, int options);

int __wrap_waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	int r = __real_waitid(type, id, info, options);
	struct plugin *plugin;

	if (r < 0 || !info)
		return r;
	list_for_each(plugin, &running, link) {
		if (plugin->pid != info->si_pid)
			continue;
		fault_end_exit(&plugin->fault, info->si_code == CLD_EXITED ? info->si_status
									   : 128 + info->si_status);
		list_remove(&plugin->link);
		free(plugin);
	}
	return r;
}

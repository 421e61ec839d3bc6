/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/containerd/host.h"

#include <fts.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#include "core/base/str.h"

/* A machine with more device nodes than that has a runaway udev; the spec would not fit into a
 * message. */
enum { DEVICES_MAX = 4096 };

static const char *const capability_names[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

const char *host_capability_name(unsigned number)
{
	return number < ARRAY_SIZE(capability_names) ? capability_names[number] : NULL;
}

static const char *image_arch(const char *machine)
{
	static const struct {
		const char *machine, *arch;
	} names[] = {
		{ "x86_64", "amd64" }, { "aarch64", "arm64" },       { "armv7l", "arm" },
		{ "i686", "386" },     { "riscv64", "riscv64" },     { "ppc64le", "ppc64le" },
		{ "s390x", "s390x" },  { "loongarch64", "loong64" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_equal(names[i].machine, machine))
			return names[i].arch;
	return "amd64";
}

void host_read(struct host *ret_host)
{
	struct utsname uts;
	struct rlimit nofile;

	*ret_host = (struct host){ .nofile_max = 1024, .arch = "amd64" };
	if (getrlimit(RLIMIT_NOFILE, &nofile) == 0)
		ret_host->nofile_max = nofile.rlim_max;
	for (unsigned i = 0; i < ARRAY_SIZE(capability_names); i++)
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
			ret_host->capabilities |= UINT64_C(1) << i;
	if (uname(&uts) == 0)
		ret_host->arch = image_arch(uts.machine);
}

static bool is_private_filesystem(const FTSENT *entry)
{
	static const char *const names[] = { "pts", "shm", "mqueue", "fd", "hugepages" };

	if (entry->fts_level != 1)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_equal(entry->fts_name, names[i]))
			return true;
	return false;
}

static void add_device(struct host_devices *devices, const char *path, const struct stat *st)
{
	devices->items = xrealloc(devices->items, (devices->n + 1) * sizeof(devices->items[0]));
	devices->items[devices->n++] = (struct host_device){
		.path = xstrdup(path),
		.type = S_ISBLK(st->st_mode) ? 'b' : 'c',
		.major = major(st->st_rdev),
		.minor = minor(st->st_rdev),
		.mode = st->st_mode & 0777,
		.uid = st->st_uid,
		.gid = st->st_gid,
	};
}

void host_devices_read(const char *dir, struct host_devices *ret_devices)
{
	AUTO_FREE char *root = xstrdup(dir);
	char *const roots[] = { root, NULL };
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	*ret_devices = (struct host_devices){ 0 };
	if (!walk)
		return;
	while (ret_devices->n < DEVICES_MAX && (entry = fts_read(walk))) {
		if (entry->fts_info == FTS_D && is_private_filesystem(entry))
			fts_set(walk, entry, FTS_SKIP);
		/* The console is runc's to make when there is a terminal. */
		if (entry->fts_info != FTS_DEFAULT || str_equal(entry->fts_path, "/dev/console"))
			continue;
		if (S_ISCHR(entry->fts_statp->st_mode) || S_ISBLK(entry->fts_statp->st_mode))
			add_device(ret_devices, entry->fts_path, entry->fts_statp);
	}
	fts_close(walk);
}

void host_devices_fini(struct host_devices *devices)
{
	for (size_t i = 0; i < devices->n; i++)
		free(devices->items[i].path);
	free(devices->items);
	*devices = (struct host_devices){ 0 };
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/host_checks.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>

#include "api/containerd.pb-c.h"
#include "cli/host_run.h"
#include "cli/table.h"
#include "core/base/fs.h"
#include "core/base/str.h"
#include "core/rpc/wire/blocking.h"

enum { CONTROLLERS_MAX_BYTES = 4096, CONTAINERD_TIMEOUT_MS = 5000 };

/* @finding: what there is, or with false what is wrong and what to do about it. */
typedef bool (*check_fn)(const Api__Config *config, struct buf *finding);

static bool check_cgroup(const Api__Config *config, struct buf *finding)
{
	AUTO_FREE char *path = xasprintf("%s/cgroup.controllers", config->cgroup_mount);
	struct statfs fs;

	if (statfs(config->cgroup_mount, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC) {
		buf_printf(finding,
			   "not mounted at %s: boot the host with the kernel parameter "
			   "systemd.unified_cgroup_hierarchy=1, or give --cgroup-mount",
			   config->cgroup_mount);
		return false;
	}
	if (fs_read_file(AT_FDCWD, path, CONTROLLERS_MAX_BYTES, finding, NULL) < 0)
		return true;
	while (finding->len && finding->data[finding->len - 1] == '\n')
		finding->data[--finding->len] = '\0';
	if (!finding->len)
		buf_add_str(finding, "no controllers (limits will not work)");
	return true;
}

static bool check_containerd(const Api__Config *config, struct buf *finding)
{
	AUTO_FREE char *target = xasprintf("unix:%s", config->containerd_socket);
	Ctd__Empty request = CTD__EMPTY__INIT;
	ProtobufCMessage *reply = NULL;
	struct error err;
	int r = rpc_client_call(rpc_client_open(target),
				"/containerd.services.version.v1.Version/Version", &request.base,
				&ctd__version_reply__descriptor, CONTAINERD_TIMEOUT_MS, &reply,
				&err);

	if (r < 0) {
		buf_printf(finding,
			   "nobody answers on %s: install containerd and start it "
			   "(systemctl enable --now containerd), or give --containerd-socket",
			   config->containerd_socket);
		return false;
	}
	buf_add_str(finding, ((Ctd__VersionReply *)reply)->version);
	protobuf_c_message_free_unpacked(reply, NULL);
	return true;
}

static bool check_runc(const Api__Config *config UNUSED, struct buf *finding)
{
	AUTO_FREE char *path = host_find_program("runc");

	buf_add_str(finding, path ? path : "not found: install runc (package runc)");
	return path != NULL;
}

/* The loopback interface is raised by kukeond itself. */
static bool check_plugins(const Api__Config *config, struct buf *finding)
{
	static const char *const names[] = { "bridge", "host-local" };
	bool complete = true;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO_FREE char *path = host_find_in(config->cni_bin_dir, names[i]);

		if (!path)
			buf_printf(finding, "%s%s", complete ? "" : ", ", names[i]);
		complete &= path != NULL;
	}
	if (complete)
		buf_add_str(finding, "bridge, host-local");
	else
		buf_printf(finding,
			   " not found in %s: install the CNI plugins (package "
			   "containernetworking-plugins), or give --cni-bin-dir",
			   config->cni_bin_dir);
	return complete;
}

static const struct {
	const char *what;
	check_fn find;
} checks[] = {
	{ "cgroup v2", check_cgroup },
	{ "containerd", check_containerd },
	{ "runc", check_runc },
	{ "CNI plugins", check_plugins },
};

bool host_checks(const Api__Config *config, const struct io *io)
{
	bool passed = true;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		AUTO_BUF struct buf finding = { 0 };
		bool good = checks[i].find(config, &finding);

		fprintf(good ? io->out : io->err, "%s%s: ", good ? "" : "kuke: ", checks[i].what);
		text_print(finding.len ? finding.data : "", good ? io->out : io->err);
		fputc('\n', good ? io->out : io->err);
		passed &= good;
	}
	return passed;
}

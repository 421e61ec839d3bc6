/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/host/check_host.h"

#include "api/containerd.pb-c.h"
#include "cli/show/table.h"
#include "core/base/str.h"
#include "core/config/host_checks.h"
#include "core/rpc/wire/blocking.h"

/* For containerd to say its version. */
enum { CONTAINERD_TIMEOUT_MS = 5000 };

void host_checks_ask_containerd(const Api__Config *config, struct host_checks *checks)
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
		host_checks_add(checks, "containerd", API__HOST_CHECK__RESULT__RESULT_FAILED,
				xasprintf("nobody answers on %s", config->containerd_socket),
				xstrdup("install containerd and start it (systemctl enable --now "
					"containerd), or give --containerd-socket"));
		return;
	}
	host_checks_add_containerd(checks, ((Ctd__VersionReply *)reply)->version);
	protobuf_c_message_free_unpacked(reply, NULL);
}

static void print_check(const Api__HostCheck *check, const struct io *io)
{
	bool failed = check->result == API__HOST_CHECK__RESULT__RESULT_FAILED;
	FILE *file = failed ? io->err : io->out;

	fprintf(file, "%s%s: ", failed ? "kuke: " : "", check->name);
	text_print(check->message ? check->message : "", file);
	if (check->remedy) {
		fputs(": ", file);
		text_print(check->remedy, file);
	}
	fputc('\n', file);
}

bool host_checks(const Api__Config *config, const struct io *io)
{
	struct host_checks checks = { 0 };
	bool passed = true;

	host_checks_make(config, &checks);
	host_checks_ask_containerd(config, &checks);
	for (size_t i = 0; i < checks.n; i++) {
		print_check(checks.items[i], io);
		passed &= checks.items[i]->result != API__HOST_CHECK__RESULT__RESULT_FAILED;
	}
	host_checks_fini(&checks);
	return passed;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/rpc/wire/blocking.h"

/* The daemon answers from memory; longer means that it hangs. */
enum { CALL_TIMEOUT_MS = 10000 };

struct client {
	struct rpc_client *rpc;
	char *socket;
};

struct client *client_new(const char *socket)
{
	AUTO_FREE char *target = xasprintf("unix:%s", socket);
	struct client *client = xnew(struct client);

	client->socket = xstrdup(socket);
	client->rpc = rpc_client_open(target);
	return client;
}

void client_free(struct client *client)
{
	if (!client)
		return;
	rpc_client_close(client->rpc);
	free(client->socket);
	free(client);
}

/* gRPC does not keep why a connection failed: look again. An errno, or 0 when somebody listens. */
static int probe(const char *socket_path)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (fd < 0 || strlen(socket_path) >= sizeof(address.sun_path))
		return 0;
	memcpy(address.sun_path, socket_path, strlen(socket_path));
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
}

/* Says what to do about a call that did not reach the daemon. */
static int explain_unreachable(const struct client *client, int code, struct error *err)
{
	static const char intro[] = "kukeond cannot be reached";
	const char *path = client->socket;

	switch (probe(path)) {
	case ENOENT:
	case ENOTDIR:
		return error_set(err, -ECONNREFUSED,
				 "%s: there is no socket %s; start it with 'systemctl start "
				 "kukeond.socket', or name another one with --socket",
				 intro, path);
	case ECONNREFUSED:
		return error_set(err, -ECONNREFUSED,
				 "%s: nobody listens on %s; look at 'systemctl status kukeond'",
				 intro, path);
	case EACCES:
	case EPERM:
		return error_set(err, -ECONNREFUSED,
				 "%s: no permission for %s; run kuke as root, or join the group "
				 "kukeon",
				 intro, path);
	default:
		return error_wrap(
			err, code,
			"kukeond on %s does not answer (look at 'systemctl status kukeond')", path);
	}
}

static int client_call(struct client *client, const char *method, const ProtobufCMessage *request,
		       const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **ret_reply,
		       struct error *err)
{
	int rc = rpc_client_call(client->rpc, method, request, reply_type, CALL_TIMEOUT_MS,
				 ret_reply, err);

	return client_exit(rc) == CLI_UNREACHABLE ? explain_unreachable(client, rc, err) : rc;
}

int client_get(struct client *client, const Api__Selector *selector, Api__GetReply **ret_reply,
	       struct error *err)
{
	Api__GetRequest request = API__GET_REQUEST__INIT;
	ProtobufCMessage *reply = NULL;
	int rc;

	request.selector = (Api__Selector *)selector; /* is only read */
	rc = client_call(client, "/kukeon.v1beta1.Kukeon/Get", &request.base,
			 &api__get_reply__descriptor, &reply, err);
	if (rc == 0)
		*ret_reply = (Api__GetReply *)reply;
	return rc;
}

int client_status(struct client *client, Api__StatusReply **ret_reply, struct error *err)
{
	Api__StatusRequest request = API__STATUS_REQUEST__INIT;
	ProtobufCMessage *reply = NULL;
	int rc = client_call(client, "/kukeon.v1beta1.Kukeon/Status", &request.base,
			     &api__status_reply__descriptor, &reply, err);

	if (rc == 0)
		*ret_reply = (Api__StatusReply *)reply;
	return rc;
}

int client_version(struct client *client, Api__VersionReply **ret_reply, struct error *err)
{
	Api__VersionRequest request = API__VERSION_REQUEST__INIT;
	ProtobufCMessage *reply = NULL;
	int rc = client_call(client, "/kukeon.v1beta1.Kukeon/Version", &request.base,
			     &api__version_reply__descriptor, &reply, err);

	if (rc == 0)
		*ret_reply = (Api__VersionReply *)reply;
	return rc;
}

void client_reply_free(void *reply)
{
	if (reply)
		protobuf_c_message_free_unpacked(reply, NULL);
}

enum cli_exit client_exit(int code)
{
	if (code == 0)
		return CLI_DONE;
	return code == -ECONNREFUSED || code == -ETIMEDOUT ? CLI_UNREACHABLE : CLI_FAILED;
}

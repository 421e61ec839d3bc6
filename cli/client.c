/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <errno.h>

#include "core/rpc/wire/blocking.h"

/* The daemon answers from memory; longer means that it hangs. */
enum { CALL_TIMEOUT_MS = 10000 };

struct client {
	struct rpc_client *rpc;
	const char *socket;
};

struct client *client_new(const char *socket)
{
	AUTO_FREE char *target = xasprintf("unix:%s", socket);
	struct client *client = xnew(struct client);

	client->socket = socket;
	client->rpc = rpc_client_open(target);
	return client;
}

static int client_call(struct client *client, const char *method, const ProtobufCMessage *request,
		       const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **ret_reply,
		       struct error *err)
{
	int rc = rpc_client_call(client->rpc, method, request, reply_type, CALL_TIMEOUT_MS,
				 ret_reply, err);

	if (rc != -ETIMEDOUT)
		return rc;
	return error_wrap(err, rc,
			  "kukeond on %s does not answer; look at 'systemctl status kukeond'",
			  client->socket);
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

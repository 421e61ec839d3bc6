/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest gRPC client: one Version call, its reply not even decoded. floor_client TARGET */
#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	gpr_timespec never = gpr_inf_future(GPR_CLOCK_REALTIME);
	grpc_slice nothing = grpc_empty_slice(), details = grpc_empty_slice();
	grpc_slice method = grpc_slice_from_static_string("/kukeon.v1beta1.Kukeon/Version");
	grpc_metadata_array headers = { 0 }, trailers = { 0 };
	grpc_byte_buffer *request = grpc_raw_byte_buffer_create(&nothing, 1), *reply = NULL;
	grpc_op ops[6] = {
		{ .op = GRPC_OP_SEND_INITIAL_METADATA },  { .op = GRPC_OP_SEND_MESSAGE },
		{ .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT }, { .op = GRPC_OP_RECV_INITIAL_METADATA },
		{ .op = GRPC_OP_RECV_MESSAGE },           { .op = GRPC_OP_RECV_STATUS_ON_CLIENT }
	};
	grpc_completion_queue *queue;
	grpc_channel *channel;
	grpc_status_code status;
	grpc_call *call;

	grpc_init();
	queue = grpc_completion_queue_create_for_next(NULL);
	channel = grpc_channel_create(argc > 1 ? argv[1] : "", grpc_insecure_credentials_create(),
				      NULL);
	call = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue, method, NULL,
					never, NULL);
	ops[1].data.send_message.send_message = request;
	ops[3].data.recv_initial_metadata.recv_initial_metadata = &headers;
	ops[4].data.recv_message.recv_message = &reply;
	ops[5].data.recv_status_on_client.trailing_metadata = &trailers;
	ops[5].data.recv_status_on_client.status = &status;
	ops[5].data.recv_status_on_client.status_details = &details;
	if (grpc_call_start_batch(call, ops, 6, NULL, NULL) != GRPC_CALL_OK)
		_exit(1);
	grpc_completion_queue_next(queue, never, NULL);
	if (status == GRPC_STATUS_OK && reply)
		dprintf(STDOUT_FILENO, "%zu bytes\n", grpc_byte_buffer_length(reply));
	_exit(status == GRPC_STATUS_OK ? 0 : 1);
}

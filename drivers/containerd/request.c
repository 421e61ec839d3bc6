/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/containerd/request.h"

#include "core/model/model.h"

#define REQUEST_STRINGS(X)                                                                         \
	X(ref.namespace_)                                                                          \
	X(ref.id)                                                                                  \
	X(cell_key)                                                                                \
	X(role)                                                                                    \
	X(spec_hash)                                                                               \
	X(group_id) X(netns_path) X(cgroup_path) X(hostname) X(hosts_path) X(hostname_path)

void request_copy(const struct container_request *request, struct container_request *ret_copy)
{
	*ret_copy = (struct container_request){ 0 };
#define COPY(field) ret_copy->field = xstrdup_maybe(request->field);
	REQUEST_STRINGS(COPY)
#undef COPY
	ret_copy->spec = (const Api__ContainerSpec *)model_copy(&request->spec->base);
}

void request_fini(struct container_request *request)
{
#define FREE(field) free((char *)request->field);
	REQUEST_STRINGS(FREE)
#undef FREE
	if (request->spec)
		protobuf_c_message_free_unpacked((ProtobufCMessage *)request->spec, NULL);
	*request = (struct container_request){ 0 };
}

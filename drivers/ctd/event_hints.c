/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/ctd/event_hints.h"

#include "core/base/str.h"

static bool is_exec_exit(const Ctd__Any *any)
{
	Ctd__TaskExitEvent *event;
	bool exec;

	if (!str_equal(any->type_url, "containerd.events.TaskExit"))
		return false;
	event = (Ctd__TaskExitEvent *)protobuf_c_message_unpack(
		&ctd__task_exit_event__descriptor, NULL, any->value.len, any->value.data);
	exec = event && !str_equal(event->id, event->container_id);
	if (event)
		protobuf_c_message_free_unpacked(&event->base, NULL);
	return exec;
}

void hints_tell(const struct runtime_listener *listener, const Ctd__Envelope *envelope)
{
	const Ctd__Any *any = envelope->event;
	Ctd__EventSubject *subject;

	if (str_starts_with(envelope->topic, "/images/")) {
		listener->on_image(listener->ctx, envelope->namespace_);
		return;
	}
	if (!any || !any->has_value || is_exec_exit(any))
		return;
	subject = (Ctd__EventSubject *)protobuf_c_message_unpack(
		&ctd__event_subject__descriptor, NULL, any->value.len, any->value.data);
	if (!subject)
		return;
	if (!str_empty(subject->id) && str_equal(envelope->topic, "/tasks/oom"))
		listener->on_oom(listener->ctx, envelope->namespace_, subject->id);
	else if (!str_empty(subject->id))
		listener->on_container(listener->ctx, envelope->namespace_, subject->id);
	protobuf_c_message_free_unpacked(&subject->base, NULL);
}

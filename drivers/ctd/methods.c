/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/ctd/methods.h"

#include "api/containerd.pb-c.h"

#define METHOD(name, package, service, method, reply)                                              \
	const struct client_method name##_method = { "/containerd.services." package               \
						     ".v1." service "/" method,                    \
						     reply }

METHOD(containers_create, "containers", "Containers", "Create", NULL);
METHOD(containers_delete, "containers", "Containers", "Delete", NULL);
METHOD(containers_get, "containers", "Containers", "Get", &ctd__container_message__descriptor);
METHOD(containers_list, "containers", "Containers", "ListStream",
       &ctd__container_message__descriptor);
METHOD(content_list, "content", "Content", "List", &ctd__content_list__descriptor);
METHOD(content_list_statuses, "content", "Content", "ListStatuses",
       &ctd__content_statuses__descriptor);
METHOD(content_read, "content", "Content", "Read", &ctd__content_chunk__descriptor);
METHOD(content_update, "content", "Content", "Update", NULL);
METHOD(content_abort, "content", "Content", "Abort", NULL);
METHOD(content_write, "content", "Content", "Write", &ctd__content_write_response__descriptor);
METHOD(diff_apply, "diff", "Diff", "Apply", &ctd__diff_apply_reply__descriptor);
METHOD(events_publish, "events", "Events", "Publish", NULL);
METHOD(events_subscribe, "events", "Events", "Subscribe", &ctd__envelope__descriptor);
METHOD(images_create, "images", "Images", "Create", NULL);
METHOD(images_delete, "images", "Images", "Delete", NULL);
METHOD(images_get, "images", "Images", "Get", &ctd__image_message__descriptor);
METHOD(images_list, "images", "Images", "List", &ctd__image_list__descriptor);
METHOD(images_update, "images", "Images", "Update", NULL);
METHOD(leases_add_resource, "leases", "Leases", "AddResource", NULL);
METHOD(leases_create, "leases", "Leases", "Create", NULL);
METHOD(leases_delete, "leases", "Leases", "Delete", NULL);
METHOD(leases_list, "leases", "Leases", "List", &ctd__lease_list__descriptor);
METHOD(namespaces_create, "namespaces", "Namespaces", "Create", NULL);
METHOD(namespaces_delete, "namespaces", "Namespaces", "Delete", NULL);
METHOD(namespaces_list, "namespaces", "Namespaces", "List", &ctd__namespace_list__descriptor);
METHOD(namespaces_update, "namespaces", "Namespaces", "Update", NULL);
METHOD(snapshots_commit, "snapshots", "Snapshots", "Commit", NULL);
METHOD(snapshots_list, "snapshots", "Snapshots", "List", &ctd__snapshot_list__descriptor);
METHOD(snapshots_mounts, "snapshots", "Snapshots", "Mounts", &ctd__mounts_reply__descriptor);
METHOD(snapshots_prepare, "snapshots", "Snapshots", "Prepare", &ctd__mounts_reply__descriptor);
METHOD(snapshots_remove, "snapshots", "Snapshots", "Remove", NULL);
METHOD(snapshots_stat, "snapshots", "Snapshots", "Stat", &ctd__snapshot_list__descriptor);
METHOD(tasks_close_input, "tasks", "Tasks", "CloseIO", NULL);
METHOD(tasks_create, "tasks", "Tasks", "Create", &ctd__task_create_reply__descriptor);
METHOD(tasks_delete, "tasks", "Tasks", "Delete", NULL);
METHOD(tasks_delete_process, "tasks", "Tasks", "DeleteProcess", NULL);
METHOD(tasks_exec, "tasks", "Tasks", "Exec", NULL);
METHOD(tasks_get, "tasks", "Tasks", "Get", &ctd__process_message__descriptor);
METHOD(tasks_kill, "tasks", "Tasks", "Kill", NULL);
METHOD(tasks_list, "tasks", "Tasks", "List", &ctd__process_list__descriptor);
METHOD(tasks_resize, "tasks", "Tasks", "ResizePty", NULL);
METHOD(tasks_start, "tasks", "Tasks", "Start", NULL);
METHOD(tasks_wait, "tasks", "Tasks", "Wait", &ctd__task_wait_reply__descriptor);
METHOD(version, "version", "Version", "Version", &ctd__version_reply__descriptor);

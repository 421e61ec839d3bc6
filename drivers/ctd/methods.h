/* SPDX-License-Identifier: Apache-2.0 */
/* Every method of containerd's services that is called. */
#pragma once

#include "drivers/ctd/client.h"

extern const struct client_method containers_create_method;
extern const struct client_method containers_delete_method;
extern const struct client_method containers_get_method;
extern const struct client_method containers_list_method;
extern const struct client_method content_list_method;
extern const struct client_method content_list_statuses_method;
extern const struct client_method content_read_method;
extern const struct client_method content_update_method;
extern const struct client_method content_abort_method;
extern const struct client_method content_write_method;
extern const struct client_method diff_apply_method;
extern const struct client_method events_publish_method;
extern const struct client_method events_subscribe_method;
extern const struct client_method images_create_method;
extern const struct client_method images_delete_method;
extern const struct client_method images_get_method;
extern const struct client_method images_list_method;
extern const struct client_method images_update_method;
extern const struct client_method leases_add_resource_method;
extern const struct client_method leases_create_method;
extern const struct client_method leases_delete_method;
extern const struct client_method leases_list_method;
extern const struct client_method namespaces_create_method;
extern const struct client_method namespaces_delete_method;
extern const struct client_method namespaces_list_method;
extern const struct client_method namespaces_update_method;
extern const struct client_method snapshots_commit_method;
extern const struct client_method snapshots_list_method;
extern const struct client_method snapshots_mounts_method;
extern const struct client_method snapshots_prepare_method;
extern const struct client_method snapshots_remove_method;
extern const struct client_method snapshots_stat_method;
extern const struct client_method tasks_close_input_method;
extern const struct client_method tasks_create_method;
extern const struct client_method tasks_delete_method;
extern const struct client_method tasks_delete_process_method;
extern const struct client_method tasks_exec_method;
extern const struct client_method tasks_get_method;
extern const struct client_method tasks_kill_method;
extern const struct client_method tasks_list_method;
extern const struct client_method tasks_resize_method;
extern const struct client_method tasks_start_method;
extern const struct client_method tasks_wait_method;
extern const struct client_method version_method;

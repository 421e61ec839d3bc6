/* SPDX-License-Identifier: Apache-2.0 */
/* What the task of a container is at. Apart, for those who plan and call no driver. */
#pragma once

enum task_state {
	TASK_NONE,    /* no task, or no container */
	TASK_CREATED, /* runc create done, the process waits for start */
	TASK_RUNNING,
	TASK_PAUSING,
	TASK_PAUSED,
	TASK_STOPPED, /* exited, not yet deleted: exit_code and exited_at are valid */
};

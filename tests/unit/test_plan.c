/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plan/plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/aside/aside.h"
#include "core/plan/plan_cell.h"
#include "core/state/object.h"
#include "tests/unit/plan_text.h"

enum { NOW_MS = 100 * 1000, GRACE_MS = 10 * 1000 };

/* What is seen of a container. HAS is a record with its snapshot, made from the wanted spec. */
enum {
	HAS = 1 << 0,
	CHANGED = 1 << 1, /* the record is of another spec */
	IMAGE = 1 << 2,
	GONE = 1 << 3, /* not in the cell's spec any more */
	BUSY = 1 << 4,
	BLIND = 1 << 5,  /* not known */
	OURS = 1 << 6,   /* we ended it ourselves */
	ABSENT = 1 << 7, /* no such container */
	EXITED = 1 << 8,
	OOM = 1 << 10,
	HUNG = 1 << 11,  /* cannot be looked at, NOW_MS + 500 is the next try */
	FAILED = 1 << 9, /* its last action failed, NOW_MS + 500 is the next try */
	RENEW = 1 << 12, /* asked to begin anew */
	MOVED = 1 << 13, /* its image's name stands for another one now */
	NO_SNAPSHOT = 1 << 14,
	NO_RECORD = 1 << 15,
};

struct one {
	enum task_state task;
	unsigned flags;
	Api__RestartPolicy policy;
	unsigned exit_code, in_row, restarts, max_retries;
	uint64_t exited_ms, stop_sent_ms, kill_sent_ms;
	unsigned kills;
	enum run_intent run;
	enum action doing, failed; /* the slot's action, with BUSY under way; what failed, */
	unsigned failures;         /* so often in a row, and may be tried again now */
	int code;                  /* 0: -EIO */
	uint64_t stop_tried_ms;
};

/* What is seen of the cell. */
enum {
	PINNED = 1 << 0,
	INTENT = 1 << 1,
	ATTACHED = 1 << 2,
	FRESH = 1 << 3,
	NET_BUSY = 1 << 4,
	CGROUP = 1 << 5,
	POPULATED = 1 << 6,
	CGROUP_BLIND = 1 << 7,
	CGROUP_BUSY = 1 << 8,
	NOT_WANTED = 1 << 9,
	STOP = 1 << 10,
	PARENT_PENDING = 1 << 11,
	KEEP = 1 << 12, /* may_delete is false */
	DOWN = 1 << 13, /* containerd cannot be asked */
	NOT_LOOKED = 1 << 14,
	NET_FAILED = 1 << 15,
	FULL = 1 << 16,         /* many come up already */
	CGROUP_STALE = 1 << 17, /* making it failed */
	RIVAL = 1 << 18,        /* another has its name but for case */
	PORT = 1 << 19,         /* another has its port */
	UNREACHABLE = 1 << 20,  /* its space */
	RESTART = 1 << 21,
	NO_STACK = 1 << 22,
	DAMAGED = 1 << 23,    /* the document of a container of it, c */
	RELEASING = 1 << 24,  /* what an earlier boot left attached */
	TAKEN_PORT = 1 << 25, /* by another program */
	NET_DRIFT = 1 << 26,
	KILL_CELL = 1 << 27,
	CGROUP_FAILED = 1 << 28,
	UP = PINNED | INTENT | ATTACHED | CGROUP | POPULATED,
};

struct row {
	const char *name;
	unsigned cell;
	struct one root, other;
	const char *steps;
	Api__State state;
	enum reason reason;
	uint64_t wake_at_ms;
	bool gone, waits, restarted;
	const char *says; /* NULL: whatever */
};

#define C(task_, flags_, ...)                                                                      \
	{                                                                                          \
		.task = TASK_##task_, .flags = flags_, ##__VA_ARGS__                               \
	}
#define RUNS C(RUNNING, HAS)
#define MADE C(NONE, HAS)
#define NEW C(NONE, IMAGE)
#define NO C(NONE, ABSENT)
#define SILENT /* its shim, twice */                                                               \
	C(STOPPED, HAS | BLIND, .failed = ACTION_CONTAINER_INSPECT, .failures = 2,                 \
	  .code = -ETIMEDOUT)

#define STATE(state_, reason_) .state = API__STATE__STATE_##state_, .reason = REASON_##reason_

static const struct row cell_rows[] = {
	{ "nothing is known yet", CGROUP_BLIND, C(NONE, BLIND), C(NONE, BLIND),
	  "container-inspect root, container-inspect b, cgroup-inspect", STATE(UNKNOWN, STARTING) },
	{ "a fresh cell", 0, C(NONE, 0), C(NONE, 0),
	  "cgroup-ensure, netns-create, image-resolve root, image-resolve b",
	  STATE(PENDING, CREATING) },
	{ "many come up already: it waits", FULL, C(NONE, 0), C(NONE, 0), "cgroup-ensure",
	  STATE(PENDING, WAITING_ITS_TURN), .wake_at_ms = NOW_MS + 700, .waits = true },
	{ "one that has begun goes on", FULL | CGROUP | PINNED | FRESH, NEW, NEW,
	  "network-attach, container-create root, container-create b", STATE(PENDING, CREATING) },
	{ "what begins anew by request looks its image up again", CGROUP | PINNED | FRESH,
	  C(NONE, HAS | RENEW), C(NONE, HAS | RENEW | EXITED),
	  "network-attach, image-resolve root, image-resolve b", STATE(PENDING, RESTARTING) },
	{ "another image by now: it is made anew", CGROUP | PINNED | FRESH, C(NONE, HAS | MOVED),
	  MADE, "network-attach, container-remove root", STATE(PENDING, CREATING) },
	{ "what runs keeps its image", UP, C(RUNNING, HAS | MOVED), C(RUNNING, HAS | RENEW), "",
	  STATE(READY, NONE) },
	{ "one that runs does not wait", FULL | UP, RUNS, MADE, "task-create b",
	  STATE(PENDING, CREATING) },
	{ "its stack is not ready", PARENT_PENDING, C(NONE, 0), C(NONE, 0), "",
	  STATE(PENDING, PARENT_NOT_READY) },
	{ "no containers", 0, NO, NO, "cgroup-ensure", STATE(PENDING, NO_CONTAINERS) },
	{ "no containers, complete", CGROUP, NO, NO, "", STATE(PENDING, NO_CONTAINERS) },
	{ "pinned: attach and create overlap", CGROUP | PINNED | FRESH, NEW, NEW,
	  "network-attach, container-create root, container-create b", STATE(PENDING, CREATING) },
	{ "the root's task while attach is busy", CGROUP | PINNED | FRESH | NET_BUSY, MADE, MADE,
	  "task-create root", STATE(PENDING, CREATING) },
	{ "no task without a cgroup", PINNED | FRESH | NET_BUSY | CGROUP_BUSY, MADE, MADE, "",
	  STATE(PENDING, CREATING) },
	{ "no start before it is attached", CGROUP | PINNED | FRESH | NET_BUSY, C(CREATED, HAS),
	  MADE, "task-create b", STATE(PENDING, CREATING) },
	{ "attached: the root starts", UP | FRESH, C(CREATED, HAS), C(CREATED, HAS),
	  "task-start root", STATE(PENDING, CREATING) },
	{ "the others are made once the root's shim is there", UP | FRESH, C(NONE, HAS | BUSY),
	  MADE, "", STATE(PENDING, CREATING) },
	{ "the others are not made while something is done to the root's shim", UP | FRESH,
	  C(CREATED, HAS | BUSY), MADE, "", STATE(PENDING, CREATING) },
	{ "the others start when the root runs", UP, RUNS, C(CREATED, HAS), "task-start b",
	  STATE(PENDING, CREATING) },
	{ "everything runs", UP, RUNS, RUNS, "", STATE(READY, NONE) },
	{ "paused counts as running", UP, C(PAUSED, HAS), RUNS, "", STATE(READY, NONE) },
	{ "it runs, its attachment is gone", UP & ~ATTACHED, RUNS, RUNS, "network-repair",
	  STATE(PENDING, NETWORK_DRIFTED) },
	{ "it runs, its namespace is not pinned: no other joins before it is", CGROUP | INTENT,
	  RUNS, MADE, "network-repair", STATE(PENDING, NETWORK_DRIFTED) },
	{ "it runs, frozen, and lost all of its network", CGROUP, C(PAUSED, HAS), RUNS,
	  "network-repair", STATE(PENDING, NETWORK_DRIFTED) },
	{ "what was attached is gone before the root ran: the incarnation goes",
	  CGROUP | PINNED | INTENT | FRESH, MADE, MADE, "network-detach",
	  STATE(PENDING, CREATING) },
	{ "a cgroup that vanished is made again", UP & ~CGROUP, RUNS, RUNS, "cgroup-ensure",
	  STATE(READY, NONE) },

	{ "the root ended, always: the incarnation goes", UP, C(STOPPED, HAS | EXITED), RUNS,
	  "task-delete root, task-stop b", STATE(PENDING, RESTARTING) },
	{ "the last task has ended: the network goes", UP, C(STOPPED, HAS | EXITED),
	  C(STOPPED, HAS | EXITED), "task-delete root, task-delete b, network-detach",
	  STATE(PENDING, RESTARTING) },
	{ "and a new incarnation begins", CGROUP, C(NONE, HAS | EXITED), C(NONE, HAS | EXITED),
	  "netns-create", STATE(PENDING, RESTARTING) },
	{ "the root failed twice: it waits", CGROUP,
	  C(NONE, HAS | EXITED, .exit_code = 1, .in_row = 1, .restarts = 1, .exited_ms = NOW_MS),
	  MADE, "", STATE(FAILED, RESTART_BACK_OFF), .wake_at_ms = NOW_MS + 820,
	  .says = "container root exited with code 1 after 1 restart; waits 1 s before the next" },
	{ "the root waits: the others go, its task stays", UP,
	  C(STOPPED, HAS | EXITED, .exit_code = 1, .in_row = 1, .restarts = 1, .exited_ms = NOW_MS),
	  RUNS, "task-stop b", STATE(FAILED, RESTART_BACK_OFF), .wake_at_ms = NOW_MS + 820 },
	{ "the root has waited: its task goes", CGROUP,
	  C(STOPPED, HAS | EXITED, .exit_code = 1, .in_row = 1, .restarts = 1,
	    .exited_ms = NOW_MS - 1000),
	  MADE, "task-delete root", STATE(PENDING, RESTARTING) },
	{ "the root ran out of memory, never", CGROUP,
	  C(STOPPED, HAS | EXITED | OOM, .policy = API__RESTART_POLICY__RESTART_POLICY_NEVER,
	    .exit_code = 137),
	  MADE, "", STATE(FAILED, OOM_KILLED) },
	{ "the root completed, on-failure: the others go, its task stays", UP,
	  C(STOPPED, HAS | EXITED, .policy = API__RESTART_POLICY__RESTART_POLICY_ON_FAILURE), RUNS,
	  "task-stop b", STATE(STOPPED, COMPLETED) },
	{ "the root completed, never, and nothing is left", CGROUP,
	  C(STOPPED, HAS | EXITED, .policy = API__RESTART_POLICY__RESTART_POLICY_NEVER), MADE, "",
	  STATE(STOPPED, COMPLETED) },
	{ "the root failed, never", CGROUP,
	  C(STOPPED, HAS | EXITED, .policy = API__RESTART_POLICY__RESTART_POLICY_NEVER,
	    .exit_code = 3),
	  MADE, "", STATE(FAILED, EXITED) },
	{ "the root failed, on-failure", CGROUP,
	  C(NONE, HAS | EXITED, .policy = API__RESTART_POLICY__RESTART_POLICY_ON_FAILURE,
	    .exit_code = 3),
	  MADE, "netns-create", STATE(PENDING, RESTARTING) },
	{ "the root failed, never, and its spec changes", CGROUP,
	  C(NONE, HAS | EXITED | CHANGED, .policy = API__RESTART_POLICY__RESTART_POLICY_NEVER,
	    .exit_code = 3),
	  MADE, "netns-create, container-remove root", STATE(PENDING, RESTARTING) },
	{ "the root was given up", CGROUP,
	  C(STOPPED, HAS | EXITED, .policy = API__RESTART_POLICY__RESTART_POLICY_ON_FAILURE,
	    .exit_code = 3, .restarts = 2, .max_retries = 2),
	  MADE, "", STATE(FAILED, GAVE_UP),
	  .says = "container root exited with code 3 and was restarted 2 times, its limit; 'kuke "
		  "start container' tries again" },
	{ "another ended, always", UP, RUNS, C(STOPPED, HAS | EXITED), "task-delete b",
	  STATE(PENDING, RESTARTING) },
	{ "another comes back", UP, RUNS, C(NONE, HAS | EXITED), "task-create b",
	  STATE(PENDING, RESTARTING) },
	{ "another waits", UP, RUNS,
	  C(NONE, HAS | EXITED, .exit_code = 1, .in_row = 1, .restarts = 1, .exited_ms = NOW_MS),
	  "", STATE(PENDING, RESTART_BACK_OFF), .wake_at_ms = NOW_MS + 920 },
	{ "another waits, its task stays", UP, RUNS,
	  C(STOPPED, HAS | EXITED, .exit_code = 1, .in_row = 1, .restarts = 1, .exited_ms = NOW_MS),
	  "", STATE(PENDING, RESTART_BACK_OFF), .wake_at_ms = NOW_MS + 920 },
	{ "another waits and its spec changes", UP, RUNS,
	  C(STOPPED, HAS | EXITED | CHANGED, .exit_code = 1, .in_row = 1, .exited_ms = NOW_MS),
	  "task-delete b", STATE(PENDING, RESTARTING) },
	{ "another completed, never", UP, RUNS,
	  C(STOPPED, HAS | EXITED, .policy = API__RESTART_POLICY__RESTART_POLICY_NEVER), "",
	  STATE(READY, NONE) },
	{ "another failed, never", UP, RUNS,
	  C(STOPPED, HAS | EXITED, .policy = API__RESTART_POLICY__RESTART_POLICY_NEVER,
	    .exit_code = 2),
	  "", STATE(FAILED, EXITED) },
	{ "a created root of an earlier daemon", UP, C(CREATED, HAS), MADE, "task-kill root",
	  STATE(PENDING, CREATING) },
	{ "a pin of an earlier daemon", CGROUP | PINNED | INTENT, MADE, MADE, "network-detach",
	  STATE(PENDING, CREATING) },

	{ "a bare pin of an earlier daemon", CGROUP | PINNED, MADE, MADE, "network-detach",
	  STATE(PENDING, CREATING) },

	{ "the root changed, its image is not there", UP, C(RUNNING, HAS | CHANGED), RUNS,
	  "image-resolve root", STATE(PENDING, UPDATING) },
	{ "the root changed, its image is there", UP, C(RUNNING, HAS | CHANGED | IMAGE), RUNS,
	  "task-stop root, task-stop b", STATE(PENDING, UPDATING) },
	{ "the old root has ended", UP, C(STOPPED, HAS | CHANGED | IMAGE | EXITED | OURS), MADE,
	  "task-delete root, network-detach", STATE(PENDING, RESTARTING) },
	{ "the old root's record goes", CGROUP, C(NONE, HAS | CHANGED | IMAGE), MADE,
	  "netns-create, container-remove root", STATE(PENDING, CREATING) },
	{ "another changed, its image is not there", UP, RUNS, C(RUNNING, HAS | CHANGED),
	  "image-resolve b", STATE(PENDING, UPDATING) },
	{ "another changed, its image is there", UP, RUNS, C(RUNNING, HAS | CHANGED | IMAGE),
	  "task-stop b", STATE(PENDING, UPDATING) },
	{ "another completed and changed", UP, RUNS,
	  C(STOPPED, HAS | CHANGED | EXITED, .policy = API__RESTART_POLICY__RESTART_POLICY_NEVER),
	  "task-delete b", STATE(PENDING, RESTARTING) },
	{ "another removed from the spec", UP, RUNS, C(RUNNING, HAS | GONE), "task-stop b",
	  STATE(PENDING, CREATING) },
	{ "its task", UP, RUNS, C(STOPPED, HAS | GONE), "task-delete b", STATE(PENDING, CREATING) },
	{ "its record", UP, RUNS, C(NONE, HAS | GONE), "container-remove b",
	  STATE(PENDING, CREATING) },
	{ "it is gone", UP, RUNS, C(NONE, GONE), "", STATE(READY, NONE) },
	{ "a record of another spec", UP, RUNS, C(NONE, HAS | CHANGED | IMAGE),
	  "container-remove b", STATE(PENDING, CREATING) },
	{ "a record without a snapshot", UP, RUNS, C(NONE, HAS | IMAGE | NO_SNAPSHOT),
	  "container-remove b", STATE(PENDING, CREATING) },
	{ "a snapshot without a record", UP, RUNS, C(NONE, HAS | IMAGE | NO_RECORD),
	  "container-remove b", STATE(PENDING, CREATING) },

	{ "a shim does not answer, nothing of its cell lives: it is killed", CGROUP, MADE, SILENT,
	  "shim-kill b, netns-create", STATE(UNKNOWN, RUNTIME_UNAVAILABLE) },
	{ "a cgroup that is gone holds nothing", POPULATED, MADE, SILENT,
	  "shim-kill b, cgroup-ensure, netns-create", STATE(UNKNOWN, RUNTIME_UNAVAILABLE) },
	{ "it did not answer once", CGROUP, MADE,
	  C(STOPPED, HAS | BLIND, .failed = ACTION_CONTAINER_INSPECT, .failures = 1,
	    .code = -ETIMEDOUT),
	  "container-inspect b, netns-create", STATE(UNKNOWN, RUNTIME_UNAVAILABLE) },
	{ "it answers, with an error", CGROUP, MADE,
	  C(STOPPED, HAS | BLIND, .failed = ACTION_CONTAINER_INSPECT, .failures = 2),
	  "container-inspect b, netns-create", STATE(UNKNOWN, RUNTIME_UNAVAILABLE) },
	{ "something else did not answer", CGROUP, MADE,
	  C(STOPPED, HAS | BLIND, .failed = ACTION_TASK_DELETE, .failures = 2, .code = -ETIMEDOUT),
	  "container-inspect b, netns-create", STATE(PENDING, STOP_FAILED) },
	{ "what may live that shall is waited for", CGROUP | POPULATED, MADE, SILENT,
	  "container-inspect b, netns-create", STATE(UNKNOWN, RUNTIME_UNAVAILABLE) },
	{ "also when that is not known", CGROUP_BLIND, MADE, SILENT,
	  "container-inspect b, cgroup-inspect, netns-create",
	  STATE(UNKNOWN, RUNTIME_UNAVAILABLE) },
	{ "what may live that shall not is killed: deleted", CGROUP | POPULATED | NOT_WANTED, NO,
	  SILENT, "container-inspect b, cgroup-kill", STATE(PENDING, DELETE_FAILED) },
	{ "stopped", CGROUP | POPULATED | STOP, MADE, SILENT, "container-inspect b, cgroup-kill",
	  STATE(PENDING, RUNTIME_UNAVAILABLE) },
	{ "killed", CGROUP | POPULATED | KILL_CELL, MADE, SILENT,
	  "container-inspect b, cgroup-kill", STATE(PENDING, RUNTIME_UNAVAILABLE) },
	{ "but what is restarted is not", CGROUP | POPULATED | RESTART, MADE, SILENT,
	  "container-inspect b", STATE(UNKNOWN, RUNTIME_UNAVAILABLE) },
	{ "nor what is not known to be there", CGROUP_BLIND | NOT_WANTED, NO, SILENT,
	  "container-inspect b, cgroup-inspect", STATE(PENDING, DELETE_FAILED) },
	{ "nothing is killed for one that is only new", CGROUP | POPULATED | NOT_WANTED, NO,
	  C(NONE, HAS | BLIND), "container-inspect b", STATE(PENDING, DELETING) },
	{ "the shim is named by the root, which is at work", CGROUP, C(NONE, HAS | BUSY), SILENT,
	  "container-inspect b, netns-create", STATE(UNKNOWN, RUNTIME_UNAVAILABLE) },
	{ "the root is looked at first", CGROUP, C(NONE, HAS | BLIND), SILENT,
	  "container-inspect root, container-inspect b", STATE(UNKNOWN, STARTING) },
	{ "one shim serves all", CGROUP, SILENT, SILENT, "shim-kill root, container-inspect b",
	  STATE(UNKNOWN, RUNTIME_UNAVAILABLE) },
	{ "it is being killed for the root", CGROUP,
	  C(NONE, HAS | BLIND | BUSY, .doing = ACTION_SHIM_KILL), SILENT, "container-inspect b",
	  STATE(UNKNOWN, STARTING) },
	{ "it is being killed for another", CGROUP, SILENT,
	  C(NONE, HAS | BLIND | BUSY, .doing = ACTION_SHIM_KILL), "",
	  STATE(UNKNOWN, RUNTIME_UNAVAILABLE) },
	{ "another is at work on something else", CGROUP, SILENT,
	  C(NONE, HAS | BUSY, .doing = ACTION_CONTAINER_CREATE), "shim-kill root",
	  STATE(UNKNOWN, RUNTIME_UNAVAILABLE) },
	{ "it was killed before", CGROUP, SILENT, C(NONE, HAS, .doing = ACTION_SHIM_KILL),
	  "shim-kill root", STATE(UNKNOWN, RUNTIME_UNAVAILABLE) },

	{ "delete: the root lives, and that is said", UP | NOT_WANTED, RUNS, NO, "task-stop root",
	  STATE(PENDING, DELETING), .says = "its containers are being stopped" },
	{ "delete: two reasons to kill all of the cgroup, once", UP | NOT_WANTED,
	  C(RUNNING, HAS, .stop_sent_ms = 1, .kill_sent_ms = NOW_MS - 1, .kills = 2), SILENT,
	  "container-inspect b, cgroup-kill", STATE(PENDING, DELETE_FAILED),
	  .wake_at_ms = NOW_MS - 1 + 10000 },
	{ "what failed waits, whatever comes next", UP, RUNS, C(NONE, HAS | FAILED), "",
	  STATE(PENDING, IMAGE_NOT_PRESENT), .wake_at_ms = NOW_MS + 500 },
	{ "but is looked at", UP, RUNS, C(NONE, HAS | FAILED | BLIND), "container-inspect b",
	  STATE(PENDING, IMAGE_NOT_PRESENT) },
	{ "a cgroup whose making failed is looked at", CGROUP_BLIND | CGROUP_FAILED | STOP, MADE,
	  MADE, "cgroup-inspect", STATE(PENDING, CGROUP_FAILED) },
	{ "the root cannot be created", CGROUP | PINNED | FRESH | NET_BUSY,
	  C(NONE, IMAGE, .failed = ACTION_CONTAINER_CREATE, .failures = 1), NEW,
	  "container-create root, container-create b", STATE(FAILED, CREATE_FAILED),
	  .says = "container root: no luck" },
	{ "its volume does not answer", CGROUP | PINNED | FRESH | NET_BUSY,
	  C(NONE, IMAGE, .failed = ACTION_CONTAINER_CREATE, .failures = 1, .code = -ASIDE_HANGS),
	  NEW, "container-create root, container-create b", STATE(PENDING, VOLUME_HANGS) },
	{ "another cannot be created", UP, RUNS,
	  C(NONE, IMAGE, .failed = ACTION_CONTAINER_CREATE, .failures = 1), "container-create b",
	  STATE(PENDING, CREATE_FAILED), .says = "container b: no luck" },
	{ "a root that has not run has not completed", CGROUP,
	  C(NONE, HAS, .policy = API__RESTART_POLICY__RESTART_POLICY_NEVER), MADE, "netns-create",
	  STATE(PENDING, CREATING) },
	{ "its cgroup cannot be made", CGROUP_FAILED, NEW, NEW,
	  "netns-create, container-create root, container-create b", STATE(PENDING, CGROUP_FAILED),
	  .wake_at_ms = NOW_MS + 400, .says = "no luck" },
	{ "its network cannot be mended", (UP & ~ATTACHED) | NET_FAILED, RUNS, RUNS, "",
	  STATE(PENDING, NETWORK_FAILED), .wake_at_ms = NOW_MS + 300, .says = "no luck" },
	{ "stop: the signal cannot be sent", UP | STOP,
	  C(RUNNING, HAS, .failed = ACTION_TASK_STOP, .failures = 1), NO, "task-stop root",
	  STATE(PENDING, STOP_FAILED), .says = "root: no luck" },
	{ "delete: its network cannot be taken down", CGROUP | NOT_WANTED | NET_FAILED, NO, NO,
	  "cgroup-remove", STATE(PENDING, DELETE_FAILED), .says = "no luck" },
	{ "delete: its cgroup cannot be removed", CGROUP | NOT_WANTED | CGROUP_FAILED, NO, NO, "",
	  STATE(PENDING, DELETE_FAILED), .wake_at_ms = NOW_MS + 400, .says = "no luck" },

	{ "its attachment is gone: no other is made before it is mended", UP & ~ATTACHED, RUNS,
	  MADE, "network-repair", STATE(PENDING, NETWORK_DRIFTED),
	  .says = "its network is being mended: it is not attached" },
	{ "what its network has lost", (UP & ~ATTACHED) | NET_DRIFT, RUNS, RUNS, "network-repair",
	  STATE(PENDING, NETWORK_DRIFTED), .says = "its network is being mended: eth0 is gone" },
	{ "nothing is mended while addresses are still given back", (UP & ~ATTACHED) | RELEASING,
	  RUNS, RUNS, "", STATE(PENDING, NETWORK_DRIFTED) },
	{ "nothing is attached then", CGROUP | PINNED | FRESH | RELEASING, MADE, MADE,
	  "task-create root", STATE(PENDING, CREATING) },
	{ "its namespace is made all the same", CGROUP | RELEASING, MADE, MADE, "netns-create",
	  STATE(PENDING, CREATING) },
	{ "its root is gone and another lives on", CGROUP, MADE, RUNS, "task-stop b",
	  STATE(PENDING, CREATING) },
	{ "one that has not run is not over", UP, RUNS,
	  C(NONE, HAS, .policy = API__RESTART_POLICY__RESTART_POLICY_NEVER), "task-create b",
	  STATE(PENDING, CREATING) },

	{ "where its space cannot be reached it is not placed", CGROUP | UNREACHABLE, MADE, MADE,
	  "", STATE(PENDING, RANGE_OVERLAPS),
	  .says = "not placed where it could not be reached: space r/s: a VPN" },
	{ "one that has begun is", CGROUP | UNREACHABLE | PINNED | FRESH, MADE, MADE,
	  "network-attach, task-create root", STATE(PENDING, CREATING) },
	{ "one that is beginning is", CGROUP | UNREACHABLE | NET_BUSY, NEW, NEW,
	  "container-create root, container-create b", STATE(PENDING, CREATING) },
	{ "one that runs is mended", CGROUP | UNREACHABLE | INTENT, RUNS, RUNS, "network-repair",
	  STATE(PENDING, NETWORK_DRIFTED) },
	{ "one that runs is left alone", UP | UNREACHABLE, RUNS, RUNS, "", STATE(READY, NONE) },
	{ "its name is another's too", CGROUP | RIVAL, MADE, MADE, "",
	  STATE(PENDING, NAME_CONFLICT), .says = "cell Web" },
	{ "and it runs", UP | RIVAL, RUNS, RUNS, "", STATE(READY, NAME_CONFLICT),
	  .says = "cell Web" },
	{ "its port is another cell's", CGROUP | PORT, MADE, MADE, "",
	  STATE(PENDING, PORT_CONFLICT), .says = "80 is theirs" },
	{ "its port is another program's", UP | TAKEN_PORT, RUNS, RUNS, "",
	  STATE(PENDING, PORT_CONFLICT), .says = "81 is taken" },
	{ "it has no stack", CGROUP | NO_STACK, MADE, MADE, "", STATE(PENDING, PARENT_NOT_READY),
	  .says = "Stack  is not ready" },
	{ "its stack is not ready, it says which", CGROUP | PARENT_PENDING, MADE, MADE, "",
	  STATE(PENDING, PARENT_NOT_READY), .says = "Stack r/s/t is not ready" },

	{ "restart: all go down", UP | RESTART, RUNS, RUNS, "task-stop root, task-stop b",
	  STATE(PENDING, RESTARTING), .says = "being restarted by request" },
	{ "restart: a task is left", CGROUP | RESTART, C(STOPPED, HAS | EXITED), MADE,
	  "task-delete root", STATE(PENDING, RESTARTING) },
	{ "restart: its pin is left", CGROUP | RESTART | PINNED, MADE, MADE, "network-detach",
	  STATE(PENDING, RESTARTING) },
	{ "restart: its attachment is left", CGROUP | RESTART | INTENT, MADE, MADE,
	  "network-detach", STATE(PENDING, RESTARTING) },
	{ "restart: its network is at work", CGROUP | RESTART | NET_BUSY, MADE, MADE, "",
	  STATE(PENDING, RESTARTING) },
	{ "restart: one is at work", CGROUP | RESTART, MADE, C(NONE, HAS | BUSY), "",
	  STATE(PENDING, RESTARTING) },
	{ "restart: one is not known", CGROUP | RESTART, MADE, C(NONE, HAS | BLIND),
	  "container-inspect b", STATE(PENDING, RESTARTING) },
	{ "restart: all is down", CGROUP | RESTART, MADE, MADE, "", STATE(PENDING, RESTARTING),
	  .restarted = true },
	{ "restart: what is new may stay", CGROUP | RESTART | PINNED | FRESH, MADE, MADE, "",
	  STATE(PENDING, RESTARTING), .restarted = true },
	{ "restart of another", UP, RUNS, C(RUNNING, HAS, .run = INTENT_RESTART), "task-stop b",
	  STATE(PENDING, RESTARTING), .says = "container b ended and is being started again" },
	{ "restart of another that is down", UP, RUNS, C(NONE, HAS, .run = INTENT_RESTART), "",
	  STATE(PENDING, RESTARTING), .restarted = true },

	{ "its root's document may be the damaged one", CGROUP | DAMAGED, NO, RUNS, "",
	  STATE(UNKNOWN, STORE_DAMAGED),
	  .says = "the file of its container c in the store was damaged and set aside, so nothing "
		  "is done to it; apply the container again, or delete it" },
	{ "also of one that has been there", CGROUP | DAMAGED, C(NONE, HAS | GONE), RUNS, "",
	  STATE(UNKNOWN, STORE_DAMAGED) },
	{ "its root is known: it is another's", UP | DAMAGED, RUNS, RUNS, "", STATE(READY, NONE) },
	{ "it goes whatever it had", CGROUP | DAMAGED | NOT_WANTED, NO, RUNS, "task-stop b",
	  STATE(PENDING, DELETING) },

	{ "another is to stop", UP, RUNS, C(RUNNING, HAS, .run = INTENT_STOP), "task-stop b",
	  STATE(READY, STOPPING), .says = "container b is being stopped" },
	{ "another was stopped", UP, RUNS, C(NONE, HAS, .run = INTENT_STOP), "",
	  STATE(READY, NONE) },
	{ "another is to die", UP, RUNS, C(RUNNING, HAS, .run = INTENT_KILL), "task-kill b",
	  STATE(READY, STOPPING) },
	{ "another was asked to stop and is to die now", UP, RUNS,
	  C(RUNNING, HAS, .run = INTENT_KILL, .stop_sent_ms = NOW_MS - 1), "task-kill b",
	  STATE(READY, STOPPING) },
	{ "the root is to stop: all stop", UP, C(RUNNING, HAS, .run = INTENT_STOP), RUNS,
	  "task-stop root, task-stop b", STATE(PENDING, STOPPING),
	  .says = "its containers are being stopped" },
	{ "the root was stopped", CGROUP, C(NONE, HAS, .run = INTENT_STOP), MADE, "",
	  STATE(STOPPED, STOP_REQUESTED),
	  .says = "its root container was stopped by request; 'kuke start container root' brings "
		  "it back" },
	{ "the cell was stopped", CGROUP | STOP, MADE, MADE, "", STATE(STOPPED, STOP_REQUESTED),
	  .says = "stopped by request; 'kuke start cell web' brings it back" },
	{ "one without a root was stopped", CGROUP | STOP, NO, NO, "",
	  STATE(STOPPED, STOP_REQUESTED), .says = "stopped by request" },
	{ "the cell is to die", UP | KILL_CELL, RUNS, RUNS, "task-kill root, task-kill b",
	  STATE(PENDING, STOPPING) },

	{ "delete: what is said while it stops", UP | NOT_WANTED, MADE, RUNS,
	  "task-stop b, container-remove root", STATE(PENDING, DELETING),
	  .says = "its containers are being stopped" },
	{ "delete: what is said then", CGROUP | NOT_WANTED, MADE, NO, "container-remove root",
	  STATE(PENDING, DELETING), .says = "being deleted" },
	{ "delete: a record alone", CGROUP | NOT_WANTED, C(NONE, HAS | NO_SNAPSHOT), NO,
	  "container-remove root", STATE(PENDING, DELETING) },
	{ "delete: a snapshot alone", CGROUP | NOT_WANTED, C(NONE, HAS | NO_RECORD), NO,
	  "container-remove root", STATE(PENDING, DELETING) },
	{ "delete: a pin alone", CGROUP | NOT_WANTED | PINNED, NO, NO, "network-detach",
	  STATE(PENDING, DELETING) },
	{ "delete: an attachment alone", CGROUP | NOT_WANTED | INTENT, NO, NO, "network-detach",
	  STATE(PENDING, DELETING) },
	{ "delete: a task may just be made in its network", UP | NOT_WANTED, MADE,
	  C(NONE, HAS | BUSY, .doing = ACTION_TASK_CREATE), "container-remove root",
	  STATE(PENDING, DELETING) },
	{ "delete: or started", UP | NOT_WANTED, MADE,
	  C(NONE, HAS | BUSY, .doing = ACTION_TASK_START), "container-remove root",
	  STATE(PENDING, DELETING) },
	{ "delete: what else is done to it does not matter", UP | NOT_WANTED, MADE,
	  C(NONE, HAS | BUSY, .doing = ACTION_CONTAINER_CREATE),
	  "network-detach, container-remove root", STATE(PENDING, DELETING) },
	{ "delete: nor what was done last", UP | NOT_WANTED, MADE,
	  C(NONE, HAS, .doing = ACTION_TASK_CREATE),
	  "network-detach, container-remove root, container-remove b", STATE(PENDING, DELETING) },
	{ "delete: one that is not known may live there", UP | NOT_WANTED, MADE,
	  C(NONE, HAS | BLIND), "container-inspect b, container-remove root",
	  STATE(PENDING, DELETING) },

	{ "delete: its shim cannot kill it", UP | NOT_WANTED,
	  C(RUNNING, HAS, .stop_sent_ms = 1, .failed = ACTION_TASK_KILL, .failures = 2), NO,
	  "task-kill root, cgroup-kill", STATE(PENDING, DELETE_FAILED), .says = "root: no luck" },
	{ "delete: it failed once", UP | NOT_WANTED,
	  C(RUNNING, HAS, .stop_sent_ms = 1, .failed = ACTION_TASK_KILL, .failures = 1), NO,
	  "task-kill root", STATE(PENDING, DELETE_FAILED) },
	{ "delete: something else failed", UP | NOT_WANTED,
	  C(RUNNING, HAS, .stop_sent_ms = 1, .failed = ACTION_TASK_START, .failures = 5), NO,
	  "task-kill root", STATE(PENDING, DELETE_FAILED) },
	{ "delete: its task does not go", UP | NOT_WANTED,
	  C(STOPPED, HAS, .failed = ACTION_TASK_DELETE, .failures = 2), NO,
	  "task-delete root, network-detach, cgroup-kill", STATE(PENDING, DELETE_FAILED) },
	{ "delete: its signal cannot be sent, and the grace is over", UP | NOT_WANTED,
	  C(RUNNING, HAS, .stop_tried_ms = NOW_MS - GRACE_MS, .failed = ACTION_TASK_STOP,
	    .failures = 2),
	  NO, "task-stop root, cgroup-kill", STATE(PENDING, DELETE_FAILED) },
	{ "delete: its signal cannot be sent, it may have been", UP | NOT_WANTED,
	  C(RUNNING, HAS, .stop_tried_ms = NOW_MS - GRACE_MS + 1, .failed = ACTION_TASK_STOP,
	    .failures = 2),
	  NO, "task-stop root", STATE(PENDING, DELETE_FAILED), .wake_at_ms = NOW_MS + 1 },
	{ "delete: killed in vain, it says where to look", UP | NOT_WANTED,
	  C(RUNNING, HAS, .stop_sent_ms = 1, .kill_sent_ms = NOW_MS - 1, .kills = 2), NO,
	  "cgroup-kill", STATE(PENDING, DELETE_FAILED), .wake_at_ms = NOW_MS - 1 + 10000,
	  .says = "container root: process 7 does not end after 2 SIGKILLs; if it hangs in the "
		  "kernel, /proc/7/stack says where" },
	{ "delete: killed once", UP | NOT_WANTED,
	  C(RUNNING, HAS, .stop_sent_ms = 1, .kill_sent_ms = NOW_MS - 1, .kills = 1), NO, "",
	  STATE(PENDING, DELETING), .wake_at_ms = NOW_MS - 1 + 5000 },

	{ "not wanted, but perhaps only not read yet", UP | NOT_WANTED | KEEP, RUNS, RUNS, "",
	  STATE(UNKNOWN, STARTING) },
	{ "delete: all tasks at once", UP | NOT_WANTED, RUNS, RUNS, "task-stop root, task-stop b",
	  STATE(PENDING, DELETING) },
	{ "delete: the grace", UP | NOT_WANTED, C(RUNNING, HAS, .stop_sent_ms = NOW_MS - 1), MADE,
	  "container-remove b", STATE(PENDING, DELETING), .wake_at_ms = NOW_MS - 1 + GRACE_MS },
	{ "delete: after the grace", UP | NOT_WANTED,
	  C(RUNNING, HAS, .stop_sent_ms = NOW_MS - GRACE_MS),
	  C(RUNNING, HAS, .stop_sent_ms = NOW_MS - GRACE_MS, .kill_sent_ms = NOW_MS - 1),
	  "task-kill root", STATE(PENDING, DELETING), .wake_at_ms = NOW_MS - 1 + 5000 },
	{ "delete: the root's shim hangs", UP | NOT_WANTED, C(RUNNING, HAS | BLIND | HUNG), RUNS,
	  "", STATE(PENDING, DELETE_FAILED), .wake_at_ms = NOW_MS + 500 },
	{ "delete: two kills in vain: all of the cgroup is killed", UP | NOT_WANTED,
	  C(RUNNING, HAS, .stop_sent_ms = 1, .kill_sent_ms = NOW_MS - 1, .kills = 2),
	  C(STOPPED, HAS | EXITED), "task-delete b, cgroup-kill", STATE(PENDING, DELETE_FAILED),
	  .wake_at_ms = NOW_MS - 1 + 10000 },
	{ "delete: the pauses between kills end at a minute", UP | NOT_WANTED,
	  C(RUNNING, HAS, .stop_sent_ms = 1, .kill_sent_ms = NOW_MS - 1, .kills = 99), NO,
	  "cgroup-kill", STATE(PENDING, DELETE_FAILED), .wake_at_ms = NOW_MS - 1 + 60000 },
	{ "one container that resists is no reason to kill its neighbours", UP, RUNS,
	  C(RUNNING, HAS | GONE, .stop_sent_ms = 1, .kill_sent_ms = NOW_MS - 1, .kills = 2), "",
	  STATE(PENDING, STOP_FAILED), .wake_at_ms = NOW_MS - 1 + 10000 },
	{ "delete: network and records", UP | NOT_WANTED, MADE, MADE,
	  "network-detach, container-remove root, container-remove b", STATE(PENDING, DELETING) },
	{ "delete: the network is still there", CGROUP | PINNED | NET_BUSY | NOT_WANTED, NO, NO, "",
	  STATE(PENDING, DELETING) },
	{ "delete: a process of nobody", CGROUP | POPULATED | NOT_WANTED, C(NONE, 0), C(NONE, 0),
	  "cgroup-kill", STATE(PENDING, DELETING) },
	{ "delete: the cgroup", CGROUP | NOT_WANTED, C(NONE, 0), C(NONE, 0), "cgroup-remove",
	  STATE(PENDING, DELETING) },
	{ "delete: gone", NOT_WANTED, C(NONE, 0), C(NONE, 0), "", STATE(PENDING, DELETING),
	  .gone = true },
	{ "delete: a container that is not known may be there", NOT_WANTED, C(NONE, 0),
	  C(NONE, BLIND), "container-inspect b", STATE(PENDING, DELETING) },

	{ "stop wanted", UP | STOP, RUNS, RUNS, "task-stop root, task-stop b",
	  STATE(PENDING, STOPPING) },
	{ "stopped: a cgroup whose making failed is made whole", CGROUP | CGROUP_STALE | STOP, MADE,
	  MADE, "cgroup-ensure", STATE(STOPPED, STOP_REQUESTED) },
	{ "stopped: records and cgroup stay", CGROUP | STOP, MADE, MADE, "",
	  STATE(STOPPED, STOP_REQUESTED) },
	{ "stopped: the network goes", CGROUP | STOP | PINNED | INTENT | ATTACHED, MADE, MADE,
	  "network-detach", STATE(STOPPED, STOP_REQUESTED) },

	{ "a failure waits", CGROUP | PINNED | FRESH | NET_BUSY, C(NONE, FAILED), NEW,
	  "container-create b", STATE(PENDING, IMAGE_NOT_PRESENT), .wake_at_ms = NOW_MS + 500 },
	{ "a failed network waits", CGROUP | NET_FAILED, NEW, NEW,
	  "container-create root, container-create b", STATE(PENDING, NETWORK_FAILED),
	  .wake_at_ms = NOW_MS + 300 },
	{ "containerd is down", UP | DOWN, RUNS, C(STOPPED, HAS | EXITED), "",
	  STATE(UNKNOWN, RUNTIME_UNAVAILABLE) },
	{ "not looked yet", UP | NOT_LOOKED, RUNS, MADE, "", STATE(UNKNOWN, STARTING) },
	{ "what is busy is left alone", UP, C(RUNNING, HAS), C(NONE, HAS | BUSY), "",
	  STATE(PENDING, CREATING) },
	{ "the root's shim hangs: nothing is decided", UP, C(RUNNING, HAS | BLIND | HUNG), RUNS, "",
	  STATE(UNKNOWN, RUNTIME_UNAVAILABLE), .wake_at_ms = NOW_MS + 500 },
	{ "another's shim hangs", UP, RUNS, C(RUNNING, HAS | BLIND | HUNG), "",
	  STATE(UNKNOWN, RUNTIME_UNAVAILABLE), .wake_at_ms = NOW_MS + 500 },
	{ "nothing is decided while the root is not known", UP, C(RUNNING, HAS | BLIND), MADE,
	  "container-inspect root", STATE(UNKNOWN, STARTING) },
};

/* ---- from a row to an object ---- */

static void fail_slot(struct slot *slot, enum action action, int code, uint64_t retry_at_ms)
{
	struct error err;

	error_set(&err, code, "no luck");
	slot_failed(slot, action, &err, NOW_MS);
	slot->retry_at_ms = retry_at_ms;
}

static void set_container(struct object *cell, const char *role, const struct one *one,
			  Api__ContainerSpec *spec)
{
	struct container *c;

	if (one->flags & ABSENT)
		return;
	c = cell_add_container(cell, role, role);
	api__container_spec__init(spec);
	spec->restart_policy = one->policy;
	spec->has_restart_max_retries = one->max_retries != 0;
	spec->restart_max_retries = one->max_retries;
	c->spec = one->flags & GONE ? NULL : spec;
	strcpy(c->hash, "new");
	c->record = c->snapshot = one->flags & HAS;
	c->seen_hash = one->flags & HAS ? xstrdup(one->flags & CHANGED ? "old" : "new") : NULL;
	c->image_ready = one->flags & IMAGE;
	c->renew = one->flags & RENEW;
	c->image_moved = one->flags & MOVED;
	c->task = one->task;
	c->exited = one->flags & EXITED;
	c->stopping = one->flags & OURS;
	c->oom_killed = one->flags & OOM;
	c->exit_code = one->exit_code;
	c->exited_ms = one->exited_ms;
	c->restarts = one->restarts;
	c->restarts_in_row = one->in_row;
	c->stop_sent_ms = one->stop_sent_ms;
	c->kill_sent_ms = one->kill_sent_ms;
	c->kills = one->kills;
	c->run = one->run;
	c->stop_tried_ms = one->stop_tried_ms;
	c->slot.action = one->doing;
	c->record &= !(one->flags & NO_RECORD);
	c->snapshot &= !(one->flags & NO_SNAPSHOT);
	c->pid = 7;
	c->slot.busy = one->flags & BUSY;
	c->slot.known = !(one->flags & BLIND);
	if (one->flags & HUNG)
		fail_slot(&c->slot, ACTION_CONTAINER_INSPECT, -ETIMEDOUT, NOW_MS + 500);
	if (one->flags & FAILED)
		fail_slot(&c->slot, ACTION_IMAGE_RESOLVE, -ENOENT, NOW_MS + 500);
	for (unsigned i = 0; i < one->failures; i++)
		fail_slot(&c->slot, one->failed, one->code ? one->code : -EIO, NOW_MS);
}

static void set_cell(struct object *cell, unsigned flags)
{
	cell->wanted = !(flags & NOT_WANTED);
	cell->cell.run = flags & STOP ? INTENT_STOP : INTENT_RUN;
	cell->cell.pinned = flags & PINNED;
	cell->cell.intent = flags & INTENT;
	cell->cell.attached = flags & ATTACHED;
	cell->cell.fresh = flags & FRESH;
	cell->cell.network.busy = flags & NET_BUSY;
	cell->cgroup_exists = flags & CGROUP;
	cell->cgroup_stale = flags & CGROUP_STALE;
	cell->populated = flags & POPULATED;
	cell->cgroup.known = !(flags & CGROUP_BLIND);
	cell->cgroup.busy = flags & CGROUP_BUSY;
	if (flags & NET_FAILED)
		fail_slot(&cell->cell.network, ACTION_NETNS_CREATE, -EIO, NOW_MS + 300);
}

/* What only cell_rows have. */
static void set_cell_more(struct object *cell, unsigned flags)
{
	if (flags & RESTART)
		cell->cell.run = INTENT_RESTART;
	if (flags & KILL_CELL)
		cell->cell.run = INTENT_KILL;
	if (flags & CGROUP_FAILED)
		fail_slot(&cell->cgroup, ACTION_CGROUP_ENSURE, -EIO, NOW_MS + 400);
	if (flags & DAMAGED)
		strv_add(&cell->cell.kept, "c");
	cell->cell.rival = flags & RIVAL ? xstrdup("cell Web") : NULL;
	cell->cell.port_conflict = flags & PORT ? xstrdup("80 is theirs") : NULL;
	cell->cell.port_taken = flags & TAKEN_PORT ? xstrdup("81 is taken") : NULL;
	cell->cell.drift = flags & NET_DRIFT ? xstrdup("eth0 is gone") : NULL;
}

static struct plan_context context_of(unsigned flags)
{
	return (struct plan_context){
		.now_ms = NOW_MS,
		.relisted = !(flags & NOT_LOOKED),
		.may_delete = !(flags & KEEP),
		.runtime_up = !(flags & DOWN),
		.may_begin = !(flags & FULL),
		.begin_at_ms = flags & FULL ? NOW_MS + 700 : 0,
	};
}

static void assert_plan(const char *name, const struct plan *plan, const char *steps,
			Api__State state, enum reason reason, uint64_t wake_at_ms, bool gone)
{
	AUTO_FREE char *text = plan_text(plan);

	if (strcmp(text, steps) == 0 && plan->state == state && plan->reason == reason &&
	    plan->wake_at_ms == wake_at_ms && plan->gone == gone)
		return;
	print_error(
		"%s:\n  got      [%s] %s \"%s\" (%s) wake %llu gone %d\n  expected [%s] %s \"%s\" wake %llu gone %d\n",
		name, text, plan_state_name(plan->state), reason_name(plan->reason), plan->message,
		(unsigned long long)plan->wake_at_ms, plan->gone, steps, plan_state_name(state),
		reason_name(reason), (unsigned long long)wake_at_ms, gone);
	fail();
}

static void assert_says(const char *name, const struct plan *plan, const char *says)
{
	if (says && strcmp(plan->message, says) != 0)
		fail_msg("%s: says \"%s\", expected \"%s\"", name, plan->message, says);
}

static void run_row(const struct row *row)
{
	struct object *space = object_new("r/s"), *stack = object_new("r/s/t"),
		      *cell = object_new("r/s/t/web");
	struct plan_context context = context_of(row->cell);
	Api__ContainerSpec root, other;
	struct container *c;
	struct plan plan;

	stack->status.state =
		row->cell & PARENT_PENDING ? API__STATE__STATE_PENDING : API__STATE__STATE_READY;
	space->backing.unreachable = row->cell & UNREACHABLE;
	space->backing.overlap = xstrdup("a VPN");
	stack->parent = space;
	cell->parent = row->cell & NO_STACK ? NULL : stack;
	context.releasing = row->cell & RELEASING;
	set_container(cell, "root", &row->root, &root);
	set_container(cell, "b", &row->other, &other);
	set_cell(cell, row->cell);
	set_cell_more(cell, row->cell);
	plan_object(cell, &context, &plan);
	assert_plan(row->name, &plan, row->steps, row->state, row->reason, row->wake_at_ms,
		    row->gone);
	assert_says(row->name, &plan, row->says);
	if (plan.waits != row->waits || plan.restarted != row->restarted)
		fail_msg("%s: waits %d, restarted %d", row->name, plan.waits, plan.restarted);
	plan_fini(&plan);
	plan_fini(&plan); /* it is empty then */
	list_for_each(c, &cell->cell.containers, link)
		c->slot.busy = false;
	object_free(cell);
	object_free(stack);
	object_free(space);
}

static void test_cells(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(cell_rows); i++)
		run_row(&cell_rows[i]);
}

/* ---- whose task is to end ---- */

static const struct {
	const char *name;
	unsigned cell;
	struct one root, other;
	bool root_goes, other_goes;
} going_rows[] = {
	{ "all is as it shall be", UP, RUNS, RUNS, false, false },
	{ "the cell goes", UP | NOT_WANTED, RUNS, RUNS, true, true },
	{ "the cell stops", UP | STOP, RUNS, RUNS, true, true },
	{ "one is not wanted", UP, RUNS, C(RUNNING, HAS | GONE), false, true },
	{ "one stops", UP, RUNS, C(RUNNING, HAS, .run = INTENT_STOP), false, true },
	{ "one starts anew", UP, RUNS, C(RUNNING, HAS, .run = INTENT_RESTART), false, true },
	{ "the root starts anew", UP, C(RUNNING, HAS, .run = INTENT_RESTART), RUNS, true, true },
	{ "one changed", UP, RUNS, C(RUNNING, HAS | CHANGED | IMAGE), false, true },
	{ "one changed, its image is not there", UP, RUNS, C(RUNNING, HAS | CHANGED), false,
	  false },
	{ "the root changed", UP, C(RUNNING, HAS | CHANGED | IMAGE), RUNS, true, true },
	{ "a root that has no task yet changed", CGROUP, C(NONE, HAS | CHANGED | IMAGE), MADE,
	  false, false },
	{ "the root ended", UP, C(STOPPED, HAS | EXITED), RUNS, true, true },
};

static void test_going(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(going_rows); i++) {
		struct object *cell = object_new("r/s/t/web");
		Api__ContainerSpec root, other;

		set_container(cell, "root", &going_rows[i].root, &root);
		set_container(cell, "b", &going_rows[i].other, &other);
		set_cell(cell, going_rows[i].cell);
		if (container_goes(cell, cell_root(cell)) != going_rows[i].root_goes ||
		    container_goes(cell, cell_find_container(cell, "b")) !=
			    going_rows[i].other_goes)
			fail_msg("%s", going_rows[i].name);
		object_free(cell);
	}
}

/* ---- further spaces ---- */

enum {
	J_WANTED = 1,
	J_INTENT = 2,
	J_ATTACHED = 4,
	J_BUSY = 8,
	J_FAILED = 16,
	J_DRIFT = 32,
	J_IN = 7
};
enum { S_NONE, S_PENDING, S_READY, S_GOING, S_KEPT };

struct join_row {
	const char *name;
	unsigned cell;
	struct one root;
	unsigned joins[2], spaces[2]; /* r/a and r/b */
	const char *steps;
	Api__State state;
	enum reason reason;
	uint64_t wake_at_ms;
	const char *says; /* NULL: whatever */
};

#define COMES_UP (UP | FRESH)
#define CREATED C(CREATED, HAS)

static const struct join_row join_rows[] = {
	{ "the root waits until it is in each",
	  COMES_UP,
	  CREATED,
	  { J_WANTED, J_WANTED },
	  { S_READY, S_READY },
	  "network-join r/a",
	  STATE(PENDING, CREATING) },
	{ "one after the other",
	  COMES_UP,
	  CREATED,
	  { J_WANTED | J_BUSY, J_WANTED },
	  { S_READY, S_READY },
	  "",
	  STATE(PENDING, CREATING) },
	{ "the second",
	  COMES_UP,
	  CREATED,
	  { J_IN, J_WANTED },
	  { S_READY, S_READY },
	  "network-join r/b",
	  STATE(PENDING, CREATING) },
	{ "all joined: it starts",
	  COMES_UP,
	  CREATED,
	  { J_IN, J_IN },
	  { S_READY, S_READY },
	  "task-start root",
	  STATE(PENDING, CREATING) },
	{ "its own network comes first",
	  CGROUP | PINNED | FRESH,
	  MADE,
	  { J_WANTED, J_WANTED },
	  { S_READY, S_READY },
	  "network-attach, task-create root",
	  STATE(PENDING, CREATING) },
	{ "nothing begins before the space is there",
	  0,
	  NEW,
	  { J_WANTED },
	  { S_NONE },
	  "cgroup-ensure",
	  STATE(PENDING, SPACE_UNKNOWN) },
	{ "or ready",
	  CGROUP,
	  NEW,
	  { J_WANTED },
	  { S_PENDING },
	  "",
	  STATE(PENDING, SPACE_NOT_READY) },
	{ "one that waits leaves what goes",
	  COMES_UP,
	  CREATED,
	  { J_IN, J_WANTED },
	  { S_GOING, S_NONE },
	  "network-leave r/a",
	  STATE(PENDING, SPACE_UNKNOWN) },

	{ "one that is not placed leaves what goes",
	  CGROUP | UNREACHABLE,
	  MADE,
	  { J_IN, 0 },
	  { S_GOING, S_NONE },
	  "network-leave r/a",
	  STATE(PENDING, RANGE_OVERLAPS) },

	{ "it runs and is everywhere",
	  UP,
	  RUNS,
	  { J_IN, J_IN },
	  { S_READY, S_READY },
	  "",
	  STATE(READY, NONE) },
	{ "it runs and joins",
	  UP,
	  RUNS,
	  { J_IN, J_WANTED },
	  { S_READY, S_READY },
	  "network-join r/b",
	  STATE(PENDING, UPDATING) },
	{ "what it has to do with is said, not what it has to do with no more",
	  UP,
	  RUNS,
	  { 0, J_WANTED },
	  { S_READY, S_READY },
	  "network-join r/b",
	  STATE(PENDING, UPDATING),
	  .says = "it joins space r/b" },
	{ "nor what is well",
	  UP,
	  RUNS,
	  { J_IN, J_INTENT },
	  { S_READY, S_READY },
	  "network-leave r/b",
	  STATE(PENDING, UPDATING),
	  .says = "it leaves space r/b" },
	{ "what it lost there is said",
	  UP,
	  RUNS,
	  { J_WANTED | J_INTENT | J_DRIFT, J_IN },
	  { S_READY, S_READY },
	  "network-join r/a",
	  STATE(PENDING, NETWORK_DRIFTED),
	  .says = "its network in space r/a is being mended: eth1 is gone" },
	{ "it runs: what is not there is said",
	  UP,
	  RUNS,
	  { J_IN, J_WANTED },
	  { S_READY, S_NONE },
	  "",
	  STATE(PENDING, SPACE_UNKNOWN) },
	{ "what failed before is seen to first",
	  UP,
	  RUNS,
	  { J_WANTED | J_INTENT, 0 },
	  { S_READY, S_READY },
	  "network-join r/a",
	  STATE(PENDING, UPDATING) },
	{ "it leaves before it joins",
	  UP,
	  RUNS,
	  { J_WANTED, J_INTENT | J_ATTACHED },
	  { S_READY, S_READY },
	  "network-leave r/b",
	  STATE(PENDING, UPDATING) },
	{ "a space that goes is left",
	  UP,
	  RUNS,
	  { J_IN, J_IN },
	  { S_READY, S_GOING },
	  "network-leave r/b",
	  STATE(PENDING, UPDATING) },
	{ "not while the manifests are not read",
	  UP | KEEP,
	  RUNS,
	  { J_IN, J_IN },
	  { S_GOING, S_NONE },
	  "",
	  STATE(READY, NONE) },
	{ "nor one that may have been declared",
	  UP,
	  RUNS,
	  { J_IN, 0 },
	  { S_KEPT, S_NONE },
	  "",
	  STATE(READY, NONE) },
	{ "a space in trouble is not left",
	  UP,
	  RUNS,
	  { J_IN, 0 },
	  { S_PENDING, S_NONE },
	  "",
	  STATE(READY, NONE) },
	{ "it is left while its own stack is not ready",
	  UP | PARENT_PENDING,
	  RUNS,
	  { J_IN, 0 },
	  { S_GOING, S_NONE },
	  "network-leave r/a",
	  STATE(PENDING, PARENT_NOT_READY) },
	{ "the network of its own is mended first",
	  UP & ~ATTACHED,
	  RUNS,
	  { J_WANTED, 0 },
	  { S_READY, S_NONE },
	  "network-repair",
	  STATE(PENDING, NETWORK_DRIFTED) },
	{ "but not while a join is under way",
	  UP & ~ATTACHED,
	  RUNS,
	  { J_WANTED | J_BUSY, 0 },
	  { S_READY, S_NONE },
	  "",
	  STATE(PENDING, NETWORK_DRIFTED) },
	{ "nothing is joined while its network is mended",
	  UP | NET_BUSY,
	  RUNS,
	  { J_WANTED, 0 },
	  { S_READY, S_NONE },
	  "",
	  STATE(PENDING, UPDATING) },
	{ "what fails waits, the other goes on",
	  UP,
	  RUNS,
	  { J_WANTED | J_FAILED, J_WANTED },
	  { S_READY, S_READY },
	  "network-join r/b",
	  STATE(PENDING, NETWORK_FAILED),
	  .wake_at_ms = NOW_MS + 300 },
	{ "it goes down with all of it",
	  UP | NOT_WANTED,
	  NO,
	  { J_IN, J_IN },
	  { S_READY, S_READY },
	  "network-detach",
	  STATE(PENDING, DELETING) },
	{ "when the join under way has ended",
	  UP | NOT_WANTED,
	  NO,
	  { J_IN, J_WANTED | J_BUSY },
	  { S_READY, S_READY },
	  "",
	  STATE(PENDING, DELETING) },
};

static void set_join(struct object *cell, struct object *space, unsigned join, unsigned there)
{
	struct join *j = cell_add_join(cell, space->key);

	space->wanted = there == S_READY || there == S_PENDING;
	space->kept = there == S_KEPT;
	space->status.state =
		there == S_READY ? API__STATE__STATE_READY : API__STATE__STATE_PENDING;
	j->space = there == S_NONE ? NULL : space;
	j->wanted = join & J_WANTED;
	j->intent = join & J_INTENT;
	j->attached = join & J_ATTACHED;
	j->slot.busy = join & J_BUSY;
	j->drift = join & J_DRIFT ? xstrdup("eth1 is gone") : NULL;
	if (join & J_FAILED)
		fail_slot(&j->slot, ACTION_NETWORK_JOIN, -EIO, NOW_MS + 300);
}

static void run_join_row(const struct join_row *row)
{
	struct object *home = object_new("r/s"), *stack = object_new("r/s/t"),
		      *cell = object_new("r/s/t/web");
	struct object *spaces[] = { object_new("r/a"), object_new("r/b") };
	const struct plan_context context = context_of(row->cell);
	Api__ContainerSpec root;
	struct join *join;
	struct plan plan;

	stack->status.state =
		row->cell & PARENT_PENDING ? API__STATE__STATE_PENDING : API__STATE__STATE_READY;
	home->backing.unreachable = row->cell & UNREACHABLE;
	stack->parent = home;
	cell->parent = stack;
	set_container(cell, "root", &row->root, &root);
	set_cell(cell, row->cell);
	for (size_t i = 0; i < ARRAY_SIZE(spaces); i++)
		set_join(cell, spaces[i], row->joins[i], row->spaces[i]);
	plan_object(cell, &context, &plan);
	assert_plan(row->name, &plan, row->steps, row->state, row->reason, row->wake_at_ms, false);
	assert_says(row->name, &plan, row->says);
	assert_int_equal(cell_joins_failed(cell),
			 ((row->joins[0] | row->joins[1]) & J_FAILED) != 0);
	plan_fini(&plan);
	list_for_each(join, &cell->cell.joins, link)
		join->slot.busy = false;
	object_free(cell);
	object_free(stack);
	object_free(home);
	object_free(spaces[0]);
	object_free(spaces[1]);
}

static void test_joins(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(join_rows); i++)
		run_join_row(&join_rows[i]);
}

/* ---- realms, spaces, stacks ---- */

enum {
	OWN = 1 << 20,
	APPLIED = 1 << 21,
	CHILDREN = 1 << 22,
	DRIFTED = 1 << 23,
	FILTERED = 1 << 24,
	REFUSED = 1 << 25,     /* by the packet filter */
	REGENERATED = 1 << 26, /* its network is another one since it was filtered */
	JOINED = 1 << 27,
	DENIES = 1 << 28,       /* what leaves it */
	HOST_UNKNOWN = 1 << 29, /* that its policy allows */
	HOST_AGED = 1 << 30,    /* the same, but it was found once */
	TAKEN = 1 << 19,        /* out of the packet filter */
	ONE = 1 << 18,          /* of those, not two */
};

static const struct {
	const char *name, *key;
	unsigned flags;
	const char *steps;
	Api__State state;
	enum reason reason;
	bool gone;
	unsigned used;      /* addresses, of those in */
	const char *subnet; /* 10.88.0.0/16 */
	const char *says;   /* NULL: whatever */
} parent_rows[] = {
	{ "a new realm", "r", 0, "cgroup-ensure, namespace-ensure", STATE(PENDING, CREATING) },
	{ "a new space", "r/s", 0, "cgroup-ensure, space-ensure", STATE(PENDING, CREATING) },
	{ "a new stack", "r/s/t", 0, "cgroup-ensure", STATE(PENDING, CREATING) },
	{ "nothing is known", "r/s/t", CGROUP_BLIND, "cgroup-inspect", STATE(PENDING, CREATING) },
	{ "a realm that is there", "r", CGROUP | OWN | APPLIED, "", STATE(READY, NONE) },
	{ "a space whose conflist is to be compared", "r/s", CGROUP | OWN, "space-ensure",
	  STATE(PENDING, CREATING) },
	{ "a space that is there", "r/s", CGROUP | OWN | APPLIED | FILTERED, "",
	  STATE(READY, NONE) },
	{ "a space that is not in the packet filter yet", "r/s", CGROUP | OWN | APPLIED, "",
	  STATE(PENDING, CREATING) },
	{ "a space that the packet filter refused", "r/s", CGROUP | OWN | APPLIED | REFUSED, "",
	  STATE(PENDING, FILTER_FAILED) },
	{ "a space whose rules another hand took away", "r/s", CGROUP | OWN | APPLIED | TAKEN, "",
	  STATE(PENDING, FILTER_MISSING) },
	{ "a space whose network is not what the packet filter has", "r/s",
	  CGROUP | OWN | APPLIED | FILTERED | REGENERATED, "", STATE(PENDING, CREATING) },
	{ "a space whose policy the packet filter has not yet", "r/s",
	  CGROUP | OWN | APPLIED | FILTERED | DENIES, "", STATE(PENDING, CREATING) },
	{ "a space that allows a host that is not found", "r/s",
	  CGROUP | OWN | APPLIED | FILTERED | HOST_UNKNOWN, "", STATE(READY, HOST_NOT_FOUND) },
	{ "a space that allows a host that is not found any more", "r/s",
	  CGROUP | OWN | APPLIED | FILTERED | HOST_AGED, "", STATE(READY, HOST_STALE) },
	{ "a space with few addresses left", "r/s", CGROUP | OWN | APPLIED | FILTERED, "",
	  STATE(READY, ADDRESSES_LOW), .used = 819,
	  .says = "819 of the 1023 addresses that cells can have in 10.88.0.0/16 are in use" },
	{ "a space with some more", "r/s", CGROUP | OWN | APPLIED | FILTERED, "",
	  STATE(READY, NONE), .used = 818 },
	{ "a space without an address left", "r/s", CGROUP | OWN | APPLIED | FILTERED, "",
	  STATE(READY, ADDRESSES_EXHAUSTED), .used = 1023,
	  .says = "all 1023 ports of bridge kuke-a are in use, no further cell comes up; "
		  "delete cells, or put some into another space" },
	{ "a small space without an address left", "r/s", CGROUP | OWN | APPLIED | FILTERED, "",
	  STATE(READY, ADDRESSES_EXHAUSTED), .used = 5, .subnet = "10.88.0.0/29",
	  .says = "all 5 addresses in 10.88.0.0/29 are in use, no further cell comes up; delete "
		  "cells, or stop all of them and give the space a larger subnet" },
	{ "the smallest space without an address left", "r/s", CGROUP | OWN | APPLIED | FILTERED,
	  "", STATE(READY, ADDRESSES_EXHAUSTED), .used = 1, .subnet = "10.88.0.0/30",
	  .says = "the 1 address in 10.88.0.0/30 is in use, no further cell comes up; delete "
		  "cells, or stop all of them and give the space a larger subnet" },
	{ "the smallest space", "r/s", CGROUP | OWN | APPLIED | FILTERED, "", STATE(READY, NONE),
	  .subnet = "10.88.0.0/30" },
	{ "a space whose bridge was taken away", "r/s", CGROUP | OWN | DRIFTED, "space-ensure",
	  STATE(PENDING, NETWORK_DRIFTED) },
	{ "a stack that is there", "r/s/t", CGROUP, "", STATE(READY, NONE) },
	{ "a stack in a space that is not ready", "r/s/t", CGROUP | PARENT_PENDING, "",
	  STATE(PENDING, PARENT_NOT_READY) },
	{ "a busy cgroup", "r/s/t", CGROUP_BUSY, "", STATE(PENDING, CREATING) },
	{ "a realm while containerd is down", "r", DOWN, "cgroup-ensure",
	  STATE(UNKNOWN, RUNTIME_UNAVAILABLE) },
	{ "a space while containerd is down", "r/s", DOWN, "cgroup-ensure, space-ensure",
	  STATE(PENDING, CREATING) },
	{ "not looked yet", "r/s", NOT_LOOKED, "", STATE(UNKNOWN, STARTING) },
	{ "perhaps only not read yet", "r/s", CGROUP | OWN | NOT_WANTED | KEEP, "",
	  STATE(UNKNOWN, STARTING) },
	{ "waits for those that have joined it", "r/s", CGROUP | OWN | NOT_WANTED | JOINED, "",
	  STATE(PENDING, DELETING),
	  .says = "waits until those that have joined it have left it: cell r/s and others" },
	{ "waits for one that has joined it", "r/s", CGROUP | OWN | NOT_WANTED | JOINED | ONE, "",
	  STATE(PENDING, DELETING),
	  .says = "waits until those that have joined it have left it: cell r/s" },
	{ "waits for its children", "r/s", CGROUP | OWN | NOT_WANTED | CHILDREN, "",
	  STATE(PENDING, DELETING), .says = "waits until 2 objects below are gone" },
	{ "waits for its child", "r/s", CGROUP | OWN | NOT_WANTED | CHILDREN | ONE, "",
	  STATE(PENDING, DELETING), .says = "waits until 1 object below is gone" },
	{ "a realm goes", "r", CGROUP | OWN | NOT_WANTED, "namespace-remove, cgroup-remove",
	  STATE(PENDING, DELETING) },
	{ "a space goes", "r/s", CGROUP | OWN | APPLIED | NOT_WANTED, "space-remove, cgroup-remove",
	  STATE(PENDING, DELETING) },
	{ "a realm stays while containerd is down", "r", OWN | NOT_WANTED | DOWN, "",
	  STATE(PENDING, DELETING) },
	{ "a process of nobody", "r/s/t", CGROUP | POPULATED | NOT_WANTED, "cgroup-kill",
	  STATE(PENDING, DELETING) },
	{ "a stack is gone", "r/s/t", NOT_WANTED, "", STATE(PENDING, DELETING), .gone = true },
	{ "a container document", "r/s/t/web/a", 0, "", STATE(READY, NONE) },
	{ "a container document is gone", "r/s/t/web/a", NOT_WANTED, "", STATE(READY, NONE),
	  .gone = true },
};

static ProtobufCMessage *space_spec(bool denies)
{
	Api__Egress egress = API__EGRESS__INIT;
	Api__SpaceNetwork network = API__SPACE_NETWORK__INIT;
	Api__SpaceSpec spec = API__SPACE_SPEC__INIT;
	Api__Space space = API__SPACE__INIT;

	egress.default_ = (char[]){ "deny" };
	network.egress = &egress;
	spec.network = denies ? &network : NULL;
	space.spec = &spec;
	return model_copy(&space.base);
}

static void test_parents(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(parent_rows); i++) {
		unsigned flags = parent_rows[i].flags, many = flags & ONE ? 1 : 2;
		const char *subnet = parent_rows[i].subnet ? parent_rows[i].subnet : "10.88.0.0/16";
		struct object *above = object_new("r"), *object = object_new(parent_rows[i].key);
		const struct plan_context context = context_of(flags);
		struct plan plan;

		above->status.state = flags & PARENT_PENDING ? API__STATE__STATE_PENDING
							     : API__STATE__STATE_READY;
		object->parent = object->kind == KIND_REALM ? NULL : above;
		set_cell(object, flags);
		if (object->kind == KIND_SPACE)
			object->spec = space_spec(flags & DENIES);
		object->backing.egress_problem =
			flags & (HOST_UNKNOWN | HOST_AGED) ? xstrdup("a: no") : NULL;
		object->backing.egress_unresolved = flags & HOST_UNKNOWN;
		object->backing.exists = flags & OWN;
		object->backing.applied = flags & APPLIED;
		object->backing.filtered = flags & FILTERED ? xasprintf("kuke-a %s", subnet) : NULL;
		object->backing.routed = xasprintf("kuke-a %s", subnet);
		object->backing.filter_problem = flags & REFUSED ? xstrdup("no nf_tables") : NULL;
		object->backing.filter_missing = flags & TAKEN;
		object->backing.space.bridge = xstrdup(flags & REGENERATED ? "kuke-b" : "kuke-a");
		object->backing.addresses_used = parent_rows[i].used;
		object->backing.space.subnet = xstrdup(subnet);
		object->backing.space.drift =
			flags & DRIFTED ? xstrdup("its bridge is gone") : NULL;
		object->children = flags & CHILDREN ? many : 0;
		object->backing.joined = flags & JOINED ? many : 0;
		object->backing.joined_by = object;
		plan_object(object, &context, &plan);
		assert_plan(parent_rows[i].name, &plan, parent_rows[i].steps, parent_rows[i].state,
			    parent_rows[i].reason, 0, parent_rows[i].gone);
		assert_says(parent_rows[i].name, &plan, parent_rows[i].says);
		plan_fini(&plan);
		object->children = 0;
		object_free(object);
		object_free(above);
	}
}

/* ---- what is the matter with a realm or a space that was fine ---- */

static const struct {
	const char *name, *key;
	enum { FINE, GOES, HALF, BLANK, BLINDLY } how; /* of HALF the cgroup is missing */
	enum action failed;
	int code;
	const char *refused, *blocked, *unread;
	bool kept, unfiltered;
	const char *steps;
	Api__State state;
	enum reason reason;
	const char *says;
} trouble_rows[] = {
	{ "a realm that is to have another namespace", "r", FINE, .refused = "not so", .steps = "",
	  STATE(PENDING, SPEC_REFUSED), .says = "not so" },
	{ "a new realm", "r", BLANK, .refused = "not so",
	  .steps = "cgroup-ensure, namespace-ensure", STATE(PENDING, CREATING) },
	{ "a space whose cells hold its ranges", "r/s", FINE, ACTION_SPACE_ENSURE, -EBUSY,
	  .steps = "", STATE(PENDING, SPEC_REFUSED), .says = "no luck" },
	{ "the same, and its rules are not there", "r/s", FINE, ACTION_SPACE_ENSURE, -EBUSY,
	  .unfiltered = true, .steps = "", STATE(PENDING, NETWORK_FAILED), .says = "no luck" },
	{ "a space whose network fails", "r/s", FINE, ACTION_SPACE_ENSURE, -EIO, .steps = "",
	  STATE(PENDING, NETWORK_FAILED), .says = "no luck" },
	{ "a realm whose namespace fails", "r", FINE, ACTION_NAMESPACE_ENSURE, -EBUSY, .steps = "",
	  STATE(PENDING, NAMESPACE_FAILED), .says = "no luck" },
	{ "a space whose cgroup fails", "r/s", HALF, ACTION_CGROUP_ENSURE, -EIO,
	  .steps = "cgroup-ensure", STATE(PENDING, CGROUP_FAILED), .says = "no luck" },
	{ "a cgroup that cannot be removed", "r/s", GOES, ACTION_CGROUP_REMOVE, -EIO,
	  .steps = "space-remove, cgroup-remove", STATE(PENDING, DELETE_FAILED),
	  .says = "delete: no luck" },
	{ "a network that cannot be removed", "r/s", GOES, ACTION_SPACE_REMOVE, -EIO,
	  .steps = "space-remove, cgroup-remove", STATE(PENDING, DELETE_FAILED),
	  .says = "delete: no luck" },
	{ "packets do not come through", "r/s", FINE, .blocked = "a rule of theirs", .steps = "",
	  STATE(READY, TRAFFIC_BLOCKED), .says = "a rule of theirs; what helps: none" },
	{ "that is said of what is whole", "r/s", HALF, .blocked = "a rule of theirs",
	  .steps = "cgroup-ensure", STATE(PENDING, CREATING) },

	{ "its part of the store cannot be read", "r/s", FINE, .unread = "EIO", .steps = "",
	  STATE(READY, STORE_UNREADABLE),
	  .says = "what was declared of it is not known, so nothing is done to it: EIO" },
	{ "nothing is made then", "r/s", HALF, .unread = "EIO", .steps = "",
	  STATE(UNKNOWN, STORE_UNREADABLE) },
	{ "but looked at", "r/s", BLINDLY, .unread = "EIO", .steps = "cgroup-inspect",
	  STATE(UNKNOWN, STORE_UNREADABLE) },
	{ "and nothing is taken away", "r/s", GOES, .unread = "EIO", .kept = true, .steps = "",
	  STATE(UNKNOWN, STORE_UNREADABLE) },
	{ "its file was damaged", "r/s", GOES, .kept = true, .steps = "",
	  STATE(UNKNOWN, STORE_DAMAGED) },
	{ "and it was declared anew", "r/s", FINE, .kept = true, .steps = "", STATE(READY, NONE) },
	{ "of a container document the cell tells", "r/s/t/web/a", FINE, .unread = "EIO",
	  .steps = "", STATE(READY, NONE) },
};

static struct object *one_in_trouble(size_t i, struct object *above)
{
	struct object *o = object_new(trouble_rows[i].key);
	unsigned how = trouble_rows[i].how;
	bool of_cgroup = trouble_rows[i].failed == ACTION_CGROUP_ENSURE ||
			 trouble_rows[i].failed == ACTION_CGROUP_REMOVE;

	o->parent = o->kind == KIND_REALM ? NULL : above;
	o->wanted = how != GOES;
	o->cgroup_exists = how == FINE || how == GOES;
	o->cgroup.known = how != BLINDLY;
	o->backing.exists = how != BLANK;
	o->backing.applied = how == FINE || how == HALF;
	if (o->kind == KIND_SPACE)
		o->spec = space_spec(false);
	o->backing.space.bridge = xstrdup("kuke-a");
	o->backing.space.subnet = xstrdup("10.88.0.0/16");
	o->backing.filtered = trouble_rows[i].unfiltered ? NULL : xstrdup("kuke-a 10.88.0.0/16");
	o->backing.routed = xstrdup("kuke-a 10.88.0.0/16");
	o->refused = xstrdup_maybe(trouble_rows[i].refused);
	o->backing.passage.blocked = xstrdup_maybe(trouble_rows[i].blocked);
	o->backing.passage.remedy = xstrdup("none");
	o->unread = xstrdup_maybe(trouble_rows[i].unread);
	o->kept = trouble_rows[i].kept;
	if (trouble_rows[i].failed)
		fail_slot(of_cgroup ? &o->cgroup : &o->backing.slot, trouble_rows[i].failed,
			  trouble_rows[i].code, NOW_MS);
	return o;
}

static void test_parents_in_trouble(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(trouble_rows); i++) {
		struct object *above = object_new("r"), *object = one_in_trouble(i, above);
		const struct plan_context context = context_of(0);
		struct plan plan;

		above->status.state = API__STATE__STATE_READY;
		plan_object(object, &context, &plan);
		assert_plan(trouble_rows[i].name, &plan, trouble_rows[i].steps,
			    trouble_rows[i].state, trouble_rows[i].reason, 0, false);
		assert_says(trouble_rows[i].name, &plan, trouble_rows[i].says);
		plan_fini(&plan);
		object_free(object);
		object_free(above);
	}
}

/* ---- a cell that the store may know something of, which cannot be read ---- */

static void assert_held_back(unsigned cell_flags, struct one one, enum run_intent run,
			     const char *steps)
{
	struct object *stack = object_new("r/s/t"), *cell = object_new("r/s/t/web");
	const struct plan_context context = context_of(cell_flags);
	Api__ContainerSpec spec;
	struct plan plan;

	stack->status.state = API__STATE__STATE_READY;
	cell->parent = stack;
	set_container(cell, "root", &one, &spec);
	set_cell(cell, cell_flags);
	cell->cell.run = run;
	cell->unread = xstrdup("EIO");
	plan_object(cell, &context, &plan);
	assert_plan("held back", &plan, steps, API__STATE__STATE_UNKNOWN, REASON_STORE_UNREADABLE,
		    plan.wake_at_ms, false);
	assert_false(plan.waits || plan.restarted);
	plan_fini(&plan);
	object_free(cell);
	object_free(stack);
}

static void test_held_back(void **state UNUSED)
{
	struct one nothing = C(NONE, 0), made = MADE, hidden = C(NONE, BLIND);

	assert_held_back(FULL, nothing, INTENT_RUN, "");       /* it would wait */
	assert_held_back(CGROUP, made, INTENT_RESTART, "");    /* it would be down */
	assert_held_back(NOT_WANTED, nothing, INTENT_RUN, ""); /* it would be gone */
	assert_held_back(CGROUP_BLIND, hidden, INTENT_RUN,
			 "container-inspect root, cgroup-inspect");
	assert_held_back(CGROUP_BLIND | PINNED | NOT_WANTED, nothing, INTENT_RUN, "cgroup-inspect");
}

/* ---- routes of others ---- */

static const struct {
	const char *name, *routed, *overlap;
	bool unreachable;
	Api__State state;
	enum reason reason;
} way_rows[] = {
	{ "not looked at yet", NULL, NULL, false, STATE(PENDING, CREATING) },
	{ "looked at with another range", "kuke-a 10.89.0.0/16", NULL, false,
	  STATE(PENDING, CREATING) },
	{ "none", "kuke-a 10.88.0.0/16", NULL, false, STATE(READY, NONE) },
	{ "beside ours", "kuke-a 10.88.0.0/16", "a VPN", false, STATE(READY, RANGE_OVERLAPS) },
	{ "in its place", "kuke-a 10.88.0.0/16", "a VPN", true, STATE(PENDING, RANGE_OVERLAPS) },
};

static void test_ways(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(way_rows); i++) {
		struct object *above = object_new("r"), *space = object_new("r/s");
		const struct plan_context context = context_of(0);
		struct plan plan;

		above->status.state = API__STATE__STATE_READY;
		space->parent = above;
		set_cell(space, CGROUP);
		space->backing.exists = space->backing.applied = true;
		space->spec = space_spec(false);
		space->backing.filtered = xstrdup("kuke-a 10.88.0.0/16");
		space->backing.space.bridge = xstrdup("kuke-a");
		space->backing.space.subnet = xstrdup("10.88.0.0/16");
		space->backing.routed = xstrdup_maybe(way_rows[i].routed);
		space->backing.overlap = xstrdup_maybe(way_rows[i].overlap);
		space->backing.unreachable = way_rows[i].unreachable;
		plan_object(space, &context, &plan);
		assert_plan(way_rows[i].name, &plan, "", way_rows[i].state, way_rows[i].reason, 0,
			    false);
		assert_int_equal(object_refuses_new(space, NULL), way_rows[i].unreachable);
		assert_false(object_refuses_new(space, "10.88.0.7"));
		plan_fini(&plan);
		object_free(space);
		object_free(above);
	}
}

/* ---- failures ---- */

static const struct {
	int code;
	unsigned failures;
	uint64_t pause_ms;
} retry_rows[] = {
	{ -EIO, 1, 1000 },        { -EIO, 2, 2000 },       { -EIO, 7, 60 * 1000 },
	{ -EIO, 100, 60 * 1000 }, { -ETIMEDOUT, 1, 100 },  { -ETIMEDOUT, 2, 200 },
	{ -ETIMEDOUT, 6, 3200 },  { -ETIMEDOUT, 7, 5000 }, { -ECONNREFUSED, 100, 5000 },
};

static void test_retries(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(retry_rows); i++) {
		struct slot slot = { .known = true };
		struct error err;

		error_set(&err, retry_rows[i].code, "no luck");
		for (unsigned n = 0; n < retry_rows[i].failures; n++)
			slot_failed(&slot, ACTION_TASK_START, &err, NOW_MS);
		if (slot.retry_at_ms != NOW_MS + retry_rows[i].pause_ms)
			fail_msg("%s, %u in a row: waits %llu ms, expected %llu",
				 strerror(-err.code), retry_rows[i].failures,
				 (unsigned long long)(slot.retry_at_ms - NOW_MS),
				 (unsigned long long)retry_rows[i].pause_ms);
		slot_succeeded(&slot, ACTION_CONTAINER_INSPECT); /* another one proves nothing */
		assert_int_equal(slot.failures, retry_rows[i].failures);
		slot_failed(&slot, ACTION_TASK_CREATE, &err, NOW_MS);
		assert_int_equal(slot.failures, 1);
		slot_succeeded(&slot, ACTION_TASK_CREATE);
		assert_int_equal(slot.failures, 0);
		slot_fini(&slot);
	}
}

static void test_names(void **state UNUSED)
{
	for (int action = 0; action < ACTION_COUNT; action++)
		assert_true(*action_name((enum action)action));
	for (int reason = 0; reason < REASON_COUNT; reason++)
		assert_int_equal(*reason_name((enum reason)reason) == '\0', reason == REASON_NONE);
	assert_int_equal(action_failure_reason(ACTION_IMAGE_RESOLVE, -ENOENT),
			 REASON_IMAGE_NOT_PRESENT);
	assert_int_equal(action_failure_reason(ACTION_IMAGE_RESOLVE, -EIO), REASON_IMAGE_FAILED);
}

/* ---- what keeps an object from being made ---- */

static const struct {
	const char *name, *key;
	enum action failed; /* on its cgroup, or for a namespace on what is behind it */
	bool unread, kept;
	Api__State state;
	enum reason reason;
	uint64_t wake_at_ms;
} said_rows[] = {
	{ "its cgroup cannot be made", "r/s/t", ACTION_CGROUP_ENSURE, STATE(PENDING, CGROUP_FAILED),
	  .wake_at_ms = NOW_MS + 500 },
	{ "its namespace cannot be made", "r", ACTION_NAMESPACE_ENSURE,
	  STATE(PENDING, NAMESPACE_FAILED), .wake_at_ms = NOW_MS + 500 },
	{ "its store cannot be read", "r/s/t", .unread = true, STATE(READY, STORE_UNREADABLE) },
	{ "its document was damaged", "r/s/t", .kept = true, STATE(UNKNOWN, STORE_DAMAGED) },
	{ "of a damaged document nothing is known before it can be read", "r/s/t", .kept = true,
	  .unread = true, STATE(UNKNOWN, STORE_UNREADABLE) },
};

static void test_trouble(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(said_rows); i++) {
		struct object *above = object_new("r"), *object = object_new(said_rows[i].key);
		const struct plan_context context = context_of(0);
		enum action failed = said_rows[i].failed;
		struct plan plan;

		above->status.state = API__STATE__STATE_READY;
		object->parent = object->kind == KIND_REALM ? NULL : above;
		set_cell(object, said_rows[i].kept ? NOT_WANTED | CGROUP : CGROUP);
		object->kept = said_rows[i].kept;
		object->unread = said_rows[i].unread ? xstrdup("EIO") : NULL;
		object->cgroup_exists = failed != ACTION_CGROUP_ENSURE;
		if (failed)
			fail_slot(failed == ACTION_CGROUP_ENSURE ? &object->cgroup
								 : &object->backing.slot,
				  failed, -EIO, NOW_MS + 500);
		plan_object(object, &context, &plan);
		assert_plan(said_rows[i].name, &plan, "", said_rows[i].state, said_rows[i].reason,
			    said_rows[i].wake_at_ms, false);
		plan_fini(&plan);
		object_free(object);
		object_free(above);
	}
}

/* ---- one container ---- */

static const struct {
	const char *name;
	unsigned context;
	struct one one;
	Api__State state;
	enum reason reason;
	const char *message;
} container_rows[] = {
	{ "not made yet", 0, C(NONE, 0), STATE(PENDING, CREATING), .message = "" },
	{ "created", 0, C(CREATED, HAS), STATE(PENDING, CREATING), .message = "" },
	{ "running", 0, C(RUNNING, HAS), STATE(READY, NONE), .message = "" },
	{ "paused", 0, C(PAUSED, HAS), STATE(PAUSED, NONE), .message = "its task is frozen" },
	{ "pausing", 0, C(PAUSING, HAS), STATE(PAUSING, NONE),
	  .message = "its task is being frozen" },
	{ "its image is missing", 0, C(NONE, FAILED), STATE(PENDING, IMAGE_NOT_PRESENT),
	  .message = "no luck" },
	{ "completed", 0,
	  C(STOPPED, HAS | EXITED, .policy = API__RESTART_POLICY__RESTART_POLICY_NEVER),
	  STATE(STOPPED, COMPLETED), .message = "exited with code 0" },
	{ "failed", 0,
	  C(STOPPED, HAS | EXITED, .policy = API__RESTART_POLICY__RESTART_POLICY_NEVER,
	    .exit_code = 2),
	  STATE(FAILED, EXITED), .message = "exited with code 2" },
	{ "we ended it", 0, C(STOPPED, HAS | EXITED | OURS, .exit_code = 143),
	  STATE(STOPPED, EXITED), .message = "exited with code 143 (SIGTERM)" },
	{ "a crash", 0,
	  C(STOPPED, HAS | EXITED, .policy = API__RESTART_POLICY__RESTART_POLICY_NEVER,
	    .exit_code = 139),
	  STATE(FAILED, EXITED), .message = "exited with code 139 (SIGSEGV)" },
	{ "a real-time signal has no name", 0,
	  C(STOPPED, HAS | EXITED, .policy = API__RESTART_POLICY__RESTART_POLICY_NEVER,
	    .exit_code = 128 + 40),
	  STATE(FAILED, EXITED), .message = "exited with code 168" },
	{ "out of memory", 0,
	  C(STOPPED, HAS | EXITED | OOM, .in_row = 3, .exit_code = 137, .exited_ms = NOW_MS),
	  STATE(FAILED, OOM_KILLED),
	  .message = "ran out of memory and exited with code 137 (SIGKILL); raise its memory "
		     "limit, or find out what takes the memory" },
	{ "given up", 0,
	  C(STOPPED, HAS | EXITED, .policy = API__RESTART_POLICY__RESTART_POLICY_ON_FAILURE,
	    .exit_code = 1, .restarts = 2, .max_retries = 2),
	  STATE(FAILED, GAVE_UP), .message = "exited with code 1" },
	{ "waits", 0, C(NONE, HAS | EXITED, .exit_code = 1, .in_row = 3, .exited_ms = NOW_MS),
	  STATE(FAILED, RESTART_BACK_OFF), .message = "exited with code 1" },
	{ "nobody knows", 0, C(RUNNING, HAS | BLIND | HUNG), STATE(UNKNOWN, RUNTIME_UNAVAILABLE),
	  .message = "no luck" },
	{ "containerd is down", DOWN, C(RUNNING, HAS), STATE(UNKNOWN, RUNTIME_UNAVAILABLE),
	  .message = "" },
	{ "stopped by request", 0, C(NONE, HAS, .run = INTENT_STOP), STATE(STOPPED, STOP_REQUESTED),
	  .message = "stopped by request" },
	{ "stopped with its cell", STOP, C(NONE, HAS), STATE(STOPPED, STOP_REQUESTED),
	  .message = "stopped by request" },
	{ "it waits for its start and is to stop", 0, C(CREATED, HAS, .run = INTENT_STOP),
	  STATE(PENDING, CREATING), .message = "" },
};

static void test_containers(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(container_rows); i++) {
		struct object *cell = object_new("r/s/t/web");
		const struct plan_context context = context_of(container_rows[i].context);
		struct container_state got;
		Api__ContainerSpec spec;

		set_container(cell, "b", &container_rows[i].one, &spec);
		cell->cell.run = container_rows[i].context & STOP ? INTENT_STOP : INTENT_RUN;
		plan_container_state(cell_find_container(cell, "b"), &context, &got);
		if (got.state != container_rows[i].state ||
		    got.reason != container_rows[i].reason ||
		    strcmp(got.message, container_rows[i].message) != 0)
			fail_msg("%s: %s %s \"%s\", expected %s %s \"%s\"", container_rows[i].name,
				 plan_state_name(got.state), reason_name(got.reason), got.message,
				 plan_state_name(container_rows[i].state),
				 reason_name(container_rows[i].reason), container_rows[i].message);
		object_free(cell);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_retries),
		cmocka_unit_test(test_parents),
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_joins),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_trouble),
		cmocka_unit_test(test_going),
		cmocka_unit_test(test_held_back),
		cmocka_unit_test(test_parents_in_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

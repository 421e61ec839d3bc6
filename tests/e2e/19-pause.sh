# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A task that somebody freezes is shown as Paused and left alone; its cell can still go.
container_is() { [ "$(container_field "$1" "$2" .status.state)" = "$3" ]; }
task() { ctr --namespace kukeon-default tasks "$1" "$(container_field "$2" "$3" .status.containerdId)"; }
frozen() { grep -qx "frozen 1" "/sys/fs/cgroup$(container_field "$1" "$2" .status.cgroupPath)/cgroup.events"; }

drop_ready_cell web root sidecar
drop_ready_cell other root
before=$(cell_processes web)

task pause web sidecar
wait_for "the frozen task" container_is web sidecar Paused
assert_true "it is frozen" frozen web sidecar
assert_eq "its task is frozen" "$(container_field web sidecar .status.message)" "message"
assert_eq Ready "$(cell_field web .status.state)" "its cell, which has not ended"
assert_eq Ready "$(container_field web root .status.state)" "the container beside it"

# Across a restart of the daemon too: it is read, not remembered.
daemon_kill
daemon_start
wait_for "the frozen task to be found" container_is web sidecar Paused

task resume web sidecar
wait_for "the resumed task" container_is web sidecar Ready
wait_for_cell web Ready
assert_untouched web "$before"

# A frozen process does not hear the stop signal: it ends by SIGKILL when the grace is over.
task pause web root
task pause web sidecar
wait_for "the frozen root" container_is web root Paused
remove_manifest web.yaml
wait_for "the cell to go" cell_is_gone web
assert_eq Ready "$(cell_field other .status.state)" "another cell"

# A new spec replaces a frozen one.
task pause other root
wait_for "the frozen root" container_is other root Paused
pid=$(container_pid other root)
drop_cell other root:changed
wait_for_new_pid other root "$pid"
assert_true "the new one is not frozen" container_is other root Ready

# Stopping by request ends it as well, and it comes back unfrozen.
task pause other root
wait_for "the frozen root" container_is other root Paused
kuke stop cell other
wait_for_cell other Stopped
kuke start cell other
wait_for_cell other Ready
assert_true "it runs" container_is other root Ready

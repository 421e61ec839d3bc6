# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Tasks, records and snapshots removed with containerd's own tool: what is gone is made again, what runs is left alone.
ctr_in() { ctr --namespace kukeon-default "$@" >/dev/null 2>&1; }
id_of() { container_field "$1" "$2" .status.containerdId; }
drop_ready_cell web root sidecar
drop_ready_cell other root
other=$(cell_processes other)

has_record() { ctr_in containers info "$1"; }
# containerd may refuse once what belonged to a task that has just ended, while it still clears that away.
removes_record() { ctr_in containers rm "$1" || ! has_record "$1"; }
removes_snapshot() { ctr_in snapshots rm "$1" || ! has_snapshot "$1"; }
has_snapshot() { ctr_in snapshots info "$1"; }

whole() {
	wait_for_cell web Ready
	assert_untouched other "$other"
	assert_true "record after: $1" has_record "$(id_of web sidecar)"
}

# The task killed and deleted.
pid=$(container_pid web sidecar) root=$(container_pid web root)
ctr_in tasks rm -f "$(id_of web sidecar)" || true # perhaps deleted by the daemon first
wait_for_new_pid web sidecar "$pid"
whole "task of a container removed"
assert_eq "$root" "$(container_pid web root)" "the root"

# The record too, and with it its snapshot.
pid=$(container_pid web sidecar)
ctr_in tasks kill -s KILL "$(id_of web sidecar)" || true
ctr_in tasks rm -f "$(id_of web sidecar)" || true
ctr_in containers rm "$(id_of web sidecar)" || true
wait_for_new_pid web sidecar "$pid"
whole "record of a container removed"
assert_eq "$root" "$(container_pid web root)" "the root"

# The root's.
ctr_in tasks rm -f "$(id_of web root)" || true
wait_for_new_pid web root "$root"
whole "task of the root removed"

# Of a stopped cell: record and snapshot, so that it can be started.
id=$(id_of web sidecar)
kuke stop cell web >/dev/null
wait_for_cell web Stopped
wait_for "the record is removed" removes_record "$id"
kuke start cell web >/dev/null
wait_for_cell web Ready
whole "record of a stopped cell removed"
kuke stop cell web >/dev/null
wait_for_cell web Stopped
wait_for "the snapshot is removed" removes_snapshot "$id"
kuke start cell web >/dev/null
wait_for_cell web Ready
assert_true "a snapshot" has_snapshot "$id"
whole "snapshot of a stopped cell removed"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# What holds a cell is taken away, or named: strangers in its cgroups, a mount over its namespace, a shim that hangs. What
# is deleted beside it goes meanwhile.
CELL_CGROUP=/sys/fs/cgroup/kukeon/default/default/default

# stranger CGROUP: a process of nobody that ignores SIGTERM, in that cgroup; below it where controllers are handed down,
# for then the kernel lets none in. Its pid is in STRANGER.
stranger() {
	local cgroup=$1
	[ -z "$(<"$cgroup/cgroup.subtree_control")" ] || cgroup+=/stranger
	mkdir -p "$cgroup"
	(trap '' TERM && exec sleep 3600) &
	STRANGER=$!
	echo $STRANGER >"$cgroup/cgroup.procs"
}

shim_of() { awk '/^PPid:/ { print $2 }' "/proc/$(container_pid "$1" root)/status"; }

drop_ready_cell web root sidecar
stranger "$CELL_CGROUP/web"
first=$STRANGER
stranger "$CELL_CGROUP/web/web_sidecar"
second=$STRANGER
mkdir -p "$CELL_CGROUP/web/deeper/still"
stranger "$CELL_CGROUP/web/deeper/still"
pin=$RUNTIME_DIR/netns/default_default_default_web
mount --bind "$pin" "$pin"

mkdir "$RUN_PATH/default/default/default/web/etc/mounted"
mount -t tmpfs none "$RUN_PATH/default/default/default/web/etc/mounted"

remove_manifest web.yaml
wait_for "cell web is gone" cell_is_gone web
for pid in $first $second $STRANGER; do
	assert_true "the stranger $pid is gone" process_gone "$pid"
done

# The files of the cell cannot go while something is mounted there; they go soon after.
no_files() { [ ! -e "$RUN_PATH/default/default/default/web" ]; }
stuck_is_logged() { grep -q 'store: .*web' "$DAEMON_LOG"; }
wait_for "the store to say what it cannot remove" stuck_is_logged
umount "$RUN_PATH/default/default/default/web/etc/mounted"
wait_for "the files of the cell to go" no_files

# A shim that hangs: its cell says so, the other goes meanwhile; then what it served is killed, and the shim with it.
drop_ready_cell stays root
drop_ready_cell stuck root
drop_ready_cell other root
shim=$(shim_of stuck)
kill -STOP "$shim"
remove_manifest stuck.yaml
remove_manifest other.yaml
wait_for "cell other is gone" cell_is_gone other
LIMIT=90
wait_for "the reason" cell_mentions stuck DeleteFailed
cell_field stuck .status.message
wait_for "cell stuck is gone" cell_is_gone stuck
assert_true "the shim $shim is gone" process_gone "$shim"

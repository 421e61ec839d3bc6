# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The pin of a running cell's namespace unmounted, removed or replaced by another hand: the same namespace is pinned
# again, and containers that come back join it.
# shellcheck source=lib-network.sh
. "$HERE/lib-network.sh"
drop_ready_cell web root sidecar
drop_ready_cell other root
serve web
web=$(cell_processes web) root=$(container_pid web root) pin=$(cell_netns web)
assert_true "the namespace is pinned" is_pinned "$pin" "$root"

pinned_again() {
	by_event "pinned again after: $1" is_pinned "$pin" "$root"
	wait_for_cell web Ready
	assert_untouched web "$web"
	assert_true "cell web answers after: $1" cell_answers web
}

umount "$pin"
pinned_again "unmounted"
umount "$pin"
rm "$pin"
pinned_again "unmounted and removed"
umount "$pin"
mount --bind "$(cell_netns other)" "$pin"
pinned_again "another cell's namespace in its place"
assert_true "cell other keeps its own" is_pinned "$(cell_netns other)" "$(container_pid other root)"

# A container that comes back meanwhile waits for the right namespace.
pid=$(container_pid web sidecar)
umount "$pin"
kill -KILL "$pid"
wait_for_new_pid web sidecar "$pid"
assert_eq "$(namespace_of "/proc/$root/ns/net")" "$(namespace_of "/proc/$(container_pid web sidecar)/ns/net")" \
	"namespace of the container that came back"
assert_eq "$root" "$(container_pid web root)" "the root"

# While nobody watched.
sidecar=$(container_pid web sidecar)
daemon_kill
umount "$pin"
daemon_start
wait_for "pinned again after a start" is_pinned "$pin" "$root"
wait_for_cell web Ready
assert_eq "$root $sidecar" "$(container_pid web root) $(container_pid web sidecar)" "processes of cell web"

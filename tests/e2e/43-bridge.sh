# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The bridge of a space removed, taken down, emptied of its address or its links by another hand: it comes back under
# the running cells.
# shellcheck source=lib-network.sh
. "$HERE/lib-network.sh"
drop_ready_cell web root sidecar
drop_ready_cell other root
serve web
serve other
bridge=$(space_bridge)
address=$(ip -o -4 addr show dev "$bridge" | awk '{ print $4 }')
mac=$(link_mac "$bridge")
web=$(cell_processes web) web_ip=$(cell_ip web) web_link=$(cell_link web)
other=$(cell_processes other) other_link=$(cell_link other)
assert_ne "" "$web_link" "the host's end of cell web"

bridge_is_whole() {
	link_is_up "$bridge" && has_address "$bridge" "$address" && link_is_on "$web_link" "$bridge" &&
		link_is_on "$other_link" "$bridge" && link_is_up "$web_link" && link_is_up "$other_link"
}

looks() { grep -cF "changed by another hand" "$DAEMON_LOG" || true; }
not_looked() { [ "$(looks)" = 0 ]; }

mended() {
	by_event "the bridge is whole after: $1" bridge_is_whole
	wait_for "cell web answers after: $1" cell_answers web
	wait_for "cell other answers after: $1" cell_answers other
	wait_for_cell web Ready
	assert_untouched web "$web"
	assert_untouched other "$other"
	assert_eq "$web_ip" "$(cell_ip web)" "address of cell web after: $1"
}

assert_true "the bridge is whole" bridge_is_whole

# What the daemon does itself calls for no look.
drop_ready_cell passing root
remove_manifest passing.yaml
wait_for "cell passing is gone" cell_is_gone passing
stays 1 "no look without cause" not_looked

ip link delete "$bridge"
mended "bridge deleted"
assert_eq "$mac" "$(link_mac "$bridge")" "the bridge's address on the link"
ip link set "$bridge" down
mended "bridge down"
ip addr del "$address" dev "$bridge"
mended "address removed"
ip link set "$web_link" nomaster
mended "link taken off the bridge"
ip link set "$web_link" down
mended "link down"
for _ in 1 2 3; do
	ip link delete "$bridge"
	mended "bridge deleted again"
done

# What happened while nobody watched is found at the start.
daemon_kill
ip link delete "$bridge"
daemon_start
wait_for "the bridge is whole after a start" bridge_is_whole
mended "bridge deleted while the daemon was away"

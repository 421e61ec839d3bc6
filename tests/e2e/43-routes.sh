# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The routes of a space's bridge, IPv4 and IPv6, taken away by another hand: they come back under the running cells.
# shellcheck source=lib-network.sh
. "$HERE/lib-network.sh"

if [ -d /proc/sys/net/ipv6/conf ]; then
	ipv6=true
fi
echo "{apiVersion: v1beta1, kind: Space, metadata: {name: default}, spec: {ipv6: ${ipv6:-false}}}" | drop_manifest space.yaml
drop_ready_cell web root
serve web
bridge=$(space_bridge)
range4=$(object space default | jq -r .status.subnet)
before=$(cell_processes web)
has_route() { [ -n "$(ip "-$1" route show dev "$bridge" | grep -F "$2")" ]; }
well() { [ "$(object space default | jq -r '.status | "\(.state) \(.reason // "")"')" = "Ready " ]; }

mended() {
	by_event "the route is back after: $1" has_route "$2" "$3"
	wait_for "cell web answers after: $1" cell_answers web
	wait_for "the space is well after: $1" well
	wait_for_cell web Ready
	assert_untouched web "$before"
}

for _ in 1 2 3; do
	ip route del "$range4" dev "$bridge"
	mended "the route is deleted" 4 "$range4"
done
ip route flush dev "$bridge" || true # it may see them come back, and complain
mended "all routes are deleted" 4 "$range4"

if [ -n "${ipv6:-}" ]; then
	range=$(object space default | jq -r .status.subnet6)
	ip -6 route del "$range" dev "$bridge"
	mended "the route of IPv6 is deleted" 6 "${range%/*}"
	echo 1 >"/proc/sys/net/ipv6/conf/$bridge/disable_ipv6"
	mended "IPv6 is turned off on the bridge" 6 "${range%/*}"
fi

# What happened while nobody watched is found at the start.
daemon_kill
ip route del "$range4" dev "$bridge"
daemon_start
mended "the route is deleted while the daemon was away" 4 "$range4"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A world outside the host: a router, and behind it another host that knows the way to everything, the cells too.
# Sourced after lib.sh; outside_open makes it, outside_close takes it away.

# shellcheck disable=SC2034 # of scenarios
HOST_ADDRESS=192.0.2.2
OUTSIDE_ADDRESS=198.51.100.2
CELLS_RANGE=10.88.0.0/13

in_outside() { ip netns exec outside "$@"; }

outside_open() {
	ip netns add router
	ip netns add outside
	ip link add uplink type veth peer name below netns router
	ip addr add $HOST_ADDRESS/24 dev uplink
	ip link set uplink up
	ip -n router link set lo up
	ip -n router addr add 192.0.2.1/24 dev below
	ip -n router link set below up
	ip -n router link add out type veth peer name eth0 netns outside
	ip -n router addr add 198.51.100.1/24 dev out
	ip -n router link set out up
	ip -n router route add $CELLS_RANGE via $HOST_ADDRESS
	ip netns exec router sysctl -qw net.ipv4.ip_forward=1
	ip -n outside link set lo up
	ip -n outside addr add $OUTSIDE_ADDRESS/24 dev eth0
	ip -n outside link set eth0 up
	ip -n outside route add default via 198.51.100.1
	ip route add 198.51.100.0/24 via 192.0.2.1
}

# The same world over IPv6, beside. Nobody waits a second for an address.
# shellcheck disable=SC2034 # of scenarios
HOST_ADDRESS6=2001:db8:1::2
OUTSIDE_ADDRESS6=2001:db8:2::2

outside_open6() {
	ip addr add $HOST_ADDRESS6/64 dev uplink nodad
	ip -n router addr add 2001:db8:1::1/64 dev below nodad
	ip -n router addr add 2001:db8:2::1/64 dev out nodad
	ip -n router route add fd00::/8 via $HOST_ADDRESS6
	ip netns exec router sysctl -qw net.ipv6.conf.all.forwarding=1
	ip -n outside addr add $OUTSIDE_ADDRESS6/64 dev eth0 nodad
	ip -n outside route add default via 2001:db8:2::1
	ip route add 2001:db8:2::/64 via 2001:db8:1::1
}

outside_close() {
	ip netns delete outside
	ip netns delete router
	ip link delete uplink 2>/dev/null || true # goes with its other end
}

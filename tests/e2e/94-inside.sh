# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The cell's own end of its network changed inside its namespace: an address, the interface or the way out taken away.
# It is mended when it is looked at (refresh, a start, an event), with the processes as they are.
# shellcheck source=lib-network.sh
. "$HERE/lib-network.sh"
drop_manifest shared.yaml <<'END'
apiVersion: v1beta1
kind: Space
metadata: {name: shared}
END
FIELDS="networks: [shared]" drop_cell web root sidecar
drop_ready_cell other root
wait_for_cell web Ready
serve web
web=$(cell_processes web) ip=$(cell_ip web)
link=$(cell_link web) other=$(cell_processes other)
root=$(container_pid web root)
inside() { nsenter --target "$root" --net ip "$@"; }
gateway=$(inside route show default | sed -n 's/^default via \([^ ]*\).*/\1/p')
joined=$(inside -o -4 addr show dev eth1 | sed -n 's/.*inet \([^ ]*\).*/\1/p')
assert_ne "" "$joined" "the address in the other space"

is_whole() {
	inside -o -4 addr show dev eth0 up | finds -w "inet $ip/16" && inside -o link show lo up | finds . &&
		inside -o -4 addr show dev eth1 up | finds -w "inet $joined" &&
		inside route show default | finds -w "via $gateway" && cell_answers web
}
mended() {
	wait_for "it is whole after: $1" is_whole
	wait_for_cell web Ready
	assert_untouched web "$web"
	assert_untouched other "$other"
	assert_eq "$link" "$(cell_link web)" "its link after: $1"
	assert_eq "$ip" "$(cell_ip web)" "its address after: $1"
}
assert_true "it is whole" is_whole

# What no event tells of is seen by the next look at everything.
inside addr flush dev eth0
kuke refresh >/dev/null
mended "addresses flushed"
inside route del default
kuke refresh >/dev/null
mended "default route deleted"
inside addr flush dev eth1
kuke refresh >/dev/null
mended "addresses flushed in another space"
inside link set lo down
kuke refresh >/dev/null
mended "lo down"
inside link set eth1 down
kuke refresh >/dev/null
mended "interface of another space down"

# The host's end tells of the other one.
inside link set eth0 down
by_event "interface down" is_whole
mended "interface down"

# While nobody watched.
daemon_kill
inside link set eth0 down
inside addr flush dev eth0
daemon_start
mended "all of it, and a start"

# Another way out is the cell's own affair.
inside link add tun9 type veth peer name tun9-other
inside link set tun9 up
inside route replace default dev tun9
kuke refresh >/dev/null
wait_for_cell web Ready
assert_contains "$(inside route show default)" tun9 "a way out of its own"
inside route replace default via "$gateway"
inside link delete tun9

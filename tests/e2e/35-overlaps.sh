# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Routes of others that come into the range of a space while its cells run: told with link and maker, no new cell is placed
# where it would not be reached, what runs is left alone; and all is well again when they go.
# shellcheck source=lib-network.sh
. "$HERE/lib-network.sh"

space_says() { object space default | jq -r '.status | "\(.state) \(.reason // "") \(.message // "")"'; }
says() { space_says | finds -F -- "$1"; }
is_well() { [ "$(space_says)" = "Ready  " ]; }
cell_says() { object cell "$1" | jq -r .status.reason; }
is_held() { [ "$(cell_says "$1")" = RangeOverlaps ]; }
status_code() {
	local status=0
	kuke status >"$T/status" || status=$?
	echo $status
}
doctor_says() { { kuke doctor || true; } | grep -F "ranges" | finds -F -- "$1"; }

ip link add vpn0 type veth peer name vpn1
ip link set vpn1 up
ip link set vpn0 up
drop_ready_cell web root
serve web
before=$(cell_processes web)
wait_for "all is well" is_well
assert_eq 0 "$(status_code)" "exit code of kuke status before"

# cut_off "what" WORDS: others' route has come, and takes packets away.
cut_off() {
	by_event "told after: $1" says "RangeOverlaps"
	assert_contains "$(space_says)" "Pending RangeOverlaps" "state of the space after: $1"
	assert_contains "$(space_says)" "$2" "what it says after: $1"
	assert_eq 1 "$(status_code)" "exit code of kuke status after: $1"
	assert_contains "$(cat "$T/status")" "RangeOverlaps" "what kuke status says after: $1"
	assert_true "kuke doctor says it after: $1" doctor_says "$2"
	drop_cell new root
	wait_for "the new cell is held after: $1" is_held new
	assert_eq Ready "$(object cell web | jq -r .status.state)" "the cell that runs after: $1"
	assert_untouched web "$before"
}

well_again() {
	by_event "all is well after: $1" is_well
	wait_for_cell new Ready
	assert_eq 0 "$(status_code)" "exit code of kuke status after: $1"
	assert_untouched web "$before"
	wait_for "cell web answers after: $1" cell_answers web
	remove_manifest new.yaml
	wait_for "cell new is gone" cell_is_gone new
}

ip route add 10.88.0.0/24 dev vpn0
cut_off "a narrower route" "10.88.0.0/24 on vpn0 (a VPN), set by hand or by a script"
ip route del 10.88.0.0/24 dev vpn0
well_again "a narrower route"

# The kernel says nothing of routes that go with their link.
ip route add 10.88.0.0/17 dev vpn0 proto static
cut_off "a link with a route" "10.88.0.0/17 on vpn0"
ip link set vpn0 down
well_again "a link with a route"
ip link set vpn0 up

# A VPN that leads all private addresses away by a table of its own.
ip route add 10.0.0.0/8 dev vpn0 table 52
if ip rule add pref 5270 table 52; then
	cut_off "a table before main" "on vpn0"
	ip rule del pref 5270 table 52
	well_again "a table before main"
fi
ip route del 10.0.0.0/8 dev vpn0 table 52

# One that is wider loses against ours: cells are reached, what is behind it is not.
ip route add 10.0.0.0/8 dev vpn0
by_event "a wider route is told" says "Ready RangeOverlaps 10.88.0.0/16 overlaps the host's route 10.0.0.0/8 on vpn0"
assert_eq 1 "$(status_code)" "exit code of kuke status beside a wider route"
assert_true "cell web answers beside a wider route" cell_answers web
drop_ready_cell new root
ip route del 10.0.0.0/8 dev vpn0
well_again "a wider route"

# Another tool's bridge with the very same range.
ip link add podman0 type bridge
ip link set podman0 up
ip addr add 10.88.0.1/16 dev podman0
by_event "a bridge with the same range is told" says "10.88.0.0/16 on podman0 (podman), of an address that this link has"
assert_eq 1 "$(status_code)" "exit code of kuke status beside podman's bridge"
assert_untouched web "$before"

# It is told also to a daemon that was not there when it came; and then ours is the one that comes second.
daemon_kill
daemon_start
wait_for "told after a start" says "podman0"
ip link delete podman0
by_event "all is well without podman's bridge" is_well
assert_untouched web "$before"
ip link delete vpn0

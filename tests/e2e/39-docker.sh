# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The real dockerd beside us, after and before us, with the iptables of nftables: it drops what is forwarded until kuke
# doctor --fix is asked to set rules in DOCKER-USER, which are kept from then on. Its containers hear no more than before.
# shellcheck source=lib-foreign.sh
. "$HERE/lib-foreign.sh"
foreign_open dockerd docker iptables-nft iptables-save || return 0

# docker's bridge with somebody on it, as a container would be.
neighbour_open() {
	ip netns add container
	ip link add docker-end type veth peer name eth0 netns container
	ip link set docker-end master docker0 up
	ip -n container addr add 172.17.0.2/16 dev eth0
	ip -n container link set eth0 up
	ip -n container route add default via 172.17.0.1
	ip netns exec container python3 -m http.server 80 >/dev/null 2>&1 </dev/null &
	neighbour=$!
	wait_for "docker's container" curl -sf -m 1 -o /dev/null http://172.17.0.2/
}

neighbour_close() {
	kill "$neighbour"
	wait "$neighbour" 2>/dev/null || true
	ip netns delete container
}

from_cell_is_kept_out() { ! nsenter --net="$web_net" curl -sf -m 1 -o /dev/null http://172.17.0.2/; }

# From a docker that nobody has told of us to one that has been.
told_of_us() {
	some_flow_fails "docker starts before us (nft)"
	wait_for "kuke status says so" space_blocked_by "(docker)"
	assert_contains "$(remedies)" "kuke doctor --fix" "the remedy"
	assert_true "kuke doctor names it" doctor_says "DOCKER-USER has no rules for our bridges"
	assert_true "kuke doctor changes nothing by itself" has_no_rules nft
	kuke doctor --fix >"$T/doctor" || true
	assert_contains "$(<"$T/doctor")" "docker: DOCKER-USER lets our bridges pass, and is kept so" "kuke doctor --fix"
	assert_true "the rules (nft)" has_rules nft
	all_flows "kuke doctor --fix (nft)"
	wait_for "all is well" is_healthy
	iptables-nft -L -v -n >"$T/list" 2>&1 || fail "iptables -L: $(<"$T/list")"
	assert_contains "$(<"$T/list")" "kukeon" "iptables -L"
	! grep -qi incompatible "$T/list" || fail "iptables -L: $(<"$T/list")"
}

flows_open
before=$(cell_processes web)
use_iptables nft
dockerd_start
all_flows "docker starts after us"
assert_true "kuke doctor says so" doctor_says "docker: lets our bridges pass"
assert_true "nobody has asked" has_no_rules nft
docker_forget nft
docker_before_us nft
told_of_us

# What docker keeps from others it keeps from cells.
neighbour_open
assert_true "docker's containers do not hear cells" from_cell_is_kept_out
neighbour_close

# The rules stay as long as that was asked for, whoever flushes.
nft flush ruleset
docker_stop
dockerd_start
wait_for "the rules after all was flushed" has_rules nft
all_flows "all was flushed, and docker starts again"
daemon_stop
iptables-nft -F DOCKER-USER
daemon_start
wait_for "the rules after they were taken while we were away" has_rules nft
all_flows "the daemon starts after docker"
assert_untouched web "$before"
docker_forget nft
ip link delete docker0 2>/dev/null || true
flows_close
foreign_close

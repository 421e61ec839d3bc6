# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The kernel's switches that cells need, turned off by another hand: those of our bridges come back, the host's own too,
# unless the settings leave them: then kuke status and kuke doctor say what is off and who may have done it.
# shellcheck source=lib-network.sh
. "$HERE/lib-network.sh"
V4=/proc/sys/net/ipv4 V6=/proc/sys/net/ipv6
[ -d $V6/conf ] && ipv6=true

is_on() { [ "$(cat "$1")" = 1 ]; }
has_event() { kuke events | finds "$1"; }
status_code() {
	local status=0
	kuke status >"$T/status" || status=$?
	echo $status
}
doctor() { kuke doctor "$@" || true; }

echo "{apiVersion: v1beta1, kind: Space, metadata: {name: default}, spec: {ipv6: ${ipv6:-false}}}" | drop_manifest space.yaml
FIELDS='ports: ["127.0.0.1:8081:8080"]' drop_cell web root
wait_for_cell web Ready
serve web
published() { curl -sf -m 1 -o /dev/null "http://127.0.0.1:8081/hostname"; }
wait_for "the port is published" published
before=$(cell_processes web)
bridge=$(space_bridge)
ip link add up0 type veth peer name up1
ip link set up1 up
ip link set up0 up
ip addr add 192.0.2.2/24 dev up0
ip route add default via 192.0.2.1 dev up0 2>/dev/null || ip route replace default via 192.0.2.1 dev up0

# turned_off SWITCH: and comes back, whatever it takes.
turned_off() {
	echo 0 >"$1"
	by_event "$1 is on again" is_on "$1"
	assert_untouched web "$before"
}

turned_off $V4/ip_forward
wait_for "the event" has_event ForwardingRestored
turned_off $V4/conf/up0/forwarding
turned_off "$V4/conf/$bridge/forwarding"
turned_off "$V4/conf/$bridge/route_localnet"
assert_true "the port on loopback is reached" published
for _ in 1 2 3 4 5 6 7 8; do turned_off $V4/ip_forward; done
if [ -n "${ipv6:-}" ]; then
	turned_off $V6/conf/all/forwarding
	turned_off "$V6/conf/$bridge/forwarding"
fi
assert_eq 0 "$(status_code)" "exit code of kuke status when all is on"
assert_contains "$(doctor)" "IP forwarding: on" "kuke doctor when all is on"

# What was turned off while nobody watched is found at the start.
daemon_kill
echo 0 >$V4/ip_forward
daemon_start
by_event "forwarding is on after a start" is_on $V4/ip_forward

# Left to the host: told, with the file that does it at every boot, and turned on when asked for.
daemon_stop
mkdir -p /etc/sysctl.d
echo 'net/ipv4/ip_forward = 0' >/etc/sysctl.d/99-hardening.conf
KUKEON_FORWARDING=leave daemon_start
wait_for "status of a daemon that leaves it" is_healthy
echo 0 >$V4/ip_forward
is_told() { [ "$(status_code)" = 1 ] && grep -qF "net.ipv4.ip_forward is off (/etc/sysctl.d/99-hardening.conf says so)" "$T/status"; }
by_event "kuke status tells that forwarding is off" is_told
stays 1 "it is left" is_told
assert_eq 0 "$(cat $V4/ip_forward)" "forwarding, left as it is"
said=$(doctor)
assert_contains "$said" "FAILED   IP forwarding: net.ipv4.ip_forward is off" "kuke doctor, while cells run"
assert_contains "$said" "kuke doctor --fix" "its remedy"
assert_contains "$(doctor --fix)" "IP forwarding: on" "kuke doctor --fix"
assert_eq 1 "$(cat $V4/ip_forward)" "forwarding after kuke doctor --fix"
assert_eq 0 "$(status_code)" "exit code of kuke status after kuke doctor --fix"
assert_untouched web "$before"
rm /etc/sysctl.d/99-hardening.conf
ip link delete up0

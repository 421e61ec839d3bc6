# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Where spaces get their ranges on a host that is not empty: a route over all of 10.0.0.0/8, what other tools use by their
# configuration, and nothing left at all.
range_of() { object space "$1" | jq -r '.status.subnet // empty'; }
says() { object space "$1" | jq -r '.status | "\(.reason): \(.message)"'; }
ready() { [ "$(object space "$1" | jq -r .status.state)" = Ready ]; }
space() { echo "{apiVersion: v1beta1, kind: Space, metadata: {name: $1}}" | drop_manifest "$1.yaml"; }

ip link add vpn0 type veth peer name vpn1
ip link set vpn1 up
ip link set vpn0 up
ip route add 10.0.0.0/8 dev vpn0
drop_ready_cell web root
assert_eq 172.24.0.0/20 "$(range_of default)" "range beside a route over the first place"
ip route del 10.0.0.0/8 dev vpn0

# Not running, but configured.
mkdir -p /etc/containers/networks /etc/docker
echo '{"name": "podman", "subnets": [{"subnet": "10.88.0.0/16"}]}' >/etc/containers/networks/podman.json
echo '{"bip": "10.89.0.1/16", "default-address-pools": [{"base": "10.90.0.0/15", "size": 24}]}' >/etc/docker/daemon.json
space beside
wait_for "space beside" ready beside
assert_eq 10.92.0.0/16 "$(range_of beside)" "range beside what podman and Docker use"
# Who asks for it gets it.
echo '{apiVersion: v1beta1, kind: Space, metadata: {name: asked}, spec: {subnet: 10.90.0.0/16}}' | drop_manifest asked.yaml
wait_for "space asked" ready asked

for range in 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16; do ip route add $range dev vpn0; done
space late
refused() { says late | finds -F NetworkFailed; }
wait_for "no range is left" refused
assert_contains "$(says late)" "10.88.0.0/16 (the host's route 10.0.0.0/8 on vpn0" "what is in the way"
assert_contains "$(says late)" "subnetPool" "what is to be done"
ip route del 192.168.0.0/16 dev vpn0
wait_for "space late" ready late
assert_eq 192.168.128.0/22 "$(range_of late)" "range in the third place"

ip link delete vpn0
rm -rf /etc/containers/networks /etc/docker

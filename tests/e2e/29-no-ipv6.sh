# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A host without IPv6: a space that asks for it says why it cannot be, the others are as ever, and kuke doctor says what
# to do. When the host has it, the space comes up.

space_is() { object space "$1" | jq -r '.status | "\(.state) \(.reason // "") \(.message // "")"' | finds -F -- "$2"; }
ipv6_check() { kuke doctor -o json | jq -r '.checks[] | select(.name == "IPv6") | "\(.result): \(.message) \(.remedy // "")"'; }

assert_eq "Passed: there " "$(ipv6_check)" "the check of a host with IPv6"
mount -t tmpfs none /proc/sys/net/ipv6
assert_contains "$(ipv6_check)" "Warning: the kernel does without: no space can have ipv6 or a subnet6 if you want one:" "the check"

echo '{apiVersion: v1beta1, kind: Space, metadata: {name: dual}, spec: {ipv6: true}}' | drop_manifest dual.yaml
SPACE=dual cell_yaml one root | drop_manifest one.yaml
cell_yaml two root | drop_manifest two.yaml
wait_for_cell two Ready
wait_for "the reason" space_is dual "the kernel of this host does without IPv6"
assert_eq "" "$(object cell one --space dual | jq -r '.status.ip // empty')" "the address of its cell"

umount /proc/sys/net/ipv6
wait_for_cell one Ready --space dual
assert_ne "" "$(object cell one --space dual | jq -r '.status.ip6 // empty')" "the IPv6 address of its cell"

# Switched off by hand on every link, as many hosts have it: our bridges have it all the same.
for where in all default; do
	echo 1 >/proc/sys/net/ipv6/conf/$where/disable_ipv6
done
echo '{apiVersion: v1beta1, kind: Space, metadata: {name: second}, spec: {ipv6: true}}' | drop_manifest second.yaml
SPACE=second cell_yaml three root | drop_manifest three.yaml
SPACE=second cell_yaml four root | drop_manifest four.yaml
wait_for_cell three Ready --space second
wait_for_cell four Ready --space second
for netns in /proc/$$/ns/net "$(object cell four --space second | jq -r .status.netns)"; do
	nsenter --net="$netns" ping -c 1 -W 2 "$(object cell three --space second | jq -r .status.ip6)" >/dev/null ||
		fail "a cell is not reached over IPv6 from $netns"
done
for where in all default; do
	echo 0 >/proc/sys/net/ipv6/conf/$where/disable_ipv6
done

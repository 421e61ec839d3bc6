# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A space with IPv6 that denies what leaves it, with real packets: of both families nothing outside is reached but what the
# policy allows, by range and by host name; not the host's services, at none of its addresses, nor through a further space.
# Neighbours are found, and answers pass. (37 has the rest, with IPv4.)
# shellcheck source=lib-outside.sh
. "$HERE/lib-outside.sh"
# shellcheck source=lib-egress.sh
. "$HERE/lib-egress.sh"

ALLOWED_ADDRESS=2001:db8:20::5 STRANGE_ADDRESS=2001:db8:30::5 NAMED_ADDRESS=2001:db8:2::10 NAMED_ADDRESS4=198.51.100.10

outside_open
outside_open6
for address in $ALLOWED_ADDRESS $STRANGE_ADDRESS $NAMED_ADDRESS; do
	ip -n outside addr add $address/128 dev lo nodad
	ip -n router route add $address/128 via $OUTSIDE_ADDRESS6
	ip route replace $address/128 via 2001:db8:1::1
done
ip -n outside addr add $NAMED_ADDRESS4/32 dev lo
ip -n router route add $NAMED_ADDRESS4/32 via $OUTSIDE_ADDRESS
{
	echo "both.test 60 $NAMED_ADDRESS $NAMED_ADDRESS4"
	for i in {1..12}; do
		echo "mute$i.test 60 $NAMED_ADDRESS4 mute6"
	done
} >"$T/zone"
names_open

SPACE_FIELDS="ipv6: true"
OUTSIDE_RULE="{cidr: '$OUTSIDE_ADDRESS6', ports: [7000]}"
RANGE_RULE="{cidr: '2001:db8:20::/48'}"
NAME_RULE="{host: both.test, ports: [7000/udp]}"
guarded_space "$OUTSIDE_RULE" "$RANGE_RULE" "$NAME_RULE"
echo '{apiVersion: v1beta1, kind: Space, metadata: {name: open}, spec: {ipv6: true}}' | drop_manifest open.yaml
for cell in one two; do
	SPACE=guarded cell_yaml $cell root | drop_manifest $cell.yaml
done
SPACE=guarded FIELDS="networks: [open]" cell_yaml guest root | drop_manifest guest.yaml
SPACE=open cell_yaml free root | drop_manifest free.yaml

cells_are_ready() { kuke get cells -o json 2>/dev/null | jq -e 'map(select(.status.state == "Ready")) | length == 4' >/dev/null; }
has_joined() { object cell guest --space guarded | jq -e '.status.joins[0].ip6 // empty' >/dev/null; }
bridge_address() { ip -6 -o addr show dev "$(object space "$1" | jq -r .status.bridge)" scope global | awk '{ sub(/\/.*/, "", $4); print $4 }'; }
dropped() { object space guarded | jq -r '.status.egress.droppedPackets // 0'; }
allowed_are() { [ "$(object space guarded | jq -r '[.status.egress.hosts[]? | select(.host == "'"$1"'") | .addresses[]?] | sort | join(" ")')" = "$2" ]; }

nodes() {
	local host=/proc/$$/ns/net outside=/run/netns/outside
	echo "host=$host=$HOST_ADDRESS6 gate=$host=$(bridge_address guarded) open-gate=$host=$(bridge_address open)"
	echo "outside=$outside=$OUTSIDE_ADDRESS6 allowed=$outside=$ALLOWED_ADDRESS strange=$outside=$STRANGE_ADDRESS"
	echo "named=$outside=$NAMED_ADDRESS named4=$outside=$NAMED_ADDRESS4 outside4=$outside=$OUTSIDE_ADDRESS host4=$host=$HOST_ADDRESS"
	kuke get cells -o json | jq -r '.[] | "\(.metadata.name)=\(.status.netns)=\(.status.ip6)", "\(.metadata.name)4=\(.status.netns)=\(.status.ip)"'
}

# For each line of reach from a cell, or from the host to one that is guarded. ALLOWED: "NODE/PROTOCOL ".
# shellcheck disable=SC2016 # awk's own variables
EXPECT='
function guarded(node) { return node ~ /^(one|two|guest)4?$/ }
function expected() {
	if ($1 ~ /^(host4?|gate|open-gate)$/)
		return "yes"
	if ($1 ~ /^free/)
		return guarded($2) ? "no" : "yes"
	if (guarded($2) || $1 ~ /^guest/ && $2 ~ /^free/)
		return "yes"
	return index(ALLOWED, " " $2 "/" $3 " ") ? "yes" : "no"
}
guarded($1) || $1 ~ /^free/ || guarded($2) && $1 ~ /gate|host/ {
	if ($4 != expected())
		print $0 ": expected " expected()
	n++
}
END { if (n != N) print n " probes instead of " N }'
ALLOWED=" outside/tcp allowed/tcp allowed/udp allowed/icmp named/udp named4/udp "
PROBES=$(((4 * 10 + 3 * 3 + 4 * 6 + 3) * 3))

# holds WHEN [WHAT-IS-ALLOWED]
holds() {
	local wrong
	if daemon_is_running; then
		nodes >"$T/nodes"
	fi
	xargs "$HERE/reach" <"$T/nodes" >"$T/reach"
	wrong=$(awk -v ALLOWED="${2:-$ALLOWED}" -v N=$PROBES "$EXPECT" "$T/reach")
	[ -z "$wrong" ] || fail "$1:"$'\n'"$wrong"$'\n'"$(nft list table inet kukeon)"
}

table_is_whole() { nft list table inet kukeon 2>/dev/null | finds 'hook postrouting'; }

LIMIT=60 wait_for "all cells are Ready" cells_are_ready
wait_for "guest is in the space open" has_joined
wait_for "both addresses are found" allowed_are both.test "$NAMED_ADDRESS4 $NAMED_ADDRESS"
holds "start"
before=$(dropped)
[ "$before" -gt 0 ] || fail "nothing was counted as dropped"

# Neighbours are still found when nobody knows them any more; what asks for them is no attempt to get out.
for netns in $(object cell one --space guarded | jq -r .status.netns) /proc/$$/ns/net; do
	nsenter --net="$netns" ip -6 neigh flush all
done
ping -c 1 -W 2 "$(object cell one --space guarded | jq -r .status.ip6)" >/dev/null || fail "a neighbour is not found"
assert_eq "$before" "$(dropped)" "drops while a neighbour was looked for"

nft flush ruleset
poll_for 1 table_is_whole || fail "the table is not put back within a second"
holds "nft flush ruleset"
daemon_kill
holds "the daemon is away"
daemon_start
wait_for "all cells are Ready" cells_are_ready
wait_for "guest is still in the space open" has_joined
holds "the daemon came back"

# A name server that never answers for IPv6 does not hide what it says of IPv4, nor does it delay it: of one name after the
# other that would take over half a minute.
MUTE_RULES=()
for i in {1..12}; do
	MUTE_RULES+=("{host: mute$i.test, ports: [7000/udp]}")
done
all_are_found() {
	object space guarded | jq -e --arg address $NAMED_ADDRESS4 \
		'[.status.egress.hosts[]? | select(.addresses == [$address])] | length == 12' >/dev/null
}
guarded_space "$RANGE_RULE" "${MUTE_RULES[@]}"
LIMIT=20 wait_for "their IPv4 addresses are found" all_are_found
holds "other rules" " allowed/tcp allowed/udp allowed/icmp named4/udp "

names_stop
names_close
outside_close

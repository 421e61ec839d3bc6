# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Who reaches whom, with real packets: cells of one space each other, cells of two spaces and two realms not, in neither
# direction; all of them the world outside, under the host's address; the world outside none of them; the host all. It
# holds whatever happens to the daemon, the bridges and the rules.
# shellcheck source=lib-outside.sh
. "$HERE/lib-outside.sh"

BRIDGED=/proc/sys/net/bridge/bridge-nf-call-iptables

outside_open
echo '{apiVersion: v1beta1, kind: Realm, metadata: {name: second}, spec: {namespace: kukeon-main}}' | drop_manifest realm.yaml
for realm in default second; do
	for space in default other; do
		for cell in one two; do
			REALM=$realm SPACE=$space cell_yaml $cell root | drop_manifest $realm-$space-$cell.yaml
		done
	done
done

cells_are_ready() { kuke get cells -o json 2>/dev/null | jq -e 'map(select(.status.state == "Ready")) | length == 8' >/dev/null; }

nodes() {
	echo "host=/proc/$$/ns/net=$HOST_ADDRESS outside=/run/netns/outside=$OUTSIDE_ADDRESS"
	kuke get cells -o json |
		jq -r '.[] | "\(.spec.realmId)/\(.spec.spaceId)/\(.metadata.name)=\(.status.netns)=\(.status.ip)"'
}

# As the contract says, for each line of reach. What leaves for the world outside does so under the host's address.
# shellcheck disable=SC2016 # awk's own variables
EXPECT='
function space_of(node) { sub(/\/[^\/]*$/, "", node); return node }
function expected() {
	if ($1 == "host" || $2 == "host")
		return "yes"
	if ($2 == "outside")
		return $3 == "icmp" ? "yes" : "yes " HOST
	return space_of($1) == space_of($2) ? "yes" : "no"
}
{
	found = $4 (NF > 4 && $2 == "outside" && $1 != "host" && $3 != "icmp" ? " " $5 : "")
	if (found != expected())
		print $0 ": expected " expected()
	n++
}
END { if (n != 270) print n " probes instead of 270" }'

holds() {
	local wrong
	if daemon_is_running; then
		nodes >"$T/nodes"
	fi
	xargs "$HERE/reach" <"$T/nodes" >"$T/reach"
	wrong=$(awk -v HOST=$HOST_ADDRESS "$EXPECT" "$T/reach")
	[ -z "$wrong" ] || fail "after: $1"$'\n'"$wrong"
}

default_bridge() { object space default | jq -r .status.bridge; }
bridge_is_known() { nft list set inet kukeon bridges | finds -F "$(default_bridge)"; }
table_is_whole() { nft list table inet kukeon 2>/dev/null | finds 'hook postrouting'; }
answers_ping() { ping -c 1 -W 1 "$(object cell one | jq -r '.status.ip // "0.0.0.0"')" >/dev/null 2>&1; }

LIMIT=60 wait_for "all cells are Ready" cells_are_ready
assert_eq 1 "$(cat /proc/sys/net/ipv4/ip_forward)" "ip_forward"

for bridged in 0 1; do
	[ ! -e $BRIDGED ] || echo $bridged >$BRIDGED
	holds "start, bridge-nf-call-iptables $bridged"

	daemon_kill
	holds "the daemon is away"
	daemon_start
	wait_for "all cells are Ready" cells_are_ready
	holds "the daemon came back"

	nft flush ruleset
	poll_for 1 table_is_whole || fail "the table is not put back within a second"
	holds "nft flush ruleset"

	nft delete element inet kukeon bridges "{ $(default_bridge) }"
	poll_for 1 bridge_is_known || fail "the bridge is not put back within a second"
	holds "a bridge taken out of the table"

	ip link delete "$(default_bridge)"
	wait_for "the bridge is back" answers_ping
	wait_for "all cells are Ready" cells_are_ready
	holds "the bridge was deleted"

	pid=$(container_pid one root)
	kill -KILL "$pid"
	wait_for_new_pid one root "$pid"
	wait_for "all cells are Ready" cells_are_ready
	holds "a cell was restarted"
done
outside_close

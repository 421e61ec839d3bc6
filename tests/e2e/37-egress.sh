# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A space that denies what leaves it, with real packets: nothing outside is reached but what the policy allows, by range and
# by host name; not the host's services, not other private ranges, not through a further space. Answers pass. It follows
# the name servers and the manifest, and holds whatever happens to the daemon and the rules.
# shellcheck source=lib-outside.sh
. "$HERE/lib-outside.sh"
# shellcheck source=lib-egress.sh
. "$HERE/lib-egress.sh"

PRIVATE_ADDRESS=10.20.0.5 STRANGE_ADDRESS=10.30.0.5 FIRST_ADDRESS=198.51.100.10 SECOND_ADDRESS=198.51.100.11
CELLS=4

# The world outside, with further hosts in it, and a name server of our own.
outside_open
for address in $PRIVATE_ADDRESS $STRANGE_ADDRESS $FIRST_ADDRESS $SECOND_ADDRESS; do
	ip -n outside addr add $address/32 dev lo
	ip -n router route add $address/32 via $OUTSIDE_ADDRESS
	ip route replace $address/32 via 192.0.2.1
done
echo "db.test 1 $FIRST_ADDRESS" >"$T/zone"
names_open

OUTSIDE_RULE="{cidr: $OUTSIDE_ADDRESS, ports: [7000]}"
PRIVATE_RULE="{cidr: 10.20.0.0/24}"
DB_RULE="{host: db.test, ports: [7000/udp, 80]}"
guarded_space "$OUTSIDE_RULE" "$PRIVATE_RULE" "$DB_RULE"
echo '{apiVersion: v1beta1, kind: Space, metadata: {name: open}}' | drop_manifest open.yaml
SPACE=guarded cell_yaml one root | drop_manifest one.yaml
SPACE=guarded cell_yaml two root | drop_manifest two.yaml
SPACE=guarded FIELDS="networks: [open]" cell_yaml guest root | drop_manifest guest.yaml
SPACE=open cell_yaml free root | drop_manifest free.yaml

cells_are_ready() { kuke get cells -o json 2>/dev/null | jq -e --argjson n $CELLS 'map(select(.status.state == "Ready")) | length == $n' >/dev/null; }
has_joined() { object cell guest --space guarded | jq -e '.status.joins[0].ip // empty' >/dev/null; }
gateway() { object space "$1" | jq -r '.status.subnet | sub("\\.0/.*"; ".1")'; }
space_says() { object space guarded | jq -r '.status | "\(.state) \(.reason) \(.message)"' | finds -F -- "$1"; }
dropped() { object space guarded | jq -r '.status.egress.droppedPackets // 0'; }
allowed_now() { object space guarded | jq -r '[.status.egress.hosts[]? | select(.host == "'"$1"'") | .addresses[]?] | sort | join(" ")'; }
allowed_are() { [ "$(allowed_now "$1")" = "$2" ]; }
root_pid() { object cell one --space guarded | jq -e '.status.containers[0].pid'; }
table_is_whole() { nft list table inet kukeon 2>/dev/null | finds 'hook postrouting'; }

nodes() {
	local outside=/run/netns/outside host=/proc/$$/ns/net
	echo "host=$host=$HOST_ADDRESS gate=$host=$(gateway guarded) open-gate=$host=$(gateway open)"
	echo "outside=$outside=$OUTSIDE_ADDRESS private=$outside=$PRIVATE_ADDRESS strange=$outside=$STRANGE_ADDRESS"
	echo "first=$outside=$FIRST_ADDRESS second=$outside=$SECOND_ADDRESS"
	kuke get cells -o json | jq -r '.[] | "\(.metadata.name)=\(.status.netns)=\(.status.ip)"'
}

# As the policy says, for each line of reach from a cell, or from the host to one. ALLOWED: "NODE/PROTOCOL " of what may be
# reached beside the cell's own space.
# shellcheck disable=SC2016 # awk's own variables
EXPECT='
function guarded(node) { return node ~ /^(one|two|guest)$/ }
function expected() {
	if ($1 ~ /^(host|gate|open-gate)$/)
		return "yes"
	if ($1 == "free")
		return guarded($2) ? "no" : "yes"
	if (guarded($2))
		return "yes"
	if ($1 == "guest" && $2 == "free")
		return "yes" # it has joined
	return index(ALLOWED, " " $2 "/" $3 " ") ? "yes" : "no"
}
guarded($1) || $1 == "free" || guarded($2) && $1 ~ /gate|host/ {
	if ($4 != expected())
		print $0 ": expected " expected()
	n++
}
END { if (n != N) print n " probes instead of " N }'
ALLOWED=" outside/tcp private/tcp private/udp private/icmp first/udp "
PROBES=$(((4 * 11 + 3 * 3) * 3))

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

LIMIT=60 wait_for "all cells are Ready" cells_are_ready
wait_for "guest is in the space open" has_joined
wait_for "db.test is found" allowed_are db.test $FIRST_ADDRESS
holds "start"
before=$(dropped)
[ "$before" -gt 0 ] || fail "nothing was counted as dropped"
object space guarded | jq -e '.status.egress.droppedBytes > 0' >/dev/null || fail "no bytes were counted"
kuke status | finds -E "^  default/guarded: [1-9][0-9]* packets dropped, [1-9][0-9]* bytes" || fail "not in status: $(kuke status)"
assert_eq null "$(object space open | jq .status.egress)" "a space without a policy"

nft flush ruleset
poll_for 1 table_is_whole || fail "the table is not put back within a second"
holds "nft flush ruleset"
[ "$(dropped)" -gt "$before" ] || fail "drops went from $before to $(dropped)"

daemon_kill
holds "the daemon is away"
daemon_start
wait_for "all cells are Ready" cells_are_ready
holds "the daemon came back"

# A changed answer: the new address is allowed when the old answer has aged, the old one stays for a while.
pid=$(root_pid)
echo "db.test 1 $SECOND_ADDRESS" >"$T/zone"
wait_for "db.test is found at its new address" allowed_are db.test "$FIRST_ADDRESS $SECOND_ADDRESS"
holds "db.test moved" "$ALLOWED second/udp "

# A name that was never found is a problem, and hinders nothing else.
guarded_space "$OUTSIDE_RULE" "$PRIVATE_RULE" "$DB_RULE" "{host: nobody.test, ports: [7000]}"
wait_for "the missing name to be told" space_says \
	'Ready HostNotFound nobody.test: cannot find the host: no name server knows an address of it'
! kuke status >"$T/status" || fail "status is healthy: $(cat "$T/status")"
sed -n '/^Problems/,$p' "$T/status" | finds -F 'space default/guarded: Ready, HostNotFound: nobody.test: ' ||
	fail "not in status: $(cat "$T/status")"

# What was found stays when nobody can be asked, whatever daemon asks.
names_stop
wait_for "the silence to be told" space_says 'db.test: cannot find the host'
holds "no name server answers" "$ALLOWED second/udp "
guarded_space "$OUTSIDE_RULE" "$PRIVATE_RULE" "$DB_RULE"
wait_for "the missing name is gone" space_says 'Ready HostStale db.test: cannot find the host'
kuke status >"$T/status" || fail "a name that was found once is a problem: $(cat "$T/status")"
daemon_kill
daemon_start
wait_for "all cells are Ready" cells_are_ready
wait_for "the silence to be told by the next daemon" space_says 'Ready HostStale db.test: cannot find the host'
assert_true "what db.test stood for" allowed_are db.test "$FIRST_ADDRESS $SECOND_ADDRESS"
holds "no name server answers the next daemon" "$ALLOWED second/udp "
guarded_space "$PRIVATE_RULE"
wait_for "nothing is wrong any more" space_says "Ready null null"

# Stricter, looser, gone: on cells that run.
holds "fewer rules" " private/tcp private/udp private/icmp "
echo '{apiVersion: v1beta1, kind: Space, metadata: {name: guarded}}' | drop_manifest space.yaml
everything=" "
for node in host gate open-gate outside private strange first second; do
	everything+="$node/tcp $node/udp $node/icmp "
done
no_policy() { [ "$(object space guarded | jq .status.egress)" = null ]; }
wait_for "the policy is gone" no_policy
in_one() { nsenter --net="$(object cell one --space guarded | jq -r .status.netns)" "$@"; }
reaches_strange() { in_one ping -c 1 -W 1 $STRANGE_ADDRESS >/dev/null 2>&1; }
wait_for "a cell reaches out" reaches_strange
holds "no policy" "$everything"

# What goes on under way when it is forbidden goes on no more.
nsenter --net="$(object cell one --space guarded | jq -r .status.netns)" ping -i 0.1 $STRANGE_ADDRESS >"$T/heard" &
PING_PID=$!
wait_for "answers" grep -q "icmp_seq=3" "$T/heard"
guarded_space
wait_for "the policy is back" space_says "Ready null null"
! reaches_strange || fail "a cell reaches out under default: deny"
heard=$(wc -l <"$T/heard")
! reaches_strange || fail "a cell reaches out under default: deny"
assert_eq "$heard" "$(wc -l <"$T/heard")" "answers to what was under way"
process_stop $PING_PID 5 || fail "ping does not end"
assert_eq "$pid" "$(root_pid)" "pid of a cell whose policy was changed"

# What cannot be right is refused where it stands.
guarded_space "{cidr: 10.0.0.1/8}" "{host: 'a b'}" "{cidr: 10.0.0.0/8, host: a.test}" "{cidr: 10.0.0.0/8, ports: [0]}"
wait_for "the range" manifest_has_error space.yaml 'spec.network.egress.allow[0].cidr: "10.0.0.1/8" is an address inside a range, did you mean "10.0.0.0/8"?'
assert_true "the host" manifest_has_error space.yaml 'allow[1].host: "a b" is not the name of a host'
assert_true "both" manifest_has_error space.yaml 'allow[2].cidr: say one of cidr and host'
assert_true "the port" manifest_has_error space.yaml 'allow[3].ports[0]: "0" is not a port'

names_close
outside_close

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Another tool takes the packet filter away, again and again as fast as it can, also while the daemon is away: not one
# packet passes that may not, of IPv4 and IPv6. Meanwhile the spaces say so and nothing starts; afterwards all is as before.
# shellcheck source=lib-outside.sh
. "$HERE/lib-outside.sh"

SECONDS_LONG=${KUKEON_TEST_ATTACK_SECONDS:-6}
BRIDGED=/proc/sys/net/bridge/bridge-nf-call-iptables

outside_open
six=
if [ -e /proc/sys/net/ipv6 ]; then
	outside_open6
	six="ipv6: true"
fi
for space in one two guarded; do
	deny=
	[ $space != guarded ] || deny="network: {egress: {default: deny}}"
	printf '%s\n' "apiVersion: v1beta1" "kind: Space" "metadata: {name: $space}" "spec:" "  ${six:-{\}}" |
		if [ -n "$deny" ]; then cat - <(echo "  $deny"); else cat; fi | drop_manifest space-$space.yaml
	SPACE=$space cell_yaml cell root | drop_manifest cell-$space.yaml
done
SPACE=one cell_yaml web root | sed 's/- id: root/&\n      ports: ["7200:7200"]/' | drop_manifest web.yaml

for space in one two guarded; do
	wait_for_cell cell Ready --space $space
done
wait_for_cell web Ready --space one

root_pid() { object cell cell --space one | jq -e '.status.containers[0].pid'; }
cell() { object cell "${3:-cell}" --space "$1" | jq -r ".status.$2 // empty"; }
bridge() { object space "$1" | jq -r .status.bridge; }
has_lock() { tc qdisc show dev "$(bridge "$1")" clsact | finds clsact; }

if ! has_lock one; then
	say "skipped: this kernel locks no bridges (cls_bpf, sch_ingress)"
	exit 77
fi

# What may never pass.
outside=/run/netns/outside host=/proc/$$/ns/net
declare -A netns ip ip6
for space in one two guarded; do
	netns[$space]=$(cell $space netns) ip[$space]=$(cell $space ip) ip6[$space]=$(cell $space ip6)
done
forbidden=(
	"space-to-space=${netns[one]}=${netns[two]}=${ip[two]}"
	"space-to-guarded=${netns[one]}=${netns[guarded]}=${ip[guarded]}"
	"guarded-to-space=${netns[guarded]}=${netns[one]}=${ip[one]}"
	"guarded-to-outside=${netns[guarded]}=$outside=$OUTSIDE_ADDRESS"
	"guarded-to-host=${netns[guarded]}=$host=$HOST_ADDRESS"
	"outside-to-cell=$outside=${netns[one]}=${ip[one]}"
	"outside-to-guarded=$outside=${netns[guarded]}=${ip[guarded]}"
)
allowed=(
	"cell-to-outside=${netns[one]}=$outside=$OUTSIDE_ADDRESS"
	"host-to-cell=$host=${netns[one]}=${ip[one]}"
	"cell-to-host=${netns[one]}=$host=$HOST_ADDRESS"
)
if [ -n "$six" ]; then
	forbidden+=(
		"space-to-space-6=${netns[one]}=${netns[two]}=${ip6[two]}"
		"guarded-to-space-6=${netns[guarded]}=${netns[one]}=${ip6[one]}"
		"guarded-to-outside-6=${netns[guarded]}=$outside=$OUTSIDE_ADDRESS6"
		"outside-to-cell-6=$outside=${netns[one]}=${ip6[one]}"
	)
	allowed+=(
		"cell-to-outside-6=${netns[one]}=$outside=$OUTSIDE_ADDRESS6"
		"host-to-cell-6=$host=${netns[one]}=${ip6[one]}"
	)
fi

nothing_passes() {
	local which
	which=$(awk '$1 != "ready" && ($2 || $3)' "$1")
	[ -z "$which" ] || fail "passes, $2:"$'\n'"$which"
}
all_pass() {
	"$HERE/flows" 0.3 "${allowed[@]}" >"$T/allowed"
	! awk '$1 != "ready" && (!$2 || !$3)' "$T/allowed" | finds .
}
published() { in_outside bash -c "exec 3<>/dev/tcp/$HOST_ADDRESS/7200" 2>/dev/null; }

# What other tools do to a table, each in turn.
EMPTY="add table inet kukeon; delete table inet kukeon; table inet kukeon { chain forward { type filter hook forward priority 0; }; }"
attack() {
	local end=$((SECONDS + $1)) n=0
	while [ $SECONDS -lt $end ]; do
		nft flush ruleset
		nft delete table inet kukeon 2>/dev/null || true
		nft flush table inet kukeon 2>/dev/null || true
		nft "$EMPTY" 2>/dev/null || true
		for chain in egress refuse forward host; do
			nft flush chain inet kukeon $chain 2>/dev/null || true
		done
		n=$((n + 1))
	done
	echo $n
}

space_says() { object space one | jq -r '.status | "\(.state) \(.reason)"' | finds "$1"; }

before=$(root_pid)
nsenter --net="$(cell one netns web)" python3 -m http.server 7200 >/dev/null 2>&1 &
server=$!
wait_for "what may pass passes" all_pass
wait_for "the port" published

for bridged in 0 1; do
	[ ! -e $BRIDGED ] || echo $bridged >$BRIDGED
	assert_true "what may pass passes, bridge-nf-call-iptables $bridged" all_pass
	mkfifo "$T/go"
	"$HERE/flows" - "${forbidden[@]}" <"$T/go" >"$T/passed" &
	flows=$!
	exec 8>"$T/go"
	wait_for "packets are sent" grep -q ready "$T/passed"
	attack $((SECONDS_LONG / 2)) >"$T/rounds" &
	attacker=$!
	if [ $bridged = 0 ]; then
		wait_for "the space says that its rules are away" space_says "Pending FilterMissing"
		wait_for "status is a problem" eval '! kuke status >"$T/status" && grep -q FilterMissing "$T/status"'
	fi
	wait $attacker
	LIMIT=5 wait_for "what may pass passes again" all_pass
	echo >&8
	exec 8>&-
	wait $flows
	rm "$T/go"
	nothing_passes "$T/passed" "under attack, $(cat "$T/rounds") rounds, bridge-nf-call-iptables $bridged"
	wait_for "the port again" published

	# The same for as long as nobody puts the rules back: of one chain alone, and of all.
	daemon_kill
	for chain in egress refuse forward host; do
		rules=$(nft list table inet kukeon)
		nft flush chain inet kukeon $chain
		"$HERE/flows" 0.3 "${forbidden[@]}" >"$T/passed"
		nothing_passes "$T/passed" "with $chain empty, bridge-nf-call-iptables $bridged"
		printf 'delete table inet kukeon\n%s\n' "$rules" | nft -f -
	done
	nft flush ruleset
	"$HERE/flows" 0.5 "${forbidden[@]}" >"$T/passed"
	nothing_passes "$T/passed" "without rules and daemon, bridge-nf-call-iptables $bridged"
	daemon_start
	wait_for "what may pass passes with the daemon" all_pass
	wait_for "the space is Ready" space_says "Ready"
done

# Another hand takes the lock, while the rules are there and while they are not.
tc qdisc delete dev "$(bridge one)" clsact
wait_for "the lock is put back" has_lock one
wait_for "what may pass passes through it" all_pass
has_programs() { [ "$(for way in ingress egress; do tc filter show dev "$(bridge one)" $way; done | grep -c 'kuke.*id ')" = 2 ]; }
assert_true "the lock has two programs" has_programs
for way in ingress egress; do
	tc filter delete dev "$(bridge one)" $way
	wait_for "the program at $way is put back" has_programs
done

# It is the lock: without it, and without rules, they pass.
echo 0 2>/dev/null >$BRIDGED || true
daemon_kill
for space in one two guarded; do
	tc qdisc delete dev "$(bridge $space 2>/dev/null || true)" clsact 2>/dev/null || true
done
for device in /sys/class/net/*/bridge; do
	tc qdisc delete dev "$(basename "$(dirname "$device")")" clsact 2>/dev/null || true
done
nft flush ruleset
"$HERE/flows" 0.5 "${forbidden[@]}" >"$T/passed"
if ! awk '$1 == "space-to-space" && $2 && $3' "$T/passed" | finds .; then
	fail "the prober sees nothing where everything is open: $(cat "$T/passed")"
fi
daemon_start
wait_for "the lock is back" has_lock one
wait_for "what may pass passes with a new lock" all_pass
"$HERE/flows" 0.5 "${forbidden[@]}" >"$T/passed"
nothing_passes "$T/passed" "after all of it"

# A table that the kernel keeps for another: nothing starts.
mkfifo "$T/hold"
nft -i <"$T/hold" >/dev/null 2>&1 &
holder=$!
exec 8>"$T/hold"
echo 'flush ruleset; add table inet kukeon { flags owner; }' >&8
wait_for "the space says that its rules are away" space_says "Pending Filter"
late_waits() { object cell late --space one | jq -e '.status.reason == "ParentNotReady"' >/dev/null; }
SPACE=one cell_yaml late root | drop_manifest late.yaml
wait_for "a new cell waits" late_waits
"$HERE/flows" 0.5 "${forbidden[@]}" >"$T/passed"
nothing_passes "$T/passed" "while another has the table"
assert_eq "" "$(cell one 'containers[0].pid' late)" "pid of a cell while the rules are away"
exec 8>&-
wait $holder || true
LIMIT=5 wait_for "what may pass passes again" all_pass
wait_for_cell late Ready --space one
assert_eq "$before" "$(root_pid)" "pid of the cell that ran all the time"
kill $server
outside_close

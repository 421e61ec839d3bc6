# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Another hand's rules and routes keep back the packets of a space, each in another way: its cells stay as they are, and
# kuke status and kuke doctor say which rule of which table it is; once it is gone they say so within seconds. What they
# know it from is a packet that goes nowhere.
# shellcheck source=lib-outside.sh
. "$HERE/lib-outside.sh"
# shellcheck source=lib-network.sh
. "$HERE/lib-network.sh"

status_code() {
	local code=0
	kuke status >"$T/status" || code=$?
	echo $code
}
says() { [ "$(status_code)" = "$1" ] && grep -qF -- "$2" "$T/status"; }
is_clean() { [ "$(status_code)" = 0 ] && ! grep -qE 'TrafficBlocked|HostShut' "$T/status"; }
doctor_says() { kuke doctor >"$T/doctor" 2>&1 || true; grep -qF -- "$1" "$T/doctor"; }

outside_open
ip route add default via 192.0.2.1
FIELDS='ports: ["8080:8080"]' drop_cell web root
wait_for_cell web Ready
serve web
published() { in_outside curl -sf -m 1 -o /dev/null "http://$HOST_ADDRESS:8080/hostname"; }
wait_for "the port is published" published
wait_for "all is well" is_clean
before=$(cell_processes web)
bridge=$(space_bridge)
doctor_says "packets of every space come through" || {
	if grep -q "self-test is not possible" "$T/doctor"; then
		say "skipped: $(grep "self-test is not possible" "$T/doctor")"
		exit 77
	fi
	fail "kuke doctor does not say that packets come through: $(cat "$T/doctor")"
}

# What leaves the host, or reaches the cell, of all that follows.
strays='add table inet strays; add chain inet strays seen { type filter hook prerouting priority -400; }; add rule inet strays seen ip saddr 198.41.0.4 counter; add rule inet strays seen ip daddr 198.41.0.4 counter; add rule inet strays seen icmp type destination-unreachable counter'
ip netns exec router nft "$strays"
nsenter --net="$(cell_netns web)" nft "$strays"

# kept_back CODE WORDS REMOVAL COMMAND...: what the command puts in the way is told, with that exit code, and taken back.
kept_back() {
	local code=$1 words=$2 removal=$3
	"${@:4}"
	by_event "kuke status says: $words" says "$code" "$words"
	[ "$code" = 0 ] || finds TrafficBlocked "$T/status" || fail "no reason TrafficBlocked for: $words"
	doctor_says "$words" || fail "kuke doctor does not say: $words"
	assert_untouched web "$before"
	eval "$removal"
	by_event "all is well without: $words" is_clean
}

base() { nft "add table $1 other; add chain $1 other c { type filter hook $2 priority $3; policy ${4:-accept}; }"; }
forward_policy() { base inet forward 10 drop; }
forward_jump() { base ip forward 10; nft 'add chain ip other away; add rule ip other away counter drop; add rule ip other c jump away'; }
forward_by_name() { base inet forward -10; nft "add rule inet other c iifname \"$bridge\" reject"; }
input_drop() { base inet input 10; nft "add rule inet other c iifname \"kuke-*\" drop"; }
untracked() { base ip prerouting -300; nft add rule ip other c notrack; }
bridged() { base bridge prerouting 0; nft add rule bridge other c ether type ip drop; }
own_way() { ip route add blackhole default table 77; ip rule add iif "$bridge" lookup 77 pref 100; }
led_away() { nft "add table ip other; add chain ip other c { type nat hook prerouting priority -150; }; add rule ip other c tcp dport 8080 redirect to :9"; }

remove="nft delete table"
kept_back 1 "cell to out: dropped by nft table inet other chain c policy (nftables)" "$remove inet other" forward_policy
kept_back 1 "cell to out: dropped by nft table ip other chain away rule 1 'counter drop'" "$remove ip other" forward_jump
kept_back 1 "dropped by nft table inet other chain c rule 1 'iifname \"$bridge\" reject'" "$remove inet other" forward_by_name
kept_back 0 "cell to host: dropped by nft table inet other chain c rule 1" "$remove inet other" input_drop
kept_back 1 "leaves under the cell's own address by nft table ip other chain c rule 1 'notrack'" "$remove ip other" untracked
kept_back 1 "outside to port 8080/tcp: led elsewhere by nft table ip other chain c rule 1 'tcp dport 8080 redirect to :9'" \
	"$remove ip other" led_away
kept_back 1 "cell to out: not routed: a route or rule drops it (blackhole)" "ip rule del pref 100; ip route flush table 77" own_way
if nft add table bridge other 2>/dev/null; then
	nft delete table bridge other
	kept_back 1 "cell to out: dropped by nft table bridge other chain c rule 1" "$remove bridge other" bridged
fi
if command -v iptables-nft >/dev/null && iptables-nft -A FORWARD -j REJECT 2>/dev/null; then
	iptables-nft -F FORWARD
	kept_back 1 "cell to out: dropped by nft table ip filter chain FORWARD rule 1" "$remove ip filter" iptables-nft -A FORWARD -j REJECT
fi

# Of iptables without nftables nothing is heard: it is found by who asks.
if iptables-legacy -A FORWARD -j DROP 2>/dev/null; then
	doctor_says "cell to out: dropped by no table of nftables, in forward (iptables-legacy)" || fail "kuke doctor: $(cat "$T/doctor")"
	assert_true "kuke status after kuke doctor" says 1 "in forward (iptables-legacy)"
	iptables-legacy -F FORWARD
	by_event "all is well without it" is_clean
	iptables-legacy -A FORWARD -j DROP
	poll_for 10 says 1 "in forward (iptables-legacy)" || fail "kuke status does not find out by being asked"
	iptables-legacy -F FORWARD
	by_event "all is well again" is_clean
fi

# A row of changes is no reason to do much.
for _ in $(seq 20); do nft 'add table ip other; delete table ip other'; done
wait_for "all is well" is_clean
assert_true "the port is published" published

for counter in "ip netns exec router" "nsenter --net=$(cell_netns web)"; do
	assert_eq "" "$($counter nft list table inet strays | awk '/counter/ && !/packets 0 /')" "packets that got out, or in ($counter)"
done
assert_eq "" "$(grep -s 198.41.0.4 /proc/net/nf_conntrack || true)" "connections on record"
assert_eq "" "$(nft list tables | grep probe || true)" "tables that are left"
assert_untouched web "$before"
outside_close

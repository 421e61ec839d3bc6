# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Another tool's forward chain with policy drop cuts the cells off, whatever Kukeon accepts: kuke doctor names it, and the
# commands that it gives let the cells out again. Before there is a cell that could be asked for it says what might be.
# shellcheck source=lib-outside.sh
. "$HERE/lib-outside.sh"

checks() {
	{ kuke doctor -o json || [ $? -eq 1 ]; } |
		jq -r --arg name "$1" --arg result "$2" '.checks[] | select(.name == $name and .result == $result)'
}
guess() { checks "forward filter" Warning | jq -r .message; }
verdict() { checks traffic Failed | jq -r .message; }
remedy() { checks traffic Failed | jq -r .remedy; }
passes() { checks traffic Passed | jq -r .message; }
reaches_outside() { in_container web root ping -c 1 -W 1 $OUTSIDE_ADDRESS >/dev/null; }
is_cut_off() { ! reaches_outside; }

# as_told: runs what the remedy says.
as_told() {
	local command
	command=$(remedy)
	case $command in
	"nft insert rule "* | "iptables-nft -I "* | "iptables-legacy -I "*) ;;
	*) fail "not a command to run: $command" ;;
	esac
	eval "$command"
}

# mended_by_the_doctor WHERE: while it drops, and after its remedy.
mended_by_the_doctor() {
	assert_true "cut off by $1" is_cut_off
	assert_contains "$(verdict)" "dropped by $1" "the verdict"
	as_told
	assert_true "reaches outside with the rules for $1" reaches_outside
	assert_eq "packets of every space come through" "$(passes)" "the check with the rules for $1"
}

outside_open
nft 'add table inet firewall; add chain inet firewall forward { type filter hook forward priority 10; policy drop; }'
assert_contains "$(guess)" "chain forward of table inet firewall drops what it does not accept" "the warning without a cell"
nft delete table inet firewall
drop_ready_cell web root
assert_true "reaches outside" reaches_outside
if [[ $(passes) == *"not possible"* ]]; then
	say "skipped: $(passes)"
	exit 77
fi
assert_eq "packets of every space come through" "$(passes)" "the check of a host without firewall"

nft -f - <<-END
	table inet firewall {
		chain harmless { type filter hook input priority 0; policy drop; ct state vmap { established : accept, related : accept }; iif lo accept; }
		chain forward { type filter hook forward priority 10; policy drop; ct state established,related accept; }
	}
END
assert_eq "" "$(guess)" "guesses where packets have been tried"
assert_true "cut off by a chain of nftables" is_cut_off
assert_contains "$(verdict)" "dropped by nft table inet firewall chain forward policy" "the verdict"
assert_contains "$(checks traffic Warning | jq -r .message)" "cell to host: dropped by nft table inet firewall chain harmless policy" \
	"the host's own services"
as_told
eval "$(checks traffic Warning | jq -r .remedy | sed 's/^where cells need a service of the host: //')"
assert_true "reaches outside with the rules" reaches_outside
assert_eq "packets of every space come through" "$(passes)" "the check with the rules"
nft delete table inet firewall

if command -v iptables-nft >/dev/null; then
	iptables-nft -P FORWARD DROP
	mended_by_the_doctor "nft table ip filter chain FORWARD policy (iptables)"
	nft delete table ip filter
fi

if iptables-legacy -P FORWARD DROP 2>/dev/null; then
	mended_by_the_doctor "no table of nftables, in forward (iptables-legacy)"
	iptables-legacy -F FORWARD
	iptables-legacy -P FORWARD ACCEPT
fi
assert_true "reaches outside again" reaches_outside
assert_eq "packets of every space come through" "$(passes)" "the check in the end"
outside_close

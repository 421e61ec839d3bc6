# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Another tool's forward chain with policy drop cuts the cells off, whatever Kukeon accepts: kuke doctor names it, and the
# commands that it gives let the cells out again.
# shellcheck source=lib-outside.sh
. "$HERE/lib-outside.sh"

forward_checks() {
	{ kuke doctor -o json || [ $? -eq 1 ]; } |
		jq -r --arg result "$1" '.checks[] | select(.name == "forward filter" and .result == $result)'
}
warning() { forward_checks Warning | jq -r .message; }
remedy() { forward_checks Warning | jq -r .remedy; }
reaches_outside() { in_container web root ping -c 1 -W 1 $OUTSIDE_ADDRESS >/dev/null; }
is_cut_off() { ! reaches_outside; }

# as_told: runs what the remedy says, "... there: COMMAND, and the same with oifname" (or -o).
as_told() {
	local command
	command=$(remedy | sed -n 's/.* there: \(.*\), and the same with .*/\1/p')
	assert_ne "" "$command" "the command in the remedy"
	case $command in
	"nft insert rule "* | "iptables-nft -I "* | "iptables-legacy -I "*) ;;
	*) fail "not a command to run: $command" ;;
	esac
	eval "$command"
	eval "$(sed 's/ iifname / oifname /; s/ -i / -o /' <<<"$command")"
}

# mended_by_the_doctor WHERE: while it drops, and after its remedy.
mended_by_the_doctor() {
	assert_true "cut off by $1" is_cut_off
	assert_contains "$(warning)" "$1 drops what it does not accept" "the warning"
	as_told
	assert_true "reaches outside with the rules for $1" reaches_outside
	assert_eq "" "$(warning)" "warnings with the rules for $1"
	assert_contains "$(forward_checks Passed | jq -r .message)" "it has rules for our bridges" "the check"
}

outside_open
drop_ready_cell web root
assert_true "reaches outside" reaches_outside
assert_eq "no other drops what is forwarded" "$(forward_checks Passed | jq -r .message)" "the check of a host without firewall"

nft -f - <<-END
	table inet firewall {
		chain harmless { type filter hook input priority 0; policy drop; ct state vmap { established : accept, related : accept }; iif lo accept; }
		chain forward { type filter hook forward priority 10; policy drop; }
	}
END
mended_by_the_doctor "chain forward of table inet firewall"
assert_eq 1 "$(forward_checks Passed | jq -s length)" "chains that are told of"
nft delete table inet firewall

if command -v iptables-nft >/dev/null; then
	iptables-nft -P FORWARD DROP
	mended_by_the_doctor "chain FORWARD of table ip filter"
	nft delete table ip filter
fi

if iptables-legacy -P FORWARD DROP 2>/dev/null; then
	mended_by_the_doctor "chain FORWARD of table filter of iptables-legacy"
	iptables-legacy -F FORWARD
	iptables-legacy -P FORWARD ACCEPT
fi
assert_true "reaches outside again" reaches_outside
assert_eq "no other drops what is forwarded" "$(forward_checks Passed | jq -r .message)" "the check in the end"
outside_close

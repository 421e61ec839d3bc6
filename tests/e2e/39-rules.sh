# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Rules of an admin or a script that keep packets back, made with either iptables and with nft: kuke status names them, and
# with what kuke doctor gives as the remedy everything passes. Rules that libvirt makes for itself keep nothing back.
# shellcheck source=lib-foreign.sh
. "$HERE/lib-foreign.sh"
foreign_open iptables-nft iptables-legacy || return 0

# remedied "what" WORDS UNDO COMMAND...: after the command status says the words, and after the remedy all flows pass.
remedied() {
	"${@:4}"
	some_flow_fails "$1"
	kuke doctor >/dev/null || true # of the older iptables nothing is heard
	wait_for "$1: kuke status says $2" space_blocked_by "$2"
	remedies >"$T/remedies"
	bash -e "$T/remedies" >"$T/remedied" 2>&1 || fail "$1: the remedy: $(cat "$T/remedies" "$T/remedied")"
	all_flows "$1: $(tail -n 1 "$T/remedies")"
	kuke doctor >/dev/null || true
	wait_for "$1: all is well" is_healthy
	eval "$3"
	kuke doctor >/dev/null || true
	wait_for "all is well without: $1" is_healthy
}

# As RHEL's and some clouds' images have it: a drop policy nowhere.
reject_in_the_end() { "$1" -A FORWARD -j REJECT --reject-with icmp-host-prohibited; }
nft_chain() { nft "add table $1 mine; add chain $1 mine forward { type filter hook forward priority 0; policy ${2:-accept}; }"; }
nft_away() {
	nft_chain inet
	nft 'add chain inet mine away; add rule inet mine away counter drop; add rule inet mine forward jump away'
}

libvirts_rules() {
	iptables-nft -N LIBVIRT_FWI
	iptables-nft -N LIBVIRT_FWO
	iptables-nft -N LIBVIRT_FWX
	iptables-nft -A FORWARD -j LIBVIRT_FWX
	iptables-nft -A FORWARD -j LIBVIRT_FWI
	iptables-nft -A FORWARD -j LIBVIRT_FWO
	iptables-nft -A LIBVIRT_FWI -d 192.168.122.0/24 -o virbr0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	iptables-nft -A LIBVIRT_FWI -o virbr0 -j REJECT
	iptables-nft -A LIBVIRT_FWO -s 192.168.122.0/24 -i virbr0 -j ACCEPT
	iptables-nft -A LIBVIRT_FWO -i virbr0 -j REJECT
	iptables-nft -A LIBVIRT_FWX -i virbr0 -o virbr0 -j ACCEPT
	iptables-nft -t nat -A POSTROUTING -s 192.168.122.0/24 ! -d 192.168.122.0/24 -j MASQUERADE
}

flows_open
before=$(cell_processes web)
remedied "a reject" "(iptables)" "nft delete table ip filter" reject_in_the_end iptables-nft
remedied "a policy" "(iptables)" "nft delete table ip filter" iptables-nft -P FORWARD DROP
remedied "nft's policy" "(nftables)" "nft delete table ip mine" nft_chain ip drop
remedied "nft's jump" "(nftables)" "nft delete table inet mine" nft_away
if has_iptables iptables-legacy; then
	remedied "a reject of the older iptables" "(iptables-legacy)" "iptables-legacy -F FORWARD" \
		reject_in_the_end iptables-legacy
fi
libvirts_rules
all_flows "libvirt's rules"
stays 1 "all is well with libvirt's rules" is_healthy
nft delete table ip filter
nft delete table ip nat
assert_untouched web "$before"
flows_close
foreign_close

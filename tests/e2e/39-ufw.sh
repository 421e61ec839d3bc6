# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The real ufw beside us: it denies what is routed, and allows our bridges when it is told so in its own words, over reloads
# and restarts.
# shellcheck source=lib-foreign.sh
. "$HERE/lib-foreign.sh"
foreign_open ufw iptables iptables-restore || return 0
ufw_prepare

flows_open
before=$(cell_processes web)
ufw --force enable >"$T/ufw" 2>&1 || fail "ufw: $(<"$T/ufw")"
some_flow_fails "ufw starts after us"
ufw route allow in on "$web_bridge" >/dev/null
ufw route allow out on "$web_bridge" >/dev/null
all_flows "ufw route allow"
ufw reload >/dev/null
all_flows "ufw reload"
daemon_stop
daemon_start
all_flows "the daemon starts after ufw"
ufw disable >/dev/null
all_flows "ufw disable"
ufw --force enable >/dev/null
all_flows "ufw enable"
assert_untouched web "$before"
ufw disable >/dev/null
nft delete table ip filter
nft delete table ip6 filter
flows_close
foreign_close

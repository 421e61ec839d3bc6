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
wait_for "kuke status says so" space_blocked_by "(ufw)"
remedies >"$T/remedies"
assert_contains "$(<"$T/remedies")" "ufw route allow in on $web_bridge" "the remedy"
bash -e "$T/remedies" >/dev/null || fail "the remedy: $(<"$T/remedies")"
wait_for "all is well" is_healthy
all_flows "what the remedy says"
ufw reload >/dev/null
all_flows "ufw reload"
daemon_stop
daemon_start
all_flows "the daemon starts after ufw"
ufw disable >/dev/null
all_flows "ufw disable"
ufw --force enable >/dev/null
all_flows "ufw enable"
wait_for "all is well in the end" is_healthy
assert_untouched web "$before"
ufw disable >/dev/null
nft delete table ip filter
nft delete table ip6 filter
flows_close
foreign_close

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# kuke init with the real firewalld and dockerd there: both are told of us, and it says so. kuke uninstall leaves nothing of
# ours with either, whether firewalld runs then or not.
# shellcheck source=lib-foreign.sh
. "$HERE/lib-foreign.sh"
# shellcheck source=lib-init.sh
. "$HERE/lib-init.sh"
foreign_open firewalld dockerd docker busctl iptables-nft || return 0
init_prepare
use_iptables nft

firewalld_knows_nothing() {
	[ -z "$(find /etc/firewalld -name 'kukeon*.xml')" ] &&
		! ask_firewalld zone getInterfaces s kukeon >/dev/null &&
		! nft list table inet firewalld | finds kuke
}

dbus_start
firewalld_start
dockerd_start
iptables-nft -P FORWARD DROP
init >"$T/init" 2>&1 || fail "init: $(cat "$T/init")"
assert_contains "$(<"$T/init")" "docker: DOCKER-USER lets our bridges pass, and is kept so" "what init says"
bridge=$(object space default | jq -r .status.bridge)
zone_has_it() { [ "$(zone_of "$bridge")" = kukeon ]; }
wait_for "the zone" zone_has_it
wait_for "our rules with docker" has_rules nft
# docker makes its rules anew when firewalld has loaded its own, in any order
rules_of_others() { iptables-nft-save -t filter 2>/dev/null | grep -e '^-A' -e '^:' | grep -v kukeon | LC_ALL=C sort; }
rules_are() { [ "$(rules_of_others)" = "$1" ]; }
theirs=$(rules_of_others)

uninstall --yes >"$T/out" 2>&1 || fail "uninstall: $(cat "$T/out")"
assert_true "nothing is left with firewalld" firewalld_knows_nothing
assert_true "nothing is left with docker" has_no_rules nft
wait_for "the rules of others" rules_are "$theirs"

# Once more, with a firewalld that does not run in the end.
init >"$T/init" 2>&1 || fail "init: $(cat "$T/init")"
wait_for "the zone again" zone_has_it
firewalld_stop
uninstall --yes >"$T/out" 2>&1 || fail "uninstall: $(cat "$T/out")"
assert_eq "" "$(find /etc/firewalld -name 'kukeon*')" "files of firewalld"
assert_true "nothing is left with docker" has_no_rules nft
docker_forget nft
ip link delete docker0
dbus_stop
init_end
foreign_close

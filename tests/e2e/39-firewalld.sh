# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The real firewalld beside us, before and after us: our bridges are in a zone of ours, as loaded and in its files, and
# whatever it loads anew.
# shellcheck source=lib-foreign.sh
. "$HERE/lib-foreign.sh"
foreign_open firewalld firewall-cmd dbus-daemon || return 0

bridge_is_in_zone() { [ "$(zone_of "$1")" = kukeon ]; }
bridge_is_stored() { grep -qsF "\"$1\"" /etc/firewalld/zones/kukeon.xml; }
bridge_is_nowhere() { ! bridge_is_in_zone "$1" && ! bridge_is_stored "$1"; }
zone_is_whole() { bridge_is_in_zone "$web_bridge" && bridge_is_stored "$web_bridge"; }

# whole_again WHAT: the zone has our bridge, and everything passes.
whole_again() {
	wait_for "the zone after: $1" zone_is_whole
	all_flows "$1"
}

flows_open
before=$(cell_processes web)
other_bridge=$(table_bridge other)

# It is found when the bus comes, and when it comes on the bus.
dbus_start
firewalld_start
whole_again "firewalld starts after us"
assert_true "bridge of the other space" bridge_is_in_zone "$other_bridge"
assert_true "kuke doctor says so" doctor_says "firewalld: zone kukeon holds our bridges"
firewall-cmd --reload >/dev/null
whole_again "firewall-cmd --reload"
firewall-cmd --complete-reload >/dev/null
whole_again "firewall-cmd --complete-reload"
firewall-cmd --zone=kukeon --remove-interface="$web_bridge" >/dev/null
firewall-cmd --reload >/dev/null
whole_again "somebody took the bridge out"
firewalld_stop
firewalld_start
whole_again "firewalld starts again"
daemon_stop
firewall-cmd --reload >/dev/null
all_flows "without the daemon"
daemon_start
whole_again "the daemon starts after firewalld"

# A space that goes leaves the zone, one that comes is in it.
remove_manifest stranger.yaml
wait_for "the bridge leaves the zone" bridge_is_nowhere "$other_bridge"
SPACE=other serve_yaml stranger '' | drop_manifest stranger.yaml
wait_for_cell stranger Ready --space other
flows_look
wait_for "the new bridge is in the zone" bridge_is_in_zone "$(table_bridge other)"
whole_again "a space comes"

# Somebody's own choice stays.
firewall-cmd --permanent --zone=kukeon --remove-interface="$web_bridge" >/dev/null
firewall-cmd --zone=trusted --change-interface="$web_bridge" >/dev/null
firewall-cmd --permanent --zone=trusted --add-interface="$web_bridge" >/dev/null
firewall-cmd --reload >/dev/null
wait_for "the choice is told" doctor_says "somebody has put $web_bridge into a zone other than kukeon"
assert_eq trusted "$(zone_of "$web_bridge")" "the zone that somebody chose"

# The bus goes and comes.
firewalld_stop
dbus_stop
all_flows "without firewalld"
dbus_start
firewalld_start
wait_for "the choice is told again" doctor_says "somebody has put $web_bridge into a zone other than kukeon"
assert_untouched web "$before"
firewalld_stop
dbus_stop
flows_close
foreign_close

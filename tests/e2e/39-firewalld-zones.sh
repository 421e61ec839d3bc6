# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# What of ours is in the zone of the real firewalld: the bridges of the spaces that there are, but for those that somebody
# has put into another one; also after the system's bus has gone and come.
# shellcheck source=lib-foreign.sh
. "$HERE/lib-foreign.sh"
foreign_open firewalld firewall-cmd dbus-daemon busctl || return 0

dbus_start
firewalld_start
flows_open
before=$(cell_processes web)
other_bridge=$(table_bridge other)
whole_again "the first spaces come after firewalld"

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

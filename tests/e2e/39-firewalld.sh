# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The real firewalld beside us, before and after us: our bridges are in a zone of ours, as loaded and in its files, and
# whatever it loads anew.
# shellcheck source=lib-foreign.sh
. "$HERE/lib-foreign.sh"
foreign_open firewalld firewall-cmd dbus-daemon busctl || return 0

flows_open
before=$(cell_processes web)

# It is found when the bus comes, and when it comes on the bus.
dbus_start
firewalld_start
whole_again "firewalld starts after us"
assert_true "bridge of the other space" bridge_is_in_zone "$(table_bridge other)"
assert_true "kuke doctor says so" doctor_says "firewalld: zone kukeon holds our bridges"
firewall-cmd --reload >/dev/null
whole_again "firewall-cmd --reload"
firewall-cmd --complete-reload >/dev/null
whole_again "firewall-cmd --complete-reload"
ask_firewalld zone removeInterface ss kukeon "$web_bridge" >/dev/null
ask_firewalld '' reload >/dev/null
whole_again "somebody took the bridge out"
firewalld_stop
firewalld_start
whole_again "firewalld starts again"
daemon_stop
firewall-cmd --reload >/dev/null
all_flows "without the daemon"
daemon_start
whole_again "the daemon starts after firewalld"

assert_untouched web "$before"
firewalld_stop
dbus_stop
flows_close
foreign_close

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A real reboot: what the old boot had attached is released before anything is attached, cells come up by themselves with
# their addresses, what was stopped stays stopped, what was undeclared meanwhile goes.

# Of this boot, the last release comes before the first attachment.
released_before_attached() {
	daemon_log | awk '/network-detach key=/ { last_detach = NR }
		/network-attach key=/ && !first_attach { first_attach = NR }
		END { exit !(last_detach && first_attach && last_detach < first_attach) }'
}

addresses() {
	local name
	for name in one two three; do
		cell_ip "$name"
	done
}

part_1() {
	local name
	for name in one two three stopped gone; do
		drop_cell "$name" root sidecar
	done
	cell_yaml job work | sed 's/trap .*done/exit 0/; s/stopGracePeriodSeconds: 1/restartPolicy: never/' |
		drop_manifest job.yaml
	for name in one two three stopped gone; do
		wait_for_cell "$name" Ready
	done
	wait_for_cell job Stopped
	kuke stop cell stopped --wait
	addresses >"$T/addresses"
	systemctl stop kukeond.socket kukeond.service
	remove_manifest gone.yaml
	reboot
}

part_2() {
	local name
	wait_for "kukeond's answer" daemon_answers
	for name in one two three; do
		wait_for_cell "$name" Ready
	done
	assert_eq "$(cat "$T/addresses")" "$(addresses)" "addresses"
	assert_true "what the old boot had is released first" released_before_attached
	wait_for "cell gone is gone" cell_is_gone gone
	wait_for_cell stopped Stopped
	wait_for_cell job Stopped
	assert_eq 6 "$(ctr -n kukeon-default tasks list -q | wc -l)" "tasks"
	in_container one root ping -c 1 -w 5 "$(cell_ip two)" >/dev/null || fail "cell one does not reach cell two"
	assert_eq 0 "$(restart_count one root)" "a reboot counts as no restart"
	kuke start cell stopped >/dev/null
	wait_for_cell stopped Ready
}

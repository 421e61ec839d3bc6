# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# What a reboot is to leave and to bring back, whether the host really starts anew or is made to look like it. Sourced after
# lib.sh, by those who have
#	addresses	prints those of cells one, two and three
#	daemon_log	prints what kukeond has logged

drop_job() {
	cell_yaml job work | sed 's/trap .*done/exit 0/; s/stopGracePeriodSeconds: 1/restartPolicy: never/' |
		drop_manifest job.yaml
}

# Of the latest start, each cell is released before any is attached. What is deleted later is released once more.
released_before_attached() {
	daemon_log | awk '/ is up socket=/ { last_detach = first_attach = 0; split("", seen) }
		/network-detach key=/ && !seen[$2]++ { last_detach = NR }
		/network-attach key=/ && !first_attach { first_attach = NR }
		END { exit !(last_detach && first_attach && last_detach < first_attach) }'
}

# is_back ADDRESSES: cells one, two and three, the stopped one and the job are as before; the one that is not declared any
# more has gone.
is_back() {
	local name
	for name in one two three; do
		wait_for_cell "$name" Ready
	done
	assert_eq "$1" "$(addresses)" "addresses"
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

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# kukeond stopped and started again adopts what runs and does not touch it.
drop_ready_cell web root sidecar
drop_ready_cell other a
kill -KILL "$(container_pid other a)"
wait_for "the restart is counted" restart_count_is other a 1
wait_for_cell other Ready
web=$(cell_processes web)
other=$(cell_processes other)
ready_at=$(cell_field web .status.readyAt)

daemon_stop
while read -r _ pid _; do
	assert_true "process $pid goes on without the daemon" process_alive "$pid"
done <<<"$web"
daemon_start
wait_for_cell web Ready
wait_for_cell other Ready
stays 2 "cell web untouched" assert_untouched web "$web"
assert_untouched other "$other"
assert_eq "$ready_at" "$(cell_field web .status.readyAt)" "readyAt"

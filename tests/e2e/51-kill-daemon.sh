# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The same after SIGKILL, three times.
drop_ready_cell web root sidecar
before=$(cell_processes web)
ip=$(cell_ip web)
for _ in 1 2 3; do
	daemon_kill
	daemon_start
	wait_for_cell web Ready
	assert_untouched web "$before"
	assert_eq "$ip" "$(cell_ip web)" "address of the cell"
done
stays 1 "cell web untouched" assert_untouched web "$before"

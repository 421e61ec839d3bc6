# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A container killed from outside comes back; its neighbours do not notice.
drop_ready_cell web root sidecar
root=$(cell_processes web | grep '^root ')
pid=$(container_pid web sidecar)

kill -KILL "$pid"
wait_for_new_pid web sidecar "$pid"
assert_eq "$root" "$(cell_processes web | grep '^root ')" "root of cell web"
assert_eq 1 "$(restart_count web sidecar)" "restartCount of sidecar"
assert_eq 137 "$(container_field web sidecar .status.exitCode)" "exitCode of sidecar"
assert_eq 9 "$(container_field web sidecar .status.exitSignal)" "exitSignal of sidecar"

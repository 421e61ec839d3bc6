# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# containerd stopped and started again: the cells run on and are not touched.
drop_ready_cell web root sidecar
before=$(cell_processes web)

containerd_stop
wait_for "status tells that containerd is away" runtime_is_away
containerd_start
wait_for "status tells that containerd is back" runtime_is_connected
wait_for_cell web Ready
stays 1 "cell web untouched" assert_untouched web "$before"

# And it is heard again.
pid=$(container_pid web sidecar)
kill -KILL "$pid"
wait_for_new_pid web sidecar "$pid"

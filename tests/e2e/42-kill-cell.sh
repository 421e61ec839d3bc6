# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A whole cell killed at once through its cgroup comes back.
drop_ready_cell other a
drop_ready_cell web root sidecar
other=$(cell_processes other)
root=$(container_pid web root)
sidecar=$(container_pid web sidecar)

echo 1 >/sys/fs/cgroup/kukeon/default/default/default/web/cgroup.kill
wait_for_new_pid web root "$root"
wait_for_new_pid web sidecar "$sidecar"
assert_untouched other "$other"

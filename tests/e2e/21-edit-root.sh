# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A changed root replaces the whole cell; it keeps its address.
drop_ready_cell other a
drop_ready_cell web root:1 sidecar
other=$(cell_processes other)
root=$(container_pid web root)
sidecar=$(container_pid web sidecar)
ip=$(cell_ip web)

drop_cell web root:2 sidecar
wait_for_new_pid web root "$root"
wait_for_new_pid web sidecar "$sidecar"
assert_true "the new environment" grep -qz '^E2E=2$' "/proc/$(container_pid web root)/environ"
assert_eq "$ip" "$(cell_ip web)" "address of the cell"
assert_untouched other "$other"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# An edit replaces only the container that changed.
drop_ready_cell other a
drop_ready_cell web root sidecar:1 third
other=$(cell_processes other)
before=$(cell_processes web)
ip=$(cell_ip web)

drop_cell web root sidecar:2 third
wait_for_new_pid web sidecar "$(awk '$1 == "sidecar" { print $2 }' <<<"$before")"
assert_eq "$(grep -v '^sidecar ' <<<"$before")" "$(cell_processes web | grep -v '^sidecar ')" "the other containers"
assert_true "the new environment" grep -qz '^E2E=2$' "/proc/$(container_pid web sidecar)/environ"
assert_eq "$ip" "$(cell_ip web)" "address of the cell"
assert_untouched other "$other"

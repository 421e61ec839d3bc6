# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A root killed from outside takes its cell down, and the whole cell comes back with its address.
drop_ready_cell other a
drop_ready_cell web root sidecar
other=$(cell_processes other)
ip=$(cell_ip web)
root=$(container_pid web root)
sidecar=$(container_pid web sidecar)

kill -KILL "$root"
wait_for_new_pid web root "$root"
wait_for_new_pid web sidecar "$sidecar"
assert_eq "$(readlink "/proc/$(container_pid web root)/ns/net")" \
	"$(readlink "/proc/$(container_pid web sidecar)/ns/net")" "network namespace of both containers"
assert_eq "$ip" "$(cell_ip web)" "address of the cell"
assert_untouched other "$other"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A container added to a cell, or taken out of it, leaves the others alone.
drop_ready_cell web root
before=$(cell_processes web)
has_containers() { [ "$(cell_processes web | cut -d ' ' -f 1 | xargs)" = "$1" ]; }

drop_cell web root sidecar
wait_for "the added container" has_containers "root sidecar"
wait_for "its process" pid_differs web sidecar 0
wait_for_cell web Ready
assert_eq "$before" "$(cell_processes web | grep '^root ')" "root of cell web"

drop_cell web root
wait_for "the container to go" has_containers root
wait_for_cell web Ready
assert_untouched web "$before"

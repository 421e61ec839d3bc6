# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A cell that is removed and comes back at once is made anew, not twice and not half.
drop_ready_cell web root
first=$(container_pid web root)
remove_manifest web.yaml
wait_for "cell web is gone" cell_is_gone web
drop_ready_cell web root
assert_true "the first process is gone" process_gone "$first"
assert_eq 1 "$(ctr -n kukeon-default tasks list -q | wc -l)" "tasks"

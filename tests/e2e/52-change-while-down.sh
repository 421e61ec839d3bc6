# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# What happened while kukeond was away is seen when it starts: a file more, a file less, an edit, a death.
drop_ready_cell stays root
drop_ready_cell goes root
drop_ready_cell edited root:1
drop_ready_cell dies root
untouched=$(cell_processes stays)
edited=$(container_pid edited root)
dies=$(container_pid dies root)

daemon_kill
remove_manifest goes.yaml
drop_cell comes root
drop_cell edited root:2
kill -KILL "$dies"
daemon_start

wait_for_cell comes Ready
wait_for_new_pid edited root "$edited"
wait_for_new_pid dies root "$dies"
wait_for "cell goes is gone" cell_is_gone goes
assert_untouched stays "$untouched"

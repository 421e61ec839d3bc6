# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A file that goes takes its cell away; the others stay.
drop_ready_cell other a
drop_ready_cell web root sidecar
other=$(cell_processes other)
pids=$(cell_processes web | cut -d ' ' -f 2)

remove_manifest web.yaml
wait_for "cell web is gone" cell_is_gone web
for pid in $pids; do
	assert_true "process $pid is gone" process_gone "$pid"
done
assert_true "cgroup of web is gone" test ! -d /sys/fs/cgroup/kukeon/default/default/default/web
assert_untouched other "$other"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# kukeond killed while a cell comes up: the next one finishes the work. Each round kills it a little later.
for pause in 0.02 0.06 0.10 0.15 0.20 0.30; do
	drop_cell web root sidecar
	sleep "$pause"
	daemon_kill
	daemon_start
	wait_for_cell web Ready
	assert_eq 2 "$(ctr -n kukeon-default tasks list -q | wc -l)" "tasks after a kill at $pause s"
	remove_manifest web.yaml
	wait_for "cell web is gone" cell_is_gone web
done

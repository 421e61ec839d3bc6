# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=../e2e/lib.sh
# containerd is replaced by a newer version under running cells: nothing is restarted, and the new one makes, restarts and
# removes cells beside those of the old. (The way back is containerd's own limit: 1.6 ends the shims of 2.x.)
#	UPGRADE_TO=<directory with containerd, its shim and ctr> sudo -E tests/e2e/run -v tests/faults/upgrade.sh
[ -n "${UPGRADE_TO:-}" ] || fail "set UPGRADE_TO to the directory of the newer version"

drop_ready_cell before root sidecar
processes=$(cell_processes before)
containerd_stop
PATH=$UPGRADE_TO:$PATH
hash -r
containerd_start
wait_for "containerd to be back" runtime_is_connected
say "containerd is $(kuke status -o json | jq -r .runtime.version)"
wait_for_cell before Ready
assert_untouched before "$processes"
drop_ready_cell after root sidecar
old=$(container_pid before sidecar)
kill -KILL "$old"
wait_for_new_pid before sidecar "$old"
wait_for_cell before Ready
remove_manifest before.yaml
wait_for "cell before is gone" cell_is_gone before

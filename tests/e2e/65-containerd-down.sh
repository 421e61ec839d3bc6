# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# containerd does not run when kukeond starts: it answers, says so, and the cells come up once containerd does.
daemon_stop
containerd_stop
daemon_start
drop_cell web root
wait_for "the file is read" manifest_is_known web.yaml
assert_eq false "$(kuke_status | jq -r '.runtime.connected // false')" "runtime.connected"
assert_contains "$(kuke status || true)" "$CONTAINERD_ADDRESS" "kuke status names the socket"
assert_true "kuke status exits 1" is_unhealthy
assert_ne Ready "$(cell_state web)" "state of cell web"

containerd_start
wait_for_cell web Ready
wait_for "a healthy host" is_healthy

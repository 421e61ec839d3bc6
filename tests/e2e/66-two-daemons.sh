# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A second kukeond on the same directories says so and ends with 1; the first goes on.
drop_ready_cell web root
before=$(cell_processes web)
status=0
timeout 10 "$KUKEON_BIN/kukeond" --run-path "$RUN_PATH" --manifests-dir "$MANIFESTS" --runtime-dir "$RUNTIME_DIR" \
	--socket "$SOCKET" --containerd-socket "$CONTAINERD_ADDRESS" --cni-conf-dir "$CNI_CONF" >"$T/second" 2>&1 || status=$?
assert_eq 1 $status "exit code of the second kukeond"
assert_contains "$(cat "$T/second")" "$RUN_PATH" "its message"
assert_true "the first one answers" daemon_answers
assert_untouched web "$before"

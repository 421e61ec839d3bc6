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

# One with directories of its own, but the same socket: the first keeps it.
status=0
timeout 10 "$KUKEON_BIN/kukeond" --run-path "$T/other/kukeon" --manifests-dir "$T/other/manifests.d" \
	--runtime-dir "$T/other/run" --socket "$SOCKET" --containerd-socket "$CONTAINERD_ADDRESS" --cni-conf-dir "$T/other/cni" \
	--cgroup-root /kukeon-other --subnet-pool 10.99.0.0/16 >"$T/third" 2>&1 || status=$?
assert_eq 1 $status "exit code of the third kukeond"
assert_contains "$(cat "$T/third")" "another program serves $SOCKET" "its message"
assert_true "the first one still answers" daemon_answers

# A file that is no socket is not removed.
echo precious >"$T/file"
status=0
timeout 10 "$KUKEON_BIN/kukeond" --run-path "$T/other/kukeon" --manifests-dir "$T/other/manifests.d" \
	--runtime-dir "$T/other/run" --socket "$T/file" --containerd-socket "$CONTAINERD_ADDRESS" --cni-conf-dir "$T/other/cni" \
	--cgroup-root /kukeon-other --subnet-pool 10.99.0.0/16 >"$T/fourth" 2>&1 || status=$?
assert_eq 1 $status "exit code of the fourth kukeond"
assert_contains "$(cat "$T/fourth")" "$T/file is there and is no socket" "its message"
assert_eq precious "$(cat "$T/file")" "the file"
assert_untouched web "$before"

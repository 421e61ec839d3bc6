# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Two daemons with directories of their own on one containerd leave each other's cells alone.
drop_ready_cell web root
before=$(cell_processes web)

other() { "$KUKEON_BIN/kuke" --socket "$T/other/run/kukeond.sock" "$@"; }
mkdir -p "$T/other/manifests.d" "$T/other/cni"
"$KUKEON_BIN/kukeond" --run-path "$T/other/kukeon" --manifests-dir "$T/other/manifests.d" --runtime-dir "$T/other/run" \
	--socket "$T/other/run/kukeond.sock" --containerd-socket "$CONTAINERD_ADDRESS" --cni-conf-dir "$T/other/cni" \
	--log-level debug --cgroup-root /kukeon-other --subnet-pool 10.99.0.0/16 --prune-grace 0 </dev/null >"$T/other.log" 2>&1 &
OTHER_PID=$!
other_answers() { other version >/dev/null 2>&1; }
wait_for "the other daemon" other_answers
other_is() { [ "$(other get cell "$1" -o json 2>/dev/null | jq -r .status.state)" = "$2" ]; }

# The namespace of the first is taken: said, and nothing happens to what lives there.
cell_yaml api root | other apply -f - >/dev/null
says_whose() { other get realm default -o json | jq -r .status.message | finds -F "run path $RUN_PATH"; }
wait_for "the reason" says_whose
assert_untouched web "$before"

# In a realm with a namespace of its own it works, beside the first.
echo '{apiVersion: v1beta1, kind: Realm, metadata: {name: second}, spec: {namespace: kukeon-main}}' | other apply -f - >/dev/null
REALM=second cell_yaml api root | other apply -f - >/dev/null
second_is_ready() { [ "$(other get cell api --realm second -o json | jq -r .status.state)" = Ready ]; }
wait_for "the other cell" second_is_ready
kuke refresh >/dev/null
other refresh >/dev/null
assert_untouched web "$before"
assert_true "the other cell is still there" second_is_ready

# Each takes down only its own.
for realm in default second; do
	other delete realm $realm --cascade --wait >/dev/null || fail "the other daemon cannot delete realm $realm"
done
assert_untouched web "$before"
process_stop "$OTHER_PID" "$LIMIT" || fail "the other daemon does not end"
wait "$OTHER_PID" || fail "the other daemon ended with an error"
rmdir /sys/fs/cgroup/kukeon-other

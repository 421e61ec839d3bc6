# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# containerd killed and started again under 20 cells: no container is restarted, and the state is true within a second
# of the socket's return.
CELLS=20

all_processes() {
	kuke get containers -o json 2>/dev/null |
		jq -r '.[] | "\(.spec.cellId) \(.spec.id) \(.status.pid // 0) \(.status.restartCount // 0)"' | LC_ALL=C sort
}

processes_are_the_same() { [ "$(all_processes)" = "$before" ]; }

all_ready() {
	kuke get cells -o json 2>/dev/null |
		jq -e --argjson n $CELLS '([.[] | select(.status.state == "Ready")] | length) == $n' >/dev/null
}

for i in $(seq $CELLS); do
	drop_cell "cell-$i" root sidecar
done
wait_for "$CELLS cells to be Ready" all_ready
before=$(all_processes)
assert_eq $((2 * CELLS)) "$(wc -l <<<"$before")" "containers"

for round in 1 2 3; do
	kill -KILL "$(containerd_pid)"
	wait_for "containerd to be gone" process_gone "$(containerd_pid)"
	wait_for "status tells that containerd is away" runtime_is_away
	containerd_launch
	wait_for "containerd to answer" containerd_answers
	start=$(now_ms)
	wait_for "all to be Ready again" all_ready
	took=$(($(now_ms) - start))
	say "round $round: true again after $took ms"
	assert_true "true within a second, not after $took ms" [ $took -le 1000 ]
	assert_eq "$before" "$(all_processes)" "processes after containerd was killed"
done
stays 2 "no container is restarted" processes_are_the_same

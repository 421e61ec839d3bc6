# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Many images that share their layers are unpacked at once: each layer once, and none disturbs another.
N=8
committed() { ctr -n kukeon-default snapshots ls | awk '$NF == "Committed" { print $1 }'; }

# nothing_is_unpacked: a layer goes only when none stands on it.
nothing_is_unpacked() {
	local key
	for key in $(committed); do
		ctr -n kukeon-default snapshots rm "$key" >/dev/null 2>&1 || true
	done
	[ -z "$(committed)" ]
}

begun() { grep -c '/snapshot/prepare .*"key":"extract-' "$T/events" || true; }

nothing_failed() { ! grep -E 'ImageFailed|CreateFailed' "$DAEMON_LOG"; }

# shared_cells FIRST: N cells, each of an image of its own name.
shared_cells() {
	local i
	for ((i = $1; i < $1 + N; i++)); do
		ctr -n kukeon-default images tag "$USERS_IMAGE" "docker.io/library/shared:$i" >/dev/null
		cell_yaml "shared$i" root | sed "s|$IMAGE|docker.io/library/shared:$i|"
		echo ---
	done | drop_manifest shared.yaml
	for ((i = $1; i < $1 + N; i++)); do
		wait_for_cell "shared$i" Ready
	done
}

# One cell, for the namespace to be there.
drop_ready_cell first a
remove_manifest first.yaml
wait_for "the cell to go" cell_is_gone first
wait_for "every layer to go" nothing_is_unpacked
ctr -n kukeon-default events >"$T/events" &
events=$!
shared_cells 1
poll_for 5 test -s "$T/events" || fail "no events"
kill "$events"
layers=$(committed | wc -l)
assert_true "more than one layer" [ "$layers" -ge 2 ]
assert_eq "$layers" "$(begun)" "unpackings of $N images that share $layers layers"
assert_true "none failed" nothing_failed
assert_eq "" "$(ctr -n kukeon-default leases ls -q)" "leases"

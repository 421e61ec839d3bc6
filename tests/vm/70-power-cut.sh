# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The power goes while cells are made, while the next boot mends what that left, while they are edited and while they are
# deleted. Each time all is as declared after the next boot, with nothing of anybody left.
#
# Only what was synced survives (scripts/vm): no write-back happens by itself. The manifests are synced here, by their author.
CHURN=(c1 c2 c3)

# Declared for good: its author makes sure that it is on the disk.
declare_cell() {
	cell_yaml "$@" >"$MANIFESTS/.new"
	sync "$MANIFESTS/.new"
	mv "$MANIFESTS/.new" "$MANIFESTS/$1.yaml"
	sync "$MANIFESTS"
}

undeclare_cell() {
	rm "$MANIFESTS/$1.yaml"
	sync "$MANIFESTS"
}

# The kernel writes back what it must only.
hold_back() { echo 0 >/proc/sys/vm/dirty_writeback_centisecs; }

# cut_within MS: any time from now on, each run another.
cut_within() {
	local ms=$((RANDOM % $1))
	echo "the power goes after $ms ms"
	sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
	power_cut
}

container_env() {
	ctr -n kukeon-default containers info "$(container_field "$1" "$2" .status.containerdId)" |
		jq -r '.Spec.process.env[]' | grep '^E2E='
}

base_is_well() {
	wait_for "kukeond's answer" daemon_answers
	wait_for_cell base Ready
	assert_eq "$(cat "$T/address")" "$(cell_ip base)" "address of cell base"
	wait_for_cell halted Stopped
}

nothing_is_damaged() {
	local found
	found=$(find "$RUN_PATH" -name '*.damaged*' -o -name '*.yaml' -size 0)
	assert_eq "" "$found" "damaged files of the store"
}

# declared_is_there ENV: every cell of the churn runs, as declared.
declared_is_there() {
	local name
	for name in "${CHURN[@]}"; do
		wait_for_cell "$name" Ready
		assert_eq "E2E=$1" "$(container_env "$name" sidecar)" "environment of cell $name"
	done
	assert_eq $((2 + 2 * ${#CHURN[@]})) "$(ctr -n kukeon-default tasks list -q | wc -l)" "tasks"
	wait_for "everything to be well" is_healthy
}

part_1() {
	local name
	declare_cell base root sidecar
	declare_cell halted root
	wait_for_cell base Ready
	wait_for_cell halted Ready
	kuke stop cell halted --wait
	cell_ip base >"$T/address"
	sync
	hold_back
	for name in "${CHURN[@]}"; do
		declare_cell "$name" root sidecar:one
	done
	cut_within 4000
}

# The next boot is cut as well.
part_2() {
	hold_back
	wait_for "kukeond's answer" daemon_answers
	cut_within 3000
}

part_3() {
	local name
	hold_back
	base_is_well
	declared_is_there one
	nothing_is_damaged
	for name in "${CHURN[@]}"; do
		declare_cell "$name" root sidecar:two
	done
	cut_within 4000
}

part_4() {
	local name
	hold_back
	base_is_well
	declared_is_there two
	nothing_is_damaged
	for name in "${CHURN[@]}"; do
		undeclare_cell "$name"
	done
	cut_within 4000
}

part_5() {
	local name
	base_is_well
	for name in "${CHURN[@]}"; do
		wait_for "cell $name to be gone" cell_is_gone "$name"
	done
	nothing_is_damaged
	assert_eq 2 "$(ctr -n kukeon-default tasks list -q | wc -l)" "tasks"
}

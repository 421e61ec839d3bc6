# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The journal put back as it was some time ago, damaged, or removed: what runs is adopted by what the kernel, the pins,
# the reservations and the labels tell, keeps its address and its processes, and nothing is left of what was.
# shellcheck source=lib-network.sh
. "$HERE/lib-network.sh"
printf 'apiVersion: v1beta1\nkind: Space\nmetadata: {name: shared}\n' | drop_manifest shared.yaml
FIELDS="networks: [shared]" drop_cell web root sidecar
drop_ready_cell other root
wait_for_cell web Ready
journal=$RUN_PATH/journal

addresses() { nsenter --target "$(container_pid web root)" --net ip -o -4 addr show scope global | awk '{ print $2, $4 }'; }
snapshot() { echo "$(cell_processes web) $(cell_processes other) $(addresses) $(cell_ip web) $(cell_ip other) $(cell_link web)"; }
ipam_is_clean() {
	[ "$(find "$RUNTIME_DIR/ipam/default-default" -name '10.*' | wc -l)" = 2 ] &&
		[ "$(find "$RUNTIME_DIR/ipam/default-shared" -name '10.*' | wc -l)" = 1 ]
}

# adopted "what was done": nobody noticed anything.
adopted() {
	wait_for_cell web Ready
	wait_for_cell other Ready
	assert_eq "$before" "$(snapshot)" "what runs, after: $1"
	assert_true "cell web answers after: $1" cell_answers web
	assert_true "it has its reservations and no others after: $1" ipam_is_clean
	kuke doctor >/dev/null || fail "the doctor finds something after: $1: $(kuke doctor)"
}

# An earlier one, after the root began anew in another namespace.
cp "$journal" "$T/earlier"
root=$(container_pid web root)
kill -KILL "$root"
wait_for_new_pid web root "$root"
serve web
before=$(snapshot)
count_is_stored() { grep -q "restartCount: 1" "$RUN_PATH/default/default/default/web/cell.yaml"; }
wait_for "the store has its restart" count_is_stored # those of the last seconds are lost in a crash
daemon_kill
cp "$T/earlier" "$journal"
daemon_start
adopted "an earlier journal"

# None at all.
daemon_kill
rm "$journal"
daemon_start
adopted "no journal"

# One of which nothing can be read but its first line.
daemon_kill
{ head -n 1 "$journal" && head -c 3000 /dev/urandom; } >"$T/damaged"
cp "$T/damaged" "$journal"
daemon_start
adopted "a damaged journal"

# It is on record again: another start finds it so, and a new incarnation takes all of it down.
daemon_stop
daemon_start
adopted "a start"
root=$(container_pid web root) ip=$(cell_ip web)
kill -KILL "$root"
wait_for_new_pid web root "$root"
assert_eq "$ip" "$(cell_ip web)" "its address in the next incarnation"
assert_true "no reservation is left over" ipam_is_clean

# No journal, and a root that ended while nobody watched: its reservation is its own.
root=$(container_pid web root)
daemon_kill
rm "$journal"
kill -KILL "$root"
daemon_start
wait_for_new_pid web root "$root"
assert_eq "$ip" "$(cell_ip web)" "its address after no journal and another root"
assert_true "no reservation is left over" ipam_is_clean

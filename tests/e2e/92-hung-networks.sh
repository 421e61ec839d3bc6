# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The directory of conflists that a space names does not answer. That space says so; every other network, and the cells that
# run in this one, are looked after, also by a daemon that starts meanwhile.
. "$REPO/tests/e2e/lib-fuse.sh"
have_fuse || { say "skipped: no FUSE in this kernel"; return 0; }

space_yaml() {
	printf 'apiVersion: v1beta1\nkind: Space\nmetadata: {name: %s}\nspec: {realmId: default%s}\n' "$1" "${2:+, cniConfigPath: $2}"
}
stack_yaml() {
	printf 'apiVersion: v1beta1\nkind: Stack\nmetadata: {name: default}\nspec: {realmId: default, spaceId: %s}\n' "$1"
}
space_says() { object space "$1" | jq -r '.status | "\(.state) \(.reason) \(.message)"' | finds -F -- "$2"; }

# A space whose directory answers, with a cell in it; then something is mounted over that.
mkdir "$T/conf"
{ space_yaml far "$T/conf/net.d"; echo ---; stack_yaml far; } | drop_manifest far.yaml
SPACE=far drop_cell web a
wait_for_cell web Ready --space far
drop_ready_cell near a
processes() { cell_processes web --space far; cell_processes near; }
before=$(processes)
FUSE_AT=$T/conf fuse_start conf silent

# One that is made there from the start.
space_yaml new "$T/conf/new.d" | drop_manifest new.yaml
wait_for "the space says what does not answer" space_says new "$T/conf has not answered since 20"
within_ms 1500 kuke get spaces
space_yaml other | drop_manifest other.yaml
wait_for "another space" space_says other Ready
drop_ready_cell more a
killed=$(container_pid near a)
kill -KILL "$killed"
wait_for_new_pid near a "$killed"

start=$(now_ms)
daemon_stop
[ $(($(now_ms) - start)) -lt 6000 ] || fail "ended after $(seconds_since "$start")"
daemon_start
wait_for_cell near Ready
wait_for "the space says what does not answer" space_says new "$T/conf has not answered since 20"
drop_ready_cell fresh a
assert_eq "$(grep '^a' <<<"$before" | head -n 1)" "$(cell_processes web --space far)" "processes of the cell in that space"

# Its own crash waits for nothing that it does not need.
doctor_refuses() { { kuke doctor || true; } | finds "not everything could be looked at"; }
assert_true "the doctor does not guess" doctor_refuses

fuse_end conf
for cell in near more fresh; do wait_for_cell "$cell" Ready; done
wait_for_cell web Ready --space far
wait_for "the space that was new" space_says new Ready
assert_eq "$(grep '^a' <<<"$before" | head -n 1)" "$(cell_processes web --space far)" "processes of the cell in that space"

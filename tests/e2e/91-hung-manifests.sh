# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Directories of manifests on filesystems that do not answer: below the manifests directory, by a mount and by a link, and
# the directory itself. What is read is taken up, nothing is deleted, status says what does not answer; the daemon ends and
# starts as ever, and what was out of sight is looked at when it answers again.
. "$REPO/tests/e2e/lib-fuse.sh"
have_fuse || { say "skipped: no FUSE in this kernel"; return 0; }

problem() { kuke_status | jq -r '.manifests.message // ""'; }
names() { problem | finds -F -- "$1"; }
no_problem() { daemon_answers && [ -z "$(problem)" ]; }
is_read() { wait_for "$1 is read" manifest_is_known "$1"; }

# One below it that answers first: its cell comes up.
FUSE_TEXT=$(cell_yaml site a)
export FUSE_TEXT
FUSE_AT=$MANIFESTS/site fuse_start site
kuke refresh >/dev/null
wait_for_cell site Ready
drop_ready_cell web a
web=$(cell_processes web)
site=$(cell_processes site)

# It falls silent.
fuse_fall_silent site
kuke refresh >/dev/null
wait_for "status says what does not answer" names "$MANIFESTS/site has not answered since 20"
within_ms 1500 kuke get cells
drop_ready_cell beside a
beside=$(container_pid beside a)
drop_cell beside a:changed
changed() { cell_is beside Ready && [ "$(container_pid beside a)" != "$beside" ]; }
wait_for "a change of what can be read" changed
remove_manifest beside.yaml
stays 3 "nothing is deleted" cell_is beside Ready
assert_untouched web "$web"
assert_untouched site "$site"

# Also for a daemon that starts meanwhile.
start=$(now_ms)
daemon_stop
[ $(($(now_ms) - start)) -lt 6000 ] || fail "ended after $(seconds_since "$start")"
daemon_start
wait_for "status says what does not answer" names "$MANIFESTS/site has not answered since 20"
wait_for_cell web Ready
wait_for_cell site Ready
drop_ready_cell fresh a
killed=$(container_pid fresh a)
kill -KILL "$killed"
wait_for_new_pid fresh a "$killed"
assert_untouched web "$web"
assert_untouched site "$site"

fuse_answer site
wait_for "all of it is read" no_problem
wait_for "what is declared no more goes" cell_is_gone beside
assert_untouched site "$site"

# By a link, into one that is not even read from.
export FUSE_TEXT=
fuse_start slept asleep
ln -s "$T/slept/rev1" "$MANIFESTS/current"
wait_for "status says what does not answer" names "$MANIFESTS/current has not answered since 20"
drop_ready_cell more a
rm "$MANIFESTS/current"
wait_for "the rest is all there is" no_problem

# The directory itself.
ready_cells="web fresh more site"
for cell in $ready_cells; do cell_processes "$cell"; done >"$T/before"
daemon_stop
REAL=$MANIFESTS
MANIFESTS=$T/slept/manifests
start=$(now_ms)
daemon_start
[ $(($(now_ms) - start)) -lt 9000 ] || fail "answered after $(seconds_since "$start")"
wait_for "status says what does not answer" names "$T/slept"
within_ms 1500 kuke get cells
for cell in $ready_cells; do wait_for_cell "$cell" Ready; done
killed=$(container_pid fresh a)
within_ms 3000 kuke stop cell more
wait_for_cell more Stopped
within_ms 3000 kuke start cell more
wait_for_cell more Ready
kill -KILL "$killed"
wait_for_new_pid fresh a "$killed"
start=$(now_ms)
daemon_stop
[ $(($(now_ms) - start)) -lt 6000 ] || fail "ended after $(seconds_since "$start")"
MANIFESTS=$REAL
fuse_answer slept
fuse_end slept
daemon_start
for cell in $ready_cells; do wait_for_cell "$cell" Ready; done
assert_untouched web "$web"
assert_untouched site "$site"

# Away for good: what it declared is declared no more.
fuse_fall_silent site
kuke refresh >/dev/null || true
wait_for "status says what does not answer" names "$MANIFESTS/site has not answered since 20"
fuse_end site
rmdir "$MANIFESTS/site"
wait_for "the rest is all there is" no_problem

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The volumes of eight cells lie on filesystems that do not answer: one that keeps what it is asked, so that who asks cannot
# even be killed, and one that does not read it. Nothing else waits for them: manifests are read, crashes healed, calls
# answered, requests carried out in their order; the daemon ends and starts as ever. Each cell says what it waits for, and
# comes up when that answers.
. "$REPO/tests/e2e/lib-fuse.sh"
have_fuse || { say "skipped: no FUSE in this kernel"; return 0; }

fuse_start kept silent
fuse_start slept asleep
drop_ready_cell web a
killed=$(container_pid web a)

for i in 1 2 3 4; do
	volume_cell "kept$i" "$T/kept/$i"
	volume_cell "slept$i" "$T/slept/$i"
done
start=$(now_ms)
wait_for "the cells are known" manifest_is_known slept4.yaml

# Nothing waits, from the first moment on.
within_ms 1500 kuke get cells
within_ms 1500 kuke_status
drop_ready_cell later a
kill -KILL "$killed"
wait_for_new_pid web a "$killed"
within_ms 3000 kuke stop cell later
within_ms 3000 kuke start cell later
wait_for_cell later Ready
[ $(($(now_ms) - start)) -lt 9000 ] || fail "that took $(seconds_since "$start")"

hangs() { cell_is "$1" Pending && cell_mentions "$1" VolumeHangs && cell_mentions "$1" "$2 has not answered since 20"; }
for i in 1 2 3 4; do
	wait_for "kept$i says what it waits for" hangs "kept$i" "$T/kept"
	wait_for "slept$i says what it waits for" hangs "slept$i" "$T/slept"
	cell_mentions "kept$i" "volumes[0].source: $T/kept/$i does not answer" || fail "the volume is not named"
done

# The doctor answers too, and knows it.
doctor_tells() { { kuke doctor -o json || true; } | jq -e --arg at "$1" 'any(.checks[]; .message // "" | contains($at))' >/dev/null; }
within_ms 20000 doctor_tells "$T/kept has not answered since 20"

# One process is left at each filesystem at most a few, however often it is tried. Counted are those that stay: one that
# looks at a healthy place comes and goes.
waiting() { pgrep -c kukeond-aside || true; }
lasting() { { pgrep kukeond-aside; sleep 4; pgrep kukeond-aside; } | sort | uniq -d | wc -l; }
before=$(lasting)
sleep 4
after=$(lasting)
assert_true "no more processes wait after a while: $before, then $after" [ "$after" -le "$before" ]

# What hangs can be stopped and deleted.
within_ms 3000 kuke stop cell kept1
wait_for_cell kept1 Stopped
remove_manifest kept2.yaml
wait_for "a cell that hangs is deleted" cell_is_gone kept2

# The daemon ends in its time, with 0, and another one starts.
start=$(now_ms)
daemon_stop
[ $(($(now_ms) - start)) -lt 6000 ] || fail "ended after $(seconds_since "$start")"
within_ms 5000 daemon_start
within_ms 1500 kuke get cells
wait_for_cell web Ready
drop_ready_cell more a
wait_for "kept3 says what it waits for" hangs kept3 "$T/kept"
killed=$(container_pid web a)
kill -KILL "$killed"
wait_for_new_pid web a "$killed"
wait_for_cell kept1 Stopped

# It answers: they come up.
fuse_answer kept
fuse_answer slept
for cell in kept3 kept4 slept1 slept2 slept3 slept4; do
	wait_for_cell "$cell" Ready
done
kuke start cell kept1 >/dev/null
wait_for_cell kept1 Ready
nothing_waits() { [ "$(waiting)" = 0 ]; }
wait_for "nothing is left waiting" nothing_waits

# A volume that stops answering while the cell runs: it runs on; a crash is not healed until it answers.
fuse_fall_silent kept
killed=$(container_pid kept3 main)
kill -KILL "$killed"
wait_for "kept3 says what it waits for" hangs kept3 "$T/kept"
within_ms 1500 kuke get cells
fuse_answer kept
wait_for_new_pid kept3 main "$killed"

# Devices lead to such places too.
fuse_fall_silent slept
FIELDS="devices: [{source: $T/slept/device}]" drop_cell device main
wait_for "the device is named" cell_mentions device "devices[0].source: $T/slept/device does not answer"
fuse_answer slept
wait_for "what the device is" cell_mentions device "is no device node"
remove_all_manifests
wait_for "no cells" cells_are_gone
fuse_end kept
fuse_end slept

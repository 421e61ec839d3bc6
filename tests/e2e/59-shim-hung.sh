# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The shim of one cell hangs: what is asked of it has no answer. Every other cell is looked after, also by a daemon that
# starts meanwhile, and nothing is restarted because of it. When all that it served has died, it is no use waiting for it.
shim_of() { awk '/^PPid:/ { print $2 }' "/proc/$(container_pid "$1" root)/status"; }

drop_ready_cell web root sidecar
drop_ready_cell other a
web=$(cell_processes web)
killed=$(container_pid other a)
shim=$(shim_of web)

kill -STOP "$shim"
daemon_kill
daemon_start
LIMIT=60
start=$(now_ms)
wait_for_cell other Ready
wait_for "the reason" cell_mentions web "shim does not answer"
wait_for_cell web Unknown
say "another cell is Ready after $(seconds_since "$start")"
kill -KILL "$killed"
wait_for_new_pid other a "$killed"
drop_ready_cell new a
say "a new cell is Ready after $(seconds_since "$start")"
while read -r _ pid _; do
	assert_true "process $pid runs on" process_alive "$pid"
done <<<"$web"

kill -CONT "$shim"
wait_for_cell web Ready
assert_untouched web "$web"

# Nobody tells of the end of what a hung shim served but the cgroup.
LIMIT=90
killed=$(container_pid web root)
kill -STOP "$shim"
while read -r _ pid _; do
	kill -KILL "$pid"
done <<<"$web"
wait_for_new_pid web root "$killed"
wait_for_cell web Ready
assert_true "the shim $shim is gone" process_gone "$shim"
kuke events cell web | finds 'its shim answers nobody' || fail "no event tells of the shim"

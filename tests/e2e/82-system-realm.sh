# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The cell kukeond of the system realm is the daemon itself: what kuke shows of it, and what it does to it, is the process.
. "$(dirname "${BASH_SOURCE[0]}")/lib-init.sh"
init_prepare
init >"$T/init" 2>&1 || fail "init: $(cat "$T/init")"
drop_ready_cell web root
web=$(cell_processes web)
daemon_answers_anew() { daemon_answers && daemon_pid_differs "$1"; }
started_at() { container_field kukeond kukeond .status.startedAt "${SYSTEM[@]}"; }
started_anew() { [ -n "$(started_at)" ] && [ "$(started_at)" != "$1" ]; }

pid=$(daemon_pid)
assert_true "the pid is a kukeond" grep -qx kukeond "/proc/$pid/comm"
assert_eq Ready "$(cell_state kukeond "${SYSTEM[@]}")" "state"
assert_eq "$pid" "$(container_field kukeond kukeond .status.pid "${SYSTEM[@]}")" "pid"
assert_eq "$(sed -n 's/^0:://p' "/proc/$pid/cgroup")" \
	"$(container_field kukeond kukeond .status.cgroupPath "${SYSTEM[@]}")" "cgroup"
assert_contains "$(kuke get cells --realm kukeon-system)" kukeond "kuke get cells"
assert_eq "already existed" "$(init --no-wait | sed -n 's/^Cell "kukeond": \(already existed\).*/\1/p')" "init"

assert_contains "$(kuke start cell kukeond "${SYSTEM[@]}")" already "kuke start of what runs"
assert_eq "$pid" "$(daemon_pid)" "the daemon afterwards"

# stop: as SIGTERM. The answer comes first.
kuke stop cell kukeond "${SYSTEM[@]}" >"$T/out" || fail "kuke stop: $(cat "$T/out")"
wait_for "its end" process_gone "$pid"
assert_contains "$(tail -n 1 "$RUN_PATH/kukeond.log")" "kukeond has stopped" "its last word"
assert_true "the socket is gone" test ! -e "$SOCKET"
while read -r _ process _; do
	assert_true "process $process goes on" process_alive "$process"
done <<<"$web"

# start: nobody answers, so kuke starts it, as init does.
kuke start cell kukeond "${SYSTEM[@]}" >"$T/out" 2>&1 || fail "kuke start: $(cat "$T/out")"
assert_contains "$(cat "$T/out")" started "kuke start"
wait_for "the daemon" daemon_answers
wait_for_cell kukeond Ready "${SYSTEM[@]}"
wait_for_cell web Ready
assert_untouched web "$web"

# restart: the same process executes itself anew.
pid=$(daemon_pid)
started=$(started_at)
kuke restart cell kukeond "${SYSTEM[@]}" >"$T/out" || fail "kuke restart: $(cat "$T/out")"
wait_for "the new start" started_anew "$started"
assert_eq "$pid" "$(daemon_pid)" "pid after a restart"
wait_for_cell web Ready
assert_untouched web "$web"
assert_contains "$(cat "$RUN_PATH/kukeond.log")" "asked to restart" "its log"

# kill: without a word, and the socket stays behind.
kuke kill cell kukeond "${SYSTEM[@]}" >"$T/out" || fail "kuke kill: $(cat "$T/out")"
wait_for "its end" process_gone "$pid"
assert_contains "$(tail -n 1 "$RUN_PATH/kukeond.log")" "SIGKILL" "its last word"
status=0
kuke get cells >/dev/null 2>&1 || status=$?
assert_eq 3 $status "exit code of kuke without a daemon"
kuke start cell kukeond "${SYSTEM[@]}" >/dev/null 2>&1 || fail "kuke start after kill"
wait_for_cell web Ready
assert_untouched web "$web"

remove_manifest web.yaml
wait_for "cell web is gone" cell_is_gone web
init_end

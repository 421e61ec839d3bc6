# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# kuke uninstall with cells that run: nothing of Kukeon is left but what was declared, the images and the group.
. "$(dirname "${BASH_SOURCE[0]}")/lib-init.sh"
init_prepare
init >"$T/init" 2>&1 || fail "init: $(cat "$T/init")"
drop_ready_cell web root sidecar
REALM=main SPACE=lab cell_yaml other a >"$T/other.yaml"
kuke apply -f "$T/other.yaml" >/dev/null
wait_for_cell other Ready --realm main --space lab
pids=$(cell_processes web | cut -d ' ' -f 2)
pid=$(daemon_pid)

# Asked first: without a terminal only --yes will do.
status=0
uninstall </dev/null >"$T/out" 2>&1 || status=$?
assert_eq 2 $status "exit code without a terminal"
assert_contains "$(cat "$T/out")" "give --yes" "the remedy"
status=0
script -qec "$KUKEON_BIN/kuke uninstall" /dev/null <<<n >"$T/out" 2>&1 || status=$?
assert_eq 1 $status "exit code of an uninstall that was declined"
assert_contains "$(cat "$T/out")" "Go on? [y/N]" "the question"
assert_eq "$pid" "$(daemon_pid)" "the daemon after that"
assert_true "cell web goes on" cell_is web Ready

# The daemon does not run: it is started for that, because only it can clean up.
kuke stop cell kukeond "${SYSTEM[@]}" >/dev/null
wait_for "its end" process_gone "$pid"
uninstall --yes >"$T/out" 2>&1 || fail "uninstall: $(cat "$T/out")"
for path in "$RUN_PATH" "$RUNTIME_DIR" /sys/fs/cgroup/kukeon; do
	assert_true "$path is gone" test ! -e "$path"
	assert_contains "$(cat "$T/out")" "$(basename "$path"): removed" "what was said"
done
assert_true "nothing is left" leaves_nothing
for process in $pids; do
	assert_true "process $process is gone" process_gone "$process"
done
assert_eq "" "$(pgrep -x kukeond || true)" "kukeond"
assert_true "the manifest stays" test -s "$MANIFESTS/web.yaml"
assert_true "the group stays" getent group kukeon
assert_ne 0 "$(ctr -n kukeon-default images list -q | wc -l)" "images"

# Once more: nothing to do.
assert_contains "$(uninstall)" "nothing to remove" "the second uninstall"

# And back: what was declared comes up again.
init >"$T/init" 2>&1 || fail "init after uninstall: $(cat "$T/init")"
wait_for_cell web Ready
init_end

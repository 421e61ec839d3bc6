# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# kuke init on a host without systemd: the checks, the directories, the group, the daemon, the default hierarchy; a second
# run finds all of it.
. "$(dirname "${BASH_SOURCE[0]}")/lib-init.sh"
init_prepare

# What is missing is named with its remedy, all of it at once, and nothing is changed.
status=0
init --cni-bin-dir "$T/nothing" --containerd-socket "$T/nobody.sock" --cgroup-mount "$T" >"$T/out" 2>"$T/err" || status=$?
assert_eq 1 $status "exit code of init on a host that lacks everything"
assert_contains "$(cat "$T/err")" "cgroup v2: not mounted at $T: boot" "the remedy for cgroups"
assert_contains "$(cat "$T/err")" "nobody answers on $T/nobody.sock: install containerd" "the remedy for containerd"
assert_contains "$(cat "$T/err")" "bridge, host-local not found in $T/nothing: install the CNI plugins" "for the plugins"
assert_contains "$(cat "$T/out")" "runc: /" "what is there"
assert_true "no run path" test ! -e "$RUN_PATH"
assert_true "no daemon" test ! -e "$SOCKET"
assert_false "no group" getent group kukeon

# Nobody but root.
status=0
setpriv --reuid=65534 --clear-groups "$KUKEON_BIN/kuke" init >"$T/out" 2>&1 || status=$?
assert_eq 1 $status "exit code of init as nobody"
assert_contains "$(cat "$T/out")" "run it as root" "the remedy"

# A daemon that cannot start says why.
status=0
KUKEON_LOG_LEVEL=loud init >"$T/out" 2>&1 || status=$?
assert_eq 3 $status "exit code of init when the daemon does not start"
assert_contains "$(cat "$T/out")" 'log level "loud" is none of' "its last words"
rm -rf "$RUN_PATH"
groupdel kukeon

init >"$T/first" 2>&1 || fail "the first init: $(cat "$T/first")"
for line in "cgroup v2: " "containerd: " "runc: /" "CNI plugins: bridge, host-local" "Directory $RUN_PATH: created" \
	"Directory $MANIFESTS: already existed" "Group kukeon: created" "kukeond: started" 'Realm "default": created' \
	'Space "default": created' 'Stack "default": created' 'Realm "kukeon-system": created' \
	'Space "kukeon": created in kukeon-system' 'Cell "kukeond": created in kukeon-system/kukeon/kukeon'; do
	assert_contains "$(cat "$T/first")" "$line" "the first init"
done
assert_true "a healthy host" is_healthy
assert_eq Ready "$(object stack default | jq -r .status.state)" "state of the default stack"
assert_eq Ready "$(cell_state kukeond "${SYSTEM[@]}")" "state of the daemon's cell"
assert_eq "660 kukeon" "$(stat -c '%a %G' "$SOCKET")" "mode and group of the socket"
pid=$(daemon_pid)
assert_eq "$pid" "$(ps -o sid= -p "$pid" | tr -d ' ')" "session of the daemon: its own"
assert_eq / "$(readlink "/proc/$pid/cwd")" "working directory of the daemon"
assert_true "its log" test -s "$RUN_PATH/kukeond.log"

init >"$T/second" 2>"$T/err" || fail "the second init: $(cat "$T/err")"
assert_eq "" "$(cat "$T/err")" "complaints of the second init"
assert_contains "$(cat "$T/second")" "kukeond: already running" "the second init"
assert_eq 0 "$(grep -cE ': (created|started)' "$T/second" || true)" "what the second init made"
assert_eq 12 "$(grep -c 'already existed' "$T/second")" "what the second init found"
assert_eq "$pid" "$(daemon_pid)" "the daemon after the second init"

# Another realm beside it, the networks anew.
init --realm main --space lab --force-regenerate-cni >"$T/third" 2>&1 || fail "the third init: $(cat "$T/third")"
assert_contains "$(cat "$T/third")" 'Space "lab": created in main' "the third init"
assert_contains "$(cat "$T/third")" "Network configuration: written anew" "the third init"
assert_eq Ready "$(object stack default --realm main --space lab | jq -r .status.state)" "state of the stack in main/lab"

init_end

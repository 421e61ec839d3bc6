# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The units under a real systemd: kuke init enables and starts them, the daemon comes back after a crash and by its socket,
# no stop or restart touches a cell, uninstall takes the units out.
. "$(dirname "${BASH_SOURCE[0]}")/lib-init.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib-systemd.sh"
[ -x /lib/systemd/systemd ] || fail "no systemd to test with (package systemd)"
init_prepare
systemd_start
kuke() { in_systemd "$KUKEON_BIN/kuke" "$@"; }
service_is() { unit_is kukeond.service ActiveState "$1"; }
unit_says_running() { [[ $(in_systemd systemctl show --value -p StatusText kukeond.service) == Running* ]]; }
unit_says() { unit_is kukeond.service StatusText "$1"; }
pid_is_new() { service_is active && ! unit_is kukeond.service MainPID "$1"; }
DAEMON_LOG=$T/systemd.log

kuke init >"$T/out" 2>&1 || fail "init: $(cat "$T/out")"
assert_contains "$(cat "$T/out")" "kukeond: started" "init"
for unit in kukeond.service kukeond.socket; do
	assert_eq enabled "$(in_systemd systemctl is-enabled $unit)" "$unit at boot"
	assert_eq active "$(in_systemd systemctl is-active $unit)" "$unit"
done
wait_for "systemd heard that it runs" unit_says_running
assert_eq "660 kukeon" "$(stat -c '%a %G' "$SOCKET")" "mode and group of the socket"
assert_contains "$(container_field kukeond kukeond .status.cgroupPath "${SYSTEM[@]}")" \
	/system.slice/kukeond.service "cgroup of the daemon"
drop_ready_cell web root sidecar
web=$(cell_processes web)
wait_for "the counts in systemctl status" unit_says "Running: 2 of 2 cells as declared"

# A crash: systemd starts it again.
pid=$(daemon_pid)
in_systemd kill -KILL "$pid"
wait_for "another kukeond" pid_is_new "$pid"
wait_for_cell web Ready
assert_untouched web "$web"

# kuke restart: the same process, active all the time.
pid=$(daemon_pid)
kuke restart cell kukeond "${SYSTEM[@]}" >/dev/null
wait_for "it runs again" unit_says_running
wait_for_cell kukeond Ready "${SYSTEM[@]}"
assert_eq "$pid" "$(daemon_pid)" "pid after kuke restart"
assert_true "still active" service_is active

# Stopped by whom it may be, it stays so; the next call of kuke brings it back through the socket.
kuke stop cell kukeond "${SYSTEM[@]}" >/dev/null
wait_for "its end" service_is inactive
assert_eq success "$(in_systemd systemctl show --value -p Result kukeond.service)" "how it ended"
kuke status >"$T/out" 2>&1 || fail "the status that started it says: $(cat "$T/out")"
wait_for "kukeond by its socket" service_is active
wait_for_cell web Ready
in_systemd systemctl restart kukeond.service
wait_for_cell web Ready
assert_untouched web "$web"

kuke uninstall --yes >"$T/out" 2>&1 || fail "uninstall: $(cat "$T/out")"
for unit in kukeond.service kukeond.socket; do
	assert_eq disabled "$(in_systemd systemctl is-enabled $unit || true)" "$unit after uninstall"
	assert_ne active "$(in_systemd systemctl is-active $unit || true)" "$unit after uninstall"
done
assert_true "the runtime directory is gone" test ! -e "$RUNTIME_DIR"
CONTAINERD_ADDRESS=$CONTAINERD_ADDRESS leaves_nothing || fail "left behind: $(cat "$T/leaks")"

systemd_stop
remove_manifest web.yaml
umount /etc
unset -f kuke
. "$REPO/scripts/lib-kukeon.sh"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# kuke init where systemd runs the host: its units start the daemon, not kuke. A stand-in for systemctl does what the units
# say with systemd's own socket activation; kuke restart then keeps the socket that was passed.
. "$(dirname "${BASH_SOURCE[0]}")/lib-init.sh"
init_prepare
listen_for_notifications
mkdir -p /run/systemd/system "$T/bin"
cat >"$T/bin/systemctl" <<END
#!/bin/bash
echo "\$*" >>"$T/systemctl"
case \$1 in
enable)
	[ ! -e "$SOCKET" ] || exit 0
	systemd-socket-activate -l "$SOCKET" -E NOTIFY_SOCKET="$T/notify.sock" "$KUKEON_BIN/kukeond" \\
		</dev/null >>"$T/activated.log" 2>&1 &
	until [ -e "$SOCKET" ]; do sleep 0.01; done
	;;
disable) rm -f "$SOCKET" ;;
esac
END
chmod 755 "$T/bin/systemctl"
PATH=$T/bin:$PATH
DAEMON_LOG=$T/activated.log
told_twice() { [ "$(grep -c "READY=1" "$T/notify")" = 2 ]; }

init >"$T/out" 2>&1 || fail "init: $(cat "$T/out")"
assert_contains "$(cat "$T/out")" "kukeond: started" "init"
assert_contains "$(cat "$T/systemctl")" "enable --now --quiet kukeond.socket kukeond.service kukeon-log.service" "what systemctl was told"
assert_true "no log of a detached daemon" test ! -e "$RUN_PATH/kukeond.log"
wait_for "readiness" was_told "READY=1"
pid=$(daemon_pid)

# It executes itself anew with the passed socket, and says so: for systemd it is a reload.
inode=$(stat -c %i "$SOCKET")
kuke restart cell kukeond "${SYSTEM[@]}" >"$T/out" || fail "kuke restart: $(cat "$T/out")"
wait_for "readiness once more" told_twice
assert_true "RELOADING=1 was told" was_told "RELOADING=1"
assert_false "STOPPING=1 was not told" was_told "STOPPING=1"
assert_eq "$pid" "$(daemon_pid)" "pid after a restart"
assert_eq "$inode" "$(stat -c %i "$SOCKET")" "the socket after a restart"
wait_for_cell kukeond Ready "${SYSTEM[@]}"

# A setting that the units would not hear of means a daemon beside them (this one ends at once).
: >"$T/systemctl"
status=0
init --run-path "$T/other" --runtime-dir "$T/other-run" --log-level loud >"$T/out" 2>&1 || status=$?
assert_eq "3 " "$status $(cat "$T/systemctl")" "exit code of init, and what systemctl was told"
assert_contains "$(cat "$T/out")" 'log level "loud" is none of' "the last words of the daemon"
assert_eq "$pid" "$(daemon_pid)" "the first daemon afterwards"

init_end
assert_contains "$(cat "$T/systemctl")" "disable --now --quiet kukeond.socket kukeond.service kukeon-log.service" "what uninstall told systemctl"
assert_true "STOPPING=1 was told" was_told "STOPPING=1"
rmdir /run/systemd/system
kill "$LISTENER_PID"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The service manager listens, nothing runs: the first call of kuke starts the daemon and is answered. It tells when it is
# ready, and the socket stays when it ends.
. "$(dirname "${BASH_SOURCE[0]}")/lib-init.sh"
command -v systemd-socket-activate >/dev/null || fail "systemd-socket-activate is missing (package systemd)"

# Becomes kukeond with the first connection.
activate() {
	systemd-socket-activate "$@" -E NOTIFY_SOCKET="$T/notify.sock" "$KUKEON_BIN/kukeond" --run-path "$RUN_PATH" \
		--manifests-dir "$MANIFESTS" --runtime-dir "$RUNTIME_DIR" --containerd-socket "$CONTAINERD_ADDRESS" \
		--cni-conf-dir "$CNI_CONF" --prune-grace "$PRUNE_GRACE" </dev/null >>"$DAEMON_LOG" 2>&1 &
	DAEMON_PID=$!
}

runs() { [ "$(cat "/proc/$DAEMON_PID/comm")" = "$1" ]; }

drop_ready_cell web root
before=$(cell_processes web)
daemon_stop
listen_for_notifications
activate -l "$SOCKET"
wait_for "the socket" test -S "$SOCKET"
assert_true "nothing runs yet" runs systemd-socket-
assert_eq "" "$(cat "$T/notify")" "what was told before"

assert_contains "$(kuke status || true)" "$RUN_PATH" "the first kuke status"
assert_true "the daemon runs" runs kukeond
wait_for "readiness" was_told "READY=1 STATUS=Running"
assert_contains "$(head -n 1 "$T/notify")" "STATUS=Looking at the host" "the first word"
wait_for_cell web Ready
assert_untouched web "$before"

# It ends in order and leaves the socket to whom it belongs.
daemon_stop
assert_true "STOPPING=1 was told" was_told "STOPPING=1"
assert_true "the socket is still there" test -S "$SOCKET"

# Without containerd it gets ready too.
containerd_stop
: >"$T/notify"
rm "$SOCKET"
activate -l "$SOCKET"
wait_for "the socket" test -S "$SOCKET"
kuke status >/dev/null || true
wait_for "readiness without containerd" was_told "READY=1 STATUS=Waiting for containerd"
containerd_start
wait_for "the good news" was_told "STATUS=Running"
wait_for_cell web Ready
assert_untouched web "$before"
daemon_stop

# Two sockets are one too many.
rm "$SOCKET"
: >"$T/refused"
DAEMON_LOG=$T/refused activate -l "$SOCKET" -l "$T/other.sock"
wait_for "the socket" test -S "$SOCKET"
kuke version >/dev/null 2>&1 || true
wait_for "its end" process_gone "$DAEMON_PID"
assert_contains "$(cat "$T/refused")" "2 sockets were passed, expected one" "the daemon's message"

kill "$LISTENER_PID"
rm -f "$SOCKET"
DAEMON_PID=

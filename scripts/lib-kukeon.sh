# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A kukeond in a test host and what kuke tells of it. Needs lib.sh, the variables of testhost-inside, and from whoever
# sources it
#	T		a directory of its own
#	KUKEON_BIN	where kukeond and kuke were built
#	fail()		says why and ends
# Sourced, never run.

MANIFESTS=$T/manifests.d
RUN_PATH=$T/kukeon
LOG_DIR=$T/logs
RUNTIME_DIR=/run/kukeon
CNI_CONF=$T/cni
LOG_DIR=$T/logs
SOCKET=$RUNTIME_DIR/kukeond.sock
DAEMON_LOG=$T/kukeond.log
DAEMON_WRAPPER=() # a command that runs kukeond
DAEMON_PROGRAM=kukeond

# How long anything may take that the daemon does by itself.
LIMIT=20
LEAK_LIMIT=45 # a shim that a crash of the daemon left goes by itself after 20 s
# A manifest that goes is acted on after that many seconds.
PRUNE_GRACE=1

kukeon_prepare() {
	mkdir -p "$MANIFESTS" "$RUN_PATH" "$CNI_CONF"
	rm -rf "$RUNTIME_DIR"
	mkdir -p "$RUNTIME_DIR"
}

# ---- the daemon ----

kuke() { "$KUKEON_BIN/kuke" --socket "$SOCKET" "$@"; }

daemon_answers() { kuke version >/dev/null 2>&1; }
daemon_answers_or_ended() { daemon_answers || process_gone "$DAEMON_PID"; }

# Does not wait until it answers.
daemon_launch() {
	"${DAEMON_WRAPPER[@]}" "$KUKEON_BIN/$DAEMON_PROGRAM" --run-path "$RUN_PATH" --manifests-dir "$MANIFESTS" \
		--runtime-dir "$RUNTIME_DIR" --log-dir "$LOG_DIR" --socket "$SOCKET" --containerd-socket "$CONTAINERD_ADDRESS" \
		--cni-conf-dir "$CNI_CONF" --prune-grace "$PRUNE_GRACE" --log-level "${DAEMON_LOG_LEVEL:-debug}" \
		</dev/null >>"$DAEMON_LOG" 2>&1 &
	DAEMON_PID=$!
}

# Returns when it answers.
daemon_start() {
	daemon_launch
	poll_for "$LIMIT" daemon_answers_or_ended || fail "kukeond does not answer"
	daemon_answers || fail "kukeond ended at once"
}

daemon_is_running() { [ -n "${DAEMON_PID:-}" ] && process_alive "$DAEMON_PID"; }

# SIGTERM; it must end by itself, with 0.
daemon_stop() {
	local status=0
	process_stop "$DAEMON_PID" "$LIMIT" || fail "kukeond did not end on SIGTERM"
	wait "$DAEMON_PID" || status=$?
	DAEMON_PID=
	[ $status -eq 0 ] || fail "kukeond ended with $status on SIGTERM"
}

daemon_kill() {
	kill -KILL "$DAEMON_PID"
	wait "$DAEMON_PID" 2>/dev/null || true
	DAEMON_PID=
}

# ---- manifests ----

# drop_manifest NAME: standard input becomes a file of the manifests directory, in one step.
drop_manifest() {
	cat >"$T/new-manifest"
	mv "$T/new-manifest" "$MANIFESTS/$1"
}

remove_manifest() { rm -rf "${MANIFESTS:?}/$1"; }

# ---- what is ----

kuke_status() { kuke status -o json 2>/dev/null || true; }

# object KIND NAME [scope flags]: as JSON, "null" when there is none.
object() { kuke get "$@" -o json 2>/dev/null || echo null; }

# table_field HEADER KIND NAME [scope flags]: a word of the line of an object, empty when there is none; a table needs no
# jq, which takes twenty times as long as kuke does.
table_field() {
	local lines headers words i
	mapfile -t lines < <(kuke get "${@:2}" -o wide 2>/dev/null || true)
	read -ra headers <<<"${lines[0]:-}"
	read -ra words <<<"${lines[1]:-}"
	for i in "${!headers[@]}"; do
		[ "${headers[i]}" = "$1" ] || continue
		[ "${words[i]:--}" = - ] || printf '%s\n' "${words[i]}"
	done
}

cell_field() { object cell "$1" "${@:3}" | jq -r "$2 // empty"; }
cell_state() { table_field STATE cell "$@"; }
cell_ip() { cell_field "$1" .status.ip "${@:2}"; }

# container_field CELL CONTAINER JQ
container_field() { object container "$2" --cell "$1" "${@:4}" | jq -r "$3 // empty"; }
container_pid() { table_field PID container "$2" --cell "$1"; }
restart_count() { container_field "$1" "$2" '.status.restartCount // 0'; }

cell_is() { [ "$(cell_state "$1" "${@:3}")" = "$2" ]; }
cells_are_gone() { [ "$(kuke get cells -o json 2>/dev/null)" = "[]" ]; }
pid_differs() {
	local pid
	pid=$(container_pid "$1" "$2")
	[ -n "$pid" ] && [ "$pid" != "$3" ]
}
is_healthy() { kuke status >/dev/null 2>&1; }
leaves_nothing() { RUNTIME_DIR=$RUNTIME_DIR CNI_CONF=$CNI_CONF RUN_PATH=$RUN_PATH LOG_DIR=$LOG_DIR "$REPO/tests/e2e/leakcheck" >"$T/leaks"; }

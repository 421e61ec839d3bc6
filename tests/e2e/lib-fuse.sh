# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Filesystems that do not answer, for scenarios: fuse_server says how.

have_fuse() {
	[ -e /dev/fuse ] || mknod -m 600 /dev/fuse c 10 229 2>/dev/null || true
	grep -qw fuse /proc/filesystems && [ -e /dev/fuse ]
}

# fuse_start NAME [silent|asleep]: mounts one at $T/NAME; its process is FUSE_PID[NAME].
declare -A FUSE_PID
fuse_start() {
	mkdir -p "${FUSE_AT:-$T/$1}"
	"$KUKEON_BIN/fuse_server" "${FUSE_AT:-$T/$1}" "${@:2}" >"$T/$1.fuse" 2>&1 &
	FUSE_PID[$1]=$!
	wait_for "a filesystem is mounted at $1" grep -q mounted "$T/$1.fuse"
}

fuse_answer() { kill -USR1 "${FUSE_PID[$1]}"; }
fuse_fall_silent() { kill -USR2 "${FUSE_PID[$1]}"; }

fuse_end() {
	kill -TERM "${FUSE_PID[$1]}" 2>/dev/null || true
	wait "${FUSE_PID[$1]}" || true
}

# within_ms LIMIT COMMAND...: it succeeds, in so many milliseconds.
within_ms() {
	local start took
	start=$(now_ms)
	"${@:2}" >/dev/null || fail "failed: ${*:2}"
	took=$(($(now_ms) - start))
	[ $took -le "$1" ] || fail "took $took ms instead of $1: ${*:2}"
}

# volume_cell NAME SOURCE
volume_cell() {
	FIELDS="volumes: [{source: $2, target: /data}]" drop_cell "$1" main
}

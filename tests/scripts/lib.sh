# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What tests of the scripts are written with: functions case_* in a mount namespace of their own. Sourced, never run.
#	T	an empty directory of this test

. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

# in_private_mounts ARGUMENT...: goes on below in a mount namespace; skipped (77) where that is not to be had.
in_private_mounts() {
	if [ "${1:-}" != --private ]; then
		[ "$(id -u)" -eq 0 ] || skip "needs root"
		exec unshare --mount --propagation private "$0" --private "$@"
	fi
	T=$(mktemp -d)
	trap 'rm -rf --one-file-system "$T"' EXIT
}

skip() {
	say "skipped: $*"
	exit 77
}

fail() {
	printf 'FAILED: %s: %s\n' "$CASE" "$*" >&2
	exit 1
}

assert_eq() { [ "$1" = "$2" ] || fail "$3: expected '$1', found '$2'"; }
assert_contains() { [[ $1 == *"$2"* ]] || fail "$3: '$2' is not in: $1"; }
assert_true() { "${@:2}" || fail "$1"; }

# run_cases PREPARE: every function case_*, or those of CASES, after PREPARE.
run_cases() {
	local n=0
	for CASE in ${CASES:-$(compgen -A function case_)}; do
		"$1"
		"$CASE"
		say "ok ${CASE#case_}"
		n=$((n + 1))
	done
	say "$n cases"
}

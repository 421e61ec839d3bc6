# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the scripts share: messages, bounded waits, the machine's state before and after. Sourced, never run.

# What scripts make, say and start depends on nobody's settings.
umask 022
export LC_ALL=C.UTF-8
for variable in $(compgen -e); do
	case $variable in
	KUKEON_BIN | KUKEON_RUN_MARK | KUKEON_TEST_* | KUKEON_SIM_* | KUKEON_FAULT*) ;; # of tests
	KUKEON_* | TZ | NO_COLOR | NOTIFY_SOCKET | LISTEN_FDS | LISTEN_PID | GRPC_* | CNI_PATH | CFLAGS | CXXFLAGS | CPPFLAGS | \
		LDFLAGS | CDPATH | GREP_COLORS | POSIXLY_CORRECT) unset "$variable" ;;
	esac
done
unset variable
[ -n "${KUKEON_TEST_HOST:-}" ] || export TMPDIR=/tmp # seen in a test host too, which has a /run of its own

# shellcheck disable=SC2034 # for those who source this
REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Where test hosts are (scripts/lib-place.sh).
PLACE=${KUKEON_TEST_PLACE:-/var/lib/kukeon-test}

# shellcheck disable=SC2034
USUAL_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# ---- messages ----

say() { printf '%s\n' "$*"; }

die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

need_root() {
	[ "$(id -u)" -eq 0 ] || die "must run as root: sudo $0"
}

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# Seconds with one decimal since @1 (ms).
seconds_since() {
	local ms=$(($(now_ms) - $1))
	printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}

# finds PATTERN, or with options of grep before it: whether it is in what comes. Unlike grep -q it reads all of that: who writes
# on into a pipe that nobody reads any more is killed, and under pipefail that is "not found".
finds() {
	local text
	text=$(cat)
	grep -q "$@" <<<"$text"
}

# ---- waiting: for a condition, with a limit, never blindly ----

POLL_SECONDS=0.05

# poll_for LIMIT_SECONDS COMMAND...: true as soon as the command is, false after the limit. Looks often at first; what takes
# long is looked at less often, for every look costs time of a processor that others wait for.
poll_for() {
	local end=$(($(now_ms) + $1 * 1000)) pause_ms=20
	shift
	until "$@"; do
		[ "$(now_ms)" -lt "$end" ] || return 1
		sleep "$(printf '0.%03d' $pause_ms)"
		pause_ms=$((pause_ms < 200 ? pause_ms * 5 / 4 : pause_ms))
	done
}

# A process that is there and not a zombie.
process_alive() {
	local state
	state=$(awk '/^State:/ { print $2 }' "/proc/$1/status" 2>/dev/null) && [ -n "$state" ] && [ "$state" != Z ]
}

process_gone() { ! process_alive "$1"; }

# process_stop PID LIMIT_SECONDS: SIGTERM, and SIGKILL when the limit passes. False when it took SIGKILL.
process_stop() {
	kill -TERM "$1" 2>/dev/null || return 0
	poll_for "$2" process_gone "$1" && return 0
	kill -KILL "$1" 2>/dev/null || true
	poll_for 5 process_gone "$1" || true
	return 1
}

# ---- the machine before and after ----

# Processes started by this run carry this variable, so that whatever else the machine does is not taken for ours.
export KUKEON_RUN_MARK=${KUKEON_RUN_MARK:-$$-$EPOCHREALTIME}

# Cgroups of ours in every hierarchy: a test host and all that runs in it live below one that is named so. Those of others
# come and go while we run, other runs' test hosts too.
cgroup_directories() {
	local mount others=()
	mapfile -t others < <(cgroups_of_others)
	while read -r mount; do
		find "$mount" -mindepth 1 \( -false "${others[@]}" \) -prune -o -type d -path '*kukeon*' -print 2>/dev/null || true
	done < <(awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/self/mounts)
}

# Words for find. A test host's directory says by whose mark it was made.
cgroups_of_others() {
	local file name
	for file in "$PLACE"/host-*/mark; do
		[ -e "$file" ] && [ "$(<"$file")" != "$KUKEON_RUN_MARK" ] || continue
		name=${file%/mark}
		printf '%s\n' -o -name "kukeon-test-${name##*-}"
	done
}

# Ids and names of the processes that carry the mark, without this script and those above it.
marked_processes() {
	local file pid
	for file in /proc/[0-9]*/environ; do
		pid=${file#/proc/}
		pid=${pid%/environ}
		is_self_or_parent "$pid" && continue
		grep -qzsxF "KUKEON_RUN_MARK=$KUKEON_RUN_MARK" "$file" 2>/dev/null || continue
		process_alive "$pid" && printf '%s %s\n' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
	done
	true
}

is_self_or_parent() {
	local pid=$BASHPID
	while [ "${pid:-0}" -gt 0 ]; do
		[ "$pid" = "$1" ] && return 0
		pid=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status" 2>/dev/null)
	done
	return 1
}

# machine_snapshot FILE: links, mounts, network namespaces, cgroups and our processes, one a line.
machine_snapshot() {
	local processes
	processes=$(marked_processes) # first, so that what runs below is not among them
	{
		if command -v ip >/dev/null; then
			ip -o link | awk '{ print "link", $2 }'
			ip netns list | awk '{ print "netns", $1 }'
		fi
		awk '{ print "mount", $2, $3 }' /proc/self/mounts
		cgroup_directories | sed 's/^/cgroup /'
		awk 'NF { print "process", $0 }' <<<"$processes"
	} | LC_ALL=C sort >"$1"
}

# machine_compare BEFORE: true when the machine is as it was; else says what is not.
machine_compare() {
	local after=$1.after
	poll_for 5 machine_is_as "$1" "$after" && return 0
	say "the machine is not as it was (< before, > now):"
	diff "$1" "$after" | grep '^[<>]' || true
	return 1
}

machine_is_as() {
	machine_snapshot "$2"
	cmp -s "$1" "$2"
}

# The Debian archive that apt uses here; nothing when it knows none.
debian_archive() {
	apt-get indextargets --format "\$(REPO_URI) \$(RELEASE) \$(COMPONENT)" 'Created-By: Packages' 'Origin: Debian' |
		awk '$2 !~ /-/ && $3 == "main" { print $1; exit }'
}

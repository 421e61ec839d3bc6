# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What scenarios are written with. tests/e2e/scenario sources it inside a test host and gives it:
#	T		the scenario's own directory
#	KUKEON_BIN	where kukeond and kuke were built

# shellcheck source-path=SCRIPTDIR/../../scripts
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
. "$REPO/scripts/lib-containerd.sh"
. "$REPO/scripts/lib-kukeon.sh"

IMAGE=docker.io/library/busybox:latest
# shellcheck disable=SC2034 # of scenarios
USERS_IMAGE=docker.io/library/busybox:users # with users, an entrypoint and a cmd

# ---- the daemon ----

# What it holds open of cells: namespaces, cgroup files, files of the runtime directory.
daemon_descriptors() {
	{ find "/proc/$DAEMON_PID/fd" -type l -printf '%l\n' 2>/dev/null || true; } |
		awk -v dir="$RUNTIME_DIR/netns" '/^(net|mnt):|^\/sys\/fs\/cgroup\// || index($0, dir) == 1' | LC_ALL=C sort
}

daemon_holds_nothing_more() { [ -z "$(daemon_descriptors | LC_ALL=C comm -23 - "$T/descriptors")" ]; }

# ---- manifests ----

manifest_is_known() { kuke_status | finds -F -e "\"path\": \"$1\"" -e "/$1\""; }

manifest_is_unknown() { ! manifest_is_known "$1"; }

# manifest_has_error NAME TEXT: an error of the file contains the text. jq is asked when the text, as JSON has it, is there.
manifest_has_error() {
	local status text=${2//\\/\\\\}
	status=$(kuke_status)
	[[ $status == *"${text//\"/\\\"}"* ]] &&
		jq -e --arg name "$1" --arg text "$2" 'any(.manifests.files[]?;
			(.path | split("/") | last == $name) and any(.errors[]?; contains($text)))' <<<"$status" >/dev/null
}

# cell_yaml NAME CONTAINER[:ENV]...: a cell of the default stack; every container sleeps and ends at once on SIGTERM.
# FIELDS, when set, is put into each container, LABEL into the metadata.
cell_yaml() {
	local container
	cat <<-END
		apiVersion: v1beta1
		kind: Cell
		metadata:
		  name: $1
		  labels: {note: "${LABEL:-none}"}
		spec:
		  realmId: ${REALM:-default}
		  spaceId: ${SPACE:-default}
		  stackId: ${STACK:-default}
		  containers:
	END
	shift
	for container in "$@"; do
		cat <<-END
			    - id: ${container%%:*}
			      image: $IMAGE
			      command: /bin/sh
			      args: ["-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done"]
			      env: ["E2E=${container#*:}"]
			      stopGracePeriodSeconds: 1
			      ${FIELDS:-}
		END
	done
}

# drop_cell NAME CONTAINER...: NAME.yaml with that cell.
drop_cell() { cell_yaml "$@" | drop_manifest "$1.yaml"; }

# drop_ready_cell NAME CONTAINER...: the same, and returns when it is Ready.
drop_ready_cell() {
	drop_cell "$@"
	wait_for_cell "$1" Ready
}

# ---- what is ----

# "container pid restarts" of every container of a cell: the same text before and after means untouched.
cell_processes() {
	object cell "$1" "${@:2}" |
		jq -r '.status.containers[]? | "\(.id) \(.pid // 0) \(.restartCount // 0)"' | LC_ALL=C sort
}

cell_is_gone() { ! kuke get cell "$1" "${@:2}" >/dev/null 2>&1 && daemon_answers; }
cell_mentions() { object cell "$1" | jq -r '.status | "\(.reason) \(.message)"' | finds -F -- "$2"; }
restart_count_is() { [ "$(restart_count "$1" "$2")" = "$3" ]; }

is_unhealthy() { daemon_answers && ! is_healthy; }
runtime_is_connected() { kuke_status | jq -e '.runtime.connected == true' >/dev/null; }
runtime_is_away() { daemon_answers && ! runtime_is_connected; }

# in_container CELL CONTAINER COMMAND...: runs it beside the container's own process, as the same user with the same rights.
# Not by ctr: through its pipes the words of a short command are lost now and then on a busy machine.
in_container() {
	runc --root /run/containerd/runc/kukeon-default exec "$(container_field "$1" "$2" .status.containerdId)" "${@:3}" </dev/null
}

# ---- waiting and judging ----

# wait_for "description" COMMAND...: at most LIMIT seconds.
wait_for() { poll_for "$LIMIT" "${@:2}" || fail "waited $LIMIT s in vain for: $1"; }

# wait_for_cell NAME STATE [scope flags]
wait_for_cell() { wait_for "cell $1 is $2" cell_is "$@"; }

wait_for_new_pid() {
	wait_for "container $2 of cell $1 runs again" pid_differs "$@"
	wait_for_cell "$1" Ready
}

# stays LIMIT_SECONDS "description" COMMAND...: the command is true all the time.
stays() {
	local end=$(($(now_ms) + $1 * 1000))
	while [ "$(now_ms)" -lt "$end" ]; do
		"${@:3}" || fail "did not last: $2"
		sleep $POLL_SECONDS
	done
}

# The nearest line of the scenario itself.
where() {
	local i
	for ((i = 1; i < ${#BASH_SOURCE[@]}; i++)); do
		[[ ${BASH_SOURCE[i]} == */lib*.sh ]] || break
	done
	echo "$(basename "${BASH_SOURCE[i]}") line ${BASH_LINENO[i - 1]}"
}

fail() {
	printf 'FAILED at %s: %s\n' "$(where)" "$*" >&2
	exit 1
}

# assert_eq EXPECTED ACTUAL "what"
assert_eq() { [ "$1" = "$2" ] || fail "$3: expected '$1', found '$2'"; }
assert_ne() { [ "$1" != "$2" ] || fail "$3: expected something else than '$1'"; }

# assert_contains TEXT PART "what"
assert_contains() { [[ $1 == *"$2"* ]] || fail "$3: '$2' is not in: $1"; }
assert_true() { "${@:2}" || fail "$1"; }

# assert_untouched CELL BEFORE: the processes are those of cell_processes before.
assert_untouched() { assert_eq "$2" "$(cell_processes "$1")" "processes of cell $1"; }

# ---- begin and end of a scenario ----

scenario_begin() {
	kukeon_prepare
	daemon_start
	daemon_descriptors >"$T/descriptors"
}

# All at once: what is held then is let go.
remove_all_manifests() {
	local file
	for file in "$MANIFESTS"/*; do
		[ -e "$file" ] || [ -L "$file" ] || continue
		rm -rf "$file"
	done
	kuke prune --yes >/dev/null || fail "what the manifests declared cannot be let go"
}

realms_are_gone() { [ "$(kuke get realms -o json 2>/dev/null)" = "[]" ]; }

# What came over the API.
remove_all_objects() {
	local realm
	for realm in $(kuke get realms -o name 2>/dev/null); do
		# one that goes by itself may be gone by now
		kuke delete "$realm" --cascade >/dev/null 2>&1 || true
	done
	wait_for "no realms" realms_are_gone
}

# Neither the doctor nor a look at the host without it finds anything.
nothing_is_left() { KUKE=$KUKEON_BIN/kuke SOCKET=$SOCKET leaves_nothing; }

# Takes away what the scenario declared and checks that nothing of it is left.
scenario_end() {
	daemon_is_running || daemon_start
	remove_all_manifests
	remove_all_objects
	wait_for "no cells" cells_are_gone
	poll_for $LEAK_LIMIT nothing_is_left || fail "left behind:"$'\n'"$(cat "$T/leaks")"
	poll_for 5 daemon_holds_nothing_more || fail "kukeond holds open: $(daemon_descriptors)"
	daemon_stop
}

# Shown when a scenario fails.
scenario_report() {
	echo "---- kuke status"
	kuke status 2>&1 || true
	echo "---- kuke get cells"
	kuke get cells -o yaml 2>&1 | head -n 200 || true
	echo "---- end of kukeond's log"
	tail -n 150 "$DAEMON_LOG" || true
	echo "---- warnings of containerd"
	awk '!/level=info/' "$KUKEON_TEST_LOG" | tail -n 20
}

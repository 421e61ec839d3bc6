# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A container that ends again and again is started after growing pauses, whatever the daemon does meanwhile; its status
# says how it ended; kuke start tries again at once. Three daemons have to come and go in a pause, so it
# goes before the others.

# crashing_cell NAME COMMAND FIELD...: one that lives, and one that runs the command.
crashing_cell() {
	cat <<-END
		apiVersion: v1beta1
		kind: Cell
		metadata: {name: $1}
		spec:
		  containers:
		    - {id: root, image: $IMAGE, command: /bin/sleep, args: ["3600"], stopGracePeriodSeconds: 1}
		    - id: crash
		      image: $IMAGE
		      command: ${2%% *}
		      args: ["-c", "${2#* }"]
	END
	printf '      %s\n' "${@:3}"
}

in_row_is() { [ "$(sed -n 's/.*restartsInRow: //p' "$RUN_PATH/default/default/default/$1/cell.yaml")" = "$2" ]; }
container_says() { container_field "$1" crash '"\(.status.reason) \(.status.message)"' | finds -F -- "$2"; }
waits() { in_row_is web "$1" && container_says web RestartBackOff; }

crashing_cell web "/bin/sh exit 139" 'restartBackoffSeconds: 8' | drop_manifest web.yaml
wait_for "its second end" waits 1
assert_true "the signal's name" container_says web "exited with code 139 (SIGSEGV)"
assert_true "the cell says so too" cell_mentions web "exited with code 139 (SIGSEGV)"
assert_eq 11 "$(container_field web crash .status.exitSignal)" "signal"

is_stored() { grep -q 'restartsInRow: 1' "$RUN_PATH/default/default/default/web/cell.yaml"; }
wait_for "the count to be on disk" is_stored

# Daemons that come and go take nothing of the pause away.
finished=$(container_field web crash .status.finishedAt)
for _ in 1 2 3; do
	daemon_kill
	daemon_start
	wait_for "the next daemon to know" waits 1
	assert_eq "$finished" "$(container_field web crash .status.finishedAt)" "time of the last end"
done
wait_for "its third end" waits 2

restarted_by_request() { in_row_is web 1; }
kuke start container crash --cell web >/dev/null
wait_for "a start by request forgets what was" restarted_by_request
remove_manifest web.yaml
wait_for "cell web is gone" cell_is_gone web

# restartMaxRetries: given up, and kuke start begins anew.
crashing_cell few "/bin/sh exit 3" 'restartPolicy: on-failure' 'restartMaxRetries: 1' | drop_manifest few.yaml
wait_for "the give-up" container_says few GaveUp
wait_for_cell few Failed
finished=$(container_field few crash .status.finishedAt)
gave_up_again() { [ "$(container_field few crash .status.finishedAt)" != "$finished" ] && container_says few GaveUp; }
kuke start container crash --cell few >/dev/null
wait_for "a new try, and a new give-up" gave_up_again
assert_eq 1 "$(restart_count few crash)" "restarts after the new try"

# A command that is not in the image: the runtime's words, shortened, whichever runtime and version it is.
names_the_command() { cell_says_like none '(create|start) the task: .*/no/such/command'; }
cell_says_like() { container_field "$1" crash .status.message | finds -E -- "$2"; }
crashing_cell none "/no/such/command true" | drop_manifest none.yaml
wait_for "the reason" container_says none StartFailed
assert_true "what cannot be started" names_the_command

# Who waits for Ready is not told so of what ends at once, but why it is not.
crashing_cell soon "/bin/sh sleep 0.1; exit 7" >"$T/soon.yaml"
if kuke apply -f "$T/soon.yaml" --wait --timeout 30s >/dev/null 2>"$T/soon.err"; then
	fail "a cell that crashes again and again is said to be Ready"
fi
assert_contains "$(cat "$T/soon.err")" "does not stay Ready: it was 3 times" "what --wait says"
assert_contains "$(cat "$T/soon.err")" "container crash exited with code 7" "what --wait says"
kuke stop cell soon --wait >/dev/null
if kuke apply -f "$T/soon.yaml" --wait >/dev/null 2>"$T/soon.err"; then
	fail "a cell that is stopped is said to be Ready"
fi
assert_contains "$(cat "$T/soon.err")" "was stopped and stays so until it is started" "what --wait says"
kuke delete cell soon --cascade --wait >/dev/null

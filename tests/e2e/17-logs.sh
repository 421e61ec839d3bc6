# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# What a container prints is in files, a line for a line, with its time and stream; the run before stays until the next; what
# is put aside is bounded; a cell that goes takes its files along. It all goes on while kukeond, kukeon-log and containerd
# are killed.

[ -x "$KUKEON_BIN/kukeon-log" ] || {
	say "skipped: there is no kukeon-log"
	return 0
}

# printing_cell NAME SCRIPT FIELD...: one container that runs the script.
printing_cell() {
	cat <<-END
		apiVersion: v1beta1
		kind: Cell
		metadata: {name: $1}
		spec:
		  containers:
		    - id: main
		      image: $IMAGE
		      command: /bin/sh
		      args: ["-c", "$2"]
		      stopGracePeriodSeconds: 0
	END
	[ $# -lt 3 ] || printf '      %s\n' "${@:3}"
}

log_dir() { echo "$LOG_DIR/default/default/default/$1/main"; }
# Of the run that is on: run numbers grow.
log_file() { find "$(log_dir "$1")" -name '*.log' 2>/dev/null | LC_ALL=C sort | tail -n 1; }
says() { grep -qsE -- "$2" "$(log_file "$1")"; }
fifos_of() { find "$RUN_PATH/.log" -name "*+*" | grep -c "_$1_" || true; }

STAMP='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]+Z'

# Both streams; a line without an end.
printing_cell web "echo out; echo err >&2; printf part; sleep 3600" | drop_manifest web.yaml
wait_for_cell web Ready
wait_for "a line of standard output" says web "^$STAMP stdout F out$"
wait_for "a line of standard error" says web "^$STAMP stderr F err$"
assert_eq 0 "$(grep -c 'logs.*stays for now' "$DAEMON_LOG" || true)" "warnings of logs"
first=$(log_file web)

# One that stands still is replaced; what was printed meanwhile is there.
reader() { cat "$RUN_PATH/.log/.lock"; }
printing_cell clock "while :; do date +%s; sleep 0.1; done" | drop_manifest clock.yaml
wait_for_cell clock Ready
stopped=$(reader)
start=$(now_ms)
kill -STOP "$stopped"
wait_for "its end" process_gone "$stopped"
say "one that stood still is gone after $(($(now_ms) - start)) ms"
is_read_again() { [ "$(reader)" != "$stopped" ] && says clock "F $(($(date +%s) - 1))$"; }
wait_for "another to read" is_read_again
no_gaps() { awk '$4 - last > 1 && last { exit 1 } { last = $4 }' "$(log_file clock)"; }
assert_true "each second is in the log" no_gaps
remove_manifest clock.yaml
wait_for "cell clock is gone" cell_is_gone clock

# Its next run has a file of its own, and the one before stays.
old_pid=$(container_pid web main)
kill -KILL "$old_pid"
wait_for_new_pid web main "$old_pid"
has_next_run() { [ "$(log_file web)" != "$first" ] && says web 'stdout F out$'; }
wait_for "the log of the next run" has_next_run
assert_true "the log of the run before" grep -q 'stdout P part$\|stdout F part$' "$first"
assert_eq 3 "$(fifos_of web)" "files of its entry in the spool"

# A change of where it goes restarts nothing; the next run goes nowhere.
before=$(cell_processes web)
printing_cell web "echo out; echo err >&2; printf part; sleep 3600" 'logDriver: none' | drop_manifest web.yaml
takes_none() { [ "$(object cell web | jq -r '.spec.containers[0].logDriver')" = none ]; }
wait_for "the change" takes_none
assert_eq "$before" "$(cell_processes web)" "what runs, after the change"
old_pid=$(container_pid web main)
kill -KILL "$old_pid"
wait_for_new_pid web main "$old_pid"
has_no_fifos() { [ "$(fifos_of web)" = 0 ]; }
wait_for "no FIFOs" has_no_fifos
assert_eq /dev/null "$(readlink "/proc/$(container_pid web main)/fd/1")" "standard output without a log"

# Files are put aside, and no more than are wanted stay.
printing_cell much "seq -w 1 200000; sleep 3600" 'logMaxSize: 64k' 'logMaxFiles: 2' | drop_manifest much.yaml
wait_for_cell much Ready
wait_for "the last line" says much 'stdout F 200000$'
n_files() { find "$(log_dir much)" -type f | wc -l; }
assert_eq 2 "$(n_files)" "files of its log"

# Of what goes, nothing stays.
remove_manifest web.yaml
wait_for "cell web is gone" cell_is_gone web
remove_manifest much.yaml
wait_for "cell much is gone" cell_is_gone much
no_files() { ! find "$LOG_DIR" -mindepth 1 ! -name .kukeon | finds .; }
no_fifos() { ! find "$RUN_PATH/.log" -name '*+*' | finds .; }
wait_for "no log files" no_files
wait_for "no FIFOs" no_fifos
assert_true "the doctor finds nothing" kuke doctor >/dev/null

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The run path is full, to the last byte and then to the last inode: what runs is kept running, also by a daemon that starts
# there; what is new is refused, or waits, with the reason; no file is damaged; with space all comes right by itself.
# shellcheck source=lib-network.sh
. "$HERE/lib-network.sh"
FIELDS='restartBackoffSeconds: 0'
SPACE_LIMIT=8 # seconds from having space to all being well

fill_bytes() { cat /dev/zero >>"$RUN_PATH/filler" 2>/dev/null || true; }
fill_inodes() {
	local i=0
	mkdir -p "$RUN_PATH/inodes"
	while : 2>/dev/null >"$RUN_PATH/inodes/$i"; do
		i=$((i + 1))
	done 2>/dev/null
}
make_space() { rm -rf "$RUN_PATH/filler" "$RUN_PATH/inodes"; }

is_stored() { [ -s "$RUN_PATH/default/default/default/$1/cell.yaml" ]; }
problem() { kuke_status | jq -r '.daemon.message // ""'; }
has_problem() { [ -n "$(problem)" ]; }
has_none() { daemon_answers && ! has_problem; }
is_told_on_disk() { [ -n "$(jq --arg key "default/default/default/$1" 'select(.key == $key)' "$RUN_PATH/events.jsonl")" ]; }

# What counts restarts cannot be stored, and is lost with the daemon.
pids() { cell_processes web | cut -d ' ' -f 1,2; }

# The container is killed and runs again.
crash() {
	local pid
	pid=$(container_pid web "$1")
	kill -KILL "$pid"
	wait_for_new_pid web "$1" "$pid"
}

# Nothing is set aside, and every document is one.
assert_files_whole() {
	local file
	[ -z "$(find "$RUN_PATH" -name '*.damaged')" ] || fail "set aside: $(find "$RUN_PATH" -name '*.damaged')"
	while read -r file; do
		python3 -c 'import sys; t = open(sys.argv[1]).read(); sys.exit(not (t.startswith("apiVersion: ") and t.endswith("\n")))' \
			"$file" || fail "not a document: $file: $(cat "$file")"
	done < <(find "$RUN_PATH" -name '*.yaml')
	jq -e . "$RUN_PATH/events.jsonl" >/dev/null || fail "events are damaged"
	! grep -E 'damaged|set aside|not a journal' "$DAEMON_LOG" || fail "the daemon found damage"
}

# full FILL CELL: all of it, with the filesystem filled in this way; the cell is a new one.
full() {
	local fill=$1 late=$2 before start out
	$fill
	crash side
	$fill
	crash root
	crash root
	$fill

	# What is new.
	drop_cell "$late" a
	wait_for "status says why" has_problem
	assert_contains "$(problem)" "$RUN_PATH/" "the place"
	assert_contains "$(problem)" "No space left on device; free space or inodes there" "what to do"
	assert_true "kuke status fails" is_unhealthy
	if out=$(cell_yaml asked a | kuke apply -f - 2>&1); then
		fail "a cell was taken up: $out"
	fi
	assert_contains "$out" "nothing was changed" "what apply says"
	assert_contains "$out" "No space left on device; free space or inodes there" "what apply says"
	assert_true "it is not there" cell_is_gone asked
	wait_for "the new cell says why" cell_mentions "$late" "No space left on device"
	assert_contains "$(cell_field "$late" .status.message)" "$RUN_PATH/" "the place in its message"
	! is_stored "$late" || fail "it is stored"

	# The next daemon adopts, and goes on.
	before=$(pids)
	daemon_kill
	$fill
	daemon_start
	wait_for_cell web Ready
	assert_eq "$before" "$(pids)" "processes of cell web"
	wait_for "status says why" has_problem
	crash side
	crash root
	assert_files_whole

	make_space
	start=$(now_ms)
	LIMIT=$SPACE_LIMIT wait_for_cell "$late" Ready
	LIMIT=$SPACE_LIMIT wait_for "status is well" has_none
	LIMIT=$SPACE_LIMIT wait_for "the new cell is stored" is_stored "$late"
	LIMIT=$SPACE_LIMIT wait_for "the history is stored" is_told_on_disk "$late"
	say "$fill: all well $(seconds_since "$start") after there was space"
	cell_yaml asked a | kuke apply -f - >/dev/null || fail "apply after there is space"
	wait_for_cell asked Ready
	kuke delete cell asked --cascade >/dev/null
	wait_for "cell asked is gone" cell_is_gone asked
	assert_files_whole
}

daemon_stop
mount -t tmpfs -o size=4m,nr_inodes=400 tmpfs "$RUN_PATH"
daemon_start
drop_ready_cell web root side
wait_for "it is stored" is_stored web
full fill_bytes late
full fill_inodes later

# Without what the journal has in reserve: nothing is attached that is not recorded before.
take_reserve() {
	daemon_stop
	cp "$RUN_PATH/journal" "$RUN_PATH/journal.copy"
	mv "$RUN_PATH/journal.copy" "$RUN_PATH/journal"
	rm "$RUN_PATH/journal.spare"
	fill_bytes
	fill_inodes
	daemon_start
	wait_for_cell web Ready
}
links_are() { [ "$(ip -o link show master "$(space_bridge)" | wc -l)" -eq "$1" ]; }
root_waits() { cell_mentions web "the journal" && cell_mentions web "No space left on device"; }
root_waits_or_runs() { root_waits || { pid_differs web root "$pid" && cell_is web Ready; }; }
take_reserve
for _ in {1..20}; do # its last block may have room for a few
	pid=$(container_pid web root)
	kill -KILL "$pid"
	wait_for "an end of that" root_waits_or_runs
	! root_waits || break
done
wait_for "the reason" root_waits
say "web: $(cell_field web .status.message)"
stays 2 "the links are those of the other two" links_are 2
daemon_stop # ends in order there too
daemon_start
wait_for "the same reason" root_waits
assert_true "the links are those of the other two" links_are 2
make_space
LIMIT=$SPACE_LIMIT wait_for_cell web Ready
assert_true "attached" links_are 3
assert_files_whole

# And from there into a daemon that finds all as it was.
before=$(cell_processes web)
daemon_stop
daemon_start
wait_for_cell web Ready
assert_untouched web "$before"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=../e2e/lib.sh
# A crash a second over many cells: a container chosen by chance is killed, one time in four the root of its cell. What the
# daemon holds and keeps on disk must not grow: each sample of the second half is compared with what was there when the
# warm-up ended (the third and fourth eighth of the time; before that caches and histories fill).
#	SOAK_SECONDS=1800 SCENARIO_LIMIT_SECONDS=2400 sudo -E tests/e2e/run -v tests/faults/soak.sh
SECONDS_ALL=${SOAK_SECONDS:-60}
CELLS=${SOAK_CELLS:-50}
SEED=${SOAK_SEED:-$(($(date +%s) % 32768))}
RANDOM=$SEED
INOTIFY_INSTANCES=2 # ours, and that of sd-bus while it waits for a bus
SAMPLES=24 # over the whole time
ROOT_ONE_IN=4
# What may come and go: a request of kuke and a look at a container have descriptors of their own for a moment, the pool
# of workers begins threads when it needs them. Files grow until they are written anew.
FD_SLACK=8
THREAD_SLACK=2
RSS_SLACK_KIB=1024
JOURNAL_SLACK_KIB=128 # and twice what all cells need
EVENTS_MAX_KIB=4096   # the bound of the history's file and its growth
STORE_SLACK_KIB=8
LIMIT=60
FIELDS='restartBackoffSeconds: 0' # a pause would let the number of crashes shrink
echo "seed $SEED, $SECONDS_ALL s, $CELLS cells"

judge_memory=true
if grep -q __asan_init "$KUKEON_BIN/kukeond"; then
	judge_memory=false
	echo "built with a sanitizer: memory is not judged"
fi

for ((i = 0; i < CELLS; i++)); do
	drop_cell "c$i" root side
done

# "cell pid-of-root pid-of-side" of the cells that are whole.
whole_cells() {
	kuke get cells -o json 2>/dev/null | jq -r '.[] | select(.status.state == "Ready") |
		[.metadata.name, (.status.containers[] | .pid // 0)] | join(" ")'
}
all_whole() { [ "$(whole_cells | wc -l)" -eq "$CELLS" ]; }

# Kills a container of a cell that is whole.
crash() {
	local lines root side
	mapfile -t lines < <(whole_cells)
	[ ${#lines[@]} -gt 0 ] || return 0
	read -r _ root side <<<"${lines[$((RANDOM % ${#lines[@]}))]}"
	if [ $((RANDOM % ROOT_ONE_IN)) -eq 0 ]; then
		kill -KILL "$root" 2>/dev/null || return 0
	else
		kill -KILL "$side" 2>/dev/null || return 0
	fi
	crashes=$((crashes + 1))
}

size_kib() { du -k --apparent-size -s "$1" | cut -f 1; }

# What is sampled: one number each, in the order of NAMES. The store is the documents without journal and history.
NAMES=(rss_kib fds inotify threads journal_kib events_kib store_kib)
descriptors() { { find "/proc/$DAEMON_PID/fd" "$@" 2>/dev/null || true; } | wc -l; } # some go while they are counted
sample() {
	local journal events all
	journal=$(size_kib "$RUN_PATH/journal")
	events=$(size_kib "$RUN_PATH/events.jsonl")
	all=$(find "$RUN_PATH" -name '*.yaml' -printf '%s\n' | awk '{ sum += $1 } END { print int(sum / 1024) }')
	echo "$(awk '/^VmRSS:/ { print $2 }' "/proc/$DAEMON_PID/status")" \
		"$(descriptors -type l)" "$(descriptors -lname 'anon_inode:inotify')" \
		"$(awk '/^Threads:/ { print $2 }' "/proc/$DAEMON_PID/status")" "$journal" "$events" "$all"
}

# most FROM TO: the largest of each over these samples.
most() {
	printf '%s\n' "${samples[@]:$1:$(($2 - $1))}" | awk '
		{ for (i = 1; i <= NF; i++) if ($i > max[i]) max[i] = $i }
		END { for (i = 1; i <= NF; i++) printf "%d ", max[i]; print "" }'
}

# judge WHAT AT_WARM LATER MAX
judge() {
	printf '%-12s %8d at the end of the warm-up, at most %8d in the second half; allowed %8d\n' "$1" "$2" "$3" "$4"
	[ "$3" -le "$4" ] || grown+=" $1"
}

LIMIT=120 wait_for "all cells" all_whole
daemon=$DAEMON_PID
read -r -a first <<<"$(sample)"
samples=("${first[*]}")
crashes=0
start=$(now_ms)
printf '%8s %8s %s\n' seconds crashes "${NAMES[*]}"
for ((second = 1; second <= SECONDS_ALL; second++)); do
	crash
	if [ $((second * SAMPLES / SECONDS_ALL)) -gt $(((second - 1) * SAMPLES / SECONDS_ALL)) ]; then
		samples+=("$(sample)")
		printf '%8d %8d %s\n' $second $crashes "${samples[-1]}"
	fi
	# a beat, not a wait: the next crash comes a second after the last one was due
	left=$((start + second * 1000 - $(now_ms)))
	[ $left -le 0 ] || sleep "$(printf '%d.%03d' $((left / 1000)) $((left % 1000)))"
done
took=$(seconds_since "$start")

wait_for "all cells are whole again" all_whole
assert_eq "$daemon" "$DAEMON_PID" "the daemon"
assert_true "the daemon lives" process_alive "$daemon"
assert_true "there were crashes: $crashes in $took" [ "$crashes" -gt $((SECONDS_ALL / 2)) ]

n=${#samples[@]}
read -r -a warm <<<"$(most $((n / 4)) $((n / 2)))"
read -r -a later <<<"$(most $((n / 2)) "$n")"
grown=''
echo "$crashes crashes in $took"
$judge_memory && judge rss_kib "${warm[0]}" "${later[0]}" $((warm[0] + RSS_SLACK_KIB))
judge fds "${warm[1]}" "${later[1]}" $((warm[1] + FD_SLACK))
judge inotify "${warm[2]}" "${later[2]}" $INOTIFY_INSTANCES
judge threads "${warm[3]}" "${later[3]}" $((warm[3] + THREAD_SLACK))
judge journal_kib "${warm[4]}" "${later[4]}" $((2 * first[4] + JOURNAL_SLACK_KIB))
judge events_kib "${warm[5]}" "${later[5]}" $EVENTS_MAX_KIB
judge store_kib "${warm[6]}" "${later[6]}" $((warm[6] + STORE_SLACK_KIB))
[ -z "$grown" ] || fail "grown:$grown"

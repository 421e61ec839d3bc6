# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# kukeond, kukeon-log and containerd are killed thirty times while twenty containers print numbers: each arrives once and in
# order, on both streams, and no container is touched.
[ -x "$KUKEON_BIN/kukeon-log" ] || {
	say "skipped: there is no kukeon-log"
	return 0
}

ROUNDS=100 # of each container: a hundred numbers on either stream
seed=${KUKEON_LOG_SEED:-$RANDOM}
RANDOM=$seed
say "KUKEON_LOG_SEED=$seed"

containers=(root)
for i in {1..9}; do
	containers+=("c$i")
done
PRINTS="n=1; while [ \$n -le $ROUNDS ]; do seq \$(((n - 1) * 100 + 1)) \$((n * 100)); seq \$(((n - 1) * 100 + 1)) \$((n * 100)) >&2;"
PRINTS+=" n=\$((n + 1)); sleep 0.1; done; echo end; sleep 3600"

counting_cell() {
	printf 'apiVersion: v1beta1\nkind: Cell\nmetadata: {name: %s}\nspec:\n  containers:\n' "$1"
	printf "    - {id: %s, image: $IMAGE, command: /bin/sh, args: [-c, '%s'], stopGracePeriodSeconds: 0}\n" \
		"${containers[0]}" "$PRINTS"
	for id in "${containers[@]:1}"; do
		printf "    - {id: %s, image: $IMAGE, command: /bin/sh, args: [-c, '%s'], stopGracePeriodSeconds: 0}\n" \
			"$id" "$PRINTS"
	done
}

containerd_crash() {
	local pid
	pid=$(containerd_pid)
	kill -KILL "$pid"
	wait_for "containerd to be gone" process_gone "$pid"
	containerd_launch
	wait_for "containerd to answer" containerd_answers
}

kill_logger() {
	local pid
	pid=$(cat "$RUN_PATH/.log/.lock")
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
}

kill_somebody() {
	case $((RANDOM % 5)) in
	0) containerd_crash ;;
	1)
		daemon_kill
		daemon_start
		;;
	*) kill_logger ;;
	esac
}

log_of() { cat "$LOG_DIR/default/default/default/$1/$2"/*.log; }

# numbers CELL CONTAINER STREAM: "whole", or where it goes wrong.
numbers() {
	log_of "$1" "$2" | awk -v stream="$3" -v last=$((ROUNDS * 100)) '
		$2 != stream || $4 == "end" { next }
		$3 != "F" || $4 != ++n { printf "line %d is \"%s\"\n", n, $0; wrong = 1; exit }
		END { if (!wrong) print n == last ? "whole" : n " lines" }'
}

# All have printed all.
all_have_ended() {
	local cell id
	for cell in one two; do
		for id in "${containers[@]}"; do
			log_of "$cell" "$id" 2>/dev/null | finds ' stdout F end$' || return 1
		done
	done
}

counting_cell one | drop_manifest one.yaml
counting_cell two | drop_manifest two.yaml
wait_for_cell one Ready
wait_for_cell two Ready
before=$(cell_processes one; cell_processes two)
for _ in {1..30}; do
	kill_somebody
	sleep 0.2
done
LIMIT=40 wait_for "the end of all" all_have_ended
for cell in one two; do
	for id in "${containers[@]}"; do
		assert_eq "whole whole" "$(numbers $cell "$id" stdout) $(numbers $cell "$id" stderr)" "what $cell $id printed"
	done
done
wait_for_cell one Ready
wait_for_cell two Ready
assert_eq "$before" "$(cell_processes one; cell_processes two)" "what runs, after the kills"

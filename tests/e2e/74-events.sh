# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The life of a cell is told in order and with reasons, also after the daemon was killed, and as it happens.

# told WORDS...: "type key reason message" of each event, by order.
told() { kuke events "$@" -o json | jq -r '.[] | "\(.type) \(.key // "-") \(.reason) \(.message)"'; }

# is_told PATTERN WORDS...: a line matches the extended regular expression.
is_told() { told "${@:2}" | grep -E -- "$1" >/dev/null; } # all of it is read: no broken pipe

# assert_order FILE PATTERN...: lines that match stand in the file in this order.
assert_order() {
	local from=0 line pattern
	for pattern in "${@:2}"; do
		line=$(grep -nE -- "$pattern" "$1" | awk -F: -v from="$from" '$1 > from && !line { line = $1 } END { print line }')
		[ -n "$line" ] || fail "'$pattern' does not follow line $from of: $(cat -n "$1")"
		from=$line
	done
}

# A container that ends with 7 each time: started again at once, then after a pause.
crashing_cell() {
	cell_yaml web root | sed 's/^      args:.*/      args: ["-c", "exit 7"]/' | sed 's/root$/app/'
}

crashing_cell | drop_manifest web.yaml
wait_for "the second exit is told" is_told 'RestartBackOff is started again in 1 s' cell web
told cell web >"$T/life"
KEY=default/default/default/web
assert_order "$T/life" \
	"^Normal $KEY Declared declared by web.yaml" \
	"^Normal $KEY Creating is Pending" \
	"^Normal $KEY/app Started runs" \
	"^Warning $KEY/app Exited exited with code 7\$" \
	"^Warning $KEY/app RestartBackOff is started again in 1 s"
assert_contains "$(cat "$T/life")" "Normal $KEY/app Restarting the cell is taken down and started again now" "the decision"

# Mended by its manifest, stopped and started by request.
drop_ready_cell web app
wait_for "Ready is told" is_told "^Normal $KEY Ready is Ready" cell web
kuke stop cell web --wait
told cell web >"$T/life"
assert_order "$T/life" \
	"^Normal $KEY Declared changed by web.yaml: spec.containers\[0\].args" \
	"^Normal $KEY Ready is Ready" \
	"^Normal $KEY StopRequested user 0 asked to stop it" \
	"^Normal $KEY/app Exited exited with code 0, as asked" \
	"^Normal $KEY StopRequested is Stopped"
kuke start cell web --wait

# What there is of other objects, and how it is narrowed.
assert_eq "" "$(told cell nobody)" "events of a cell that is not there"
assert_eq "$(told cell web | grep "$KEY/app ")" "$(told container app --cell web)" "events of a container"
assert_eq 2 "$(told --limit 2 | wc -l)" "events with --limit 2"
assert_eq "$(told | tail -n 2)" "$(told --limit 2)" "the latest two events"
is_told "^Normal - DaemonStarted kukeond .* has started" || fail "the start of the daemon is not told"
kuke events cell web | sed -n 1p | grep -E '^AGE +TYPE +OBJECT +REASON +MESSAGE$' >/dev/null || fail "no table: $(kuke events)"

# It survives the daemon.
before=$(told cell web)
starts=$(told | grep -c DaemonStarted)
last_is_stored() {
	local last
	last=$(kuke events -o json | jq '.[-1].sequence')
	tail -n 1 "$RUN_PATH/events.jsonl" | jq -e ".sequence == $last" >/dev/null
}
wait_for "the last event is on disk" last_is_stored
daemon_kill
printf '{"sequence": 99' >>"$RUN_PATH/events.jsonl" # a torn line
daemon_start
wait_for_cell web Ready
assert_eq "$before" "$(told cell web)" "events of the cell after the daemon was killed"
assert_eq $((starts + 1)) "$(told | grep -c DaemonStarted)" "starts of the daemon"
assert_eq "$(kuke events -o json | jq '[.[].sequence] | sort | unique | length')" "$(told | wc -l)" "sequence numbers"

# As it happens: the exit is there within a second.
{ kuke events cell web -w -o json >"$T/watched" 2>&1 || echo $? >"$T/ended"; } &
watch=$!
wait_for "the watch has the history" grep -q StartRequested "$T/watched"
exit_is_seen() { jq -R 'fromjson?' "$T/watched" | jq -r '"\(.key) \(.message)"' | grep -F "$KEY/app exited with code 137, by SIGKILL" >/dev/null; }
pid=$(container_pid web app)
kill -KILL "$pid"
LIMIT=1 wait_for "the exit is seen" exit_is_seen
wait_for_new_pid web app "$pid"

# And its end.
remove_manifest web.yaml
wait_for "the cell is gone" cell_is_gone web
wait_for "its end is told" is_told "^Normal $KEY Deleted is deleted"
told cell web >"$T/life"
assert_order "$T/life" "^Normal $KEY NoLongerDeclared no longer declared by web.yaml" \
	"^Normal $KEY Deleting is Pending" "^Normal $KEY/app Exited exited with code 0, as asked" \
	"^Normal $KEY Deleted is deleted"
daemon_stop
wait "$watch"
assert_eq 3 "$(cat "$T/ended")" "exit code of the watch when the daemon went"
daemon_start
is_told "^Normal - DaemonStopped kukeond is stopping" || fail "the stop of the daemon is not told"

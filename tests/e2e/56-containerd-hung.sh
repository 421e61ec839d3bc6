# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# containerd hangs for half a minute: it keeps its connections and answers nothing. That is seen when somebody asks, within the
# deadline of a question (5 s), nothing is restarted because of it, other work goes on, and a second after it moves again all
# is true.
HANG_SECONDS=30
space_yaml() { printf 'apiVersion: v1beta1\nkind: Space\nmetadata: {name: %s}\nspec: {realmId: default}\n' "$1"; }
conflist_is_there() { [ -e "$CNI_CONF/default-$1.conflist" ]; }
hung_is_reported() { cell_is web Unknown && cell_mentions web RuntimeUnavailable; }

drop_ready_cell web root sidecar
drop_ready_cell other a
before=$(cell_processes web)
killed=$(container_pid other a)

kill -STOP "$(containerd_pid)"
hung_since=$(now_ms)
start=$hung_since
wait_for "the cell is Unknown, with the reason" hung_is_reported
say "seen after $(seconds_since "$start")"
assert_true "status says so" runtime_is_away
assert_contains "$(kuke_status | jq -r .runtime.message)" "no answer from containerd" "what status says of containerd"

# Other work goes on: files are read, networks are made, answers come at once.
echo 'kind: [' | drop_manifest broken.yaml
wait_for "the error of a file" manifest_has_error broken.yaml "not valid YAML"
remove_manifest broken.yaml
space_yaml meanwhile | drop_manifest meanwhile.yaml
wait_for "the network of a space" conflist_is_there meanwhile
drop_cell later a
is_shown() { [ "$(cell_field "$1" .metadata.name)" = "$1" ] && ! cell_is "$1" Ready; }
wait_for "the cell of a new manifest is shown" is_shown later
cell_yaml asked a | kuke apply -f - >/dev/null || fail "a cell cannot be applied"
assert_true "the cell that was applied is shown" is_shown asked
kill -KILL "$killed"

answers_within_a_second() {
	local start
	start=$(now_ms)
	kuke get cells >/dev/null && [ $(($(now_ms) - start)) -lt 1000 ]
}
all_run_on() {
	local pid
	while read -r _ pid _; do
		process_alive "$pid" || return 1
	done <<<"$before"
}
goes_on() { answers_within_a_second && all_run_on && hung_is_reported && runtime_is_away; }
stays $((HANG_SECONDS - ($(now_ms) - hung_since) / 1000)) "answers within a second, Unknown, every process alive" goes_on
say "hung for $(seconds_since "$hung_since")"

kill -CONT "$(containerd_pid)"
start=$(now_ms)
wait_for_cell web Ready
took=$(($(now_ms) - start))
say "true again after $took ms"
assert_true "true within a second, not after $took ms" [ $took -le 1000 ]
wait_for_new_pid other a "$killed"
wait_for_cell later Ready
wait_for_cell asked Ready
stays 1 "cell web untouched" assert_untouched web "$before"

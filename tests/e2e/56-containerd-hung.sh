# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# containerd hangs: it keeps its connections and answers nothing. That is seen within the probe's interval and deadline
# (5 s each), nothing is restarted because of it, other work goes on, and a second after it moves again all is true.
space_yaml() { printf 'apiVersion: v1beta1\nkind: Space\nmetadata: {name: %s}\nspec: {realmId: default}\n' "$1"; }
conflist_is_there() { [ -e "$CNI_CONF/default-$1.conflist" ]; }
hung_is_reported() { cell_is web Unknown && cell_mentions web RuntimeUnavailable; }

drop_ready_cell web root sidecar
drop_ready_cell other a
before=$(cell_processes web)
killed=$(container_pid other a)

kill -STOP "$(containerd_pid)"
start=$(now_ms)
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
start=$(now_ms)
kuke get cells >/dev/null
assert_true "an answer within a second" [ $(($(now_ms) - start)) -lt 1000 ]
kill -KILL "$killed"
while read -r _ pid _; do
	assert_true "process $pid runs on" process_alive "$pid"
done <<<"$before"

kill -CONT "$(containerd_pid)"
start=$(now_ms)
wait_for_cell web Ready
took=$(($(now_ms) - start))
say "true again after $took ms"
assert_true "true within a second, not after $took ms" [ $took -le 1000 ]
wait_for_new_pid other a "$killed"
stays 1 "cell web untouched" assert_untouched web "$before"

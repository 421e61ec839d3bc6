# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Every verb in practice; first the operations of the documentation, as they stand there.

# expect CODE OUTPUT COMMAND...: exit code and standard output, to the byte.
expect() {
	local status=0 out
	out=$("${@:3}" 2>"$T/err") || status=$?
	assert_eq "$2" "$out" "output of ${*:3} ($(cat "$T/err"))"
	assert_eq "$1" $status "exit code of ${*:3} ($(cat "$T/err"))"
}

# complains CODE TEXT COMMAND...: exit code, and a part of what it says on standard error.
complains() {
	local status=0
	"${@:3}" >/dev/null 2>"$T/err" || status=$?
	assert_eq "$1" $status "exit code of ${*:3} ($(cat "$T/err"))"
	assert_contains "$(cat "$T/err")" "$2" "standard error of ${*:3}"
}

IN_MAIN=(--realm main --space default --stack default)

# pid_in_main CELL CONTAINER
pid_in_main() { container_field "$1" "$2" '.status.pid | select(. > 0)' "${IN_MAIN[@]}"; }

# ---- space ----
expect 0 'Realm "main": created
Space "mySpace": created in main' kuke create space mySpace --realm main
expect 0 'Space "mySpace": already existed in main' kuke create space mySpace --realm main
assert_contains "$(kuke get spaces --realm main)" mySpace "kuke get spaces"
expect 0 'Space "mySpace": deleted in main' kuke delete space mySpace --realm main --cascade --wait
expect 0 "" kuke get spaces --realm main

# ---- cell ----
expect 0 'Space "default": created in main
Stack "default": created in main/default
Cell "mycell": created in main/default/default' kuke create cell mycell "${IN_MAIN[@]}" --wait
assert_eq Pending "$(cell_state mycell "${IN_MAIN[@]}")" "state of a cell without containers"
cat >"$T/cell.yaml" <<-END
	apiVersion: v1beta1
	kind: Cell
	metadata:
	  name: mycell
	spec:
	  id: mycell
	  realmId: main
	  spaceId: default
	  stackId: default
	  containers:
	    - id: web
	      image: $IMAGE
	      root: true # owns the network namespace
	      command: /bin/sh
	      args: ["-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done"]
	    - id: sidecar
	      image: $IMAGE
	      command: /bin/sh
	      args: ["-c", "trap 'exit 0' TERM; while :; do date; sleep 5 & wait; done"]
END
expect 0 'Cell "mycell": updated in main/default/default (spec.containers) (dry run)' kuke apply -f "$T/cell.yaml" --dry-run
assert_eq 0 "$(object cell mycell "${IN_MAIN[@]}" | jq '.spec.containers | length')" "containers after a dry run"
expect 0 'Cell "mycell": updated in main/default/default (spec.containers)' kuke apply -f "$T/cell.yaml" --wait
assert_eq Ready "$(cell_state mycell "${IN_MAIN[@]}")" "state after apply --wait"
expect 0 'Cell "mycell": unchanged in main/default/default' kuke apply -f "$T/cell.yaml"
assert_contains "$(kuke get cells "${IN_MAIN[@]}")" mycell "kuke get cells"

expect 0 'Cell "mycell": already running in main/default/default' kuke start cell mycell "${IN_MAIN[@]}"
expect 0 'Cell "mycell": stopped in main/default/default' kuke stop cell mycell "${IN_MAIN[@]}" --wait
assert_eq Stopped "$(cell_state mycell "${IN_MAIN[@]}")" "state after stop --wait"
expect 0 'Cell "mycell": already stopped in main/default/default' kuke stop cell mycell "${IN_MAIN[@]}"
expect 0 'Cell "mycell": started in main/default/default' kuke start cell mycell "${IN_MAIN[@]}" --wait
expect 0 'Cell "mycell": killed in main/default/default' kuke kill cell mycell "${IN_MAIN[@]}" --wait
expect 0 'Cell "mycell": started in main/default/default' kuke start cell mycell "${IN_MAIN[@]}" --wait
expect 1 'Cell "mycell": failed in main/default/default: it has 2 containers: web, sidecar; delete them first, or everything at once with --cascade' \
	kuke delete cell mycell "${IN_MAIN[@]}"
expect 0 'Cell "mycell": deleted in main/default/default' kuke delete cell mycell "${IN_MAIN[@]}" --cascade --wait
expect 1 'Cell "mycell": not found in main/default/default' kuke delete cell mycell "${IN_MAIN[@]}" --cascade
expect 0 'Cell "mycell": not found in main/default/default' kuke delete -f "$T/cell.yaml" --cascade

# ---- container ----
IN_CELL=(--cell hello-world "${IN_MAIN[@]}")
REALM=main cell_yaml hello-world web | kuke apply -f - --wait
web=$(pid_in_main hello-world web)
expect 0 'Container "side": created in main/default/default/hello-world' \
	kuke create container side "${IN_CELL[@]}" --image "$IMAGE" --command /bin/sh --args "-c" --args "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done" --wait
assert_eq Ready "$(container_field hello-world side .status.state "${IN_MAIN[@]}")" "state of the new container"
assert_eq "$web" "$(pid_in_main hello-world web)" "process of the container that was there"
before=$(pid_in_main hello-world side)
expect 0 'Container "side": killed in main/default/default/hello-world' kuke kill container side "${IN_CELL[@]}" --wait
expect 0 'Container "side": started in main/default/default/hello-world' kuke start container side "${IN_CELL[@]}" --wait
assert_ne "$before" "$(pid_in_main hello-world side)" "process after start"
expect 0 'Container "side": stopped in main/default/default/hello-world' kuke stop container side "${IN_CELL[@]}" --wait
expect 0 'Container "side": restarted in main/default/default/hello-world' kuke restart container side "${IN_CELL[@]}" --wait
expect 0 'Container "side": deleted in main/default/default/hello-world' kuke delete container side "${IN_CELL[@]}" --wait
assert_eq "$web" "$(pid_in_main hello-world web)" "process of the container that stays"
kuke restart cell hello-world "${IN_MAIN[@]}" --wait >/dev/null
assert_ne "$web" "$(pid_in_main hello-world web)" "process after a restart of the cell"
before=$(pid_in_main hello-world web)
kuke restart container web "${IN_CELL[@]}" --wait >/dev/null
assert_ne "$before" "$(pid_in_main hello-world web)" "process after a restart of the root container"
expect 0 'Realm "main": deleted
Cell "hello-world": deleted in main/default/default
Stack "default": deleted in main/default
Space "default": deleted in main' kuke delete realm main --cascade --wait

# ---- a changed spec: apply --wait returns when the new one runs ----
cell_yaml web a:1 | kuke apply -f - --wait >/dev/null
before=$(container_pid web a)
cell_yaml web a:2 | kuke apply -f - --wait >"$T/out"
assert_eq 'Cell "web": updated (spec.containers[0].env)' "$(cat "$T/out")" "output of apply"
assert_ne "$before" "$(container_pid web a)" "process after apply --wait of another spec"

# ---- files: several documents, a directory, what is wrong with one of them ----
mkdir -p "$T/dir/below"
cell_yaml one a >"$T/dir/1.yaml"
cell_yaml two a >"$T/dir/below/2.yml"
echo "kind: Nonsense" >"$T/dir/3.yaml"
echo "no manifest" >"$T/dir/notes.txt"
expect 1 'Cell "one": created
Cell "two": created' kuke apply -f "$T/dir"
assert_contains "$(cat "$T/err")" "dir/3.yaml:1:" "standard error of apply"
kuke apply -f "$T/dir" -o json 2>/dev/null >"$T/out" || true
assert_eq "Failed Unchanged Unchanged" "$(jq -r '[.results[].outcome] | sort | join(" ")' "$T/out")" "apply -o json"
complains 2 "--realm main does not agree with" kuke delete -f "$T/dir/below" --realm main
assert_eq cell/default/default/default/two "$(kuke get cell two -o name)" "the cell that nobody meant"
# The containers that the file names go with it, others do not.
kuke create container guest --cell two --image $IMAGE --command /bin/sleep --args 3600 >/dev/null
! kuke delete -f "$T/dir/below" >"$T/out" 2>&1 || fail "a guest was deleted with its cell"
assert_contains "$(cat "$T/out")" "--cascade" "what is said of a guest"
kuke delete container guest --cell two --wait >/dev/null
expect 0 'Cell "two": deleted' kuke delete -f "$T/dir/below" --wait

# ---- selectors, names, watch, wait ----
LABEL=front cell_yaml one a | kuke apply -f - >/dev/null
expect 0 cell/default/default/default/one kuke get cells -l note=front -o name
expect 0 "" kuke get cells -l note=back -o name
complains 2 "label" kuke get cells -l '=,'
"$KUKEON_BIN/kuke" --socket "$SOCKET" get cells -w -o json >"$T/watch" 2>"$T/watch.err" &
watch=$!
wait_for "the watch shows cell one" grep -q '"one"' "$T/watch"
expect 0 'Cell "one": Ready' kuke wait cell one --for=Ready --timeout 30s
kuke stop cell one >/dev/null
expect 0 'Cell "one": Stopped' kuke wait cell one --for=Stopped
complains 1 'cell "one" in realm "default", space "default", stack "default" is not Ready after 1s; it is Stopped' \
	kuke wait cell one --timeout 1s
kuke delete cell one --cascade >/dev/null
expect 0 'Cell "one": deleted' kuke wait cell one --for=deleted
watched() { jq -se 'any(.[]; .metadata.name == "one" and .status.state == "Stopped") and
	any(.[]; .metadata.name == "one" and .deleted)' "$T/watch" >/dev/null; }
wait_for "the watch saw all of it" watched
kill $watch
wait $watch 2>/dev/null || true

# ---- what a manifest declares is changed there, and can be stopped ----
drop_ready_cell filed a
complains 0 "" kuke stop cell filed --wait
cell_yaml filed a:2 | kuke apply -f - >"$T/out" 2>&1 && fail "a cell of a manifest was changed"
assert_contains "$(cat "$T/out")" "filed.yaml" "what apply says of a cell of a manifest"
kuke start cell filed --wait >/dev/null

# ---- refresh, wrong usage, help ----
assert_contains "$(kuke refresh)" "Refreshed: " "kuke refresh"
complains 2 "start works on cell or container" kuke start realm main
complains 1 "not found" kuke get cell nobody
expect 1 'Cell "nobody": not found' kuke start cell nobody
for verb in $("$KUKEON_BIN/kuke" __complete -- "" | cut -f 1); do
	assert_contains "$("$KUKEON_BIN/kuke" "$verb" --help)" "Examples:" "kuke $verb --help"
done

# ---- what is listed by name can be given back ----
cell_yaml listed a | kuke apply -f - --wait >/dev/null
REALM=main SPACE=lab cell_yaml listed a | kuke apply -f - --wait >/dev/null
kuke get containers -o name | grep /listed/ >"$T/names"
assert_eq "container/default/default/default/listed/a
container/main/lab/default/listed/a" "$(cat "$T/names")" "names with their scope"
xargs "$KUKEON_BIN/kuke" --socket "$SOCKET" restart -o json <"$T/names" >"$T/out"
assert_eq "Container Accepted" "$(jq -r '.results[] | "\(.kind) \(.outcome)"' "$T/out" | sort -u)" "what restart says in JSON"
kuke get cells -o name | grep /listed | xargs "$KUKEON_BIN/kuke" --socket "$SOCKET" delete --cascade --wait >/dev/null
expect 0 "" kuke get cells --realm main -o name
kuke delete realm main --cascade --wait >/dev/null

# ---- completion, by a real bash ----
completes() {
	bash --norc -c 'PATH=$1:$PATH
		source <(kuke completion bash)
		COMP_WORDS=("${@:2}")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_kuke
		printf "%s\n" "${COMPREPLY[@]}"' bash "$KUKEON_BIN" "$@" | tr '\n' ' '
}
assert_eq "start status stop " "$(completes kuke st | tr ' ' '\n' | LC_ALL=C sort | tr '\n' ' ' | sed 's/^ //')" "kuke st<TAB>"
assert_eq "cells " "$(completes kuke get ce)" "kuke get ce<TAB>"
assert_eq "--cascade " "$(completes kuke delete --cas)" "kuke delete --cas<TAB>"
assert_eq "filed " "$(KUKEON_SOCKET=$SOCKET completes kuke stop cell fil)" "kuke stop cell fil<TAB>"
assert_eq "default " "$(KUKEON_SOCKET=$SOCKET completes kuke get cells --realm = de)" "--realm=de<TAB>"

remove_manifest filed.yaml
wait_for "cell filed is gone" cell_is_gone filed
kuke delete realm default --cascade --wait >/dev/null

# What cannot be written is no success.
status=0
"$KUKEON_BIN/kukeond" --version >/dev/full 2>"$T/err" || status=$?
assert_eq 1 $status "exit code of kukeond --version on a full disk"
assert_contains "$(cat "$T/err")" "No space left on device" "what it says"

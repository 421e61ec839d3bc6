# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# What was read, changed and is applied does not undo what somebody else changed meanwhile.
cell() {
	cat <<-END
		apiVersion: v1beta1
		kind: Cell
		metadata: {name: web, labels: {by: $1}}
		spec:
		  containers:
		    - {id: a, image: $IMAGE, command: /bin/sleep, args: ["3600"], stopSignal: SIGKILL}
	END
}
refuses() { [ "$(kuke apply "$@" >/dev/null 2>&1; echo $?)" = 1 ]; }
cell nobody >"$T/web.yaml"
kuke apply -f "$T/web.yaml" --wait
kuke get cell web -o yaml >"$T/mine.yaml"
kuke get cell web -o json >"$T/yours.json"
assert_contains "$(cat "$T/mine.yaml")" "resourceVersion: " "what get prints"

# Whoever is first changes it; the other one is told, and has changed nothing.
sed -i 's/by: nobody/by: me/' "$T/mine.yaml"
assert_contains "$(kuke apply -f "$T/mine.yaml")" ": updated (metadata.labels.by)" "my change"
sed -i 's/"by": "nobody"/"by": "you"/' "$T/yours.json"
assert_true "a refusal" refuses -f "$T/yours.json"
kuke apply -f "$T/yours.json" >"$T/out" 2>&1 || true
assert_contains "$(cat "$T/out")" 'Cell "web": conflict: ' "the object"
assert_contains "$(cat "$T/out")" "resourceVersion $(jq -r .metadata.resourceVersion "$T/yours.json")," "the version that was read"
assert_contains "$(cat "$T/out")" "kuke get -o yaml" "what to do"
assert_eq me "$(kuke get cell web -o json | jq -r .metadata.labels.by)" "the label"
assert_true "a refusal in a dry run" refuses -f "$T/yours.json" --dry-run

# Without a version nothing is asked. One that was read before a restart is as good as after it, whatever became of the cell.
kuke apply -f "$T/web.yaml" >/dev/null
kuke get cell web -o yaml >"$T/mine.yaml"
kuke stop cell web --wait >/dev/null
kuke start cell web --wait >/dev/null
assert_contains "$(kuke apply -f "$T/mine.yaml")" ": unchanged" "after a stop and a start"
before=$(cell_processes web)
daemon_stop
daemon_start
assert_contains "$(kuke apply -f "$T/mine.yaml")" ": unchanged" "after a restart of the daemon"
version=$(kuke get cell web -o json | jq .metadata.resourceVersion)
assert_true "the version goes up" [ "$version" -gt "$(sed -n 's/.*resourceVersion: //p' "$T/mine.yaml")" ]
assert_eq "$before" "$(cell_processes web)" "processes"
kuke delete cell web --cascade --wait >/dev/null
assert_true "a refusal of what is not there" refuses -f "$T/mine.yaml"

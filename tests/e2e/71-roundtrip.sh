# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# What kuke get prints can be applied again: nothing changes. Each kind, with much of what its spec knows.
cat >"$T/all.yaml" <<-END
	apiVersion: v1beta1
	kind: Realm
	metadata: {name: main, labels: {owner: "team a", empty: ""}}
	spec: {namespace: kukeon-main}
	---
	apiVersion: v1beta1
	kind: Space
	metadata: {name: lab}
	spec:
	  realmId: main
	  subnet: 10.123.0.0/16
	  defaults: {container: {env: ["FROM=space"], stopGracePeriodSeconds: 1}}
	---
	apiVersion: v1beta1
	kind: Stack
	metadata: {name: front, labels: {tier: front}}
	spec: {realmId: main, spaceId: lab}
	---
	apiVersion: v1beta1
	kind: Cell
	metadata: {name: web, labels: {app.kubernetes.io/name: web}, annotations: {note: "two words", empty: ""}}
	spec:
	  realmId: main
	  spaceId: lab
	  stackId: front
	  rootContainerId: a
	  containers:
	    - id: a
	      image: $IMAGE
	      command: /bin/sh
	      args:
	        - -c
	        - |
	          trap 'exit 0' TERM # a comment: "quoted"
	          while :; do sleep 3600 & wait; done
	      env: ["TEXT= leading and trailing ", "NUMBER=1", "YES=yes", "UNICODE=ä€"]
	      workingDir: /tmp
	      hostname: inside
	      volumes: [{source: /usr, target: /host, readOnly: true}]
	      tmpfs: [{target: /scratch, size: 1m}]
	      capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}
	      restartPolicy: on-failure
	      restartMaxRetries: 3
	    - id: b
	      image: $IMAGE
	      command: /bin/sleep
	      args: ["3600"]
	      readOnlyRootFilesystem: true
	      stopSignal: SIGKILL
	---
	apiVersion: v1beta1
	kind: Container
	metadata: {name: joined, labels: {of: cell}}
	spec:
	  realmId: main
	  spaceId: lab
	  stackId: front
	  cellId: web
	  image: $IMAGE
	  command: /bin/sleep
	  args: ["3600"]
	  stopSignal: SIGKILL
END
kuke apply -f "$T/all.yaml" --wait
assert_eq "" "$(kuke apply -f "$T/all.yaml" | grep -v ': unchanged' || true)" "the file applied a second time"
before=$(cell_processes web --realm main --space lab --stack front)

# round_trip KIND NAME FLAGS...: as YAML, as JSON, and as a list.
round_trip() {
	local format
	for format in yaml json; do
		kuke get "$@" -o $format >"$T/object.$format"
		kuke apply -f "$T/object.$format" >"$T/out" 2>&1 || fail "apply of $* as $format: $(cat "$T/out")"
		assert_contains "$(cat "$T/out")" ": unchanged" "apply of $* as $format"
		assert_eq 1 "$(wc -l <"$T/out")" "results for $* as $format"
	done
	for format in yaml json; do
		kuke get "$1" "${@:3}" -o $format >"$T/list.$format"
		kuke apply -f "$T/list.$format" >"$T/out" 2>&1 || fail "apply of all $1: $(cat "$T/out")"
		assert_eq "" "$(grep -v ': unchanged' "$T/out" || true)" "apply of all $1 as $format"
	done
}

round_trip realm main
round_trip space lab --realm main
round_trip stack front --realm main --space lab
round_trip cell web --realm main --space lab --stack front
for container in a b joined; do
	round_trip container $container --realm main --space lab --stack front --cell web
done
# Everything at once, children first.
for kind in containers cells stacks spaces realms; do
	kuke get $kind -o yaml
	echo ---
done >"$T/everything.yaml"
kuke apply -f "$T/everything.yaml" >"$T/out" 2>&1 || fail "apply of everything: $(cat "$T/out")"
assert_eq "" "$(grep -v ': unchanged' "$T/out" || true)" "apply of everything"
assert_eq "$before" "$(cell_processes web --realm main --space lab --stack front)" "processes after it all"

# Which object it is, and how often it has changed, is Kukeon's to say: nothing of the above has changed it, nor does a restart.
identities() {
	for kind in realms spaces stacks cells containers; do
		kuke get $kind -o json | jq -c '.[].metadata | select(.name != "kukeond" and .name != "self") | [.name, .uid, .generation]'
	done
}
identities >"$T/identities"
assert_eq "" "$(grep -v ',[1-3]\]$' "$T/identities" || true)" "generations"
sed 's/uid: .*/uid: mine/; s/generation: .*/generation: 77/' "$T/everything.yaml" >"$T/forged.yaml"
kuke apply -f "$T/forged.yaml" >"$T/out" 2>&1 || fail "apply of forged metadata: $(cat "$T/out")"
assert_eq "" "$(grep -v ': unchanged' "$T/out" || true)" "forged metadata"
daemon_stop
daemon_start
web_is_ready() { kuke get cell web --realm main --space lab --stack front -o json | jq -e '.status.state == "Ready"' >/dev/null; }
wait_for "web to be ready again" web_is_ready
identities | diff "$T/identities" - || fail "other identities after a restart"
kuke delete realm main --cascade --wait

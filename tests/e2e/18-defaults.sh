# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Containers take what they leave out from their space; the stop signal and the grace reach what runs.

# space_defaults LINE...: the space "hard" with these fields as defaults of its containers.
space_defaults() {
	{
		printf '%s\n' "apiVersion: v1beta1" "kind: Space" "metadata: {name: hard}" "spec:" "  defaults:" "    container:"
		printf '      %s\n' "$@"
	} | drop_manifest space.yaml
}

taker_pid() { object container main --cell taker --space hard | jq -r '.status.pid | select(. > 0)'; }
value_of() { tr '\0' '\n' <"/proc/$(taker_pid)/environ" | sed -n "s/^$1=//p"; }
status_of() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$(taker_pid)/status"; }
process_is_gone() { ! [ -e "/proc/$1" ]; }

mkdir -p "$T/out"
DEFAULTS=("env: [A=space, B=space]" "readOnlyRootFilesystem: true" "stopSignal: USR1" "stopGracePeriodSeconds: 2"
	"capabilities: {drop: [ALL]}" "tmpfs: [{target: /scratch, size: 1m}]"
	"volumes: [{source: $T/out, target: /out}, {source: $T/no-such, target: /own}]")
space_defaults "${DEFAULTS[@]}" "user: \"1000\""
drop_manifest taker.yaml <<END
apiVersion: v1beta1
kind: Cell
metadata: {name: taker}
spec:
  spaceId: hard
  containers:
    - id: main
      image: $IMAGE
      command: sh
      args: ["-c", "trap 'echo told >/out/signal; exit 0' USR1; while :; do sleep 3600 & wait; done"]
      env: [B=own]
      user: root
      capabilities: {add: [CHOWN]}
      volumes: [{kind: tmpfs, target: /own}]
END
wait_for_cell taker Ready --space hard
assert_eq space "$(value_of A)" "an environment variable of the space"
assert_eq own "$(value_of B)" "the container's own stands"
assert_eq 0 "$(status_of Uid)" "the container's user stands"
assert_eq 0000000000000001 "$(status_of CapEff)" "capabilities of both"
root=/proc/$(taker_pid)/root
assert_eq tmpfs "$(stat -f -c %T "$root/scratch")" "a tmpfs of the space"
assert_eq tmpfs "$(stat -f -c %T "$root/own")" "the container's own volume"
assert_contains "$(awk '$5 == "/" { print $6 }' "/proc/$(taker_pid)/mountinfo")" ro "the root filesystem"

# What is shown is what was declared, and a changed default reaches what runs.
assert_eq null "$(object cell taker --space hard | jq -c '.spec.containers[0].tmpfs')" "the declared spec"
pid=$(taker_pid)
space_defaults "${DEFAULTS[@]/A=space/A=new}"
has_new_default() { [ "$(value_of A 2>/dev/null)" = new ]; }
wait_for "the new default" has_new_default
assert_ne "$pid" "$(taker_pid)" "pid"
assert_eq told "$(cat "$T/out/signal")" "the stop signal of the space reached the old one"

# A mistake in the defaults is told at the space.
drop_manifest wrong.yaml <<'END'
apiVersion: v1beta1
kind: Space
metadata: {name: wrong}
spec: {defaults: {container: {capabilities: {drop: [EVERYTHING]}}}}
END
wait_for "the refusal" manifest_has_error wrong.yaml 'spec.defaults.container.capabilities.drop[0]: "EVERYTHING" is not a capability'

# A process that does not listen has the whole grace and no more.
drop_manifest deaf.yaml <<END
apiVersion: v1beta1
kind: Cell
metadata: {name: deaf}
spec: {containers: [{id: main, image: $IMAGE, command: sleep, args: ["3600"], stopGracePeriodSeconds: 2}]}
END
wait_for_cell deaf Ready
pid=$(container_pid deaf main)
start=$(now_ms)
remove_manifest deaf.yaml
wait_for "the process to end" process_is_gone "$pid"
took=$(($(now_ms) - start))
assert_true "it had its grace: $took ms" [ "$took" -ge 2000 ]
assert_true "not the default one: $took ms" [ "$took" -lt 9000 ]

# The examples hold what they say.
for example in container-fields space-defaults; do
	drop_manifest $example.yaml <"$REPO/manifests.d/examples/$example.yaml"
done
wait_for_cell fields Ready
wait_for_cell worker Ready --space careful

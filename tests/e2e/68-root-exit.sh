# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The root ends by itself: the others are stopped with their signal and their grace, then the network is taken down, then
# the cell comes back as a whole under the root's policy, in a new namespace and with its address.
SECONDS_OF_GRACE=3
mkdir -p "$T/told"

# What the sidecar hears is written to the host; it needs a second of its grace.
cat <<-END | drop_manifest web.yaml
	apiVersion: v1beta1
	kind: Cell
	metadata: {name: web}
	spec:
	  containers:
	    - id: main
	      root: true
	      image: $IMAGE
	      command: /bin/sh
	      stopGracePeriodSeconds: 1
      args: ["-c", "while [ ! -e /told/end ]; do sleep 0.05; done; rm /told/end; exit 7"]
	      volumes: [{source: $T/told, target: /told}]
	    - id: sidecar
	      image: $IMAGE
	      command: /bin/sh
	      args: ["-c", "trap 'echo TERM >>/told/signals; sleep 1; echo over >>/told/signals; exit 0' TERM; while :; do sleep 0.05; done"]
	      stopGracePeriodSeconds: $SECONDS_OF_GRACE
	      volumes: [{source: $T/told, target: /told}]
END
wait_for_cell web Ready
root=$(container_pid web main)
sidecar=$(container_pid web sidecar)
ip=$(cell_ip web)
exec {old}<"/proc/$root/ns/net" # held open, so that the kernel cannot give its number to the next
before=$(wc -l <"$DAEMON_LOG")

touch "$T/told/end"
wait_for_new_pid web main "$root"
wait_for_new_pid web sidecar "$sidecar"

assert_eq "TERM over" "$(xargs <"$T/told/signals")" "what the sidecar heard and did in its grace"
steps=$(tail -n "+$((before + 1))" "$DAEMON_LOG" |
	grep -oE '(task-stop|network-detach|netns-create|network-attach|task-start) key=[^ ]*/web container=[a-z-]+' |
	sed 's/ key=[^ ]*//; s/container=//' | xargs)
assert_eq "task-stop sidecar network-detach - netns-create - network-attach - task-start main task-start sidecar" \
	"$steps" "order of the steps"
assert_ne "$(stat -L -c %i "/proc/self/fd/$old")" "$(stat -L -c %i "/proc/$(container_pid web main)/ns/net")" "network namespace"
exec {old}<&-
assert_eq "$ip" "$(cell_ip web)" "address of the cell"
assert_eq 7 "$(container_field web main .status.exitCode)" "exit code of the root"
assert_eq 1 "$(restart_count web main)" "restarts of the root"
assert_eq 0 "$(restart_count web sidecar)" "the sidecar was stopped, that is no restart"

# A root that is not to run again takes the cell down for good.
cat <<-END | drop_manifest once.yaml
	apiVersion: v1beta1
	kind: Cell
	metadata: {name: once}
	spec:
	  containers:
	    - {id: main, root: true, image: $IMAGE, command: /bin/sleep, args: ["1"], restartPolicy: on-failure}
	    - {id: sidecar, image: $IMAGE, command: /bin/sleep, args: ["3600"], stopGracePeriodSeconds: 1}
END
wait_for_cell once Stopped
once_has_no_tasks() { ! ctr -n kukeon-default tasks list | finds 'once_.*RUNNING'; }
wait_for "its containers to end" once_has_no_tasks
no_namespace() { [ ! -e "$RUNTIME_DIR/netns/default_default_default_once" ]; }
wait_for "its network to go" no_namespace

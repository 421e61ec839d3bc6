# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Capabilities, devices, privileged, and the host name.

# rights_cell NAME FIELDS: a cell of one container; FIELDS are lines of its spec.
rights_cell() {
	drop_manifest "$1.yaml" <<-END
		apiVersion: v1beta1
		kind: Cell
		metadata: {name: $1}
		spec:
		  containers:
		    - id: main
		      image: $IMAGE
		      command: sleep
		      args: ["3600"]
		      stopSignal: KILL
		      ${2//$'\n'/$'\n      '}
	END
}

status_of() { awk -v key="$2:" '$1 == key { print $2 }' "/proc/$(container_pid "$1" main)/status"; }
inside() { in_container "$1" main "${@:2}"; }
cannot() { ! inside "$@" >/dev/null 2>&1; }

# The kernel's log (1:11): every host has it, and no container may read it without a rule.
mknod "$T/node" c 1 11
rights_cell plain ""
rights_cell dropped 'capabilities: {drop: [all], add: [CAP_net_bind_service, chown]}'
rights_cell ambient 'user: "1000"
capabilities: {drop: [ALL], add: [NET_ADMIN]}'
rights_cell privileged 'privileged: true'
rights_cell device 'capabilities: {add: [SYSLOG]}
devices: [{source: '"$T/node"', target: /dev/mine, permissions: r}, {source: /dev/zero, target: /dev/nothing}]'
rights_cell named 'hostname: db-1.example.org'
rights_cell first 'oomScoreAdj: 700'
for cell in plain dropped ambient privileged device named first; do
	wait_for_cell $cell Ready
done

assert_eq 00000000a80425fb "$(status_of plain CapEff)" "capabilities by default"
assert_eq 1 "$(status_of plain NoNewPrivs)" "no new privileges by default"
# What the kernel ends first when memory runs out: not as containerd has it. Without CAP_SYS_RESOURCE nobody goes below his own.
score_of() { cat "/proc/$(container_pid "$1" main)/oom_score_adj"; }
lowest=-1000
((0x$(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status) >> 24 & 1)) || lowest=$(cat "/proc/$DAEMON_PID/oom_score_adj")
assert_eq $((lowest > 0 ? lowest : 0)) "$(score_of plain)" "oom_score_adj by default"
assert_eq 700 "$(score_of first)" "oom_score_adj"
if ((lowest > -500)); then
	rights_cell first 'oomScoreAdj: -500'
	wait_for "the score that cannot be had to be told" cell_mentions first "oomScoreAdj: kukeond itself runs at $lowest"
fi

assert_eq 0000000000000401 "$(status_of dropped CapEff)" "all dropped, two added"
assert_eq 0000000000000401 "$(status_of dropped CapBnd)" "the bounding set"
assert_eq 0000000000001000 "$(status_of ambient CapEff)" "what is added reaches a user"
assert_eq "$(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status)" "$(status_of privileged CapEff)" "privileged: every one"
assert_eq 0 "$(status_of privileged NoNewPrivs)" "privileged: new privileges"

assert_eq "character special file 1 b" "$(inside device stat -c '%F %t %T' /dev/mine)" "the node"
assert_eq "character special file 1 5" "$(inside device stat -c '%F %t %T' /dev/nothing)" "the renamed node"
assert_true "it may be read" inside device sh -c ': </dev/mine'
assert_true "it may not be written" cannot device sh -c ': >>/dev/mine'
assert_true "no node by default" cannot plain stat /dev/mine
inside plain mknod /dev/made c 1 11
assert_true "a node that is made gives nothing" cannot plain sh -c ': </dev/made'
inside privileged mknod /dev/made c 1 11
assert_true "privileged: every device" inside privileged sh -c ': </dev/made'

assert_eq db-1.example.org "$(inside named hostname)" "host name"
assert_eq db-1.example.org "$(inside named cat /etc/hostname)" "/etc/hostname"
assert_contains "$(inside named cat /etc/hosts)" "$(cell_ip named)	db-1.example.org named" "/etc/hosts"
assert_eq plain "$(inside plain hostname)" "host name by default"
assert_eq plain "$(inside plain cat /etc/hostname)" "/etc/hostname by default"
assert_contains "$(inside plain cat /etc/hosts)" "$(cell_ip plain)	plain" "/etc/hosts by default"
assert_eq db-1.example.org "$(tr '\0' '\n' <"/proc/$(container_pid named main)/environ" | sed -n 's/^HOSTNAME=//p')" "HOSTNAME"

# The address of the next incarnation is in the file of the container too.
pid=$(container_pid named main)
kill -KILL "$pid"
wait_for_new_pid named main "$pid"
assert_contains "$(inside named cat /etc/hosts)" "$(cell_ip named)	db-1.example.org named" "/etc/hosts after a restart"

# A device that is missing, or none, is told.
rights_cell missing 'devices: [{source: /dev/no-such}]'
wait_for "the missing device to be told" cell_mentions missing \
	"devices[0].source: /dev/no-such is not there on the host: load its driver, or correct the path"
rights_cell missing 'devices: [{source: /etc/passwd, target: /dev/x}]'
wait_for "the wrong device to be told" cell_mentions missing \
	"devices[0].source: /etc/passwd is no device node: use volumes for files and directories"

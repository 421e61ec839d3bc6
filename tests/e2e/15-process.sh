# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# What a container runs: command and args against the image's entrypoint and cmd, env, working directory, and as whom.

# process_cell NAME FIELDS: a cell of one container of the image with users; FIELDS are lines of its spec.
process_cell() {
	drop_manifest "$1.yaml" <<-END
		apiVersion: v1beta1
		kind: Cell
		metadata: {name: $1}
		spec:
		  containers:
		    - id: main
		      image: $USERS_IMAGE
		      stopSignal: "${STOP_SIGNAL-KILL}"
		      ${2//$'\n'/$'\n      '}
	END
}

# What the kernel says of the process of NAME.
root_of() { echo "/proc/$(container_pid "$1" main)/root"; }
status_of() { awk -v key="$2:" '$1 == key { $1 = ""; print substr($0, 2) }' "/proc/$(container_pid "$1" main)/status"; }
env_of() { tr '\0' '\n' <"/proc/$(container_pid "$1" main)/environ" | sed -n "s/^$2=//p"; }
cwd_of() { readlink "/proc/$(container_pid "$1" main)/cwd"; }
arguments_are() { [ "$(cat "$(root_of "$1")/tmp/arguments")" = "$2" ]; }

process_cell image ""
process_cell args 'args: [of, mine]
workingDir: /tmp
env: [FROM=spec, EXTRA=1]'
process_cell command 'command: /bin/sh
args: ["-c", "exec sleep 3601"]
user: root'
process_cell group 'user: app:video'
process_cell number 'user: "1501"'
process_cell stranger 'user: "7000:7001"
env: [HOME=/mine]'
for cell in image args command group number stranger; do
	wait_for_cell $cell Ready
done

# The image's own wishes: entrypoint, cmd, user with its groups, directory, environment.
wait_for "cmd as arguments" arguments_are image "by default"
assert_eq "1500 1500 1500 1500" "$(status_of image Uid)" "user of the image"
assert_eq "1600 1600 1600 1600" "$(status_of image Gid)" "group of the image's user"
assert_eq "29 44 1600" "$(status_of image Groups | xargs -n 1 | sort -n | xargs)" "groups of the image's user"
assert_eq /home/app "$(env_of image HOME)" "HOME"
assert_eq image "$(env_of image FROM)" "the image's environment"
assert_eq /home/app "$(cwd_of image)" "the image's directory"

wait_for "args replace cmd" arguments_are args "of mine"
assert_eq spec "$(env_of args FROM)" "env replaces the image's"
assert_eq 1 "$(env_of args EXTRA)" "env adds"
assert_eq /tmp "$(cwd_of args)" "workingDir"

assert_eq "sleep 3601 " "$(tr '\0' ' ' <"/proc/$(container_pid command main)/cmdline")" "command replaces entrypoint and cmd"
assert_eq "0 0 0 0" "$(status_of command Uid)" "root by name"
assert_eq /root "$(env_of command HOME)" "HOME of root"

assert_eq "1500 1500 1500 1500" "$(status_of group Uid)" "user by name"
assert_eq "44 44 44 44" "$(status_of group Gid)" "group by name"
assert_eq 44 "$(status_of group Groups | xargs)" "a named group stands alone"

assert_eq "1501 1501 1501 1501" "$(status_of number Uid)" "user by number"
assert_eq "1600 1600 1600 1600" "$(status_of number Gid)" "the group of its entry"
assert_eq "29 1600" "$(status_of number Groups | xargs -n 1 | sort -n | xargs)" "groups that list it"

assert_eq "7000 7000 7000 7000" "$(status_of stranger Uid)" "a number without an entry"
assert_eq "7001 7001 7001 7001" "$(status_of stranger Gid)" "its group"
assert_eq /mine "$(env_of stranger HOME)" "HOME from env"

# It is asked to stop as its image says, and as its manifest says when that says something.
stops_by() {
	wait_for "the traps" test -e "$T/$1/trapped"
	kuke stop cell "$1" >/dev/null
	wait_for "the stop signal of $1 to be $2" grep -qx "$2" "$T/$1/signal"
}
trapping_cell() {
	mkdir -m 777 "$T/$1"
	process_cell "$1" 'command: /bin/sh
args: ["-c", "trap \"echo USR1 >/out/signal; exit\" USR1; trap \"echo TERM >/out/signal; exit\" TERM; >/out/trapped; while :; do sleep 0.1; done"]
stopGracePeriodSeconds: 60
volumes: [{source: '"$T/$1"', target: /out}]'
}
STOP_SIGNAL="" trapping_cell asked
STOP_SIGNAL=TERM trapping_cell told
wait_for_cell asked Ready
wait_for_cell told Ready
stops_by asked USR1
stops_by told TERM

# A name that is not there says so, leaves nothing behind, and is well once it is corrected.
process_cell unknown 'user: nobody'
wait_for "the missing name to be told" cell_mentions unknown \
	'user "nobody": /etc/passwd of the image does not know "nobody": use a name from it, or a number'
assert_eq CreateFailed "$(container_field unknown main .status.reason)" "reason"
process_cell unknown 'user: other'
wait_for_cell unknown Ready
assert_eq "1501 1501 1501 1501" "$(status_of unknown Uid)" "the corrected user"

# A document that cannot be right is refused before anything is made.
process_cell refused 'user: "app:"
workingDir: here
hostname: -x
capabilities: {add: [NET_ADMN]}'
wait_for "the refusal" manifest_has_error refused.yaml 'user: "app:" is not a user'
assert_true "every problem at once" manifest_has_error refused.yaml 'did you mean "NET_ADMIN"?'

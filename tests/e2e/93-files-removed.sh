# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The files that the containers of a running cell mount, removed by another hand: they are there again before a
# container is made anew, and say the same.
drop_manifest web.yaml <<END
$(cell_yaml web root sidecar)
    - id: named
      image: $IMAGE
      hostname: db-1
      command: sleep
      args: ["3600"]
      stopSignal: KILL
END
drop_ready_cell other root
wait_for_cell web Ready
root=$(container_pid web root) etc=$RUN_PATH/default/default/default/web/etc
hosts_of() { cat "/proc/$(container_pid web "$1")/root/etc/hosts"; }
knows_both() { hosts_of "$1" | finds -w "$(cell_ip web)" && hosts_of "$1" | finds -w "$(cell_ip other)"; }

# comes_back CONTAINER "what was done": it is made anew, runs with its files, and the root has not been touched. By
# request: nobody waits for a back-off.
comes_back() {
	local pid
	pid=$(container_pid web "$1")
	kuke restart container "$1" --cell web >/dev/null
	wait_for_new_pid web "$1" "$pid"
	wait_for "container $1 finds both cells after: $2" knows_both "$1"
	assert_eq "$root" "$(container_pid web root)" "the root after: $2"
}

rm "$etc/hosts"
comes_back sidecar "hosts removed"
rm "$etc/hostname"
comes_back sidecar "hostname removed"
assert_eq web "$(in_container web sidecar cat /etc/hostname)" "its host name"
: >"$etc/hosts"
comes_back sidecar "hosts emptied"
rm "$etc/hosts"
mkdir "$etc/hosts"
comes_back sidecar "a directory in place of hosts"
rm "$etc/hosts.named" "$etc/hostname.named" "$etc/hosts"
comes_back named "a container's own removed"
assert_eq db-1 "$(in_container web named cat /etc/hostname)" "its own host name"
rm -r "$etc"
comes_back named "all of them removed"
comes_back sidecar "all of them removed"
rm -r "${etc%/etc}"
comes_back sidecar "the cell's directory removed"

# The resolvers' file is one for all cells.
rm "$RUNTIME_DIR/resolv.conf"
poll_for 5 test -f "$RUNTIME_DIR/resolv.conf" || fail "resolv.conf is not there again"
comes_back sidecar "resolv.conf removed"

# By its restart policy, while nobody watched.
sidecar=$(container_pid web sidecar)
daemon_kill
rm -r "$etc"
kill -KILL "$sidecar"
daemon_start
wait_for_new_pid web sidecar "$sidecar"
assert_true "the files are there after a start" test -s "$etc/hosts"
assert_eq "$root" "$(container_pid web root)" "the root after a start"

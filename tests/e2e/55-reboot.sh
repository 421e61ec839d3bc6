# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The host starts anew: no process, link, mount or cgroup is left, the disk is. What the old boot had attached is released
# before anything is attached, cells come up by themselves with their addresses, what was stopped stays stopped.
BOOT_ID=/proc/sys/kernel/random/boot_id

kill_shims() {
	local file
	for file in /proc/[0-9]*/comm; do
		grep -qs '^containerd-shim' "$file" || continue
		file=${file#/proc/}
		kill -KILL "${file%/comm}"
	done
}

cgroup_is_empty() { grep -qx 'populated 0' "$1/cgroup.events"; }

unmount_below() {
	local path
	while read -r path; do
		umount -l "$path"
	done < <(awk -v dir="$1/" 'index($2, dir) == 1 { print $2 }' /proc/self/mounts | tac)
}

delete_links() {
	local link
	for link in $(ip -o link show | awk -F '[ :@]+' '$2 ~ /^(kuke-|veth)/ { print $2 }'); do
		ip link delete "$link" 2>/dev/null || true # the peer may have taken it along
	done
}

host_goes_down() {
	daemon_kill
	kill -KILL "$(containerd_pid)"
	wait_for "containerd to be gone" process_gone "$(containerd_pid)"
	kill_shims
	echo 1 >/sys/fs/cgroup/kukeon/cgroup.kill
	wait_for "no process in our cgroup" cgroup_is_empty /sys/fs/cgroup/kukeon
	find /sys/fs/cgroup/kukeon -depth -type d -exec rmdir {} +
	unmount_below /run/containerd
	unmount_below "$RUNTIME_DIR"
	rm -rf /run/containerd "$RUNTIME_DIR"
	mkdir -p "$RUNTIME_DIR"
	delete_links
}

host_comes_up() {
	cat /proc/sys/kernel/random/uuid >"$T/boot-id"
	mount --bind "$T/boot-id" "$BOOT_ID"
	containerd_start
	daemon_start
}

# Of this boot, each cell is released before any is attached. What is deleted later is released once more.
released_before_attached() {
	awk '/ is up socket=/ { last_detach = first_attach = 0; split("", seen) }
		/network-detach key=/ && !seen[$2]++ { last_detach = NR }
		/network-attach key=/ && !first_attach { first_attach = NR }
		END { exit !(last_detach && first_attach && last_detach < first_attach) }' "$DAEMON_LOG"
}

for name in one two three stopped gone; do
	drop_ready_cell "$name" root sidecar
done
kuke stop cell stopped >/dev/null
wait_for_cell stopped Stopped
cell_yaml job work | sed 's/trap .*done/exit 0/; s/stopGracePeriodSeconds: 1/restartPolicy: never/' | drop_manifest job.yaml
wait_for_cell job Stopped
ips=$(for name in one two three; do cell_ip "$name"; done)
job_is_stored() { grep -q 'ended: true' "$RUN_PATH/default/default/default/job/cell.yaml"; }
stop_is_stored() { grep -q 'intent: "\?stop' "$RUN_PATH/default/default/default/stopped/cell.yaml"; }
wait_for "the end of the job to be on disk" job_is_stored
wait_for "the stop to be on disk" stop_is_stored

host_goes_down
remove_manifest gone.yaml
host_comes_up

for name in one two three; do
	wait_for_cell "$name" Ready
done
assert_eq "$ips" "$(for name in one two three; do cell_ip "$name"; done)" "addresses"
assert_true "what the old boot had is released first" released_before_attached
wait_for "cell gone is gone" cell_is_gone gone
wait_for_cell stopped Stopped
wait_for_cell job Stopped
assert_eq 6 "$(ctr -n kukeon-default tasks list -q | wc -l)" "tasks"
in_container one root ping -c 1 -w 5 "$(cell_ip two)" >/dev/null || fail "cell one does not reach cell two"
assert_eq 0 "$(restart_count one root)" "a reboot counts as no restart"

kuke start cell stopped >/dev/null
wait_for_cell stopped Ready
umount "$BOOT_ID"

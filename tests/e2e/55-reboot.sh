# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The host starts anew: no process, link, mount or cgroup is left, the disk is. What the old boot had attached is released
# before anything is attached, cells come up by themselves with their addresses, what was stopped stays stopped.
# shellcheck source=lib-reboot.sh
. "$HERE/lib-reboot.sh"
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

printf 'apiVersion: v1beta1\nkind: Space\nmetadata: {name: db}\n' | drop_manifest space-db.yaml
FIELDS='networks: [db]'
for name in one two three stopped gone; do
	drop_ready_cell "$name" root sidecar
done
kuke stop cell stopped >/dev/null
wait_for_cell stopped Stopped
drop_job
wait_for_cell job Stopped
daemon_log() { cat "$DAEMON_LOG"; }
addresses() { for name in one two three; do cell_field "$name" '.status | "\(.ip) \(.joins[0].ip)"'; done; }
ips=$(addresses)
job_is_stored() { grep -q 'ended: true' "$RUN_PATH/default/default/default/job/cell.yaml"; }
stop_is_stored() { grep -q 'intent: "\?stop' "$RUN_PATH/default/default/default/stopped/cell.yaml"; }
wait_for "the end of the job to be on disk" job_is_stored
wait_for "the stop to be on disk" stop_is_stored

host_goes_down
remove_manifest gone.yaml
host_comes_up
is_back "$ips"
umount "$BOOT_ID"

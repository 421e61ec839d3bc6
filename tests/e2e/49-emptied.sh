# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Everything in containerd removed at once, tasks, records, snapshots, at last its whole directory: the cells are built
# anew as soon as their image is there.
for cell in one two three; do
	drop_cell $cell root sidecar
done
for cell in one two three; do wait_for_cell $cell Ready; done
old=$(for cell in one two three; do container_pid $cell root; done)

all_new() {
	local cell pid
	for cell in one two three; do
		cell_is $cell Ready || return 1
		pid=$(container_pid $cell root)
		[ -n "$pid" ] && ! grep -qx "$pid" <<<"$old" || return 1
	done
}

for id in $(ctr --namespace kukeon-default containers ls -q); do
	ctr --namespace kukeon-default tasks rm -f "$id" >/dev/null 2>&1 || true
	ctr --namespace kukeon-default containers rm "$id" >/dev/null 2>&1 || true
done
wait_for "all cells run anew" all_new

# containerd loses all that it knew. Its shims and what runs in them are nobody's then.
old=$(for cell in one two three; do container_pid $cell root; done)
containerd_stop
for pid in $(pgrep -f "containerd-shim.*-address $CONTAINERD_ADDRESS"); do kill -KILL "$pid"; done
for cell in one two three; do echo 1 >"/sys/fs/cgroup/kukeon/default/default/default/$cell/cgroup.kill"; done
while read -r mount; do [ -z "$mount" ] || umount -l "$mount"; done <<<"$(awk '$5 ~ "^/run/containerd/" { print $5 }' /proc/self/mountinfo)"
rm -rf /run/containerd/io.containerd.* "${KUKEON_TEST_BASE:?}/containerd"
containerd_start
wait_for "the missing image is told" cell_mentions one "$IMAGE"
"$REPO/scripts/busybox-image" --import kukeon-default --import kukeon-main
wait_for "all cells run anew after containerd was emptied" all_new

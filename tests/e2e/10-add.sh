# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A manifest dropped into the directory becomes a Ready cell that serves its page.
# The image is as the public one: no page in it.
sed "s|image: busybox|image: busybox:plain|" "$REPO/manifests.d/hello-world.yaml" | drop_manifest hello-world.yaml
wait_for_cell hello-world Ready

ip=$(cell_ip hello-world)
wait_for "the page" curl -sf -o "$T/page" "http://$ip:8080/"
assert_eq "Hello from Kukeon" "$(cat "$T/page")" "page of hello-world"

assert_eq /kukeon/default/default/default/hello-world "$(cell_field hello-world .status.cgroupPath)" "cgroup path"
assert_eq true "$(cell_field hello-world .status.cgroupReady)" "cgroupReady"
assert_ne "" "$(cell_field hello-world .status.readyAt)" "readyAt"
assert_contains "$(cell_field hello-world .status.source)" hello-world.yaml "source"

pid=$(container_pid hello-world web)
assert_true "the pid lives in the container's cgroup" \
	grep -qx "$pid" /sys/fs/cgroup/kukeon/default/default/default/hello-world/hello-world_root/cgroup.procs
assert_eq default_default_hello-world_root "$(container_field hello-world web .status.containerdId)" "containerd id"
assert_true "a healthy host: kuke status exits 0" is_healthy

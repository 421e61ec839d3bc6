# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# All containers of a cell live in one network namespace, which is not the host's.
drop_manifest web.yaml <"$REPO/manifests.d/web-and-sidecar.yaml"
scope=(--realm main --space lab)
wait_for_cell web Ready "${scope[@]}"

net_of() { readlink "/proc/$(container_field web "$1" .status.pid "${scope[@]}")/ns/net"; }

assert_eq "$(net_of web)" "$(net_of sidecar)" "network namespace of both containers"
assert_ne "$(readlink /proc/self/ns/net)" "$(net_of web)" "network namespace of the cell"
sidecar=$(container_field web sidecar .status.pid "${scope[@]}")
page=$(nsenter --target "$sidecar" --net curl -s http://127.0.0.1:8080/)
assert_eq "Hello from Kukeon" "$page" "page over localhost"

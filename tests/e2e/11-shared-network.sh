# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# All containers of a cell live in one network namespace, which is not the host's.
drop_manifest web.yaml <<END
apiVersion: v1beta1
kind: Cell
metadata: {name: web}
spec:
  containers:
    - id: sidecar
      image: $IMAGE
      command: /bin/sleep
      args: ["3600"]
      stopGracePeriodSeconds: 0
    - id: server
      image: $IMAGE
      root: true
      command: /bin/httpd
      args: [-f, -p, "8080", -h, /www]
      stopGracePeriodSeconds: 0
END
wait_for_cell web Ready

net_of() { readlink "/proc/$(container_pid web "$1")/ns/net"; }
page_over_localhost() {
	[ "$(nsenter --target "$(container_pid web sidecar)" --net curl -s http://127.0.0.1:8080/)" = "Hello from Kukeon" ]
}

assert_eq "$(net_of server)" "$(net_of sidecar)" "network namespace of both containers"
assert_ne "$(readlink /proc/self/ns/net)" "$(net_of server)" "network namespace of the cell"
wait_for "the page over localhost" page_over_localhost
assert_eq true "$(container_field web server .status.root)" "root of server"

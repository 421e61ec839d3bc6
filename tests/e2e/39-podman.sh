# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The real podman with netavark beside us: its default network is not given to a space, both publish ports, and when the two
# have the same range all the same, that is told.
# shellcheck source=lib-foreign.sh
. "$HERE/lib-foreign.sh"
foreign_open podman crun conmon iptables || return 0
podman_load

podmans_page() { curl -sf -m 1 http://127.0.0.1:9090/ | finds Kukeon; }
space_says() { [[ $(object space "$1" | jq -r '.status | "\(.reason) \(.message)"') == *"$2"* ]]; }
space_is_well() { [ "$(object space "$1" | jq -r '.status | "\(.state) \(.reason // "")"')" = "Ready " ]; }

flows_open
before=$(cell_processes web)
subnet=$(object space default | jq -r .status.subnet)
assert_ne 10.88.0.0/16 "$subnet" "the first space's range, where podman is on the host"
podman_run page -p 9090:80
assert_true "podman's page" podmans_page
all_flows "podman starts after us"
podman network reload page >/dev/null 2>&1 || fail "podman network reload"
all_flows "podman network reload"
daemon_stop
daemon_start
all_flows "the daemon starts after podman"
nft flush ruleset
all_flows "all was flushed"
podman network reload page >/dev/null 2>&1 || fail "podman network reload"
wait_for "podman's page" podmans_page
all_flows "podman comes back"
podman restart -t 0 page >/dev/null
wait_for "podman's page" podmans_page
all_flows "podman restarts"

# Somebody gave a space what podman has.
podman rm -f -t 0 page >/dev/null
wait_for "podman's bridge is gone" test ! -e /sys/class/net/podman0
echo '{apiVersion: v1beta1, kind: Space, metadata: {name: clash}, spec: {subnet: 10.88.0.0/16}}' | drop_manifest clash.yaml
SPACE=clash serve_yaml clashing '' | drop_manifest clashing.yaml
wait_for_cell clashing Ready --space clash
podman_run page -p 9090:80
wait_for "the clash is told" space_says clash RangeOverlaps
assert_true "with podman's link" space_says clash podman0
assert_true "kuke doctor says so" doctor_says podman0
is_unhealthy || fail "kuke status ends with 0 while packets go to podman"
podman rm -f -t 0 page >/dev/null
wait_for "the clash is over" space_is_well clash
all_flows "in the end"
assert_untouched web "$before"
iptables -F
flows_close
foreign_close

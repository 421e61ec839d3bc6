# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A change that an object cannot make is said where it is declared, by file as by API; what is below goes on and is started
# again when it ends; the change is made as soon as nothing stands in its way.
. "$(dirname "${BASH_SOURCE[0]}")/lib-network.sh"
says() { object "$1" "$2" | jq -r '.status | "\(.state) \(.reason // "") \(.message // "")"' | finds -F -- "$3"; }
subnet_is() { [ "$(object space lab | jq -r .status.subnet)" = "$1" ]; }
realm() { printf 'apiVersion: v1beta1\nkind: Realm\nmetadata: {name: main}\nspec: {namespace: %s}\n' "$1"; }
space() { printf 'apiVersion: v1beta1\nkind: Space\nmetadata: {name: lab}\nspec: {subnet: %s}\n' "$1"; }

realm ns1 | drop_manifest realm.yaml
space 10.77.0.0/24 | drop_manifest space.yaml
SPACE=lab drop_cell web root
wait_for_cell web Ready --space lab
wait_for "the realm" says realm main Ready

words="spec.namespace cannot change: containers live in the namespace it has; delete the realm first"
realm ns2 | drop_manifest realm.yaml
wait_for "it is said" says realm main "Pending SpecRefused $words"
assert_true "of the file too" manifest_has_error realm.yaml "$words"
assert_true "kuke status exits 1" is_unhealthy
realm ns1 | drop_manifest realm.yaml
wait_for "taken back" says realm main Ready

words="subnet is 10.77.0.0/24 and cannot become 10.78.0.0/24 while cells are attached: stop them first"
space 10.78.0.0/24 | drop_manifest space.yaml
wait_for "it is said" says space lab "$words"
wait_for "and that it was refused" says space lab "Pending SpecRefused"
assert_true "of the file too" manifest_has_error space.yaml "$words"
pid=$(cell_field web '.status.containers[0].pid' --space lab)
kill -KILL "$pid"
back() { local now; now=$(cell_field web '.status.containers[0].pid // 0' --space lab); [ "$now" != 0 ] && [ "$now" != "$pid" ]; }
wait_for "what ends is started again" back
kuke stop cell web --space lab --wait
by_event "at once when nobody is attached" subnet_is 10.78.0.0/24
wait_for "as declared" says space lab Ready
kuke start cell web --space lab --wait
assert_contains "$(cell_field web .status.ip --space lab)" 10.78.0. "an address of the new range"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A space that runs out of addresses says so before and when it does; one that goes makes room for one that waits.
echo '{apiVersion: v1beta1, kind: Space, metadata: {name: small}, spec: {subnet: 10.77.0.0/29}}' | drop_manifest small.yaml

space_says() { object space small | jq -r '.status | "\(.state) \(.reason // "") \(.addressesUsed)/\(.addresses)"'; }
space_is() { [ "$(space_says)" = "$1" ]; }
add() { SPACE=small drop_cell "$1" root; }

for cell in a b c; do add $cell; done
for cell in a b c; do wait_for_cell $cell Ready --space small; done
wait_for "three of five" space_is "Ready  3/5"
add d
wait_for_cell d Ready --space small
wait_for "four of five" space_is "Ready AddressesLow 4/5"
add e
wait_for_cell e Ready --space small
wait_for "all of them" space_is "Ready AddressesExhausted 5/5"
assert_contains "$(object space small | jq -r .status.message)" "all 5 addresses in 10.77.0.0/29 are in use" "what the space says"
exhaustion_is_told() { kuke events | finds AddressesExhausted; }
wait_for "the event" exhaustion_is_told

before=$(SPACE=small cell_processes a --space small)
add late
cell_failed() { [ "$(object cell late --space small | jq -r .status.reason)" = NetworkFailed ]; }
wait_for "the sixth cell is told" cell_failed
remove_manifest b.yaml
wait_for_cell late Ready --space small
assert_eq "$before" "$(cell_processes a --space small)" "processes of cell a"

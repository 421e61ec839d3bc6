# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Several documents in one file, children before their parents, and a file in JSON.
{
	REALM=main SPACE=lab cell_yaml one a
	echo ---
	REALM=main SPACE=lab cell_yaml two a
	cat <<-END
		---
		apiVersion: v1beta1
		kind: Space
		metadata: {name: lab}
		spec: {realmId: main, subnet: 10.123.0.0/16}
		---
		apiVersion: v1beta1
		kind: Realm
		metadata: {name: main}
	END
} | drop_manifest all.yaml
jq -n --arg image "$IMAGE" '{apiVersion: "v1beta1", kind: "Cell", metadata: {name: "json"}, spec: {containers: [
	{id: "a", image: $image, command: "/bin/sleep", args: ["3600"], stopGracePeriodSeconds: 0}]}}' |
	drop_manifest json.json

wait_for_cell one Ready --realm main --space lab
wait_for_cell two Ready --realm main --space lab
wait_for_cell json Ready
assert_contains "$(cell_ip one --realm main --space lab)" 10.123. "address of cell one"
assert_eq 10.123.0.0/16 "$(object space lab --realm main | jq -r .status.subnet)" "subnet of space lab"

# A document that goes takes only its own object away.
before=$(cell_processes one --realm main --space lab)
REALM=main SPACE=lab cell_yaml one a | drop_manifest all.yaml
wait_for "cell two is gone" cell_is_gone two --realm main --space lab
assert_eq "$before" "$(cell_processes one --realm main --space lab)" "processes of cell one"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Parents that nobody declared are made when a child names them, and go with the last child.
REALM=main SPACE=lab STACK=front drop_cell web a
wait_for_cell web Ready --realm main --space lab --stack front

for parent in "realm main" "space lab --realm main" "stack front --realm main --space lab"; do
	read -ra words <<<"$parent"
	assert_eq Ready "$(object "${words[@]}" | jq -r .status.state)" "state of $parent"
	assert_eq implicit "$(object "${words[@]}" | jq -r .status.source)" "source of $parent"
done
assert_eq kukeon-main "$(object realm main | jq -r .status.containerdNamespace)" "namespace of realm main"
assert_eq main-lab "$(object space lab --realm main | jq -r .status.network)" "network of space lab"
assert_true "conflist of space lab" test -s "$CNI_CONF/main-lab.conflist"
assert_true "cgroup of stack front" test -d /sys/fs/cgroup/kukeon/main/lab/front

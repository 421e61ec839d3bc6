# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# An image that is not there: the cell says which and comes up when it is imported.
drop_ready_cell other a
other=$(cell_processes other)

cell_yaml web root | sed "s|$IMAGE|docker.io/library/absent:1|" | drop_manifest web.yaml
wait_for "the reason" cell_mentions web docker.io/library/absent:1
state=$(cell_state web)
[[ $state == Pending || $state == Failed ]] || fail "state of cell web: $state"
assert_true "kuke status exits 1" is_unhealthy
assert_untouched other "$other"

ctr -n kukeon-default images tag "$IMAGE" docker.io/library/absent:1 >/dev/null
wait_for_cell web Ready
assert_untouched other "$other"

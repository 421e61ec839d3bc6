# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Cgroups of layers in which nothing runs, removed by another hand: made again, at the latest when they are needed.
CGROUPS=/sys/fs/cgroup/kukeon
drop_ready_cell other root
other=$(cell_processes other)
drop_ready_cell web root sidecar
cat <<-END | drop_manifest empty.yaml
	{apiVersion: v1beta1, kind: Stack, metadata: {name: empty}, spec: {realmId: default, spaceId: default}}
END
wait_for "the empty stack's cgroup" test -d $CGROUPS/default/default/empty
kuke stop cell web >/dev/null
wait_for_cell web Stopped

# Those of its containers go a moment after them.
is_bare() { [ -z "$(find "$1" -mindepth 1 -type d)" ]; }
wait_for "nothing is left in the cgroup of the stopped cell" is_bare $CGROUPS/default/default/default/web

rmdir_tree() { find "$1" -depth -type d -exec rmdir {} +; }

# A cell is watched: the kernel tells of its cgroup's end.
rmdir_tree $CGROUPS/default/default/default/web
wait_for "the cgroup of the stopped cell" test -d $CGROUPS/default/default/default/web

# Of an empty layer nobody tells: the next look finds it.
rmdir_tree $CGROUPS/default/default/empty
kill -HUP "$DAEMON_PID"
wait_for "the cgroup of the empty stack" test -d $CGROUPS/default/default/empty

# Both at once, and then needed.
rmdir_tree $CGROUPS/default/default/default/web
kuke start cell web >/dev/null
wait_for_cell web Ready
assert_untouched other "$other"
remove_manifest empty.yaml
wait_for "the stack is gone" test ! -e $CGROUPS/default/default/empty

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# kukeond dies while a plugin runs, and the cell is deleted before the plugin goes on: nothing that it would make then is
# made.
mkdir "$T/bin"
cat >"$T/bin/bridge" <<-END
	#!/bin/bash
	# The bridge plugin, which waits while the file "slow" is there.
	if [ "\$CNI_COMMAND" = ADD ] && [ -e "$T/slow" ]; then
		echo \$\$ >"$T/new"
		mv "$T/new" "$T/plugin"
		while [ -e "$T/slow" ]; do sleep 0.02; done
	fi
	for dir in /opt/cni/bin /usr/lib/cni; do
		[ ! -x \$dir/bridge ] || exec \$dir/bridge
	done
END
chmod +x "$T/bin/bridge"
# shellcheck disable=SC2317 # runs kukeond
with_bin_dir() { exec "$@" --cni-bin-dir "$T/bin:/opt/cni/bin:/usr/lib/cni"; }
# shellcheck disable=SC2034 # of daemon_launch
DAEMON_WRAPPER=(with_bin_dir)

daemon_stop
touch "$T/slow"
daemon_start
echo "{apiVersion: v1beta1, kind: Realm, metadata: {name: kept}, spec: {namespace: kukeon-main}}" | drop_manifest kept.yaml
drop_cell web root
wait_for "the plugin runs" test -e "$T/plugin"
plugin=$(cat "$T/plugin")
task_is_made() { ctr -n kukeon-default tasks list -q | finds .; } # meanwhile
wait_for "the task is made" task_is_made
daemon_kill
assert_true "the plugin outlives kukeond" process_alive "$plugin"
remove_manifest web.yaml
daemon_start
wait_for "the next kukeond ends it" process_gone "$plugin"
rm "$T/slow"
# It was the only cell, and it went unseen: it is held.
realm_is_gone() { kuke prune --yes >/dev/null 2>&1 && daemon_answers && ! kuke get realm default >/dev/null 2>&1; }
wait_for "realm default is gone" realm_is_gone
remove_manifest kept.yaml
wait_for "no realms" realms_are_gone
poll_for "$LIMIT" leaves_nothing || fail "left behind: $(cat "$T/leaks")"

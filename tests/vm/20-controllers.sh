# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Controllers on the host's own cgroup tree: enabled on each layer, told in status, mended; one layer that cannot have them
# says why and holds up nobody else.
CGROUPS=/sys/fs/cgroup/kukeon
WANTED="cpu io memory pids"

words() { tr ' ' '\n' | LC_ALL=C sort | xargs; }
enabled_in() { words <"$1/cgroup.subtree_control"; }

# The wanted ones of a list.
wanted_of() { tr ' ' '\n' | grep -xE "${WANTED// /|}" | LC_ALL=C sort | xargs; }
has_all() { [ "$(wanted_of <"$1/cgroup.subtree_control")" = "$WANTED" ]; }
told_are_enabled() { [ "$(object "$1" "$2" | jq -r '.status.subtreeControllers | sort | join(" ")')" = "$(enabled_in "$3")" ]; }
realm_says() { object realm "$1" | jq -r '.status | "\(.state) \(.reason) \(.message)"' | finds -F -- "$2"; }

part_1() {
	local dir leaf
	drop_ready_cell web root sidecar
	web=$(cell_processes web)
	for dir in /sys/fs/cgroup $CGROUPS{,/default{,/default{,/default{,/web}}}}; do
		assert_true "controllers of $dir: $(enabled_in "$dir")" has_all "$dir"
	done
	systemctl reload kukeond.service # the runtime enables more of them, which the next look sees
	wait_for "the realm's in status" told_are_enabled realm default $CGROUPS/default
	wait_for "the space's in status" told_are_enabled space default $CGROUPS/default/default
	wait_for "the stack's in status" told_are_enabled stack default $CGROUPS/default/default/default
	wait_for "the cell's in status" told_are_enabled cell web $CGROUPS/default/default/default/web
	leaf=$CGROUPS/default/default/default/web/web_sidecar
	assert_eq "$WANTED" "$(wanted_of <"$leaf/cgroup.controllers")" "controllers of a container"
	echo 64 >"$leaf/pids.max"

	# systemd takes controllers away that none of its units asks for; ours stay.
	systemctl stop kukeond.service
	systemctl daemon-reload
	systemd-run --quiet --wait -p CPUWeight=50 true
	has_all /sys/fs/cgroup || fail "left of the host's controllers: $(enabled_in /sys/fs/cgroup)"
	assert_eq 64 "$(cat "$leaf/pids.max")" "limit of a container"
	systemctl start kukeond.service

	# Taken away by another hand: back at the next look, and said so.
	echo -pids >$CGROUPS/default/default/default/web/cgroup.subtree_control
	systemctl reload kukeond.service
	wait_for "the controller to be back" has_all $CGROUPS/default/default/default/web
	wait_for "its place in status" told_are_enabled cell web $CGROUPS/default/default/default/web

	# A process that lives in a layer keeps its controllers from being enabled (EBUSY).
	ctr -n kukeon-busy images import "$REPO/busybox.tar" >/dev/null
	mkdir $CGROUPS/busy
	sleep 3600 &
	echo $! >$CGROUPS/busy/cgroup.procs
	REALM=busy cell_yaml held root | drop_manifest held.yaml
	wait_for "the reason" realm_says busy "processes live directly in this cgroup"
	drop_ready_cell other root
	kill $!
	wait_for_cell held Ready --realm busy
	assert_true "controllers of the realm" has_all $CGROUPS/busy
	assert_untouched web "$web"
}

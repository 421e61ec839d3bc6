# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A container that the kernel kills for want of memory: status says so, and its policy goes on.
CGROUPS=/sys/fs/cgroup/kukeon/default/default/default
DATA=$T/oom

# eating_cell NAME POLICY: takes all memory it can get each time somebody makes the file "eat".
eating_cell() {
	cat <<-END
		apiVersion: v1beta1
		kind: Cell
		metadata: {name: $1}
		spec:
		  containers:
		    - {id: root, image: $IMAGE, command: /bin/sleep, args: ["3600"], stopGracePeriodSeconds: 1}
		    - id: app
		      image: $IMAGE
		      command: /bin/sh
		      args: ["-c", "until [ -e /data/$1 ]; do sleep 0.1; done; rm /data/$1; exec tail /dev/zero"]
		      restartPolicy: $2
		      restartBackoffSeconds: 5
		      stopGracePeriodSeconds: 1
		      volumes: [{source: $DATA, target: /data}]
	END
}

# let_eat CELL: with a limit on its cgroup, which goes with this run.
let_eat() {
	echo 32M >"$CGROUPS/$1/$1_app/memory.max"
	touch "$DATA/$1"
}

app_says() { [ "$(container_field "$1" app .status.reason)" = "$2" ]; }
runs_again() { restart_count_is "$1" app "$2" && [ -n "$(container_pid "$1" app)" ]; }
events() { kuke events container app --cell "$1" -o json | jq -r '.[] | "\(.reason) \(.message)"'; }

part_1() {
	local root name
	local -A policies=([ever]=always [never]=never)
	mkdir -p "$DATA"
	rm -f "$DATA"/*
	for name in ever never; do
		eating_cell "$name" "${policies[$name]}" | drop_manifest "$name.yaml"
		wait_for_cell "$name" Ready
	done
	root=$(container_pid ever root)

	# Restarted at once, and told. What status says between two restarts is soon something else.
	let_eat ever
	wait_for "its first restart" runs_again ever 1
	events ever | grep OOMKilled >/dev/null || fail "not told: $(events ever)"
	let_eat ever
	wait_for "its second restart" runs_again ever 2
	wait_for_cell ever Ready
	assert_eq "$root" "$(container_pid ever root)" "pid of the root"

	# What is not restarted keeps its reason.
	let_eat never
	wait_for "the reason" app_says never OOMKilled
	assert_contains "$(container_field never app .status.message)" "ran out of memory" "message"
	assert_eq 137 "$(container_field never app .status.exitCode)" "exit code"
	assert_true "the cell says so" cell_mentions never OOMKilled
	assert_eq Failed "$(container_field never app .status.state)" "state"
	assert_eq 0 "$(restart_count never app)" "restarts under never"
	systemctl restart kukeond.service
	wait_for "the reason after a restart of kukeond" app_says never OOMKilled
}

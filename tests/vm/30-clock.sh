# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The wall clock is set back and forth under running cells and under one that waits for its restart: nobody is restarted
# for it, a pause takes as long as ever, and all goes on as usual: status, events, manifests, a new daemon.
PAUSE=6     # seconds
PAUSE_MAX=5 # so much more may pass until it runs again: everything is emulated
STARTS=$T/starts

# Each run writes when it began by the clock since boot.
crashing_cell() {
	cat <<-END
		apiVersion: v1beta1
		kind: Cell
		metadata: {name: crash}
		spec:
		  containers:
		    - {id: root, image: $IMAGE, command: /bin/sleep, args: ["3600"], stopGracePeriodSeconds: 1}
		    - id: app
		      image: $IMAGE
		      command: /bin/sh
		      args: ["-c", "cut -d ' ' -f 1 /proc/uptime >>/data/starts; exit 3"]
		      restartBackoffSeconds: $PAUSE
		      volumes: [{source: $STARTS, target: /data}]
	END
}

starts() { if [ -e "$STARTS/starts" ]; then wc -l <"$STARTS/starts"; else echo 0; fi; }
started_again() { [ "$(starts)" -gt "$1" ]; }
is_waiting() { [ "$(container_field crash app .status.reason)" = RestartBackOff ]; }

# clock TIME: what everybody else's clock says from now on.
clock() { date -s "$1" >/dev/null; }

# all_goes_on NAME: after the clock was set, under a new cell.
all_goes_on() {
	local before
	before=$(kuke events -o json | jq 'last.sequence // 0')
	drop_ready_cell "$1" root
	assert_untouched web "$web"
	kuke_status | jq -e '.runtime.connected == true and any(.manifests.files[]; .path | endswith("web.yaml"))' \
		>/dev/null || fail "kuke status: $(kuke_status)"
	kuke get cells >/dev/null || fail "kuke get cells"
	kuke events cell "$1" -o json | jq -e --argjson before "$before" 'length > 0 and all(.[]; .sequence > $before)' \
		>/dev/null || fail "events of $1 after $before: $(kuke events cell "$1" -o json)"
	remove_manifest "$1.yaml"
	wait_for "cell $1 to go" cell_is_gone "$1"
}

# under_clock NAME TIME: set while the cell waits for its restart.
under_clock() {
	local n
	n=$(starts)
	wait_for "a run" started_again "$n"
	wait_for "the pause" is_waiting
	n=$(starts)
	clock "$2"
	all_goes_on "$1"
	wait_for "the next run" started_again "$n"
}

daemon_is_new() { daemon_answers && [ "$(daemon_pid)" != "$1" ]; }

new_daemon() {
	local pid
	pid=$(daemon_pid)
	kill -KILL "$pid"
	wait_for "another kukeond" daemon_is_new "$pid"
	wait_for_cell web Ready
	stays 1 "cell web untouched" assert_untouched web "$web"
}

# Every pause but the first, which there is none of, was as long as it says.
judge_pauses() {
	awk -v min=$PAUSE -v max=$((PAUSE + PAUSE_MAX)) 'NR > 2 && ($1 - last < min || $1 - last > max) { bad = 1 }
		{ last = $1 } END { exit bad || NR < 7 }' "$STARTS/starts" ||
		fail "pauses other than $PAUSE to $((PAUSE + PAUSE_MAX)) s between: $(xargs <"$STARTS/starts")"
}

part_1() {
	local now since
	mkdir -p "$STARTS"
	rm -f "$STARTS/starts"
	drop_ready_cell web root sidecar
	web=$(cell_processes web)
	ready_at=$(cell_field web .status.readyAt)
	crashing_cell | drop_manifest crash.yaml
	now=$(date +%s)
	since=$(cut -d . -f 1 /proc/uptime)

	under_clock forward "+1 hour"
	under_clock back "-2 hours"
	under_clock far "2037-12-31 12:00"
	under_clock early "1970-01-01 03:00"
	judge_pauses

	# A daemon that starts in such a time, and one after it.
	new_daemon
	all_goes_on newcomer
	clock "@$((now + $(cut -d . -f 1 /proc/uptime) - since))"
	all_goes_on today
	new_daemon
	assert_eq "$ready_at" "$(cell_field web .status.readyAt)" "readyAt"
	clock "2037-12-31 12:00"
	new_daemon
	clock "@$((now + $(cut -d . -f 1 /proc/uptime) - since))"
	new_daemon
}

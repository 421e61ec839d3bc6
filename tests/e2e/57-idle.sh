# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# With nothing to do nothing of ours wakes up, whatever runs: no clock asks anybody. What gRPC does by itself is bounded.
COUNT_SECONDS=6 # longer than any of our clocks that ran
# Two of its threads wake up every second, whatever we do: 60 in 30 s. Where others keep the processors busy they wait for each
# other too, and it is more.
WHOLE_MAX=$((COUNT_SECONDS * 4 + 4))

drop_ready_cell web a b
drop_ready_cell other a
drop_manifest space.yaml <<-END
	apiVersion: v1beta1
	kind: Space
	metadata: {name: lab}
	spec: {realmId: default}
END
wait_for "the space" test -e "$CNI_CONF/default-lab.conflist"

# "NAME SWITCHES" of every thread.
switches() {
	local task name
	for task in "/proc/$DAEMON_PID"/task/*; do
		name=$(cat "$task/comm" 2>/dev/null) || continue
		awk -v name="$name" '/^voluntary_ctxt_switches/ { sum += $2 } END { print name, sum }' "$task/status" 2>/dev/null || true
	done
}

# Of gRPC's own threads we can say nothing; the others are ours.
GRPC='^(grpc_global_tim|event_engine|default-executo|resolver-execut|timer_manager)'
ours() { awk -v grpc="$GRPC" '$1 !~ grpc { sum += $2 } END { print sum + 0 }' "$1"; }
all() { awk '{ sum += $2 } END { print sum + 0 }' "$1"; }

# What is done once, some time after the start (what is left over is looked for), may fall into one of them, and on a busy
# machine gRPC's threads wait for each other now and then.
WINDOWS=4
sleep 1 # what is written behind a change is written, connections of kuke are gone
for ((i = 1; ; i++)); do
	switches >"$T/before"
	sleep $COUNT_SECONDS
	switches >"$T/after"
	own=$(($(ours "$T/after") - $(ours "$T/before")))
	whole=$(($(all "$T/after") - $(all "$T/before")))
	say "in $COUNT_SECONDS s: $own wake-ups of ours, $whole of the whole process"
	[ $own -gt 0 ] || [ "$whole" -gt $WHOLE_MAX ] || break
	[ $i -lt $WINDOWS ] || fail "at most $WHOLE_MAX of the whole process, 0 of ours: $(diff "$T/before" "$T/after")"
done

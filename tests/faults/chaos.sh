# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=../e2e/lib.sh
# Random kills, failures and changes by hand over many cells on real parts, from a printed seed. After each, the cells it
# was meant for come to what is wanted, and every other cell has the very processes it had.
#	CHAOS_STEPS=300 CHAOS_SEED=1 SCENARIO_LIMIT_SECONDS=1800 sudo -E tests/e2e/run -v tests/faults/chaos.sh
# shellcheck source=../e2e/lib-network.sh
. "$HERE/lib-network.sh"
STEPS=${CHAOS_STEPS:-60}
CELLS=${CHAOS_CELLS:-20}
SEED=${CHAOS_SEED:-$(($(date +%s) % 32768))}
RANDOM=$SEED
echo "seed $SEED, $STEPS steps, $CELLS cells"
LIMIT=60

cell_name() { echo "c$1"; }
some_cell() { cell_name $((RANDOM % CELLS)); }
declare -A version stopped

write_cell() { cell_yaml "$1" root side:"${version[$1]}" | drop_manifest "$1.yaml"; }

# "cell state pids..." of all, in one call.
everything() {
	kuke get cells -o json 2>/dev/null |
		jq -r '.[] | [.metadata.name, .status.state, (.status.containers[] | .pid // 0)] | join(" ")'
}

# Every cell is as it was asked to be, with its last version.
all_as_wanted() {
	local name state one other rest seen=0
	while read -r name state one other rest; do
		seen=$((seen + 1))
		if [ -n "${stopped[$name]:-}" ]; then
			[ "$state $one $other" = "Stopped 0 0" ] || return 1
		else
			[ "$state" = Ready ] && [ "$one" -gt 0 ] && [ "$other" -gt 0 ] || return 1
		fi
	done <<<"$(everything)"
	[ "$seen" -eq "$CELLS" ] && has_versions
}

has_versions() {
	local name wanted
	while read -r name wanted; do
		[ "$wanted" = "E2E=${version[$name]}" ] || return 1
	done <<<"$(kuke get cells -o json | jq -r '.[] | "\(.metadata.name) \(.spec.containers[1].env[0])"')"
}

# It is so, and stays so: between a new spec and its first action there is a moment of calm.
settled() {
	local now
	all_as_wanted || return 1
	now=$(everything)
	sleep 0.2
	[ "$now" = "$(everything)" ] && all_as_wanted && networks_are_whole
}

pid_of() { container_field "$1" "$2" '.status.pid // 0'; }
kill_container() { # CELL CONTAINER
	local pid
	pid=$(pid_of "$1" "$2")
	[ "${pid:-0}" -eq 0 ] || kill -KILL "$pid" 2>/dev/null || true
}

containerd_kill() {
	kill -KILL "$(containerd_pid)"
	poll_for 20 process_gone "$(containerd_pid)" || fail "containerd does not die"
	containerd_start
}

take_apart() {
	ip link delete "kuke-default-de" 2>/dev/null || true
	umount "$(cell_netns "$1")" 2>/dev/null || true
	rm -f "$CNI_CONF"/*.conflist "$RUNTIME_DIR"/ipam/default-default/10.*
}

# Every cell that runs has its link on the bridge, its pin and a reservation.
networks_are_whole() {
	local running
	running=$(everything | grep -c ' Ready ' || true)
	[ "$(ip -o link show master "$(space_bridge)" up 2>/dev/null | wc -l)" -eq "$running" ] &&
		[ "$(grep -c " $RUNTIME_DIR/netns/" /proc/self/mountinfo)" -eq "$running" ] &&
		[ "$(find "$RUNTIME_DIR/ipam" -name '10.*' | wc -l)" -eq "$running" ]
}

# Prints what was done; sets victims.
step() {
	local cell
	cell=$(some_cell)
	victims=$cell
	case $((RANDOM % 18)) in
	0 | 1) what="root of $cell killed" && kill_container "$cell" root ;;
	2 | 3) what="side of $cell killed" && kill_container "$cell" side ;;
	4) what="cgroup of $cell killed" &&
		{ echo 1 >"/sys/fs/cgroup/kukeon/default/default/default/$cell/cgroup.kill" || true; } 2>/dev/null ;;
	5) what="kukeond killed" victims="" && daemon_kill && daemon_start ;;
	6) what="kukeond restarted" victims="" && daemon_stop && daemon_start ;;
	7) what="containerd killed" victims="" && containerd_kill ;;
	8) what="$cell edited" && version[$cell]=$RANDOM && write_cell "$cell" ;;
	9) what="$cell stopped" && stopped[$cell]=1 && kuke stop cell "$cell" >/dev/null ;;
	10) what="$cell started" && unset "stopped[$cell]" && kuke start cell "$cell" >/dev/null ;;
	11) what="task of $cell deleted by hand" &&
		{ ctr -n kukeon-default tasks delete -f "default_default_${cell}_side" >/dev/null 2>&1 || true; } ;;
	13) what="bridge deleted" victims="" && ip link delete "$(space_bridge)" ;;
	14) what="link of $cell deleted" victims="" && { ip link delete "$(cell_link "$cell")" 2>/dev/null || true; } ;;
	15) what="pin of $cell unmounted" victims="" && { umount "$(cell_netns "$cell")" 2>/dev/null || true; } ;;
	16) what="conflist removed" victims="" && rm "$(space_conflist)" ;;
	17) what="networks taken apart while kukeond is away" victims="" && daemon_kill && take_apart "$cell" && daemon_start ;;
	12) what="$cell killed while kukeond is away" && daemon_kill && kill_container "$cell" root && daemon_start ;;
	esac
}

# The others have the processes that they had.
others_untouched() {
	local before=$1 victim
	for victim in $victims; do
		before=$(grep -v "^$victim " <<<"$before" || true)
	done
	local after
	after=$(everything)
	while read -r line; do
		[ -z "$line" ] || grep -qxF "$line" <<<"$after" || fail "step $n, $what: '$line' became '$(grep "^${line%% *} " <<<"$after")'"
	done <<<"$before"
}

for ((i = 0; i < CELLS; i++)); do
	version[$(cell_name $i)]=1
	write_cell "$(cell_name $i)"
done
wait_for "all cells" settled
for ((n = 1; n <= STEPS; n++)); do
	before=$(everything)
	step
	poll_for $LIMIT settled || fail "step $n, $what: not as wanted: $(everything | grep -v ' Ready ' || true)"
	others_untouched "$before"
done
echo "$STEPS steps, 0 cells disturbed"

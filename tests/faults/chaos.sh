# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=../e2e/lib.sh
# Random kills, failures and changes by hand over many cells on real parts, from a printed seed. After each, the cells it
# was meant for come to what is wanted, and every other cell has the very processes it had. In the end all is deleted, and
# all acts of all daemons have kept the rules (tests/fake/rules.h).
#	CHAOS_STEPS=300 CHAOS_SEED=1 SCENARIO_LIMIT_SECONDS=3000 sudo -E tests/e2e/run -v tests/faults/chaos.sh
# shellcheck source=../e2e/lib-network.sh
. "$HERE/lib-network.sh"
# shellcheck source=../e2e/lib-fuse.sh
. "$HERE/lib-fuse.sh"
STEPS=${CHAOS_STEPS:-60}
CELLS=${CHAOS_CELLS:-20}
SEED=${CHAOS_SEED:-$(($(date +%s) % 32768))}
RANDOM=$SEED
echo "seed $SEED, $STEPS steps, $CELLS cells"
LIMIT=60
FAULT_SECONDS=5

# From its first act on, all of them are logged.
daemon_stop
DAEMON_PROGRAM=kukeond_faults
export KUKEON_FAULT_LOG=$T/acts
daemon_start

echo '{apiVersion: v1beta1, kind: Space, metadata: {name: default}, spec: {ipv6: true}}' | drop_manifest space.yaml

cell_name() { echo "c$1"; }
some_cell() { cell_name $((RANDOM % CELLS)); }
declare -A version stopped

# The volumes of every third cell lie on a filesystem that does not answer now and then.
volumes_of() {
	[ -z "${FUSE_PID[volumes]:-}" ] || [ $((${1#c} % 3)) -ne 0 ] ||
		echo "volumes: [{source: $T/volumes/$1, target: /data}]"
}

# Every fifth manifest is reached by a link, every fifth lies on a mount of its own.
path_of() {
	case $((${1#c} % 5)) in
	0) echo "current/$1.yaml" ;;
	1) echo "site/$1.yaml" ;;
	*) echo "$1.yaml" ;;
	esac
}
write_cell() { FIELDS=$(volumes_of "$1") cell_yaml "$1" root side:"${version[$1]}" | drop_manifest "$(path_of "$1")"; }
mkdir -p "$T/rev" "$T/site" "$MANIFESTS/site"
ln -s "$T/rev" "$MANIFESTS/current"
mount --bind "$T/site" "$MANIFESTS/site"

# "cell state pids..." of all, in one call; nothing from a daemon that ends meanwhile.
everything() {
	kuke get cells -o json 2>/dev/null |
		jq -r '.[] | [.metadata.name, .status.state, (.status.containers[] | .pid // 0)] | join(" ")' || true
}

# Every cell is as it was asked to be, with its last version.
all_as_wanted() {
	local name state one other rest seen=0
	daemon_answers || return 1
	while read -r name state one other rest; do
		[ -n "$name" ] || return 1
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
		[ -n "$name" ] && [ "$wanted" = "E2E=${version[$name]}" ] || return 1
	done <<<"$(kuke get cells -o json 2>/dev/null |
		jq -r '.[] | "\(.metadata.name) \(.spec.containers[1].env[0])"' || true)"
}

# It is so, and stays so: between a new spec and its first action there is a moment of calm.
settled() {
	local now
	all_as_wanted && is_mended || return 1
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

# "another hand is on it from now on", for the judge of the acts
hand() { echo "hand $1 $2" >>"$KUKEON_FAULT_LOG"; }

delete_task() {
	hand task "kukeon-default/default_default_${1}_side"
	ctr -n kukeon-default tasks delete -f "default_default_${1}_side" >/dev/null 2>&1 || true
}

unpin() {
	hand pin "default/default/default/$1"
	umount "$(cell_netns "$1")" 2>/dev/null || true
}

take_apart() {
	ip link delete "kuke-default-de" 2>/dev/null || true
	unpin "$1"
	rm -f "$CNI_CONF"/*.conflist "$RUNTIME_DIR"/ipam/default-default/{10,fd}*
}

# The files of a cell below the run path, but not what the store has there.
remove_files() { rm -rf "$RUN_PATH/default/default/default/$1/etc"; }

inside() { # CELL COMMAND...: in its network namespace, when it runs
	local pid
	pid=$(pid_of "$1" root)
	[ "${pid:-0}" -eq 0 ] || nsenter --target "$pid" --net "${@:2}" 2>/dev/null || true
}

# Nothing tells of it but a look.
break_inside() {
	mended=$1
	inside "$1" ip addr flush dev eth0
	[ $((RANDOM % 2)) -eq 0 ] || inside "$1" ip link set eth0 down
	kuke refresh >/dev/null || true
}
is_mended() {
	[ -z "$mended" ] || [ -n "${stopped[$mended]:-}" ] ||
		inside "$mended" ip -o -4 addr show dev eth0 up | finds -w "$(cell_ip "$mended")"
}

cut() { perl -e 'truncate($ARGV[0], $ARGV[1])' "$@"; }
cut_files() {
	cut "$(space_conflist)" $((RANDOM % 50))
	cut "$(reservation "$1")" $((RANDOM % 20))
}

# As tests/faults/check_acts.c names them: the cells have one interface each.
attachment_ids() {
	awk '$3 == "begin" && $4 == "plugin" { print $7 "#" $5 }' "$KUKEON_FAULT_LOG" | LC_ALL=C sort -u
}

# It is as it was some steps ago, or there is none: what was attached since is not known by its number any more, and the
# number may come again.
turn_back_journal() {
	local id
	daemon_kill
	for id in $(attachment_ids); do hand attachment "$id"; done
	if [ -e "$T/journal" ] && [ $((RANDOM % 3)) -ne 0 ]; then
		cp "$T/journal" "$RUN_PATH/journal"
	else
		rm "$RUN_PATH/journal"
	fi
	daemon_start
}

# Every cell that runs has its link on the bridge, its pin and a reservation of each family.
networks_are_whole() {
	local running
	running=$(everything | grep -c ' Ready ' || true)
	[ "$(ip -o link show master "$(space_bridge)" up 2>/dev/null | wc -l)" -eq "$running" ] &&
		[ "$(grep -c " $RUNTIME_DIR/netns/" /proc/self/mountinfo)" -eq "$running" ] &&
		[ "$(find "$RUNTIME_DIR/ipam" -name '10.*' | wc -l)" -eq "$running" ] &&
		[ "$(find "$RUNTIME_DIR/ipam" -name 'fd*' | wc -l)" -eq "$running" ]
}

# A daemon whose acts fail, or one of which is its last, gets work; then one without a fault takes over. It may refuse to
# start, and must not break. What was asked of it through kuke would be uncertain: it is told by files and by kills.
with_fault() {
	local status=0 changed
	what="kukeond with $1" victims=""
	daemon_kill
	KUKEON_FAULT=$1 daemon_launch
	poll_for "$LIMIT" daemon_answers_or_ended || fail "step $n, $what: it does not answer"
	for changed in $(some_cell) $(some_cell) $(some_cell); do
		victims+=" $changed"
		version[$changed]=$RANDOM && write_cell "$changed"
		changed=$(some_cell)
		victims+=" $changed"
		kill_container "$changed" "$([ $((RANDOM % 2)) -eq 0 ] && echo root || echo side)"
	done
	poll_for $FAULT_SECONDS as_wanted_or_ended || true
	daemon_is_running && kill -KILL "$DAEMON_PID"
	wait "$DAEMON_PID" 2>/dev/null || status=$?
	[ $status -lt 128 ] || [ $status -eq 137 ] || fail "step $n, $what: kukeond ended with $status"
	daemon_start
}
as_wanted_or_ended() { process_gone "$DAEMON_PID" || all_as_wanted; }

# What disturbs the declaration of cells that nobody meant to delete, for longer than the grace; kukeond may die of it too.
for_a_while() {
	sleep $((PRUNE_GRACE + 1))
	[ $((RANDOM % 3)) -ne 0 ] || { daemon_kill && daemon_start; }
}
back_but_broken() {
	rm "$MANIFESTS/$(path_of "$1")"
	sleep 0.2
	echo "kind: [" | drop_manifest "$(path_of "$1")"
	for_a_while
	write_cell "$1"
}
link_leads_nowhere() {
	mv "$T/rev" "$T/rev.away"
	for_a_while
	mv "$T/rev.away" "$T/rev"
}
mount_goes() {
	umount "$MANIFESTS/site"
	for_a_while
	mount --bind "$T/site" "$MANIFESTS/site"
}

# Something else is done meanwhile.
silent=false mended=""
volumes_fall_silent() {
	local own=$1
	silent=true
	fuse_fall_silent volumes
	kill_container "$own" side
	step
	fuse_answer volumes
	silent=false
	what="volumes silent, side of $own killed, $what" victims+=" $own"
}

# Prints what was done; sets victims.
step() {
	local cell
	cell=$(some_cell)
	victims=$cell mended=""
	[ $((n % 7)) -ne 0 ] || cp "$RUN_PATH/journal" "$T/journal"
	case $((RANDOM % 31)) in
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
		delete_task "$cell" ;;
	13) what="bridge deleted" victims="" && ip link delete "$(space_bridge)" ;;
	14) what="link of $cell deleted" victims="" && { ip link delete "$(cell_link "$cell")" 2>/dev/null || true; } ;;
	15) what="pin of $cell unmounted" victims="" && unpin "$cell" ;;
	16) what="conflist removed" victims="" && rm "$(space_conflist)" ;;
	17) what="networks taken apart while kukeond is away" victims="" && daemon_kill && take_apart "$cell" && daemon_start ;;
	18 | 19) with_fault "random:$RANDOM:$((10 + RANDOM % 90))" ;;
	20) with_fault "kill-before:$((1 + RANDOM % 100))" ;;
	21) with_fault "kill-after:$((1 + RANDOM % 100))" ;;
	22 | 23)
		if $silent || [ -z "${FUSE_PID[volumes]:-}" ]; then
			what="side of $cell killed" && kill_container "$cell" side
		else
			volumes_fall_silent "$(cell_name $((RANDOM % CELLS / 3 * 3)))"
		fi
		;;
	24) what="manifest of $cell back but broken" victims="" && back_but_broken "$cell" ;;
	25) what="the link to manifests led nowhere" victims="" && link_leads_nowhere ;;
	26) what="a mount of manifests went" victims="" && mount_goes ;;
	27) what="files of $cell removed, its side killed" && remove_files "$cell" && kill_container "$cell" side ;;
	28) what="inside of $cell broken" victims="" && break_inside "$cell" ;;
	29) what="conflist and reservation of $cell cut" victims="" && cut_files "$cell" ;;
	30) what="journal put back or removed" victims="" && turn_back_journal ;;
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
		[ -z "$line" ] || finds -xF "$line" <<<"$after" || fail "step $n, $what: '$line' became '$(grep "^${line%% *} " <<<"$after")'"
	done <<<"$before"
}

if have_fuse; then fuse_start volumes; fi
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

umount "$MANIFESTS/site"
remove_all_manifests
wait_for "no cells" cells_are_gone
wait_for "no realms" realms_are_gone
[ -z "${FUSE_PID[volumes]:-}" ] || fuse_end volumes
daemon_stop
"$KUKEON_BIN/check_acts" "$KUKEON_FAULT_LOG" || fail "the acts broke a rule"
unset KUKEON_FAULT_LOG
DAEMON_PROGRAM=kukeond
daemon_start

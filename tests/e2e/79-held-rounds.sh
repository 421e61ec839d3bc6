# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Rounds of what can happen to a manifests directory, in one window each: files removed, broken, moved with a typo, a mount
# and a link's target taken away, the daemon killed. Each time it is known which cells may die; nobody else does.
# HELD_ROUNDS=100 HELD_SEED=n; the seed is printed.
ROUNDS=${HELD_ROUNDS:-100}
RANDOM=${HELD_SEED:=$$}
echo "HELD_SEED=$HELD_SEED, $ROUNDS rounds"
CELLS=(a b c d e f)
declare -A FILE=([a]=a.yaml [b]=b.yaml [c]=site/c.yaml [d]=site/d.yaml [e]=current/e.yaml [f]=current/f.yaml)
declare -A fate pid

mkdir -p "$T/kept" "$T/rev" "$MANIFESTS/site"
for cell in "${CELLS[@]}"; do cell_yaml "$cell" root >"$T/kept/$cell.yaml"; done

# Every declaration is in its place, each file in one step.
restore() {
	local cell
	mountpoint -q "$MANIFESTS/site" || mount -t tmpfs -o mode=755 none "$MANIFESTS/site"
	mkdir -p "$T/rev"
	ln -sfn "$T/rev" "$MANIFESTS/current"
	for cell in "${CELLS[@]}"; do
		cp "$T/kept/$cell.yaml" "$T/new-manifest"
		cp "$T/new-manifest" "$MANIFESTS/${FILE[$cell]}.tmp"
		mv "$MANIFESTS/${FILE[$cell]}.tmp" "$MANIFESTS/${FILE[$cell]}"
	done
	rm -f "$MANIFESTS/moved.yaml"
}

# "cell state pid" of each, from one question.
seen() {
	kuke get containers -o json 2>/dev/null |
		jq -r '.[] | "\(.spec.cellId) \(.status.state) \(.status.pid // 0)"'
}
held() { kuke status -o json 2>/dev/null | jq '[.held[]?] | length'; }
# A daemon that is killed before it has written down that a cell is declared (again) does not know it afterwards.
all_stored() {
	local cell file
	for cell in "${CELLS[@]}"; do
		file=$RUN_PATH/default/default/default/$cell/cell.yaml
		[ -e "$file" ] && ! grep -q '^  held:' "$file" || return 1
	done
}
all_ready() { [ "$(seen | grep -c ' Ready ')" = ${#CELLS[@]} ] && [ "$(held)" = 0 ]; }

# became FATE CELL...: unless something has become of it already. What hides a file hides also that it was removed before.
became() {
	local cell
	for cell in "${@:2}"; do [ "${fate[$cell]}" != whole ] || fate[$cell]=$1; done
}

remove() {
	[ "${fate[$1]}" = whole ] || return 0
	became removed "$1"
	acts+=("rm -f '$MANIFESTS/${FILE[$1]}'")
}

pick() {
	case $((RANDOM % 9)) in
	0 | 1 | 2) remove "${CELLS[RANDOM % ${#CELLS[@]}]}" ;;
	3)
		[ "${fate[a]}" = whole ] || return 0
		became kept a # the daemon never saw it away: the last good text counts
		acts+=("rm '$MANIFESTS/a.yaml'" "echo 'kind: [' >'$MANIFESTS/a.yaml'")
		;;
	4)
		[ "${fate[b]}" = whole ] || return 0
		became doubt b
		acts+=("sed s/image:/imgae:/ '$T/kept/b.yaml' >'$MANIFESTS/moved.yaml'" "rm '$MANIFESTS/b.yaml'")
		;;
	5) fate[c]=hidden fate[d]=hidden && acts+=("umount '$MANIFESTS/site' 2>/dev/null || true") ;;
	6) fate[e]=hidden fate[f]=hidden && acts+=("rm -rf '$T/rev'") ;;
	7) for cell in "${CELLS[@]}"; do remove "$cell"; done ;;
	8) kills=true ;;
	esac
}

count() {
	local cell n=0
	for cell in "${CELLS[@]}"; do [[ " $* " != *" ${fate[$cell]} "* ]] || n=$((n + 1)); done
	echo $n
}

# too_much LOST BEFORE
too_much() { [ "$1" = "$2" ] && [ "$1" != 0 ] || { [ "$1" -ge 3 ] && [ $((2 * $1)) -gt "$2" ]; }; }

# What is in doubt may still count as lost when the others are judged: rounds in which that would matter are not played.
choose() {
	local cell lost doubt
	while :; do
		acts=() kills=false
		for cell in "${CELLS[@]}"; do fate[$cell]=whole; done
		for _ in 1 2 3; do [ $((RANDOM % 3)) = 0 ] || pick; done
		lost=$(count removed hidden) doubt=$(count doubt)
		[ "$lost" = 0 ] && [ "$doubt" = 0 ] && ! $kills && continue
		holds=false
		! too_much "$lost" $((${#CELLS[@]} - doubt)) || holds=true
		if too_much $((lost + doubt)) ${#CELLS[@]}; then
			! $holds || break
		elif ! $holds; then
			break
		fi
	done
}

judged() {
	local cell now expected=0
	now=$(seen)
	for cell in "${CELLS[@]}"; do
		case ${fate[$cell]} in
		removed)
			$holds || {
				! grep -q "^$cell " <<<"$now" || return 1
				continue
			}
			expected=$((expected + 1))
			;;
		hidden | doubt) expected=$((expected + 1)) ;;
		esac
	done
	[ "$(held)" = $expected ]
}

untouched() {
	local cell
	for cell in "${CELLS[@]}"; do
		[ "${fate[$cell]}" != removed ] || $holds || continue
		grep -qx "$cell Ready ${pid[$cell]}" <<<"$1" ||
			fail "cell $cell (${fate[$cell]}, holds: $holds) was touched: $(printf '%s; ' "${acts[@]}")"
	done
}

play_round() {
	local line cell now
	choose
	! $kills || wait_for "all are written down" all_stored
	kill -STOP "$DAEMON_PID" # what happens is one window, however slow the machine
	for line in "${acts[@]}"; do eval "$line"; done
	if $kills; then
		daemon_kill
		daemon_start
	else
		kill -CONT "$DAEMON_PID"
	fi
	wait_for "the verdict on: $(printf '%s; ' "${acts[@]}") (holds: $holds)" judged
	now=$(seen)
	untouched "$now"
	restore
	wait_for "all are Ready again" all_ready
	untouched "$(seen)"
	while read -r cell _ now; do pid[$cell]=$now; done < <(seen)
}

restore
wait_for "all are Ready" all_ready
while read -r cell _ now; do pid[$cell]=$now; done < <(seen)
for ((round = 1; round <= ROUNDS; round++)); do play_round; done
umount "$MANIFESTS/site"

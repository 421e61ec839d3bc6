# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# What kuke shows in a terminal, at 80x24 and at 120x40: the help of every verb, and what they print, against what is kept
# in tests/e2e/terminal. A change that is meant is kept by KUKEON_TEST_RENEW=1 tests/e2e/run 89; look at its diff.
# Not here: what doctor finds, and what init and uninstall do, which the host decides (75, 81 and 83 play them).
command -v tmux >/dev/null || {
	echo "skipped: no tmux"
	return 0
}
KEPT=$REPO/tests/e2e/terminal

echo 20000 >/proc/sys/kernel/ns_last_pid # all with as many digits
cat >"$T/tmux.conf" <<-END
	set -g status off
	set -g history-limit 10000
	set -g remain-on-exit on
END

# What is run takes PATH from whoever asks for it, the rest from the server.
tm() { LC_ALL=C.UTF-8 PATH=$KUKEON_BIN:$PATH KUKEON_SOCKET=$SOCKET tmux -u -S "$T/tmux" -f "$T/tmux.conf" "$@"; }

screen() { tm capture-pane -p -S - -t kuke; }
has_ended() { screen | finds -x 'end of lines'; }

# show LINE...: what is on the screen, and above it, when they have been run one after the other.
show() {
	local line
	for line in "$@"; do
		printf 'cat <<"LINE"\n$ %s\nLINE\n%s\nprintf "exit %%d\\n" $?\n' "$line" "$line"
	done >"$T/typed"
	echo "echo end of lines" >>"$T/typed"
	tm clear-history -t kuke
	tm respawn-pane -k -t kuke "bash $T/typed"
	poll_for "$LIMIT" has_ended || { screen >&2 && fail "does not end: $*"; }
	screen | sed '/^end of lines$/,$d'
}

helps() {
	local lines=(kuke) verb
	for verb in $("$KUKEON_BIN/kuke" | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p'); do
		lines+=("kuke $verb --help")
	done
	show "${lines[@]}"
}

# What fails, and what only looks.
looks() {
	show "kuke gte" "kuke ps" "kuke get pods" "kuke get cell nobody" "kuke get cells -o xml" "kuke init --realm a_b" \
		"kuke uninstall now" "kuke completion" "kuke apply -f foreign.yaml" "kuke delete cell web" "kuke wait cell" \
		"kuke get realms" "kuke get spaces" "kuke get stacks" "kuke get cells" "kuke get cells -o wide" \
		"kuke get cells --show-labels" "kuke get containers" "kuke get containers -o wide" "kuke get containers -o name" \
		"COLUMNS=66 kuke get containers" "kuke get containers | cat" \
		"kuke get cell web -o yaml" "kuke status" "kuke status cell web" "kuke events cell web --limit 5" \
		"kuke wait cell web" "kuke prune" "kuke refresh" "kuke version"
}

# Progress goes to standard error while somebody watches: how often it changes is chance.
changes() {
	show "kuke create container side --cell web --image $IMAGE --command /bin/sh --args -c \\
	--args 'trap exit TERM; sleep 3600 & wait' --wait 2>/dev/null" \
		"kuke stop cell web --wait 2>/dev/null" "kuke start cell web --wait 2>/dev/null" \
		"kuke restart container side --cell web --wait 2>/dev/null" "kuke kill cell/web --wait 2>/dev/null" \
		"kuke delete cell/default/default/default/web --cascade --wait 2>/dev/null" "kuke get cells"
}

play() { # WIDTH HEIGHT
	tm new-session -d -s kuke -c "$T" -x "$1" -y "$2" "sleep infinity"
	helps
	show "kuke get cells" "kuke apply -f web.yaml --wait 2>/dev/null"
	looks
	changes
	tm kill-server
}

LABEL='日本語 🚀 \e[31ma label of some length' cell_yaml web a >"$T/web.yaml"
cat >"$T/foreign.yaml" <<-END
	kind: Pod
	---
	apiVersion: v1beta1
	kind: Cell
	metadata: {name: other}
	spec: {containers: [{name: a, image: x, command: [sh, -c, date], env: {A: b}}]}
END

for size in 80x24 120x40; do
	play "${size%x*}" "${size#*x}" | "$KEPT/mask" >"$T/$size"
	if [ -n "${KUKEON_TEST_RENEW:-}" ]; then
		cp "$T/$size" "$KEPT/$size"
	elif ! diff -u "$KEPT/$size" "$T/$size"; then
		fail "in a terminal of $size kuke shows something else than $KEPT/$size: if that is meant, KUKEON_TEST_RENEW=1"
	fi
	remove_all_objects
done

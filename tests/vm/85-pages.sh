# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The command lines of README.md and docs/ that are about a host, which e2e/88-shell-lines leaves to this: each is run as
# printed, and does what it stands there for.
LIST=$REPO/tests/e2e/shell-lines.list

# Those that the list leaves to us.
ours() { awk '/^\t.*tests\/vm\/85-pages/ { print line } !/^\t/ { line = $0 }' "$LIST" | LC_ALL=C sort; }

is_printed() { grep -qxF -- "$1" "$T/printed"; }

# play LINE: what it says is in $T/said.
play() {
	is_printed "$1" || fail "on no page: $1"
	echo "$1" >>"$T/played"
	PATH=$T/bin:$PATH bash -c "$1" >"$T/said" 2>&1 || fail "$1: exit $?: $(cat "$T/said")"
}

# The same, where what it asks is not answered: its exit code is right when it is CODE.
play_unanswered() {
	local status=0
	is_printed "$1" || fail "on no page: $1"
	echo "$1" >>"$T/played"
	PATH=$T/bin:$PATH bash -c "$1" </dev/null >"$T/said" 2>&1 || status=$?
	assert_eq "$2" $status "exit code of $1: $(cat "$T/said")"
}

units_are() {
	local unit
	for unit in kukeond.service kukeond.socket; do
		assert_eq "$1" "$(systemctl is-enabled $unit || true)" "$unit at boot"
	done
}

part_1() {
	local before
	: >"$T/played"
	# Without a comment behind them, as shell-lines takes them.
	sed 's/^ *//; s/  *# .*//' "$REPO/README.md" "$REPO"/docs/*.md >"$T/printed"
	mkdir -p "$T/bin"
	printf '#!/bin/sh\nexec "$@"\n' >"$T/bin/sudo" # this host has none
	chmod +x "$T/bin/sudo"

	drop_ready_cell web root
	before=$(cell_processes web)
	play_unanswered "sudo kuke uninstall" 2
	assert_contains "$(cat "$T/said")" "give --yes" "where there is nobody to ask"
	assert_untouched web "$before"
	play "sudo kuke uninstall --yes"
	units_are disabled
	assert_eq "" "$(leaks '')" "what is left behind"

	play "sudo kuke init"
	assert_contains "$(cat "$T/said")" "kukeond: started" "kuke init"
	units_are enabled
	wait_for_cell web Ready
	before=$(cell_processes web)
	play "kuke init"
	assert_contains "$(cat "$T/said")" "kukeond: already running" "kuke init again"
	play "sudo kuke init --force-regenerate-cni"
	assert_contains "$(cat "$T/said")" "Network configuration: written anew" "networks written anew"
	wait_for_cell web Ready
	assert_untouched web "$before"
	play "sudo kuke init --realm main --space lab"
	assert_contains "$(cat "$T/said")" 'Space "lab": created in main' "another realm"
	kuke delete realm main --cascade --wait >/dev/null

	mkdir -p /usr/local/share/zsh/site-functions
	play "kuke completion zsh >/usr/local/share/zsh/site-functions/_kuke"
	assert_contains "$(head -n 1 /usr/local/share/zsh/site-functions/_kuke)" "#compdef kuke" "completion of zsh"
	rm -r /usr/local/share/zsh

	assert_eq "$(ours)" "$(LC_ALL=C sort "$T/played")" "the lines that $LIST leaves to this test"
}

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR/../../scripts
#
# scripts/install-deps on a machine that people use: whatever apt would do, whoever kills it, nothing of theirs goes. All in
# a mount namespace: apt-get, dpkg-query and the programs are played, /usr/sbin, /run and /var/lib are not the machine's.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
in_private_mounts "$@"

POLICY=/usr/sbin/policy-rc.d
USERS_POLICY='#!/bin/sh
exit 42'
LIMIT=10

# ---- the machine that is played ----

# T/installed and T/missing: packages that dpkg-query knows, or does not; it knows all others. T/plan: what apt-get -s says.
# T/blocks: apt-get waits as long as that is there. T/calls: what apt-get was told.
play_machine() {
	mkdir "$T/bin" "$T/upper" "$T/work"
	program dpkg-query <<-END
		status=0
		for package in "\${@:4}"; do
			if grep -qxF "\$package" $T/missing; then status=1; else echo "installed \$package"; fi
		done
		exit \$status
	END
	program apt-get <<-END
		echo "\$*" >>$T/calls
		case " \$* " in
		*" -s "*) cat $T/plan ;;
		*" install "*)
			echo \$\$ >$T/apt.pid
			while [ -e $T/blocks ]; do sleep 0.02; done
			$POLICY containerd start >/dev/null && echo 0 >$T/policy.said || echo \$? >$T/policy.said
			: >$T/missing
			;;
		esac
	END
	program systemctl <<-END
		echo "\$*" >>$T/systemctl
	END
	mount -t tmpfs tmpfs /run
	mount -t tmpfs tmpfs /var/lib
	mount -t tmpfs tmpfs "$T/upper"
	mkdir "$T"/upper/{upper,work}
	mount -t overlay -o "lowerdir=/usr/sbin,upperdir=$T/upper/upper,workdir=$T/upper/work" overlay /usr/sbin
	rm -f "$POLICY"
	umount -l "$T/upper" # the overlay holds it
	PATH=$T/bin:$PATH
}

# program NAME: of standard input.
program() {
	{ echo '#!/bin/bash' && cat; } >"$T/bin/$1"
	chmod 755 "$T/bin/$1"
}

# Nothing was ever installed, nobody has a policy.
machine_is_fresh() {
	rm -rf "$POLICY"* "$T"/{blocks,apt.pid,policy.said,systemctl} /run/* /var/lib/*
	: >"$T/missing"
	: >"$T/calls"
	echo "Inst cmake (3.25 Debian)" >"$T/plan"
	for name in containerd ctr runc containerd-shim-runc-v2; do
		program $name <<<"echo $name 2.1"
	done
}

users_policy() {
	echo "$USERS_POLICY" >$POLICY
	chmod 755 $POLICY
}

# ---- what is asked ----

install_deps() { "$REPO/scripts/install-deps" >"$T/out" 2>&1; }
policy_says() {
	local said=0
	$POLICY x start || said=$?
	assert_eq "$1" "$said" "what policy-rc.d says"
}
policy_is_the_users() {
	assert_eq "$USERS_POLICY" "$(cat $POLICY)" "the policy of the machine"
	assert_eq 755 "$(stat -Lc %a $POLICY)" "its mode"
	assert_eq "$POLICY" "$(echo $POLICY*)" "files beside the policy"
}
no_policy() { assert_eq "$POLICY*" "$(echo $POLICY*)" "policy files"; }
apt_waits() { [ -e "$T/apt.pid" ]; }
was_installed() { grep -c -- '^install.*--no-remove' "$T/calls" || true; }

# start_blocked: install-deps in the background, in the middle of apt-get. Its process is SCRIPT, apt-get's APT.
start_blocked() {
	: >"$T/blocks"
	echo cmake >"$T/missing"
	"$REPO/scripts/install-deps" >"$T/out" 2>&1 &
	SCRIPT=$!
	poll_for $LIMIT apt_waits || fail "apt-get is not called: $(cat "$T/out")"
	APT=$(cat "$T/apt.pid")
}

kill_script() {
	kill -KILL "$SCRIPT"
	wait "$SCRIPT" 2>/dev/null || true
}

kill_all() {
	kill_script
	kill -KILL "$APT"
	poll_for $LIMIT process_gone "$APT"
	# the sleep of the played apt-get holds the lock as long as it lasts
	flock -w $LIMIT /run/kukeon-install-deps.lock true
	rm "$T/blocks" "$T/apt.pid"
}

# ---- the cases ----

case_nothing_is_missing() {
	install_deps
	assert_eq " " "$(cat "$T/out") $(cat "$T/calls")" "words and calls of apt-get"
}

case_programs_of_other_packages() {
	printf '%s\n' containerd runc >"$T/missing"
	install_deps
	assert_eq " " "$(cat "$T/out") $(cat "$T/calls")" "words and calls of apt-get"
	# one that does not run is none
	program runc <<<"exit 1"
	echo "Inst runc (1.1 Debian)" >"$T/plan"
	install_deps
	assert_contains "$(cat "$T/out")" "installing: runc" "the announcement"
}

case_a_removal_is_refused() {
	echo cmake >"$T/missing"
	printf '%s\n' "Remv containerd.io [1.6]" "Inst cmake (3.25 Debian)" >"$T/plan"
	users_policy
	! install_deps || fail "it went on: $(cat "$T/calls")"
	assert_contains "$(cat "$T/out")" "would remove: containerd.io" "the refusal"
	assert_eq 0 "$(was_installed)" "installations"
	policy_is_the_users
}

case_it_says_what_and_holds_services() {
	printf '%s\n' cmake containerd >"$T/missing"
	program containerd <<<"exit 1"
	printf '%s\n' "Inst containerd (1.6 Debian)" "Inst libc6 [2.36-8] (2.36-9 Debian)" "Inst cmake (3 Debian)" >"$T/plan"
	install_deps
	assert_contains "$(cat "$T/out")" "installing: cmake containerd" "what is new"
	assert_contains "$(cat "$T/out")" "newer versions of: libc6" "what is upgraded"
	assert_eq 1 "$(was_installed)" "installations with --no-remove"
	assert_eq 101 "$(cat "$T/policy.said")" "the policy meanwhile"
	assert_eq "disable --quiet containerd.service" "$(cat "$T/systemctl")" "what systemctl was told"
	no_policy
}

case_the_users_policy_stays() {
	echo cmake >"$T/missing"
	users_policy
	install_deps
	assert_eq 101 "$(cat "$T/policy.said")" "the policy meanwhile"
	policy_is_the_users
}

case_a_linked_policy_stays() {
	echo cmake >"$T/missing"
	users_policy
	mv $POLICY "$T/policy"
	ln -s "$T/policy" $POLICY
	install_deps
	assert_eq "$T/policy" "$(readlink $POLICY)" "the link"
	policy_is_the_users
}

case_killed_in_the_middle() {
	users_policy
	start_blocked
	policy_says 101
	kill_all
	policy_says 42
	install_deps # nothing is missing any more, or all of it: it mends either way
	policy_is_the_users
}

case_killed_with_nobodys_policy() {
	start_blocked
	policy_says 101
	kill_all
	policy_says 0
	: >"$T/missing"
	install_deps
	no_policy
}

case_killed_again_and_again() {
	users_policy
	for _ in 1 2 3; do
		start_blocked
		kill_all
	done
	policy_says 42
	install_deps
	policy_is_the_users
}

case_killed_before_ours_was_there() {
	users_policy
	cp -a $POLICY $POLICY.kukeon-saved
	cp -a $POLICY $POLICY.kukeon-saved.new
	: >$POLICY.kukeon-new
	install_deps
	policy_is_the_users
}

case_left_by_a_former_version() {
	users_policy
	mv $POLICY $POLICY.kukeon-saved
	printf '#!/bin/sh\nexit 101\n' >$POLICY
	install_deps
	policy_is_the_users
	printf '#!/bin/sh\nexit 101\n' >$POLICY # of a container image
	install_deps
	policy_says 101
}

case_a_policy_written_since() {
	users_policy
	start_blocked
	kill_all
	printf '#!/bin/sh\nexit 7\n' >"$T/new-policy"
	chmod 755 "$T/new-policy"
	mv "$T/new-policy" $POLICY
	install_deps
	policy_says 7
	assert_eq "$USERS_POLICY" "$(cat $POLICY.kukeon-saved.kept)" "the one before"
}

case_killed_but_apt_goes_on() {
	users_policy
	start_blocked
	kill_script
	policy_says 101 # as long as apt-get works
	"$REPO/scripts/install-deps" >"$T/out" 2>&1 &
	rm "$T/blocks"
	wait $!
	assert_eq 101 "$(cat "$T/policy.said")" "the policy of the one that went on"
	assert_eq 1 "$(was_installed)" "installations"
	policy_is_the_users
}

case_two_at_once() {
	users_policy
	start_blocked
	"$REPO/scripts/install-deps" >"$T/out2" 2>&1 &
	local second=$!
	rm "$T/blocks"
	wait "$SCRIPT"
	wait $second
	assert_eq 1 "$(was_installed)" "installations"
	policy_is_the_users
}

case_containerd_is_disabled_by_the_next_run() {
	echo containerd >"$T/missing"
	program containerd <<<"exit 1"
	start_blocked
	echo containerd >"$T/missing"
	kill_all
	assert_true "systemctl was not told yet" test ! -e "$T/systemctl"
	: >"$T/missing" # it was installed meanwhile
	: >/var/lib/kukeon-containerd-is-new
	install_deps
	assert_eq "disable --quiet containerd.service" "$(cat "$T/systemctl")" "what systemctl was told"
}

case_a_registry_is_disabled() {
	echo docker-registry >"$T/missing"
	install_deps
	assert_eq "disable --quiet docker-registry.service" "$(cat "$T/systemctl")" "what systemctl was told"
	assert_eq "/var/lib/kukeon-*" "$(echo /var/lib/kukeon-*)" "marks that are left"
}

play_machine
run_cases machine_is_fresh

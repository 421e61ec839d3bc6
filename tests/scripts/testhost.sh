#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR/../../scripts
#
# A test host is the same on every machine: one is opened on the machine as it is, one as somebody may have set it up, and
# what can be seen in them is compared. /etc and /var/lib are not the machine's.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
in_private_mounts "$@"
for tool in containerd ctr runc ip jq; do
	command -v $tool >/dev/null || skip "$tool is missing"
done

export KUKEON_TEST_PLACE=$T/place

# ---- what can be seen ----

cat >"$T/look" <<-'END'
	env | LC_ALL=C sort | grep -Ev '^(_|SHLVL)='
	echo "umask $(umask), $(grep -E 'SigIgn|SigBlk' /proc/self/status | xargs)"
	ulimit -Sa
	echo "oom_score_adj $(cat /proc/self/oom_score_adj)"
	hostname
	cat /etc/hosts /etc/resolv.conf /etc/nsswitch.conf
	ls -d /etc/kukeon /etc/cni /etc/containerd /etc/localtime 2>&1
	getent group kukeon || echo "no group"
	date +%Z
	echo "/var/lib: $(ls -A /var/lib), /run: $(ls -A /run | xargs)"
	echo "controllers: $(cat /sys/fs/cgroup/cgroup.controllers), $(find /sys/fs/cgroup -mindepth 1 -type d)"
	ip -o addr
	grep -r . /proc/sys/net/ipv4/{ip_forward,conf} /proc/sys/net/ipv6/conf/{all,default}/{forwarding,disable_ipv6} \
		/proc/sys/net/bridge 2>/dev/null | LC_ALL=C sort
	type -P python3 bash containerd
	stat -c %a "$KUKEON_TEST_DIR"; touch "$KUKEON_TEST_DIR/new"; stat -c %a "$KUKEON_TEST_DIR/new"
END

look() {
	"$REPO/scripts/testhost" -- bash "$T/look" >"$1" 2>"$1.err" || fail "no test host: $(cat "$1.err")"
}

# ---- a machine as somebody may have set it up ----

another_machine() {
	mkdir "$T/etc"
	cp -a /etc/. "$T/etc"
	mount --bind "$T/etc" /etc
	mkdir -p /etc/kukeon /etc/cni/net.d /etc/containerd
	echo "pruneGrace: 77" >/etc/kukeon/kukeond.yaml
	echo "kukeon:x:4711:" >>/etc/group
	rm -f /etc/resolv.conf /etc/localtime
	ln -s ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
	ln -s /usr/share/zoneinfo/Asia/Kathmandu /etc/localtime
	echo "127.0.0.1 web db" >/etc/hosts
	echo "hosts: files mdns4_minimal resolve" >/etc/nsswitch.conf
	mount -t tmpfs tmpfs /var/lib
	mkdir -p /var/lib/cni/networks/kukeon-x
	echo web >/var/lib/cni/networks/kukeon-x/10.88.0.2
}

# The settings of somebody, for the shell that is to become the test host.
somebodys_settings() {
	umask 077
	export TZ=Asia/Kathmandu LANG=de_DE.UTF-8 LC_ALL=POSIX TMPDIR=/no/such/place HOME=/no/home CDPATH=/ NO_COLOR=1
	export KUKEON_RUN_PATH=/other KUKEON_SOCKET=/other.sock KUKEON_CONFIG=/other.yaml GRPC_VERBOSITY=debug COLUMNS=20
	export http_proxy=http://192.0.2.9:1 NOTIFY_SOCKET=/none LISTEN_FDS=3 XDG_RUNTIME_DIR=/none CNI_PATH=/none
	export PYTHONPATH=/none BASH_ENV=/none.sh POSIXLY_CORRECT=1 SOME_SECRET=1 PATH=$T/bin:$PATH
	ulimit -S -n 333 -s 4096 -c 100
	trap '' PIPE HUP INT CHLD
	echo 400 >"/proc/$BASHPID/oom_score_adj"
}

# A python of his own stands before the machine's, as many have it.
his_programs() {
	mkdir "$T/bin"
	printf '#!/bin/sh\nexit 1\n' >"$T/bin/python3"
	chmod 755 "$T/bin/python3"
}

case_the_same_on_another_machine() {
	look "$T/here"
	his_programs
	another_machine
	(
		somebodys_settings
		look "$T/there"
	)
	diff "$T/here" "$T/there" || fail "the second host is not as the first"
	assert_contains "$(cat "$T/there")" "umask 0022" "what was seen"
}

case_what_tests_are_told_comes_in() {
	local told
	told=$(SWEEP_STEP=12 CNI_ROUNDS=3 TEST_ONLY=it KUKEON_SIM_LOG=1 "$REPO/scripts/testhost" -- \
		bash -c 'echo $SWEEP_STEP $CNI_ROUNDS $TEST_ONLY $KUKEON_SIM_LOG')
	assert_eq "12 3 it 1" "$told" "the settings of tests"
}

case_other_programs_on_request() {
	rm -rf "$T/other"
	mkdir "$T/other"
	printf '#!/bin/sh\n' >"$T/other/runc"
	chmod 755 "$T/other/runc"
	assert_eq "$T/other/runc" "$(KUKEON_TEST_PATH=$T/other "$REPO/scripts/testhost" -- bash -c 'type -P runc')" "runc"
}

run_cases true

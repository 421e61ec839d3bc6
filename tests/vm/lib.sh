# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What tests in a system of their own are written with: Kukeon as it is installed, at its own places, run by systemd.
# tests/vm/part sources it and gives it TEST and PART.

export RUNTIME_DIR=/run/kukeon CNI_CONF=/etc/cni/net.d CONTAINERD_ADDRESS=/run/containerd/containerd.sock
T=/var/lib/vm-test
KUKEON_BIN=/usr/local/bin
mkdir -p $T

# shellcheck source-path=SCRIPTDIR/../e2e
. "$HERE/../e2e/lib.sh"
# shellcheck disable=SC2034 # of lib-kukeon.sh
{
	MANIFESTS=/etc/kukeon/manifests.d
	RUN_PATH=/opt/kukeon
	LIMIT=60 # everything is emulated
}
IMAGE=docker.io/library/busybox:latest
SYSTEM=(--realm kukeon-system --space kukeon --stack kukeon)

kuke() { "$KUKEON_BIN/kuke" "$@"; }
daemon_pid() { systemctl show --value -p MainPID kukeond.service; }
daemon_is_running() { systemctl is-active --quiet kukeond.service; }
daemon_log() { journalctl -b -q -o cat -u kukeond.service; }

# ---- begin and end ----

# Once, in the first boot: what a person does to install it.
install_kukeon() {
	[ ! -e $KUKEON_BIN/kukeond ] || return 0
	cp -a "$REPO/install/." /
	mkdir -p /etc/kukeon/manifests.d
	systemctl daemon-reload
	systemd-sysusers
	ctr -n kukeon-default images import "$REPO/busybox.tar" >/dev/null
	kuke init || fail "kuke init"
	sync
}

test_begin() {
	install_kukeon
	systemctl start kukeond.service
	wait_for "kukeond's answer" daemon_answers
}

# The cell of the daemon itself stays.
only_ours_is_left() { [ "$(kuke get cells -o json 2>/dev/null | jq -c '[.[].metadata.name]')" = '["kukeond"]' ]; }

test_end() {
	systemctl start kukeond.service
	remove_all_manifests
	wait_for "no cells but the daemon's own" only_ours_is_left
}

report() {
	echo "---- kuke status"
	kuke status 2>&1 | tail -n 60 || true
	echo "---- end of kukeond's log"
	daemon_log | tail -n 120 || true
}

# ---- the end of a part ----

# This goes down as a host does, and the next part runs in the next boot.
reboot() {
	passed=true
	echo "@reboot $TEST $((PART + 1))"
	systemctl reboot
	exit 2
}

# cut: the power goes, now.
cut() {
	passed=true
	echo "@cut $TEST $((PART + 1))"
	exit 2
}

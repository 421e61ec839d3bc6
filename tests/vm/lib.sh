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
	PRUNE_GRACE=1
	LIMIT=120 # everything is emulated, maybe on a machine that has more to do
}
IMAGE=docker.io/library/busybox:latest
SYSTEM=(--realm kukeon-system --space kukeon --stack kukeon)

kuke() { "$KUKEON_BIN/kuke" "$@"; }
daemon_pid() { systemctl show --value -p MainPID kukeond.service; }
daemon_is_running() { systemctl is-active --quiet kukeond.service; }
daemon_log() { journalctl -b -q -o cat -u kukeond.service; }

# ---- begin and end ----

# leaks [DOCTOR]: without one ('') when there is no daemon to be asked.
leaks() { KUKE=${1-$KUKEON_BIN/kuke} SOCKET=$SOCKET "$REPO/tests/e2e/leakcheck" | LC_ALL=C sort || true; }

# The cell of the daemon itself stays.
only_ours_is_left() { [ "$(kuke get cells -o json 2>/dev/null | jq -c '[.[].metadata.name]')" = '["kukeond"]' ]; }
nothing_more_is_left() { leaks >"$T/leaks" && cmp -s "$T/leaks" "$T/leaks.before"; }

# Once, in the first boot: what a person does to install it. The default hierarchy is there from then on.
install_kukeon() {
	[ ! -e "$T/leaks.before" ] || return 0
	cp -a "$REPO/install/." /
	mkdir -p "$MANIFESTS"
	printf 'logLevel: debug\npruneGrace: %s\n' "$PRUNE_GRACE" >/etc/kukeon/kukeond.yaml
	systemctl daemon-reload
	systemd-sysusers
	ctr -n kukeon-default images import "$REPO/busybox.tar" >/dev/null
	kuke init >"$T/init" || fail "kuke init: $(cat "$T/init")"
	drop_ready_cell first root # makes the bridge
	remove_manifest first.yaml
	wait_for "no cells but the daemon's own" only_ours_is_left
	leaks >"$T/leaks.before"
	sync
}

test_begin() {
	install_kukeon
	systemctl start kukeond.service
	wait_for "kukeond's answer" daemon_answers
}

test_end() {
	systemctl start kukeond.service
	remove_all_manifests
	wait_for "no cells but the daemon's own" only_ours_is_left
	poll_for "$LIMIT" nothing_more_is_left || fail "left behind:"$'\n'"$(diff "$T/leaks.before" "$T/leaks")"
	is_healthy || fail "kuke status: $(kuke status)"
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
	sync
	echo "@reboot $TEST $((PART + 1))"
	systemctl reboot
	exit 2
}

# The power goes, now.
power_cut() {
	passed=true
	echo "@cut $TEST $((PART + 1))"
	exit 2
}

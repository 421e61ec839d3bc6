# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For scenarios in which kuke itself sets the host up. Sourced by them; needs lib.sh.

SYSTEM=(--realm kukeon-system --space kukeon --stack kukeon)

# The machine's /etc is seen in a test host: a copy takes the group. Settings come by the environment.
init_prepare() {
	daemon_stop
	rm -rf "$RUN_PATH" "$RUNTIME_DIR"
	cp -a /etc "$T/etc"
	mount --bind "$T/etc" /etc
	sed -i '/^kukeon:/d' /etc/group /etc/gshadow
	export KUKEON_RUN_PATH=$RUN_PATH KUKEON_RUNTIME_DIR=$RUNTIME_DIR KUKEON_MANIFESTS_DIR=$MANIFESTS \
		KUKEON_CNI_CONF_DIR=$CNI_CONF KUKEON_CONTAINERD_SOCKET=$CONTAINERD_ADDRESS KUKEON_PRUNE_GRACE=$PRUNE_GRACE
	DAEMON_LOG=$RUN_PATH/kukeond.log
}

init() { "$KUKEON_BIN/kuke" init "$@"; }
uninstall() { "$KUKEON_BIN/kuke" uninstall "$@"; }

daemon_pid() { kuke version -o json 2>/dev/null | jq -r '.daemon.pid // empty'; }
daemon_pid_differs() { [ -n "$(daemon_pid)" ] && [ "$(daemon_pid)" != "$1" ]; }
assert_false() { ! "${@:2}" >/dev/null || fail "$1"; }

# Everything away again, as it was before.
init_end() {
	uninstall --yes >"$T/uninstall" 2>&1 || fail "uninstall: $(cat "$T/uninstall")"
	umount /etc
	DAEMON_LOG=$T/kukeond.log
}

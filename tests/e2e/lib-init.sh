# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For scenarios in which kuke itself sets the host up. Sourced by them; needs lib.sh.
# shellcheck disable=SC2034 # for those who source this

SYSTEM=(--realm kukeon-system --space kukeon --stack kukeon)

# The machine's /etc is seen in a test host: a copy takes the group and the settings.
init_prepare() {
	daemon_stop
	rm -rf "$RUN_PATH" "$RUNTIME_DIR"
	cp -a /etc "$T/etc"
	mount --bind "$T/etc" /etc
	sed -i '/^kukeon:/d' /etc/group /etc/gshadow
	mkdir -p /etc/kukeon
	cat >/etc/kukeon/kukeond.yaml <<-END
		runPath: $RUN_PATH
		runtimeDir: $RUNTIME_DIR
		manifestsDir: $MANIFESTS
		cniConfDir: $CNI_CONF
		containerdSocket: $CONTAINERD_ADDRESS
		pruneGrace: $PRUNE_GRACE
	END
	DAEMON_LOG=$RUN_PATH/kukeond.log
}

init() { "$KUKEON_BIN/kuke" init "$@"; }
uninstall() { "$KUKEON_BIN/kuke" uninstall "$@"; }

daemon_pid() { kuke version -o json 2>/dev/null | jq -r '.daemon.pid // empty'; }
daemon_pid_differs() { [ -n "$(daemon_pid)" ] && [ "$(daemon_pid)" != "$1" ]; }
assert_false() { ! "${@:2}" >/dev/null || fail "$1"; }

# Writes every message to the service manager into $T/notify, one a line. The socket is $T/notify.sock.
listen_for_notifications() {
	python3 -u - "$T/notify.sock" >"$T/notify" <<-'END' &
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		while True:
		    print(s.recv(4096).decode().replace("\n", " "))
	END
	LISTENER_PID=$!
	wait_for "the notify socket" test -S "$T/notify.sock"
}

was_told() { grep -qF -- "$1" "$T/notify"; }

# Everything away again, as it was before.
init_end() {
	uninstall --yes >"$T/uninstall" 2>&1 || fail "uninstall: $(cat "$T/uninstall")"
	umount /etc
	DAEMON_LOG=$T/kukeond.log
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A systemd of its own in the test host, with nothing to do but containerd and our units. Sourced by scenarios; needs
# lib.sh and lib-init.sh.

UNITS=/run/systemd-test-units

# systemd wants these to be there; what they are for on a whole system is not needed.
systemd_targets() {
	local name
	for name in sysinit basic sockets multi-user shutdown local-fs network umount; do
		printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' "$name" >"$UNITS/$name.target"
	done
	printf '[Unit]\nDefaultDependencies=no\nWants=sockets.target multi-user.target\n' >"$UNITS/default.target"
}

systemd_units() {
	mkdir -p "$UNITS"
	systemd_targets
	cat >"$UNITS/containerd.service" <<-END
		[Service]
		Type=notify
		ExecStart=/usr/bin/containerd --config $KUKEON_TEST_BASE/containerd.toml
		Delegate=yes
		KillMode=process
	END
	cp "$REPO/packaging/systemd/kukeond.socket" "$UNITS/"
	sed "s|^ExecStart=.*|ExecStart=$KUKEON_BIN/kukeond|" "$KUKEON_BIN/kukeond.service" >"$UNITS/kukeond.service"
	sed "s|^ExecStart=[^ ]*|ExecStart=$KUKEON_BIN/kukeon-log|" "$KUKEON_BIN/kukeon-log.service" >"$UNITS/kukeon-log.service"
}

# The first process in a pid namespace: /proc/sys and /dev belong to the machine, so they are made read-only and replaced. systemd logs to the console.
systemd_first_process() {
	local node
	mount --make-rprivate /
	mount --bind /proc/sys /proc/sys
	mount --bind /proc/sys/net /proc/sys/net # the test host's own: plugins write there
	mount -o remount,bind,ro /proc/sys
	mkdir -p "$T/dev"
	mount -t tmpfs -o mode=755 tmpfs "$T/dev"
	for node in null zero full random urandom tty; do
		touch "$T/dev/$node"
		mount --bind "/dev/$node" "$T/dev/$node"
	done
	mkdir "$T/dev/pts" "$T/dev/shm" "$T/dev/mqueue" "$T/dev/net"
	ln -s /proc/self/fd "$T/dev/fd"
	touch "$T/dev/console"
	mount --bind "$T/systemd.log" "$T/dev/console"
	mount --rbind "$T/dev" /dev
	exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=kukeon-test SYSTEMD_GENERATOR_PATH="$T/none" \
		SYSTEMD_UNIT_PATH="$UNITS:/etc/systemd/system" SYSTEMD_LOG_TARGET=console \
		/lib/systemd/systemd --system --unit=default.target --show-status=no --log-target=console >/dev/null 2>&1
}

systemd_is_there() { [ -S /run/systemd/private ]; }

# Needs init_prepare: /etc is a copy. It starts containerd itself.
systemd_start() {
	containerd_stop
	rm -rf /etc/systemd
	mkdir -p /etc/systemd/system "$T/none"
	: >"$T/systemd.log"
	systemd_units
	export -f systemd_first_process
	export T UNITS
	# In the cgroup where it would put itself. The one above, where it makes system.slice, may hand controllers down, and
	# then no process may enter it.
	mkdir -p /sys/fs/cgroup/init.scope
	: >"$T/systemd.start"
	(
		echo "$BASHPID" >/sys/fs/cgroup/init.scope/cgroup.procs
		exec unshare --pid --fork --mount-proc --kill-child --mount bash -c systemd_first_process
	) </dev/null >>"$T/systemd.start" 2>&1 &
	SYSTEMD_PARENT=$!
	poll_for "$LIMIT" systemd_is_there || fail "no systemd: $(cat "$T/systemd.start" "$T/systemd.log")"
	SYSTEMD_PID=$(tr -d ' ' <"/proc/$SYSTEMD_PARENT/task/$SYSTEMD_PARENT/children")
	wait_for "systemd's answer" in_systemd systemctl is-active --quiet default.target
	in_systemd systemctl start containerd.service || fail "containerd: $(cat "$T/systemd.log")"
}

# Everything of it ends with its first process.
systemd_stop() {
	kill -KILL "$SYSTEMD_PARENT"
	wait "$SYSTEMD_PARENT" 2>/dev/null || true
	wait_for "the end of systemd" process_gone "$SYSTEMD_PID"
	rm -rf /run/systemd "$UNITS"
	find /sys/fs/cgroup/init.scope /sys/fs/cgroup/system.slice -depth -type d -exec rmdir {} + 2>/dev/null || true
	containerd_start
}

# Runs a command as on the host that systemd runs.
in_systemd() { timeout 60 nsenter --target "$SYSTEMD_PID" --pid --mount -- "$@"; }

# unit_is UNIT PROPERTY VALUE
unit_is() { [ "$(in_systemd systemctl show --value -p "$2" "$1")" = "$3" ]; }

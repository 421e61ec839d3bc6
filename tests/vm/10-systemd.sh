# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Kukeon as installed, under the systemd of a whole host: started by its socket, and no restart, stop or crash of it touches
# a container.

socket_is_active() { [ "$(systemctl is-active kukeond.socket)" = active ]; }
daemon_is_stopped() { [ "$(systemctl is-active kukeond.service)" = inactive ]; }
daemon_is_new() { daemon_answers && [ "$(daemon_pid)" != 0 ] && [ "$(daemon_pid)" != "$1" ]; }

part_1() {
	local unit pid
	for unit in kukeond.service kukeond.socket; do
		assert_eq enabled "$(systemctl is-enabled $unit)" "$unit at boot"
	done
	drop_ready_cell web root sidecar
	web=$(cell_processes web)

	# Stopped, its containers go on; the next call of kuke brings it back.
	systemctl stop kukeond.service
	wait_for "its end" daemon_is_stopped
	assert_eq success "$(systemctl show --value -p Result kukeond.service)" "how it ended"
	assert_true "its socket is still there" socket_is_active
	systemctl daemon-reload
	while read -r _ pid _; do
		assert_true "process $pid goes on without the daemon" process_alive "$pid"
	done <<<"$web"
	kuke status >/dev/null || true
	wait_for "kukeond by its socket" daemon_is_running
	wait_for_cell web Ready
	assert_untouched web "$web"

	pid=$(daemon_pid)
	systemctl restart kukeond.service
	wait_for "another kukeond" daemon_is_new "$pid"
	wait_for_cell web Ready
	assert_untouched web "$web"

	pid=$(daemon_pid)
	kill -KILL "$pid"
	wait_for "another kukeond after a crash" daemon_is_new "$pid"
	wait_for_cell web Ready
	assert_untouched web "$web"

	# A containerd that systemd restarts leaves the shims alone, and so do we.
	systemctl restart containerd.service
	wait_for "containerd is seen again" runtime_is_connected
	wait_for_cell web Ready
	stays 2 "cell web untouched" assert_untouched web "$web"
}

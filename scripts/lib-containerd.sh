# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The test host's own containerd. Needs lib.sh and the variables of testhost-inside. Sourced, never run.

CONTAINERD_START_LIMIT_SECONDS=20
CONTAINERD_STOP_LIMIT_SECONDS=20

# containerd_configure BASE: no CRI, only the overlayfs snapshotter, nothing outside BASE and /run.
containerd_configure() {
	cat >"$1/containerd.toml" <<-END
		version = 2
		root = "$1/containerd"
		state = "/run/containerd"
		disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt",
		  "io.containerd.internal.v1.restart", "io.containerd.internal.v1.tracing",
		  "io.containerd.tracing.processor.v1.otlp", "io.containerd.snapshotter.v1.aufs",
		  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
		  "io.containerd.snapshotter.v1.native", "io.containerd.snapshotter.v1.zfs"]
		[grpc]
		  address = "$CONTAINERD_ADDRESS"
	END
}

containerd_answers() { ctr --connect-timeout 1s version >/dev/null 2>&1; }

containerd_answers_or_ended() { containerd_answers || process_gone "$(containerd_pid)"; }

containerd_pid() { cat "$KUKEON_TEST_BASE/containerd.pid"; }

# Does not wait until it answers.
containerd_launch() {
	containerd --config "$KUKEON_TEST_BASE/containerd.toml" </dev/null >>"$KUKEON_TEST_LOG" 2>&1 &
	echo $! >"$KUKEON_TEST_BASE/containerd.pid"
}

containerd_start() {
	containerd_launch
	if ! poll_for $CONTAINERD_START_LIMIT_SECONDS containerd_answers_or_ended || ! containerd_answers; then
		tail -n 20 "$KUKEON_TEST_LOG" >&2
		die "containerd did not start; its log is above"
	fi
}

# Containers and their shims go on without it.
containerd_stop() {
	process_stop "$(containerd_pid)" $CONTAINERD_STOP_LIMIT_SECONDS || die "containerd had to be killed"
}

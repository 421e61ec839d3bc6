# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=../e2e/lib.sh
# The life of a cell of two containers that joins a further space and leaves it, played once for each external act of the
# daemon in it, with the daemon dying by SIGKILL right before the act and right after it, and while a call to containerd is
# under way. The next daemon takes over; each life must come to the same end and leave nothing, and all acts of its daemons
# keep the rules (tests/fake/rules.h).
#
#	SCENARIO_LIMIT_SECONDS=1800 sudo -E tests/e2e/run -v tests/faults/sweep.sh
# SWEEP="first last step" plays a part, SWEEP_STEP=12 every twelfth act; SWEEP_ONLY="kill-after:17" one life, and shows its acts.
daemon_stop # the sweep starts its own

start_faulty() {
	KUKEON_FAULT=${1:-} KUKEON_FAULT_LOG=$T/acts "$KUKEON_BIN/kukeond_faults" --run-path "$RUN_PATH" \
		--manifests-dir "$MANIFESTS" --runtime-dir "$RUNTIME_DIR" --log-dir "$LOG_DIR" --socket "$SOCKET" \
		--containerd-socket "$CONTAINERD_ADDRESS" --cni-conf-dir "$CNI_CONF" --prune-grace 0 --prune-guard off --log-level debug \
		</dev/null >>"$DAEMON_LOG" 2>&1 &
	DAEMON_PID=$!
}

# A daemon that died is followed by one without a fault.
keep_daemon() {
	! process_gone "$DAEMON_PID" && return
	wait "$DAEMON_PID" 2>/dev/null || true
	deaths=$((deaths + 1))
	start_faulty
}

# until_true "what" COMMAND...
until_true() {
	local end=$(($(now_ms) + LIMIT * 1000))
	until "${@:2}"; do
		keep_daemon
		# One that starts on an empty directory does not believe it.
		[ $deaths = 0 ] || [ -e "$MANIFESTS/kept.yaml" ] || ! $removing || asks prune --yes || true
		[ "$(now_ms)" -lt "$end" ] || fail "$life: waited $LIMIT s in vain for: $1; left: $(cat "$T/leaks" 2>/dev/null || true)"
		sleep 0.01
	done
}

asks() { kuke "$@" >/dev/null 2>&1; }

# The state, and that both run with the environment of this phase.
web_runs() {
	kuke get cell web -o json 2>/dev/null | jq -e --arg env "E2E=$1" '.status.state == "Ready" and
		([.status.containers[].state] == ["Ready", "Ready"]) and .spec.containers[1].env == [$env]' >/dev/null
}
# joins_are COUNT: the addresses that web has in further spaces.
joins_are() { [ "$(object cell web | jq '[.status.joins[]?.ip // empty] | length')" = "$1" ]; }
web_is() { [ "$(cell_state web)" = "$1" ]; }
sidecar_pid() { container_field web sidecar '.status.pid | select(. > 0)'; }
finds_sidecar() { old_pid=$(sidecar_pid) && [ -n "$old_pid" ]; }
sidecar_runs_anew() { pid=$(sidecar_pid) && [ -n "$pid" ] && [ "$pid" != "$old_pid" ] && web_runs 2; }

# play FAULT: a life. Containers end at once on SIGTERM.
play() {
	life=$1 deaths=0 removing=false
	: >"$DAEMON_LOG"
	: >"$T/acts"
	start_faulty "$1"
	echo "{apiVersion: v1beta1, kind: Space, metadata: {name: db}, spec: {ipv6: true}}" | drop_manifest space.yaml
	FIELDS="networks: [db]" cell_yaml web root sidecar:1 | drop_manifest web.yaml
	until_true "Ready" web_runs 1
	until_true "in space db" joins_are 1
	cell_yaml web root sidecar:2 | drop_manifest web.yaml
	until_true "Ready after the edit" web_runs 2
	until_true "out of space db" joins_are 0
	FIELDS="networks: [db]" cell_yaml web root sidecar:2 | drop_manifest web.yaml
	until_true "in space db again" joins_are 1
	until_true "the sidecar's process" finds_sidecar
	kill -KILL "$old_pid"
	until_true "a new sidecar" sidecar_runs_anew
	until_true "kuke stop" asks stop cell web
	until_true "Stopped" web_is Stopped
	until_true "kuke start" asks start cell web
	until_true "Ready after the start" web_runs 2
	until_true "in space db after the start" joins_are 1
	echo "{apiVersion: v1beta1, kind: Realm, metadata: {name: kept}, spec: {namespace: kukeon-main}}" |
		drop_manifest kept.yaml
	rm "$MANIFESTS/web.yaml" "$MANIFESTS/space.yaml"
	until_true "it is gone" cells_are_gone
	until_true "the realm is gone" realm_is_gone default
	until_true "nothing is left" leaves_nothing_but_kept
	removing=true
	rm "$MANIFESTS/kept.yaml"
	until_true "the kept realm is gone" realm_is_gone kept
	keep_daemon
	until_true "the daemon answers" daemon_answers
	end_daemon
	"$KUKEON_BIN/check_acts" "$T/acts" >"$T/judgement" 2>&1 || fail "$life: $(cat "$T/judgement")"
}

# Its end has acts too: one that died of them is followed by one that ends in order.
end_daemon() {
	local status=0
	process_stop "$DAEMON_PID" "$LIMIT" || fail "$life: kukeond did not end on SIGTERM"
	wait "$DAEMON_PID" || status=$?
	DAEMON_PID=
	[ $status -eq 137 ] || [ $status -eq 0 ] || fail "$life: kukeond ended with $status"
	[ $status -eq 0 ] && return
	deaths=$((deaths + 1))
	start_faulty
	until_true "the daemon answers" daemon_answers
	end_daemon
}

realm_is_gone() { daemon_answers && ! kuke get realm "$1" >/dev/null 2>&1; }
leaves_nothing_but_kept() {
	leaves_nothing || [ -z "$(grep -v '/kept$' "$T/leaks")" ]
}

# A call to containerd takes its time.
during() { ! grep -qE "^[0-9]+ $1 begin rpc " "$T/first" || echo kill-during; }

if [ -n "${SWEEP_ONLY:-}" ]; then
	play "$SWEEP_ONLY"
	echo "deaths: $deaths"; cat "$T/acts"
else
	play none:0
	cp "$T/acts" "$T/first"
	acts=$(grep -c " begin " "$T/acts")
	read -r first last step <<<"${SWEEP:-1 $acts ${SWEEP_STEP:-1}}"
	lives=0
	for ((n = first; n <= last; n += step)); do
		for kind in kill-before kill-after $(during "$n"); do
			play $kind:$n
			lives=$((lives + 1))
		done
	done
	echo "$acts acts, $lives lives"
fi
daemon_start

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Orders that are taken back, that overtake each other, and that meet a look at everything.

GRACE=3

# stubborn_cell ROOT: containers a, b and c; b notes every SIGTERM and goes on.
stubborn_cell() {
	local id root
	cat <<-END
		apiVersion: v1beta1
		kind: Cell
		metadata: {name: web}
		spec:
		  containers:
	END
	for id in a b c; do
		root=false
		[ "$id" != "$1" ] || root=true
		cat <<-END
			    - id: $id
			      image: $IMAGE
			      root: $root
			      stopGracePeriodSeconds: $GRACE
			      restartBackoffSeconds: 0
			      command: /bin/sh
		END
		if [ "$id" = b ]; then
			echo '      args: ["-c", "trap \"echo TERM >>/signals\" TERM; : >/signals; while :; do sleep 3600 & wait; done"]'
		else
			echo '      args: ["-c", "trap \"exit 0\" TERM; while :; do sleep 3600 & wait; done"]'
		fi
	done
}

signals_are() { [ "$(wc -l <"/proc/$1/root/signals" 2>/dev/null)" = "$2" ]; }
has_pid() { [ "$(container_pid web "$1")" = "$2" ]; }
is_stopped() { [ "$(container_field web "$1" .status.state)" = Stopped ]; }

# ---- a stop that is taken back ----
stubborn_cell a | drop_manifest web.yaml
wait_for_cell web Ready
pid=$(container_pid web b)
wait_for "the trap" signals_are "$pid" 0
kuke stop container b --cell web >/dev/null
wait_for "the first SIGTERM" signals_are "$pid" 1
kuke start container b --cell web >/dev/null
wait_for_cell web Ready
stays $((GRACE + 2)) "b goes on" has_pid b "$pid"

# The next one begins anew: with the signal, and with its whole grace.
began=$(now_ms)
kuke stop container b --cell web >/dev/null
wait_for "the second SIGTERM" signals_are "$pid" 2
wait_for "b is killed" process_gone "$pid"
took=$(($(now_ms) - began))
[ $took -ge $((GRACE * 1000 - 200)) ] || fail "b was killed after $took ms of $GRACE s"
wait_for "b is Stopped" is_stopped b

# ---- what was asked of b stays with b, whatever its role ----
stubborn_cell b | drop_manifest web.yaml
wait_for_cell web Stopped
stays 2 "the cell of a stopped root" cell_is web Stopped
daemon_kill
daemon_start
stays 2 "the same after a crash" cell_is web Stopped
stubborn_cell a | drop_manifest web.yaml
wait_for "a runs again" pid_differs web a 0
wait_for "c runs again" pid_differs web c 0
assert_eq "" "$(container_pid web b)" "pid of b, which is stopped"
kuke start container b --cell web --wait >/dev/null
wait_for_cell web Ready

# ---- an end that meets a listing ----
while :; do kuke refresh || true; done >/dev/null 2>&1 &
refreshing=$!
for _ in {1..6}; do
	pid=$(container_pid web c)
	kill -KILL "$pid"
	wait_for_new_pid web c "$pid"
	sleep 0.$((RANDOM % 3))
done
kill $refreshing
wait $refreshing 2>/dev/null || true

# ---- edits that overtake what is being done ----
space_yaml() { printf 'apiVersion: v1beta1\nkind: Space\nmetadata: {name: swift}\nspec: {subnet: %s}\n' "$1"; }
has_subnet() { [ "$(object space swift | jq -r '.status.subnet + " " + .status.state')" = "$1 Ready" ]; }
for i in {1..4}; do
	space_yaml "10.99.$i.0/24" | drop_manifest swift.yaml
	sleep 0.0$((RANDOM % 6))
	space_yaml "10.98.$i.0/24" | drop_manifest swift.yaml
	wait_for "the subnet that was said last" has_subnet "10.98.$i.0/24"
done

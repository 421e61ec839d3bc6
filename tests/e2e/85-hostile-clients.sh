# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Clients that mean harm, or do not know better: the daemon stays small, serves the others and keeps no descriptor.
# It judges time: it runs by itself (CMakeLists.txt) and goes before the others of the machine.
CHANGES=150

# A sanitizer keeps what is freed, and shadows of all: its memory is not the product's, and not judged here.
if grep -q __asan_init "$KUKEON_BIN/kukeond"; then
	export MEMORY_MAX_KIB=$((16 << 20)) SLOWNESS=3
	echo "built with a sanitizer: memory is not judged, and time by three times as much"
fi

attack() { "$KUKEON_BIN/hostile_client" "$SOCKET" "$DAEMON_PID" "$1" || fail "attack $1"; }
is_watching() { grep -q watching "$T/watch"; }
note_is() { [ "$(cell_field web .metadata.labels.note)" = "$1" ]; }

# At the log level of every day: the rest is for reading here.
daemon_stop
DAEMON_LOG_LEVEL=info daemon_start
drop_ready_cell web root
before=$(cell_processes web)

# It opens them a while after they are made, and has then all that it will have open.
has_fifos_open() { find "/proc/$DAEMON_PID/fd" -lname "$RUN_PATH/.log/*.err" | finds .; }
wait_for "what web prints to is watched" has_fifos_open

for name in clients garbage size connections pings silence; do
	attack $name
done

# Watchers that never read, while things change.
mkfifo "$T/hold"
"$KUKEON_BIN/hostile_client" "$SOCKET" "$DAEMON_PID" watch <"$T/hold" >"$T/watch" &
watcher=$!
exec 9>"$T/hold"
wait_for "the watchers are there" is_watching
for ((i = 1; i <= CHANGES; i++)); do
	LABEL=$i drop_cell web root
	[ $((i % 10)) -ne 0 ] || wait_for "change $i is taken up" note_is $i
done
exec 9>&-
wait $watcher || fail "attack watch: $(cat "$T/watch")"
cat "$T/watch"
assert_untouched web "$before"

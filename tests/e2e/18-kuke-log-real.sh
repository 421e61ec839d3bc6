# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# kuke log beside the one that writes: what a container prints is followed line by line through rotations, a restart of the
# container and a kill of kukeon-log, each number once and in order; and is read back by tail, and of the run before.
LINES=12000

[ -x "$KUKEON_BIN/kukeon-log" ] || {
	say "skipped: there is no kukeon-log"
	return 0
}

cell_yaml web app | sed "s/^      args:.*/      args: [\"-c\", \"i=0; while [ \$i -lt $LINES ]; do i=\$((i+1)); echo line \$i; done; \
		trap 'exit 0' TERM; while :; do sleep 3600 \& wait; done\"]\n      logMaxSize: 64k\n      logMaxFiles: 20/" >"$T/web.yaml"
drop_manifest web.yaml <"$T/web.yaml"
wait_for_cell web Ready

"$KUKEON_BIN/kuke" --socket "$SOCKET" log web -c app -f >"$T/followed" &
follower=$!
count_is() { [ "$(wc -l <"$T/followed")" = "$1" ]; }
kill -KILL "$(cat "$RUN_PATH/.log/.lock")" # it is made anew, and goes on
wait_for "all lines of the first run" count_is "$LINES"
kuke restart cell web --wait >/dev/null
wait_for "all lines of the second run" count_is $((2 * LINES))
for _ in 1 2; do seq -f 'line %.0f' "$LINES"; done >"$T/expected"
cmp "$T/expected" "$T/followed" || fail "what was followed is not what was printed"
kill "$follower"
wait "$follower" 2>/dev/null || true

[ "$(find "$LOG_DIR" -name '*.log.*' | wc -l)" -gt 2 ] || fail "no file was rotated"
kuke log web -c app | cmp - <(seq -f 'line %.0f' "$LINES") || fail "the last run"
kuke log web -c app -p | cmp - <(seq -f 'line %.0f' "$LINES") || fail "the run before"
kuke log web -c app --tail 2000 | cmp - <(seq -f 'line %.0f' $((LINES - 1999)) "$LINES") || fail "the last lines"
remove_manifest web.yaml
wait_for "cell web is gone" cell_is_gone web

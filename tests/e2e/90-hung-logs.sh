# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A directory of logs that does not answer: who reads it is told, and nobody else notices.
# shellcheck source=lib-fuse.sh
. "$REPO/tests/e2e/lib-fuse.sh"

have_fuse || {
	say "skipped: there is no FUSE here"
	return 0
}

drop_ready_cell web app
dir=$LOG_DIR/default/default/default/web/app
FUSE_AT=$dir fuse_start logs silent
kuke log web -c app >"$T/said" 2>&1 &
reader=$!
for _ in 1 2 3; do within_ms 2000 kuke get cells; done
status=0
wait "$reader" || status=$?
assert_eq 1 "$status" "exit code of kuke log"
assert_contains "$(cat "$T/said")" "the directory of the logs does not answer" "what kuke log says"
within_ms 2000 kuke get cells
fuse_end logs
umount -l "$dir" 2>/dev/null || true
kuke log web -c app >/dev/null || fail "kuke log, when the directory answers again"
no_readers() { ! pgrep -x kukeond-logs >/dev/null; }
wait_for "no process is left" no_readers
remove_manifest web.yaml
wait_for "cell web is gone" cell_is_gone web

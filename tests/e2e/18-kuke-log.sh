# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# kuke log reads the files of a cell's containers: merged, by tail and time, the run before, followed through rotation and a
# next run, by a member of the socket's group; a terminal gets nothing that it would obey, a pipe every byte; a directory that
# hangs holds nobody up. The files are the test's own, of runs later than any real one.
RUN=9000000000000

dir_of() { echo "$LOG_DIR/default/default/default/web/$1"; }

# line CONTAINER FILE SECOND TEXT [STREAM]
line() { printf '2026-03-01T12:00:%02d.000000000Z %s F %b\n' "$3" "${5:-stdout}" "$4" >>"$(dir_of "$1")/$2"; }

drop_ready_cell web app side
mkdir -p "$(dir_of app)" "$(dir_of side)"
line app ${RUN}1.log 1 "from before"
line app ${RUN}2.log.1 2 "first"
line side ${RUN}2.log 3 "second" stderr
line app ${RUN}2.log 4 "third \\033[31mred\\a"
line app ${RUN}2.log 5 "fourth"

esc=$(printf '\033')
assert_eq "app  | first
side | second
app  | third ${esc}[31mred$(printf '\a')
app  | fourth" "$(kuke log web)" "all of a cell"
assert_eq "first
third ${esc}[31mred$(printf '\a')
fourth" "$(kuke logs container app --cell web)" "one container, as it was printed"
assert_eq "fourth" "$(kuke log web -c app --tail 1)" "the last line"
assert_eq "app  | first
side | second" "$(kuke log cell web --until 2026-03-01T12:00:04Z)" "until"
assert_eq "2026-03-01T12:00:05.000000000Z fourth" "$(kuke log web -c app --since 2026-03-01T12:00:05Z --timestamps)" "since"
assert_eq "from before" "$(kuke log web -c app -p)" "the run before"
assert_contains "$(kuke log web -c nobody 2>&1 || true)" 'container "nobody" not found' "a container that is not there"

# A terminal: colours of ours alone.
shown=$(script -qec "$KUKEON_BIN/kuke --socket $SOCKET log web --tail 2" /dev/null </dev/null)
assert_contains "$shown" "third ^[[31mred^G" "what a terminal shows"
assert_contains "$shown" "${esc}[36mapp  |${esc}[0m" "a coloured name"

# Followed through a rotation, and into the next run.
"$KUKEON_BIN/kuke" --socket "$SOCKET" log web -c app -f --tail 1 >"$T/followed" &
follower=$!
followed_is() { [ "$(tr '\n' ' ' <"$T/followed")" = "$1 " ]; }
wait_for "the last line" followed_is "fourth"
line app ${RUN}2.log 6 "fifth"
wait_for "a new line" followed_is "fourth fifth"
mv "$(dir_of app)/${RUN}2.log" "$(dir_of app)/${RUN}2.log.0new" && mv "$(dir_of app)/${RUN}2.log.1" "$(dir_of app)/${RUN}2.log.2"
mv "$(dir_of app)/${RUN}2.log.0new" "$(dir_of app)/${RUN}2.log.1"
line app ${RUN}2.log 7 "sixth"
wait_for "a line after the rotation" followed_is "fourth fifth sixth"
line app ${RUN}3.log 8 "seventh"
wait_for "a line of the next run" followed_is "fourth fifth sixth seventh"

# A daemon that is killed: who follows goes on with the next one.
daemon_kill
line app ${RUN}3.log 9 "eighth"
daemon_start
wait_for "a line that came while no daemon was there" followed_is "fourth fifth sixth seventh eighth"
readers() { pgrep -cx kukeond-logs || true; }
assert_eq 1 "$(readers)" "processes that read"
kill "$follower"
wait "$follower" 2>/dev/null || true
no_readers() { [ "$(readers)" = 0 ]; }
wait_for "the process to be gone with its client" no_readers

# Many lines, to somebody who never reads: the daemon holds next to nothing, and answers.
awk 'BEGIN { for (; i < 200000; i++) printf "2026-03-01T12:00:10Z stdout F %0150d\n", i }' >"$(dir_of side)/${RUN}3.log"
resident() { awk '/^VmRSS/ { print $2 }' "/proc/$DAEMON_PID/status"; }
before=$(resident)
kuke log web -c side | (sleep 2; wc -l >"$T/count") &
counting=$!
sleep 1
kuke version >/dev/null
grown=$(($(resident) - before))
[ "$grown" -lt 20000 ] || fail "kukeond grew by $grown KiB"
wait "$counting"
assert_eq 200000 "$(cat "$T/count")" "lines"

# What a container that keeps dying printed last stands in its status, and where somebody waited for it in vain.
cell_yaml dying app | sed 's/^      args:.*/      args: ["-c", "echo out of luck; exit 7"]/' | drop_manifest dying.yaml
mkdir -p "$LOG_DIR/default/default/default/dying/app"
printf '2026-03-01T12:00:00Z stdout F out of luck\n' >"$LOG_DIR/default/default/default/dying/app/${RUN}1.log"
dying_says() { { kuke status cell dying || true; } | grep -A2 'Container app printed last' | grep '^  out of luck' >/dev/null; }
wait_for "its last words in its status" dying_says
assert_contains "$(kuke wait cell dying --timeout 2s 2>&1 || true)" "  out of luck" "what kuke wait says"
remove_manifest dying.yaml
wait_for "cell dying is gone" cell_is_gone dying

# Who follows a cell that goes is told its end.
"$KUKEON_BIN/kuke" --socket "$SOCKET" log web -f --tail 1 >"$T/followed" &
follower=$!
wait_for "lines" test -s "$T/followed"
remove_manifest web.yaml
wait_for "cell web is gone" cell_is_gone web
wait "$follower" || fail "kuke log -f did not end with 0 when the cell was gone"
wait_for "no process is left" no_readers
rm -rf "${LOG_DIR:?}"

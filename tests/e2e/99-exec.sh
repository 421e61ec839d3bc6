# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# kuke exec: exit codes, bytes as they are, the end of input, signals, terminals; nothing is left when the client or the daemon is
# killed, many run at once, and one whose output nobody reads takes no memory.
EXECS=$RUN_PATH/.exec

drop_ready_cell web root side
KX=("$KUKEON_BIN/kuke" --socket "$SOCKET" exec web -c root)
kx() { "${KX[@]}" "$@"; }
# code EXPECTED WORDS...: the exit code of kuke exec.
code() {
	local code=0
	kx "${@:2}" >"$T/out" 2>"$T/err" </dev/null || code=$?
	assert_eq "$1" "$code" "the exit code of ${*:2}: $(<"$T/err")"
}
# runs MARK: a process with the variable MARK is there. cmdline will do: the marks are numbers to sleep.
runs() { grep -qsz "^$1\$" /proc/[0-9]*/cmdline; }
ended() { ! runs "$1"; }
nothing_of_it() { [ -z "$(ls -A "$EXECS" 2>/dev/null)" ]; }

# What is left of one stands in the doctor's list, and goes with it.
mkdir -p "$EXECS/kukeond-1-1-1"
ln -s kukeon-default/default_default_web_root "$EXECS/kukeond-1-1-1/of"
mkfifo "$EXECS/kukeond-1-1-1/out"
assert_contains "$(kuke doctor 2>&1 || true)" "kukeond-1-1-1" "what the doctor finds"
kuke doctor --fix >/dev/null 2>&1 || true
assert_true "the doctor leaves a command" nothing_of_it

# Exit codes: the command's own, what a shell says of one that cannot be run, ours.
code 0 -- true
code 7 -- sh -c 'exit 7'
code 2 -- sh -c 'exit 2'
assert_eq "" "$(<"$T/err")" "what kuke says of a command that ended with 2"
code 143 -- sh -c 'kill -TERM $$'
code 127 -- no-such-command
assert_contains "$(<"$T/err")" no-such-command "why"
code 126 -- /etc
code 126 -w /no/such/place -- true
code 125 -t -- true
assert_contains "$(<"$T/err")" "no terminal" "-t without a terminal"
code 125 -c nobody -- true
code 125
kuke exec web -- true 2>"$T/err" && fail "a container was guessed"
assert_contains "$(<"$T/err")" "root, side" "which there are"

# As the container: its user, groups, variables and rights; and as somebody else.
assert_eq "out" "$(kx -- sh -c 'echo out; echo err >&2' 2>"$T/err")" "standard output"
assert_eq "err" "$(<"$T/err")" "standard error"
assert_eq "root web a" "$(kx -e MARK=a -- sh -c 'echo $E2E $KUKEON_CELL $MARK')" "variables"
rights() { grep -E '^(Cap|NoNew|Seccomp:|Groups|Uid)' /proc/"$1"/status; }
assert_eq "$(rights "$(container_pid web root)")" "$(kx -- grep -E '^(Cap|NoNew|Seccomp:|Groups|Uid)' /proc/self/status)" "rights"
assert_eq "1000:1000 /tmp" "$(kx -u 1000:1000 -w /tmp -- sh -c 'echo $(id -u):$(id -g) $(pwd)')" "another user"
code 125 -u nobody-of-that-name -- true

# 20 MB there and back, byte by byte; the end of input; a child that keeps the output open.
head -c 20000000 /dev/urandom >"$T/bytes"
kx -i -- cat <"$T/bytes" | cmp - "$T/bytes" || fail "the bytes are not the same"
assert_eq 3 "$(printf 'a\nb\nc\n' | kx -i -- wc -l | tr -d ' ')" "lines until the end of input"
assert_eq 0 "$(kx -- wc -c </etc/passwd | tr -d ' ')" "input without -i"
start=$(now_ms)
assert_eq said "$(kx -- sh -c 'sleep 7301 & echo said')" "with a child in the background"
[ $(($(now_ms) - start)) -lt 8000 ] || fail "it waited for a child in the background"
wait_for "nothing of it" nothing_of_it

# A signal goes to the command, and its end comes back.
"${KX[@]}" -- sh -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done' >"$T/out" &
pid=$!
wait_for "the command runs" grep -q up "$T/out"
kill -TERM $pid
rc=0; wait $pid || rc=$?
assert_eq 9 $rc "the code of a command that was told to end"

# A terminal: its size, before and after it changed, ^C, and the terminal as it was.
cat >"$T/terminal.py" <<'END'
import fcntl, os, pty, select, signal, struct, sys, termios, time
def size(fd, rows, columns): fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
pid, fd = pty.fork()
if pid == 0:
    while struct.unpack('HHHH', fcntl.ioctl(0, termios.TIOCGWINSZ, b'\0' * 8))[0] != 33: time.sleep(0.01)
    os.execvp(sys.argv[1], sys.argv[1:])
size(fd, 33, 101)
text = b''
def until(word):
    global text
    end = time.time() + 15
    while word not in text:
        if time.time() > end: sys.exit('no %r in %r' % (word, text))
        if select.select([fd], [], [], 0.2)[0]: text += os.read(fd, 65536)
    text = text[text.index(word) + len(word):]
before = termios.tcgetattr(fd)
os.write(fd, b'stty -echo; echo rea""dy\n')
until(b'ready')
assert termios.tcgetattr(fd)[3] != before[3], 'the terminal is not raw'
os.write(fd, b'stty size; echo $TERM\n')
until(b'33 101')
size(fd, 44, 77)
os.write(fd, b'while [ "$(stty size)" != "44 77" ]; do :; done; echo resized\n')
until(b'resized')
os.write(fd, b'echo sl""eeps; sleep 7302\n')
until(b'sleeps')
time.sleep(0.3)
os.write(fd, b'\x03')
os.write(fd, b'echo co""de $?\n')
until(b'code 130')
os.write(fd, b'exit 5\n')
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
assert code == 5, code
assert termios.tcgetattr(fd)[3] == before[3], 'the terminal is not as it was'
END
if command -v python3 >/dev/null; then
	TERM=xterm python3 "$T/terminal.py" "$KUKEON_BIN/kuke" --socket "$SOCKET" exec web -c root -it -- sh || fail "a terminal"
fi

# The client is killed: so is the command, and one that does not care for SIGHUP.
for mark in 7303 7304; do
	"${KX[@]}" -- sh -c "[ $mark = 7303 ] || trap '' HUP; exec sleep $mark" &
	pid=$!
	wait_for "the command runs" runs $mark
	kill -KILL $pid
	wait $pid || true
	wait_for "the command ends with its client" ended $mark
done
wait_for "nothing of them" nothing_of_it

# One that nobody reads: the command waits, the daemon does not grow.
mkfifo "$T/unread"
rss() { awk '/^VmRSS/ {print $2}' "/proc/$DAEMON_PID/status"; }
before=$(rss)
"${KX[@]}" -- sh -c 'exec cat /dev/zero' >"$T/unread" &
pid=$!
exec 8<"$T/unread"
wait_for "the command runs" runs /dev/zero
sleep 1
[ $(($(rss) - before)) -lt 8192 ] || fail "kukeond grew from $before to $(rss) KiB"
kill -KILL $pid
exec 8<&-
wait $pid || true
wait_for "the command ends" ended /dev/zero

# 100 at once.
pids=()
for ((i = 0; i < 100; i++)); do
	"${KX[@]}" -- sh -c "exit $((i % 50))" </dev/null >/dev/null 2>"$T/err.$i" &
	pids+=($!)
done
for ((i = 0; i < 100; i++)); do
	rc=0; wait "${pids[i]}" || rc=$?
	assert_eq $((i % 50)) $rc "the code of one among 100: $(<"$T/err.$i")"
done
wait_for "nothing of them" nothing_of_it

# The daemon is killed: the next one takes away what it left, and the cell runs on.
processes=$(cell_processes web)
"${KX[@]}" -- sh -c 'exec sleep 7305' &
pid=$!
wait_for "the command runs" runs 7305
daemon_kill
rc=0; wait $pid || rc=$?
assert_eq 125 $rc "the code without a daemon"
runs 7305 || fail "the command ended with the daemon: this test shows nothing"
daemon_start
wait_for "the command is gone" ended 7305
wait_for "nothing of it" nothing_of_it
assert_untouched web "$processes"
# It stops: so does the command.
"${KX[@]}" -- sh -c 'exec sleep 7306' 2>/dev/null &
pid=$!
wait_for "the command runs" runs 7306
daemon_stop
wait $pid || true
ended 7306 || fail "the command outlived the daemon"
daemon_start
wait_for_cell web Ready
grep -q "7305\|no-such-command" "$DAEMON_LOG" && fail "a command stands in the log"
true

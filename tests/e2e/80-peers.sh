# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Who may speak to kukeond is asked at every connection, whatever the mode of its socket has become; and the socket's file
# comes back when it was removed.

# as GROUPS COMMAND...: as nobody who has these groups as well.
as() { setpriv --reuid 65534 --regid 65534 --groups "$1" --no-new-privs "${@:2}"; }
answers() { kuke status >/dev/null; }

# A way to the socket, and a program that anybody may execute.
install -m 755 "$KUKEON_BIN/kuke" "/tmp/kuke.$$"
chmod 755 "$RUNTIME_DIR"
getent group kukeon >/dev/null && fail "this host has the group already"
groupadd -g 4711 kukeon
daemon_stop
daemon_start

drop_ready_cell web root
before=$(cell_processes web)
assert_eq "660 kukeon" "$(stat -c '%a %G' "$SOCKET")" "the socket"
as 4711 "/tmp/kuke.$$" --socket "$SOCKET" status >/dev/null || fail "a member of the group is refused"
chmod 666 "$SOCKET"
status=0
as 65534 "/tmp/kuke.$$" --socket "$SOCKET" delete cell web --cascade >"$T/refused" 2>&1 || status=$?
assert_eq 1 "$status" "kuke of nobody"
assert_contains "$(cat "$T/refused")" "does not speak to user 65534; run as root or join the group kukeon" "what it says"
as 4711 "/tmp/kuke.$$" --socket "$SOCKET" status >/dev/null || fail "a member of the group is refused at mode 666"
rm "/tmp/kuke.$$"

rm "$SOCKET"
wait_for "the socket to come back" answers
assert_eq "660 kukeon" "$(stat -c '%a %G' "$SOCKET")" "the new socket"
mv "$SOCKET" "$SOCKET.old"
wait_for "and when it was moved away" answers
rm "$SOCKET.old"
assert_untouched web "$before"
daemon_stop
assert_true "in the end it is taken away" test ! -e "$SOCKET"
groupdel kukeon
daemon_start

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Whoever starts kukeond or calls kuke init may have a umask that keeps everything to himself, signals that he ignores or
# blocks, and no standard input: users in containers read their name files all the same, what is made for the host is for
# the host, programs are waited for, and SIGTERM ends the daemon.
. "$(dirname "${BASH_SOURCE[0]}")/lib-init.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib-network.sh"
reads() { in_container plain main cat "$1" >/dev/null || fail "$1 cannot be read in the container"; }
mode_is() { assert_eq "$1" "$(stat -c %a "$2")" "mode of $2"; }

daemon_stop
rm -rf "$RUN_PATH" "$RUNTIME_DIR"
# shellcheck disable=SC2016 # the inner shell expands
DAEMON_WRAPPER=(bash -c 'exec env --ignore-signal=CHLD,TERM,HUP,INT --block-signal=TERM,CHLD "$@" <&- ' -)
umask 077
exec 9>"$T/held" # as the lock of a cron job
daemon_start
exec 9>&-
umask 022
DAEMON_WRAPPER=()
lets_go() { [ -z "$(find "/proc/$1/fd" -lname "$T/held")" ]; }
assert_true "the daemon keeps nothing of its starter's open" lets_go "$DAEMON_PID"
assert_eq "0000000000000000 fffffffe3780ba00" "$(awk '/^Sig(Blk|Ign):/ { print $2 }' "/proc/$DAEMON_PID/status" | xargs)" \
	"signals blocked and ignored (all that would end it and say nothing)"
for signal in USR1 USR2 ALRM VTALRM PROF IO PWR STKFLT XCPU XFSZ RTMIN RTMAX; do
	kill -s $signal "$DAEMON_PID"
done
kuke status >/dev/null || fail "kukeond does not answer after signals that mean nothing"
drop_manifest plain.yaml <<END
apiVersion: v1beta1
kind: Cell
metadata: {name: plain}
spec:
  containers: [{id: main, image: $IMAGE, command: sleep, args: ["3600"], user: "1000:1000", stopSignal: KILL}]
END
wait_for_cell plain Ready
for file in hosts hostname resolv.conf; do
	reads /etc/$file
done
mode_is 755 "$RUN_PATH"
mode_is 755 "$RUNTIME_DIR"
mode_is 644 "$(space_conflist)"
remove_manifest plain.yaml
wait_for "cell plain is gone" cell_is_gone plain


# Where there is no standard output, nothing that is opened takes its place.
status=0
kuke status >&- 2>"$T/err" || status=$?
assert_eq "1 kuke: write to standard output: Bad file descriptor" "$status $(cat "$T/err")" "kuke without standard output"

init_prepare # SIGTERM ends the daemon
umask 077
exec 9>"$T/held"
init >"$T/out" 2>&1 || fail "init: $(cat "$T/out")"
exec 9>&-
umask 022
assert_true "the daemon keeps nothing of its caller's open" lets_go "$(daemon_pid)"
mode_is 755 "$RUN_PATH"
mode_is 755 "$RUNTIME_DIR"
mode_is 660 "$SOCKET"
init_end

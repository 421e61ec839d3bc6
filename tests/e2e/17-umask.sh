# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Whoever starts kukeond or calls kuke init may have a umask that keeps everything to himself: users in containers read
# their name files all the same, and what is made for the host is for the host.
. "$(dirname "${BASH_SOURCE[0]}")/lib-init.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib-network.sh"
reads() { in_container plain main cat "$1" >/dev/null || fail "$1 cannot be read in the container"; }
mode_is() { assert_eq "$1" "$(stat -c %a "$2")" "mode of $2"; }

daemon_stop
rm -rf "$RUN_PATH" "$RUNTIME_DIR"
umask 077
daemon_start
umask 022
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

init_prepare
umask 077
init >"$T/out" 2>&1 || fail "init: $(cat "$T/out")"
umask 022
mode_is 755 "$RUN_PATH"
mode_is 755 "$RUNTIME_DIR"
mode_is 660 "$SOCKET"
init_end

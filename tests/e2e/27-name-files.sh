# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The files that names are looked up in: on a read-only root filesystem, in an image without /etc, replaced by the
# manifest, with a host name; and resolv.conf, which follows the host's.

# file_cell NAME IMAGE FIELDS: a cell of one container; FIELDS are lines of its spec.
file_cell() {
	drop_manifest "$1.yaml" <<-END
		apiVersion: v1beta1
		kind: Cell
		metadata: {name: $1}
		spec:
		  containers:
		    - id: main
		      image: $2
		      command: sleep
		      args: ["3600"]
		      stopSignal: KILL
		      ${3//$'\n'/$'\n      '}
	END
}

inside() { in_container "$1" main "${@:2}"; }
etc() { echo "/proc/$(container_pid "$1" main)/root/etc"; }
resolved() { inside "$1" ping -c 1 -W 1 "$2" 2>/dev/null | sed -n '1s/^PING .* (\([0-9.]*\)).*/\1/p' || true; }
finds() { [ "$(resolved "$1" "$2")" = "$(cell_ip "$2")" ]; }
says() { [ "$(cat "$(etc "$1")/resolv.conf")" = "$2" ]; }
cannot_write() { ! inside "$1" sh -c "echo >>$2" 2>/dev/null; }

# An /etc of the host's own, to be changed here.
mkdir "$T/etc"
cp -a /etc/. "$T/etc"
daemon_stop
mount --bind "$T/etc" /etc
cat >"$T/etc/resolv.conf.new" <<END
# a stub, and a real one
nameserver 127.0.0.53
nameserver 192.0.2.1
search a.example
options ndots:2
END
mv "$T/etc/resolv.conf.new" /etc/resolv.conf
daemon_start

echo "192.0.2.9 mine" >"$T/own-hosts"
file_cell plain "$IMAGE" ""
file_cell closed "$IMAGE" "readOnlyRootFilesystem: true"
file_cell bare docker.io/library/busybox:bare ""
file_cell bare-closed docker.io/library/busybox:bare "readOnlyRootFilesystem: true"
file_cell named "$IMAGE" "hostname: db-1.example.org"
file_cell own "$IMAGE" "volumes: [{source: $T/own-hosts, target: /etc/hosts}]"
for cell in plain closed bare bare-closed named own; do
	wait_for_cell $cell Ready
done
for cell in plain closed bare bare-closed named; do
	for other in plain own bare-closed; do
		wait_for "cell $cell finds cell $other" finds $cell $other
	done
	assert_true "resolv.conf of cell $cell" says $cell "nameserver 192.0.2.1
search a.example
options ndots:2"
done
assert_eq "$(cell_ip named)" "$(resolved named db-1.example.org)" "its own host name"
assert_eq "192.0.2.9 mine" "$(cat "$(etc own)/hosts")" "a hosts file of its own"
assert_true "the resolvers are not a container's to change" cannot_write plain /etc/resolv.conf
assert_true "hosts on a read-only root filesystem" cannot_write closed /etc/hosts

# The host's change, in place and without a restart.
before=$(cell_processes plain) inode=$(stat -c %i "$(etc plain)/resolv.conf")
echo "nameserver 192.0.2.77" >/etc/resolv.conf
wait_for "the new resolver" says plain "nameserver 192.0.2.77"
wait_for "and in every cell" says bare-closed "nameserver 192.0.2.77"

# A stub on loopback keeps a list of the real ones; its directory may come later.
ln -sfn ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
wait_for "none that can be reached" says plain ""
wait_for "it is said" grep -qF "cells have no resolver" "$DAEMON_LOG"
assert_eq Warning "$(kuke doctor -o json | jq -r '.checks[] | select(.name == "resolvers") | .result')" "what the doctor says"
mkdir -p /run/systemd/resolve
echo "nameserver 127.0.0.53" >/run/systemd/resolve/stub-resolv.conf
echo "nameserver 192.0.2.5" >/run/systemd/resolve/resolv.conf
wait_for "the real one" says plain "nameserver 192.0.2.5"
daemon_kill
echo "nameserver 192.0.2.6" >/run/systemd/resolve/resolv.conf
daemon_start
wait_for "what changed meanwhile" says plain "nameserver 192.0.2.6"
assert_eq "$inode" "$(stat -c %i "$(etc plain)/resolv.conf")" "the file of cell plain"
assert_untouched plain "$before"

daemon_stop
umount /etc
daemon_start

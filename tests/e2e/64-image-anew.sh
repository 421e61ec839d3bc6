# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The name of an image comes to stand for another one: whoever is started or restarted by request takes that, what runs,
# crashes or comes back after a restart of the daemon keeps its own. Which one it is stands in the status.
NAME=docker.io/library/moving:1

means() { ctr -n kukeon-default images tag --force "$1" $NAME >/dev/null; }
digest_of() { ctr -n kukeon-default images ls "name==$1" | awk 'NR == 2 { print $3 }'; }
digest() { container_field web "${1:-root}" .status.imageDigest; }
runs() { [ "$(digest "${2:-root}")" = "$1" ] && cell_is web Ready; }

drop_ready_cell other a # the images are there with the realm
first=$(digest_of "$IMAGE") second=$(digest_of "$USERS_IMAGE")
assert_ne "$first" "$second" "digests of two images"
means "$IMAGE"
cell_yaml web root b | sed "s|$IMAGE|$NAME|" | drop_manifest web.yaml
wait_for_cell web Ready
assert_eq "$first" "$(digest)" "image at first"

# What runs keeps it, and what crashes is the same one again.
means "$USERS_IMAGE"
before=$(cell_processes web)
kuke refresh
assert_untouched web "$before"
for container in b root; do
	killed=$(container_pid web $container)
	kill -KILL "$killed"
	wait_for_new_pid web $container "$killed"
	assert_eq "$first" "$(digest $container)" "image of $container after a crash"
done
daemon_stop
daemon_start
wait_for "web runs as before" runs "$first"

# A container of its own, by restart; then the whole cell.
kuke restart container b --cell web --wait >/dev/null
wait_for "b has the new image" runs "$second" b
assert_eq "$first" "$(digest)" "image of the root beside it"
kuke restart cell web --wait >/dev/null
wait_for "the cell has the new image" runs "$second"
in_container web root test -e /etc/group || fail "it does not run the new image"
assert_eq "$second" "$(container_field web root .status.imageDigest)" "digest in get -o yaml"

# By stop and start, and with the daemon away in between.
means "$IMAGE"
kuke stop cell web --wait >/dev/null
daemon_stop
daemon_start
kuke start cell web >/dev/null
wait_for "the cell has the first image again" runs "$first"
assert_eq "$first" "$(digest b)" "image of b"

# The name is gone: what was made from it before is used, and what it is can still be read.
ctr -n kukeon-default images rm --sync $NAME >/dev/null
before=$(container_pid web root)
kuke restart cell web --wait >/dev/null
wait_for_new_pid web root "$before"
assert_eq "$first" "$(digest)" "image without its name"
grep -q 'starts again with what it was made from' "$DAEMON_LOG" || fail "nothing says so"

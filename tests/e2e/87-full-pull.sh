# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# An image for which containerd's filesystem has no room: its cell says so, what runs is not touched, and with room the cell comes up.
# What is given up leaves nothing.
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/lib-small.sh"
. "$REPO/scripts/lib-registry.sh"
missing=$(registry_missing) && { echo "skipped: $missing"; exit 0; }
BASE=localhost:5000/team

# made NAME MIB: busybox, and a layer that does not fit.
made() {
	head -c "$2M" /dev/urandom >"$T/data"
	tar -C "$T" -cf "$T/data.tar" data
	"$REPO/tests/e2e/image-archive" "$T/image.tar" "$1" '{"Env": ["PATH=/bin"]}' "$T/base/$(jq -r '.[0].Layers[0]' "$T/base/manifest.json")" \
		"$T/data.tar"
	registry_push_archive "$1" "$T/image.tar"
}

# What was there before, and nothing else.
content() {
	ctr -n kukeon-default content ls -q
	ctr -n kukeon-default content active | sed 1d
	ctr -n kukeon-default leases ls -q
	ctr -n kukeon-default images ls -q
	ctr -n kukeon-default snapshots ls | awk 'NR > 1 { print $1 }'
}
left() { content | LC_ALL=C sort | LC_ALL=C comm -13 "$T/before" -; }
nothing_left() { [ -z "$(left)" ]; }
reason_is() { [ "$(cell_field "$1" .status.reason)" = "$2" ]; }

drop_ready_cell web root
kuke image save busybox -f "$T/saved.tar"
mkdir "$T/base"
tar -C "$T/base" -xf "$T/saved.tar"
registry_start 5000
made $BASE/fetched:1 40  # its layer has no room
made $BASE/unpacked:1 10 # its layer has, but not what is in it
remove_manifest web.yaml
wait_for "cell web is gone" cell_is_gone web
small_begin 16384 4000
drop_ready_cell web root
content | LC_ALL=C sort >"$T/before"
web=$(cell_processes web)

for image in fetched unpacked; do
	IMAGE=$BASE/$image:1 drop_cell $image root
	wait_for "$image says that there is no room" cell_mentions $image "no space left on device"
	say "$image: $(cell_field $image .status.reason): $(cell_field $image .status.message)"
	kuke image pull $BASE/$image:1 >"$T/pulled" 2>&1 && fail "$image was pulled"
	assert_contains "$(<"$T/pulled")" "no space left on device" "what pull says"
	remove_manifest $image.yaml
	wait_for "cell $image is gone" cell_is_gone $image
	poll_for $LIMIT nothing_left || fail "left of $image: $(left)"
done
assert_untouched web "$web"

IMAGE=$BASE/fetched:1 drop_cell late root
wait_for "late says that there is no room" cell_mentions late "no space left on device"
small_grow 200m
LIMIT=60 wait_for_cell late Ready
assert_untouched web "$web"

remove_manifest late.yaml
wait_for "cell late is gone" cell_is_gone late
kuke image prune --yes >/dev/null 2>&1
small_end
registry_stop 5000

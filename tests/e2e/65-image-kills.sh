# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# One pull of many layers, while the daemon is killed again and again, and the registry too: what has come is not fetched
# again, half a layer goes on where it was, and in the end the image runs and nothing of all that is left.
. "$REPO/scripts/lib-registry.sh"
missing=$(registry_missing) && { echo "skipped: $missing"; exit 0; }
command -v zstd >/dev/null || { echo "skipped: zstd is missing"; exit 0; }
NAME=localhost:5000/team/big:1 KILLS=15 LAYERS=16 RATE=$((4 << 20)) # it takes 4 s when it is let alone

make_layers() {
	local i packs=("" gzip: zstd:)
	kuke image save busybox -f "$T/saved.tar"
	mkdir "$T/base" "$T/data"
	tar -C "$T/base" -xf "$T/saved.tar"
	layers=("$T/base/$(jq -r '.[0].Layers[0]' "$T/base/manifest.json")")
	for ((i = 0; i < LAYERS; i++)); do
		head -c 1M /dev/urandom >"$T/data/$i"
		tar -C "$T" -cf "$T/$i.tar" "data/$i"
		layers+=("${packs[i % 3]}$T/$i.tar")
	done
}

# Names of what containerd has. Nothing that is under way.
blobs() { ctr -n kukeon-default content ls -q | LC_ALL=C sort; }
snapshots() { ctr -n kukeon-default snapshots ls | awk 'NR > 1 { print $1 }' | LC_ALL=C sort; }
ingests() { ctr -n kukeon-default content active | sed 1d; }
something_comes() { [ -n "$(ingests)" ]; }
part_has_come() { ingests | awk '$2 !~ /^0/' | finds .; }
no_lease() { [ -z "$(ctr -n kukeon-default leases ls -q)" ]; }
as_before() { [ "$(blobs)$(snapshots)" = "$before" ]; }
reason_is() { [ "$(cell_field "$1" .status.reason)" = "$2" ]; }

# Since the last look, what was whole then was not asked for.
asked=0
: >"$T/whole"
look_at_requests() {
	tail -n "+$((asked + 1))" "$T/asked" | sed -n 's|^GET .*/blobs/\(sha256:[0-9a-f]*\).*|\1|p' | LC_ALL=C sort -u >"$T/again"
	assert_eq "" "$(LC_ALL=C comm -12 "$T/whole" "$T/again")" "whole blobs that were fetched again"
	asked=$(wc -l <"$T/asked")
	blobs >"$T/whole"
}

# ---- the image, and nothing of it but in the registry ----

drop_ready_cell other a
before=$(blobs)$(snapshots)
make_layers
"$REPO/tests/e2e/image-archive" "$T/image.tar" $NAME '{"Env": ["PATH=/bin"]}' "${layers[@]}"
registry_start 5001
ctr -n pushed images import --no-unpack "$T/image.tar" >/dev/null
NAMESPACE_OF_IMAGES=pushed registry_push localhost:5001/team/big:1 $NAME --plain-http
ctr -n pushed images rm --sync $NAME >/dev/null
"$REPO/tests/e2e/slow-proxy" 5000 5001 $RATE >"$T/asked" &
proxy=$!
wait_for "the way to the registry" registry_listens 5000

# ---- kills ----

IMAGE=$NAME cell_yaml web root | drop_manifest web.yaml
wait_for "a layer under way" something_comes
wait_for "PullingImage" reason_is web PullingImage
unfinished=0
for ((i = 0; i < KILLS; i++)); do
	sleep "0.$((RANDOM % 5))$((RANDOM % 10))"
	daemon_kill
	[ -z "$(ctr -n kukeon-default images ls -q "name==$NAME")" ] && unfinished=$((unfinished + 1))
	look_at_requests
	[ $i -ne 7 ] || registry_stop 5001 KILL
	daemon_launch
	[ $i -ne 7 ] || wait_for "RegistryUnreachable" reason_is web RegistryUnreachable
	[ $i -ne 7 ] || registry_start 5001
done
echo "$unfinished of $KILLS kills came before it was whole"
[ "$unfinished" -ge $((KILLS / 2)) ] || fail "only $unfinished kills came before the image was whole"

# ---- the registry goes in the middle of a layer, under a daemon that stays ----

wait_for "the daemon" daemon_answers
kuke image pull $NAME >"$T/pulled" 2>&1 &
pull=$!
wait_for "a part of a layer" part_has_come
registry_stop 5001 KILL
wait_for "a pause" grep -q "^waits " "$T/pulled"
registry_start 5001
wait $pull || fail "the pull did not go on when the registry was back: $(tail -n 3 "$T/pulled")"
wait_for_cell web Ready
look_at_requests
assert_eq $((LAYERS + 1)) "$(grep -o 'blobs/sha256:[0-9a-f]*' "$T/asked" | sort -u | wc -l)" "blobs that were asked for: its own layers and the config"
grep -q '^Range: bytes=[1-9]' "$T/asked" || fail "no layer went on where it was"
in_container web root cat "/data/$((LAYERS - 1))" | cmp - "$T/data/$((LAYERS - 1))" || fail "the last layer is not as it was made"

# ---- nothing is left of it ----

wait_for "no lease" no_lease
assert_eq "" "$(ingests)" "ingests"
kuke doctor >/dev/null || fail "the doctor finds something: $(kuke doctor)"
remove_manifest web.yaml
wait_for "cell web is gone" cell_is_gone web
kuke image remove $NAME >/dev/null
wait_for "what was there before, and nothing else" as_before
kill $proxy
wait $proxy || true
registry_stop 5001

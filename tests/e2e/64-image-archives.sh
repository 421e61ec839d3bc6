# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# kuke image: what a realm has is listed, named, saved, loaded again from files and pipes, packed or not, and removed unless a
# cell uses it. Archives that are wrong are refused with the reason, and nothing of them is left.
for tool in gzip zstd; do
	command -v $tool >/dev/null || { echo "skipped: $tool is missing"; exit 0; }
done
NAMESPACE=kukeon-spare

names() { kuke image list --realm "${1:-default}" -o name; }
digest_of() { kuke image list --realm "$2" -o json | jq -r --arg name "$1" '.[] | select(.name == $name).digest'; }
blobs() { ctr -n "$NAMESPACE" content ls -q | LC_ALL=C sort; }
left() {
	ctr -n "$NAMESPACE" leases ls -q
	ctr -n "$NAMESPACE" content active | sed 1d
	ctr -n "$NAMESPACE" images ls -q
}

drop_ready_cell web root
kuke create realm spare >/dev/null
kuke wait realm spare --timeout 20s >/dev/null
assert_contains "$(kuke image list)" "busybox:latest " "the list"
assert_contains "$(kuke image inspect busybox)" "default/default/default/web" "who uses the image"
config=$(kuke image inspect busybox -o json | jq -r .config)
assert_eq linux "$(jq -r .os <<<"$config")" "the config of the image"

# A name of ours, saved and loaded into the other realm: the same again, byte by byte.
kuke image tag busybox tools:1 >/dev/null
kuke image save tools:1 busybox:users -f "$T/saved.tar"
kuke image save busybox:users tools:1 | cmp - "$T/saved.tar" || fail "the same images are not the same archive"
kuke image load --realm spare -f "$T/saved.tar" >"$T/loaded"
assert_contains "$(<"$T/loaded")" 'Image "docker.io/library/tools:1": loaded sha256:' "what was loaded"
assert_eq "$(digest_of docker.io/library/tools:1 default)" "$(digest_of docker.io/library/tools:1 spare)" "the digest"
kuke image save --realm spare tools:1 busybox:users | cmp - "$T/saved.tar" || fail "what was loaded is not what was saved"

# As docker save has it, with links between layers, through pipes and packed.
mkdir "$T/docker"
tar -C "$T/docker" -xf "$T/saved.tar"
(cd "$T/docker" && rm oci-layout index.json && mkdir old && layer=$(jq -r '.[0].Layers[0]' manifest.json) &&
	ln -s "../$layer" old/layer.tar && jq -c '.[0].Layers[0] = "old/layer.tar"' manifest.json >m && mv m manifest.json)
for pack in cat "gzip -1" "zstd -1 -q"; do
	kuke image remove --realm spare tools:1 busybox:users >/dev/null
	tar -C "$T/docker" -c . | $pack | kuke image load --realm spare >/dev/null
	assert_eq $'docker.io/library/busybox:users\ndocker.io/library/tools:1' "$(names spare)" "names, packed by $pack"
done
cat >"$T/parents.yaml" <<-END
	apiVersion: v1beta1
	kind: Cell
	metadata: {name: loaded}
	spec: {realmId: spare, containers: [{id: root, image: "tools:1", command: /bin/sleep, args: ["3600"]}]}
END
kuke apply -f "$T/parents.yaml" --wait --timeout 60s >/dev/null || fail "a cell of the loaded image does not run"

# What is used stays, the rest goes when it is asked for.
kuke image remove --realm spare tools:1 2>"$T/refused" && fail "an image that a cell runs was removed"
assert_contains "$(<"$T/refused")" "is used by cell spare/default/default/loaded" "why"
kuke image prune --realm spare 2>"$T/sum" | finds busybox:users || fail "prune does not show what it would remove"
assert_contains "$(<"$T/sum")" "1 image would go and free up to" "what it would free"
kuke image prune --realm spare --yes >/dev/null 2>&1
assert_eq docker.io/library/tools:1 "$(names spare)" "what was not used is gone, and nothing else"
kuke delete cell loaded --realm spare --cascade --wait >/dev/null
kuke image prune --realm spare --yes >/dev/null 2>&1
wait_for "an empty realm" test -z "$(blobs)"

# refused WHAT WORDS: the archive on standard input is refused in these words, and leaves nothing.
refused() {
	kuke image load --realm spare 2>"$T/why" >/dev/null && fail "$1 was loaded"
	assert_contains "$(<"$T/why")" "$2" "$1"
	assert_eq "" "$(blobs)$(left)" "what $1 left"
}
hostile() { rm -rf "$T/hostile" && cp -r "$T/docker" "$T/hostile" && cd "$T/hostile"; }
(hostile && tar -cf "$T/h.tar" --transform 's|^|../|' -P manifest.json) && refused "a name out of it" "leads out of the archive" <"$T/h.tar"
(hostile && ln -sf /etc/passwd link && tar -cf "$T/h.tar" .) && refused "a link out of it" "link out of the archive" <"$T/h.tar"
(hostile && rm -r old && tar -cf "$T/h.tar" .) && refused "half an image" "is missing" <"$T/h.tar"
(hostile && truncate -s 1T sparse && tar -Scf "$T/h.tar" .) && refused "a file of a terabyte" "are not taken" <"$T/h.tar"
(hostile && head -c 10M /dev/zero | tr '\0' ' ' >manifest.json && tar -cf "$T/h.tar" .) && refused "a large manifest" "more than 4194304 bytes" <"$T/h.tar"
(hostile && cd blobs/sha256 && for blob in *; do printf x >>"$blob"; done && cd ../.. && tar -cf "$T/h.tar" .) &&
	refused "other bytes than its names say" "has the digest" <"$T/h.tar"
head -c 200M /dev/zero >"$T/zeros" && tar -C "$T" -c zeros | gzip -9 >"$T/bomb.tar.gz" && refused "a bomb" "no archive of images" <"$T/bomb.tar.gz"
head -c 100000 "$T/saved.tar" >"$T/h.tar" && refused "what was cut off" "the archive" <"$T/h.tar"
refused "nothing" "no tar" </dev/null
mkdir "$T/many" && (cd "$T/many" && python3 - <<-'END' >"$T/h.tar"
	import sys, tarfile
	tar = tarfile.open(fileobj=sys.stdout.buffer, mode="w|")
	for i in range(100001):
	    tar.addfile(tarfile.TarInfo("d%d" % i))
	tar.close()
END
) && refused "a hundred thousand entries" "more than" <"$T/h.tar"

# Who goes in the middle leaves nothing either.
mkfifo "$T/fifo"
"$KUKEON_BIN/kuke" --socket "$SOCKET" image load --realm spare <"$T/fifo" >/dev/null 2>&1 &
loader=$!
exec 9>"$T/fifo"
head -c 500000 "$T/saved.tar" >&9
loads() { ctr -n "$NAMESPACE" leases ls -q | finds ^kukeon-load-; }
wait_for "a load under way" loads
kill -KILL $loader
wait $loader 2>/dev/null || true
exec 9>&-
no_load() { ! loads && [ -z "$(blobs)$(left)" ]; }
wait_for "the end of it" no_load
kuke image remove tools:1 >/dev/null
assert_untouched web "$(cell_processes web)"

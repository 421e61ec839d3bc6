# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# What is unpacked of an image is what ctr unpacks of it: whiteouts, opaque directories, links, extended attributes, owners and
# modes, of 1 to 64 layers (where their directories do not fit into a page), packed in whatever way; and of one layer of 300 MiB.
. "$REPO/scripts/lib-registry.sh"
missing=$(registry_missing) && { echo "skipped: $missing"; exit 0; }
command -v zstd >/dev/null || { echo "skipped: zstd is missing"; exit 0; }
BASE=localhost:5000/team PACKS=("" gzip: zstd:) LARGE_MIB=300

# listing NAMESPACE IMAGE
listing() {
	local at=$T/mounted
	mkdir -p "$at"
	ctr -n "$1" images mount "$2" "$at" >/dev/null
	"$REPO/tests/e2e/tree-listing" "$at"
	ctr -n "$1" images unmount --rm "$at" >/dev/null
	ctr -n "$1" leases delete "$at" 2>/dev/null || true
}

made() { "$REPO/tests/e2e/image-archive" "$T/image.tar" "$1" '{}' "${@:2}"; }

pulled() {
	registry_push_archive "$1" "$T/image.tar"
	kuke image pull "$1" >"$T/pulled" 2>&1 || fail "$1: $(tail -n 3 "$T/pulled")"
}

loaded() { kuke image load -f "$T/image.tar" >"$T/loaded" 2>&1 || fail "$1: $(tail -n 3 "$T/loaded")"; }

# holds TEXT: in the listing.
holds() { grep -qF -- "$1" "$T/ours" || fail "not unpacked as it should be: $1"; }
holds_not() { grep -qF -- "$1" "$T/ours" && fail "unpacked, and should not be there: $1" || true; }

compare() {
	ctr -n imported images import "$T/image.tar" >/dev/null
	listing kukeon-default "$1" >"$T/ours"
	listing imported "$1" >"$T/theirs"
	diff "$T/theirs" "$T/ours" >"$T/differs" || fail "$1: $(head -n 20 "$T/differs")"
}

drop_ready_cell other a
registry_start 5000
mkdir "$T/layers"
"$REPO/tests/e2e/tree-layers" "$T/layers"
layers=()
for file in "$T"/layers/*.tar; do
	layers+=("${PACKS[${#layers[@]} % 3]}$file")
done
for n in 1 3; do
	made $BASE/tree:$n "${layers[@]:0:n}"
	pulled $BASE/tree:$n
	compare $BASE/tree:$n
done
made $BASE/tree:64 "${layers[@]}"
loaded $BASE/tree:64
compare $BASE/tree:64
kuke image remove $BASE/tree:64 >/dev/null

# Both could be wrong in the same way.
listing kukeon-default $BASE/tree:3 >"$T/ours"
holds "'./gone/other' -rw"
holds "'./bin/set' -rwsr-sr-x"
holds "'./bin/able' -rwx------ 0 0 8 1000000000000000000"
holds "'./owned' drwx------ 1 2"
holds "'./owned/large-ids' -rw-r--r-- 3000000 4000000"
holds "-> '../../../../outside'"
holds "'./linked/two' -rw-r--r-- 0 0 9"
holds "'./null' crw-rw-rw- 0 0 0 1000000000000000000 1:3"
holds "'./opaque/stays-a-name' -rw-r--r-- 0 0 3"
holds_not "'./opaque/old'"
holds_not "'./opaque/below"
holds_not "'./opaque/new'"
holds_not "'./gone-dir/deep"
holds_not "'./three'"
holds_not ".wh."
listing kukeon-default $BASE/tree:1 >"$T/ours"
holds "'security.capability': '0100000200200000000000000000000000000000'"

# ---- one large layer ----

mkdir "$T/large"
head -c 1M /dev/urandom >"$T/large/file"
truncate -s ${LARGE_MIB}M "$T/large/file"
tar -C "$T/large" -cf "$T/large.tar" file
made $BASE/large:1 "zstd:$T/large.tar"
rm "$T/large.tar"
pulled $BASE/large:1
listing kukeon-default $BASE/large:1 >"$T/ours"
holds "'./file' -rw-r--r-- 0 0 $((LARGE_MIB << 20))"
holds "$(sha256sum "$T/large/file" | cut -d ' ' -f 1)"

kuke image prune --yes >/dev/null 2>&1
ctr -n imported images rm $BASE/tree:64 $BASE/tree:1 $BASE/tree:3 >/dev/null
rm -r "$T/large" "$T/layers"
remove_manifest other.yaml
registry_stop 5000

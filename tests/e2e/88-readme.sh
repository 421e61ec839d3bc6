# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# README.md is true: its manifest runs on the image that it names, which has nothing in it but busybox (here under the name of
# :plain), and every command with a prompt prints what stands there.
PLAIN=docker.io/library/busybox:plain
mkdir "$T/readme" "$T/image"
ctr -n kukeon-default images mount $PLAIN "$T/image" >/dev/null
assert_eq "" "$(find "$T/image" -maxdepth 1 -name 'www*')" "a page in the plain image"
ctr -n kukeon-default images unmount --rm "$T/image" >/dev/null
assert_contains "$(cat "$REPO/README.md")" "image: busybox" "README.md"
sed -E "s#(-image|image:) busybox#\1 $PLAIN#" "$REPO/README.md" >"$T/README.md"
(
	cd "$T/readme"
	export PATH=$KUKEON_BIN:$PATH KUKEON_SOCKET=$SOCKET
	"$REPO/tests/e2e/page" "$T/README.md"
) || fail "the README"
for object in "stack default" "space default" "realm default"; do
	# shellcheck disable=SC2086 # kind and name
	kuke delete $object --wait
done

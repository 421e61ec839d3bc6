# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# docs/tutorial.md is true: every command of it, in order, prints what the page says.
mkdir "$T/tutorial"
(
	cd "$T/tutorial"
	export PATH=$KUKEON_BIN:$PATH KUKEON_SOCKET=$SOCKET
	"$REPO/tests/e2e/page" "$REPO/docs/tutorial.md"
) || fail "the tutorial"
for object in "stack default" "space default" "realm default"; do
	# shellcheck disable=SC2086 # kind and name
	kuke delete $object --wait
done

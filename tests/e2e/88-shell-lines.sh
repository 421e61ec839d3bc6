# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# README.md and docs/ are true: every command line that stands there is run as printed, or says in shell-lines.list why
# not. What has a prompt is played by 88-readme and 88-tutorial, with what it prints.
mkdir -p "$T/bin" "$T/home" "$T/pages/blog" "$T/pages/monitoring"
printf '#!/bin/sh\nexec "$@"\n' >"$T/bin/sudo" # a test host has none
chmod +x "$T/bin/sudo"

cd "$T/pages"
LABEL=a cell_yaml web app side | sed 's/note: "a"/tier: front/' >cell.yaml
cell_yaml post a >blog/post.yaml
cell_yaml graph a >monitoring/graph.yaml
cp "$REPO/manifests.d/hello-world.yaml" .
grep -q stopGrace hello-world.yaml || sed -i 's/^\( *\)image: .*/&\n\1stopGracePeriodSeconds: 1/' hello-world.yaml
{
	cat cell.yaml
	echo ---
	cell_yaml db a
	printf -- '---\napiVersion: v1beta1\nkind: Space\nmetadata: {name: lab}\nspec: {realmId: main}\n---\n'
	cat hello-world.yaml
} >"$T/all.yaml"

# What was stopped or deleted comes back; what is there already costs nothing.
cat >"$T/restore" <<-END
	kuke apply -f $T/all.yaml && kuke start cell web db && kuke apply -f $T/all.yaml --wait
END
(
	export PATH=$T/bin:$KUKEON_BIN:$PATH KUKEON_SOCKET=$SOCKET MANIFESTS HOME=$T/home
	"$REPO/tests/e2e/shell-lines" "$REPO/tests/e2e/shell-lines.list" "bash $T/restore" "$REPO/README.md" "$REPO"/docs/*.md
) || fail "a command line of the documentation"
cd "$T"

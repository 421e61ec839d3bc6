# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# What loses its declaration in a way that is not believed is held: nothing healthy dies, kuke status says so, and it
# ends when it is declared again or let go.
cells="one two three four"
for cell in $cells; do drop_cell "$cell" root; done
for cell in $cells; do wait_for_cell "$cell" Ready; done
before=$(for cell in $cells; do cell_processes "$cell"; done)

n_held() { kuke status -o json | jq '[.held[]?] | length'; }
held_are() { [ "$(n_held)" = "$1" ]; }
is_held() { [ "$(kuke get cell "$1" -o json | jq -r '.status.held // ""')" != "" ]; }
is_not_held() { ! is_held "$1"; }
report() { kuke status 2>&1 || true; }
source_is() { [ "$(cell_field "$1" .status.source)" = "$2" ]; }
untouched() { assert_eq "$before" "$(for cell in $cells; do cell_processes "$cell"; done)" "processes after $1"; }

# ---- the directory is emptied, at once and one after the other ----

mkdir "$T/kept"
cp "$MANIFESTS"/*.yaml "$T/kept"
rm -f "$MANIFESTS"/*.yaml
wait_for "all are held" held_are 4
assert_true "kuke status exits 1" is_unhealthy
assert_contains "$(report)" "4 of 4 cells" "kuke status"
assert_contains "$(kuke events cell one 2>&1)" "Held" "kuke events"
cp "$T/kept/one.yaml" "$MANIFESTS/"
wait_for "one is declared again" is_not_held one
drop_cell unrelated root
wait_for_cell unrelated Ready
echo "# nothing" | drop_manifest comment.yaml
wait_for "the comment is read" manifest_has_error comment.yaml "no document"
stays $((PRUNE_GRACE + 1)) "three are held" held_are 3
untouched "the first file came back"
remove_manifest comment.yaml
remove_manifest unrelated.yaml # goes on as usual
wait_for "the unrelated cell is gone" cell_is_gone unrelated

daemon_stop
daemon_start
wait_for "three are held over a restart" held_are 3
cp "$T"/kept/*.yaml "$MANIFESTS/"
wait_for "all are declared again" held_are 0
for cell in $cells; do wait_for_cell "$cell" Ready; done
untouched "a restart and their return"

for cell in $cells; do
	rm "$MANIFESTS/$cell.yaml"
	sleep 0.03
done
wait_for "all are held" held_are 4
untouched "one went after the other"
kuke delete cell four --cascade >/dev/null || fail "what is held cannot be deleted on purpose"
wait_for "four is gone" cell_is_gone four
cells="one two three"
before=$(for cell in $cells; do cell_processes "$cell"; done)
cp "$T"/kept/{one,two,three}.yaml "$MANIFESTS/"
wait_for "all are declared again" held_are 0

# ---- a text that is not understood may hold it ----

rm "$MANIFESTS/one.yaml"
sleep 0.2
echo "kind: Cell: [" >"$MANIFESTS/one.yaml"
sed 's/image:/imgae:/' "$T/kept/two.yaml" >"$MANIFESTS/moved.yaml"
rm "$MANIFESTS/two.yaml"
wait_for "both are kept" held_are 2
assert_contains "$(kuke prune)" "moved.yaml" "kuke prune"
stays $((PRUNE_GRACE + 1)) "both are kept" held_are 2
untouched "files that are back and broken"
cp "$T/kept/one.yaml" "$MANIFESTS/"
mv "$T/kept/two.yaml" "$MANIFESTS/moved.yaml"
wait_for "both are declared again" held_are 0
untouched "their mending"

# ---- links and mounts ----

mkdir -p "$T/srv/rev1"
cp "$T/kept/three.yaml" "$T/srv/rev1/"
ln -s "$T/srv/rev1" "$MANIFESTS/current"
rm "$MANIFESTS/three.yaml"
wait_for "three is current's" source_is three manifest:current/three.yaml
rm -rf "$T/srv/rev1"
wait_for "three is held" is_held three
assert_contains "$(report)" "current" "kuke status names the link"
mkdir "$T/srv/rev2"
cp "$T/kept/three.yaml" "$T/srv/rev2/"
ln -sfn "$T/srv/rev2" "$MANIFESTS/current"
wait_for "three is declared again" is_not_held three
mkdir "$MANIFESTS/site"
mount -t tmpfs -o mode=755 none "$MANIFESTS/site"
mv "$MANIFESTS/one.yaml" "$MANIFESTS/site/"
wait_for "one is the site's" source_is one manifest:site/one.yaml
umount "$MANIFESTS/site"
wait_for "one is held" is_held one
mv "$T/kept/one.yaml" "$MANIFESTS/site/"
wait_for "one is declared again" is_not_held one
mount -t tmpfs -o mode=755 none "$MANIFESTS/site" # over it, which no event tells
wait_for "one is held" is_held one
umount "$MANIFESTS/site"
wait_for "one is declared again" is_not_held one
untouched "links and mounts"

# ---- let go ----

rm -rf "${MANIFESTS:?}"/*
wait_for "all are held" held_are 3
kuke prune --yes nothing.yaml >"$T/out" 2>&1 && fail "pruned what is not there"
assert_contains "$(cat "$T/out")" "nothing.yaml" "the error"
kuke prune --yes site >/dev/null || fail "kuke prune --yes DIRECTORY"
wait_for "one is gone" cell_is_gone one
kuke prune --yes cell two >/dev/null || fail "kuke prune --yes KIND NAME"
wait_for "two is gone" cell_is_gone two
assert_true "three is held" held_are 1
kuke prune --yes >/dev/null || fail "kuke prune --yes"
wait_for "three is gone" cell_is_gone three

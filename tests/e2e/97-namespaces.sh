# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A realm in a namespace of containerd that was there before: it is somebody's, and stays as it was when the realm goes,
# also when nothing is in it. One that was made for the realm goes with it.
labels_of() { ctr namespaces list | awk -v name="$1" '$1 == name { print $2 }'; }
has_namespace() { ctr namespaces list -q | finds -x "$1"; }
realm_in() {
	printf 'apiVersion: v1beta1\nkind: Realm\nmetadata: {name: %s}\nspec: {namespace: %s}\n' "$1" "$2" |
		drop_manifest "realm-$1.yaml"
}
realm_is() { object realm "$1" | jq -e --arg state "$2" '.status.state == $state' >/dev/null; }
realm_is_gone() { ! kuke get realm "$1" >/dev/null 2>&1 && daemon_answers; }
remove_realm() {
	remove_manifest "realm-$1.yaml"
	wait_for "realm $1 is gone" realm_is_gone "$1"
}

ctr namespaces create empty
ctr namespaces create full team=theirs
"$REPO/scripts/busybox-image" --import full
full=$(labels_of full)
for name in empty full new; do
	realm_in $name $name
	wait_for "realm $name is Ready" realm_is $name Ready
	assert_contains "$(labels_of $name)" kukeon.io "labels of namespace $name"
done

# It is known over starts, and when the realm is seen to again.
daemon_kill
daemon_start
for name in empty full new; do
	wait_for "realm $name is Ready again" realm_is $name Ready
done

for name in empty full new; do
	remove_realm $name
done
assert_true "a namespace that was there, and is empty, stays" has_namespace empty
assert_eq "" "$(labels_of empty)" "labels of namespace empty"
assert_eq "$full" "$(labels_of full)" "labels of namespace full"
has_namespace new && fail "the namespace that was made for a realm is left"

# Once more, and again nothing is left of us.
realm_in again empty
wait_for "realm again is Ready" realm_is again Ready
remove_realm again
assert_eq "" "$(labels_of empty)" "labels of namespace empty, the second time"
ctr -n full images list -q | xargs ctr -n full images remove --sync >/dev/null
full_is_removed() { ctr namespaces remove full >/dev/null 2>&1; } # when what belonged to the image is collected
wait_for "nothing of ours to be in the way of taking it away" full_is_removed
ctr namespaces remove empty >/dev/null

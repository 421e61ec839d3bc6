# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Documents as long as they may be: what was accepted is there after a crash, a stop too, and what kuke prints it takes
# again, however much it is.

# labels COUNT CHARACTER: so many labels with 4000 of it each.
labels() {
	local value number
	value=$(printf "%4000s" "" | tr ' ' "$2")
	for ((number = 0; number < $1; number++)); do
		printf '    l%d: "%s"\n' "$number" "$value"
	done
}

# Each tab is two bytes once it is stored: twice what a manifest may have.
{
	printf 'apiVersion: v1beta1\nkind: Cell\nmetadata:\n  name: web\n  labels:\n'
	labels 255 $'\t'
	cell_yaml web a | sed -n '/^spec:/,$p'
} | drop_manifest web.yaml
wait_for_cell web Ready
drop_ready_cell other a
other=$(cell_processes other)
kuke stop cell web --wait
wait_for_cell web Stopped
daemon_kill
daemon_start
wait_for "the manifests are read" manifest_is_known web.yaml
wait_for_cell web Stopped
stays 1 "cell web stopped" cell_is web Stopped
assert_eq "" "$(find "$RUN_PATH" -name '*.damaged')" "damaged files"
assert_eq $((255 * 4000)) "$(object cell web | jq '[.metadata.labels[] | length] | add')" "text of the cell"
kuke start cell web --wait
wait_for_cell web Ready

# More than a request may hold, and more than a manifest.
for realm in r1 r2 r3 r4 r5 r6; do
	printf -- '---\napiVersion: v1beta1\nkind: Realm\nmetadata:\n  name: %s\n  labels:\n' $realm
	labels 220 $'\t'
done >"$T/realms.yaml"
kuke apply -f "$T/realms.yaml" >"$T/out" 2>&1 || fail "apply of long realms: $(cut -c 1-200 "$T/out")"
assert_eq 6 "$(grep -c ': created' "$T/out")" "realms created"
for format in yaml json; do
	kuke get realms -o $format >"$T/list.$format"
	kuke apply -f - <"$T/list.$format" >"$T/out" 2>&1 || fail "apply of all realms: $(cut -c 1-200 "$T/out")"
	assert_eq 7 "$(grep -c ': unchanged' "$T/out")" "realms unchanged, as $format"
done
assert_untouched other "$other"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Files that are no manifests: each is named with what is wrong, nothing else is disturbed, the daemon stays small.
drop_ready_cell other a
other=$(cell_processes other)

resident_kib() { awk '/^VmRSS:/ { print $2 }' "/proc/$DAEMON_PID/status"; }

# refuse "what" PART: bad.yaml is there already
refuse() {
	wait_for "$1: refused" manifest_has_error bad.yaml "$2"
	assert_true "$1: kuke status exits 1" is_unhealthy
	assert_untouched other "$other"
	remove_manifest bad.yaml
	wait_for "$1: forgotten" manifest_is_unknown bad.yaml
}

alias_bomb() {
	local name previous=x
	echo "x: &x [y, y, y, y, y, y, y, y, y, y]"
	for name in a b c d e f g h i; do
		echo "$name: &$name [*$previous, *$previous, *$previous, *$previous, *$previous, *$previous, *$previous, *$previous]"
		previous=$name
	done
}

before=$(resident_kib)
{
	cell_yaml bad a
	head -c 2097152 /dev/zero | tr '\0' '#'
} | drop_manifest bad.yaml
refuse "a file of 2 MiB" 1048576

alias_bomb | drop_manifest bad.yaml
refuse "an alias bomb" 10000

# Few nodes; each alias is the whole file again.
text_bomb() {
	cell_yaml bad a
	printf 'nonsense:\n- &a "'
	head -c 900000 /dev/zero | tr '\0' x
	printf '"\n'
	printf -- '- *a\n%.0s' {1..9000}
}
text_bomb | drop_manifest bad.yaml
refuse "an alias bomb of text" 2097152

printf '%%TAG !t%d! x\n' {1..60000} | drop_manifest bad.yaml
refuse "a file of directives" directives

printf -- '--- [\n%.0s' {1..150000} | drop_manifest bad.yaml
refuse "broken documents without end" "not valid YAML"

head -c 4096 /dev/urandom | drop_manifest bad.yaml
refuse "binary junk" bad.yaml

printf '\0\0\0\0' | drop_manifest bad.yaml
refuse "zeros" bad.yaml

drop_manifest bad.yaml </dev/null
refuse "an empty file" bad.yaml

mkdir "$T/directory"
cp "$MANIFESTS/other.yaml" "$T/directory/inner.txt"
mv "$T/directory" "$MANIFESTS/bad.yaml"
refuse "a directory" directory

printf '{%.0s' {1..2000} | drop_manifest bad.yaml
refuse "deep nesting" bad.yaml

grown=$(($(resident_kib) - before))
# With AddressSanitizer what was freed counts too.
grep -q __asan_init "$KUKEON_BIN/kukeond" || [ $grown -lt 16384 ] || fail "kukeond grew by $grown KiB"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Documents that are wrong, each refused with a message that says what and where, and nothing else disturbed.
drop_ready_cell other a
other=$(cell_processes other)
long=$(printf 'a%.0s' {1..64})

# refuse "what" LINE PART...: standard input is refused at that line (0: any) with a message that has every part.
refuse() {
	local part
	drop_manifest bad.yaml
	wait_for "$1: refused" manifest_has_error bad.yaml bad.yaml
	[ "$2" = 0 ] || assert_true "$1: names line $2" manifest_has_error bad.yaml "bad.yaml:$2:"
	for part in "${@:3}"; do
		assert_true "$1: says $part" manifest_has_error bad.yaml "$part"
	done
	assert_true "$1: kuke status exits 1" is_unhealthy
	assert_true "$1: no cell comes of it" cell_is_gone bad
	assert_untouched other "$other"
	remove_manifest bad.yaml
	wait_for "$1: forgotten" manifest_is_unknown bad.yaml
}

line_of() { cell_yaml bad a b | grep -n -m 1 "$1" | cut -d : -f 1; }

cell_yaml bad a | sed 's/^spec:/spec:\n\tx: 1/' | refuse "a tab" $(($(line_of spec:) + 1)) tab
cell_yaml bad a | sed 's/image:/imgae:/' | refuse "an unknown field" "$(line_of image:)" spec.containers '"image"'
cell_yaml bad a | sed 's/stopGracePeriodSeconds: 1/stopGracePeriodSeconds: soon/' |
	refuse "a wrong type" "$(line_of stopGrace)" stopGracePeriodSeconds
cell_yaml bad a | sed 's/args: .*/args: 7/' | refuse "a scalar for a list" "$(line_of args:)" args
FIELDS="root: true" cell_yaml bad a b | refuse "two roots" 0 root
cell_yaml bad a | sed 's/^spec:/spec:\n  rootContainerId: nobody/' | refuse "a root that is not there" 0 nobody
cell_yaml a/b a | refuse "a name with a slash" "$(line_of name:)" a/b
cell_yaml .. a | refuse "a name of two dots" "$(line_of name:)" ..
cell_yaml "$long" a | refuse "a name of 64 bytes" "$(line_of name:)" 63
cell_yaml bad a | sed 's/kind: Cell/kind: Cel/' | refuse "an unknown kind" "$(line_of kind:)" Cel
cell_yaml bad ../../x | refuse "a container name with dots" 0 ../../x
text=$(cell_yaml bad a) # sed could not be started with so long an argument either
printf '%s\n' "${text/E2E=a/E2E=$(printf 'a%.0s' {1..140000})}" |
	refuse "a variable that no kernel takes" 0 'containers[0].env[0]' 140004 131071
cell_yaml bad a a | refuse "two containers of one name" 0 a

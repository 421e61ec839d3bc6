# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A space whose cniConfigPath changes takes its conflist along: it is where it is declared and nowhere else, and cells that
# are attached notice nothing.
# shellcheck source=lib-network.sh
. "$HERE/lib-network.sh"
SPACE=lab
# lab_in DIRECTORY: "" for the daemon's own.
lab_in() {
	printf 'apiVersion: v1beta1\nkind: Space\nmetadata: {name: lab}\nspec: {realmId: default%s}\n' \
		"${1:+, cniConfigPath: $1}" | drop_manifest lab.yaml
}
lab() { object space lab | jq -r ".status.$1 // empty"; }
conflists() { find "$T" -name 'default-lab.conflist' | LC_ALL=C sort | paste -sd ' '; }
is_only_in() { [ "$(conflists)" = "$1/default-lab.conflist" ] && [ "$(lab conflist)" = "$1/default-lab.conflist" ]; }

mkdir "$T/one" "$T/two"
lab_in "$T/one"
drop_cell web root
wait_for_cell web Ready --space lab
ip=$(cell_ip web --space lab) subnet=$(lab subnet) web=$(cell_processes web --space lab)
assert_true "the conflist is there" is_only_in "$T/one"

moved_to() {
	wait_for "the conflist is in $1 alone" is_only_in "$1"
	wait_for_cell web Ready --space lab
	assert_eq "$web" "$(cell_processes web --space lab)" "processes after moving to $1"
	assert_eq "$ip $subnet" "$(cell_ip web --space lab) $(lab subnet)" "address and range after moving to $1"
}

echo other >"$T/one/other.conf"
lab_in "$T/two"
moved_to "$T/two"
assert_eq other "$(cat "$T/one/other.conf")" "what is others'"
lab_in ""
moved_to "$CNI_CONF"
lab_in "$T/one"
moved_to "$T/one"

# It changes while nobody watches, and the one who moves it is killed.
daemon_stop
lab_in "$T/two"
daemon_launch
kill -KILL "$DAEMON_PID"
wait "$DAEMON_PID" || true
daemon_start
moved_to "$T/two"

# A directory that is not there any more holds nothing.
rm -r "$T/one"
lab_in "$T/three"
moved_to "$T/three"
rm -r "$T/three"
lab_in "$T/two"
moved_to "$T/two"

remove_manifest web.yaml
wait_for "cell web is gone" cell_is_gone web --space lab
remove_manifest lab.yaml
no_conflist() { [ -z "$(conflists)" ]; }
wait_for "the conflist is gone" no_conflist

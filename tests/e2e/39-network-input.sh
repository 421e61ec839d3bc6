# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Bad input to networks, one by one: manifests, conflists and plugins. Each is answered in words that say what and where,
# nothing else is disturbed, and what can be put right comes up.
mkdir "$T/bin"
cat >"$T/bridge" <<-'END'
	#!/bin/bash
	# The bridge plugin, which spoils its ADD for one space as the file "mode" tells.
	here=$(dirname "$0")
	input=$(cat)
	if [ "$CNI_COMMAND" = ADD ] && [[ $input == *'"name":"default-bad"'* ]]; then
		case $(cat "$here/../mode") in
		hang) sleep 300 ;;
		junk) echo "panic: \"}{" && exit 0 ;;
		dies) echo "panic: oh no" >&2 && exit 2 ;;
		flood) head -c 100M /dev/zero && exit 0 ;;
		stderr) head -c 100M /dev/zero >&2 && exit 1 ;;
		nothing) exit 0 ;;
		esac
	fi
	for dir in /opt/cni/bin /usr/lib/cni; do
		[ ! -x $dir/bridge ] || exec $dir/bridge <<<"$input"
	done
END
chmod +x "$T/bridge"
cp "$T/bridge" "$T/bin/bridge"
for dir in /opt/cni/bin /usr/lib/cni; do
	[ ! -x $dir/host-local ] || ln -sf $dir/host-local "$T/bin/host-local"
done
# shellcheck disable=SC2317 # runs kukeond
with_bin_dir() { exec "$@" --cni-bin-dir "$T/bin"; }
# shellcheck disable=SC2034 # of daemon_launch
DAEMON_WRAPPER=(with_bin_dir)
daemon_stop
daemon_start

publish() { FIELDS="ports: [$2]" drop_cell "$1" root; }

publish other '"8080:80"'
wait_for_cell other Ready
other=$(cell_processes other)

# ---- manifests that are refused, by kuke apply and from a file alike ----

# refuse "what" WORDS: standard input.
refuse() {
	local said status=0
	cat >"$T/document"
	said=$(kuke apply -f "$T/document" 2>&1) || status=$?
	assert_ne 0 $status "exit code of kuke apply: $1"
	assert_contains "$said" "$2" "kuke apply: $1"
	drop_manifest bad.yaml <"$T/document"
	wait_for "$1: refused" manifest_has_error bad.yaml "$2"
	remove_manifest bad.yaml
	wait_for "$1: forgotten" manifest_is_unknown bad.yaml
	assert_untouched other "$other"
}

space_yaml() { echo "{apiVersion: v1beta1, kind: Space, metadata: {name: bad}, spec: {$1}}"; }

while IFS='|' read -r subnet words; do
	space_yaml "subnet: \"$subnet\"" | refuse "subnet $subnet" "spec.subnet: \"$subnet\" $words"
done <<-'END'
	10.120.0.0|is not an IPv4 range; expected one such as 10.88.0.0/16
	10.120.0.0/33|is not an IPv4 range
	10.120.0.0/16; rm|is not an IPv4 range
	10.120.0.7/16|is an address inside a range, did you mean "10.120.0.0/16"?
	10.120.0.0/31|is of the wrong size; expected /8 to /29
	0.0.0.0/0|is of the wrong size
	127.0.0.0/8|is reserved
END

while IFS='|' read -r ports words; do
	FIELDS="ports: [$ports]" cell_yaml bad root | refuse "ports $ports" "$words"
done <<-'END'
	"0:80"|spec.containers[0].ports[0]: "0:80": "0" is not a port of the host; expected 1 to 65535
	"70000:80"|"70000" is not a port of the host
	"81:0"|"0" is not a port of the cell
	"81:70000"|"70000" is not a port of the cell
	"81"|does not say which port of the host leads to it
	"81:80/sctp"|"sctp" is not a protocol; expected tcp or udp
	"somewhere:81:80"|"somewhere" is not an address of this host
	"81:80", "127.0.0.1:81:8080"|ports[1]: "127.0.0.1:81:8080": this port of the host is published by
END

while IFS='|' read -r networks words; do
	FIELDS="networks: [$networks]" cell_yaml bad root | refuse "networks $networks" "$words"
done <<-'END'
	"a/b/c"|spec.containers[0].networks[0]
	"../x"|spec.containers[0].networks[0]
	""|spec.containers[0].networks[0]
END

# ---- manifests that are right by themselves and do not fit the others ----

space_says() { object space "$1" | jq -r '.status | "\(.state) \(.reason // "") \(.message // "")"'; }
space_says_so() { [[ $(space_says bad) == *"$1"* ]]; }
space_is_ready() { [[ $(space_says "$1") == "Ready "* ]]; }
space_is_gone() { ! kuke get space "$1" >/dev/null 2>&1 && daemon_answers; }

range=$(object space default | jq -r .status.subnet)
ip link add theirs type bridge
ip addr add 10.121.3.1/24 dev theirs
ip link set theirs up
while IFS='|' read -r subnet words; do
	space_yaml "subnet: $subnet" | drop_manifest bad.yaml
	wait_for "$subnet: $words" space_says_so "NetworkFailed"
	assert_contains "$(space_says bad)" "$words" "space with subnet $subnet"
	remove_manifest bad.yaml
	wait_for "space bad is gone" space_is_gone bad
done <<-END
	$range|overlaps space default/default
	${range%/*}/24|overlaps space default/default
	10.121.0.0/16|on theirs
END
ip link delete theirs

FIELDS='ports: ["127.0.0.1:8080:80"]' cell_yaml bad root >"$T/document"
status=0
said=$(kuke apply -f "$T/document" 2>&1) || status=$?
assert_ne 0 $status "exit code of kuke apply of a port that another cell has"
assert_contains "$said" "default/default/default/other" "kuke apply of a port that another cell has"
publish bad '"127.0.0.1:8080:80"'
cell_says() { cell_mentions bad "$1"; }
wait_for "the port is another's" cell_says PortConflict
assert_true "it names the owner" cell_says other
FIELDS='networks: [nowhere]' drop_cell bad root
wait_for "the space is unknown" cell_says SpaceUnknown
assert_true "it names the space" cell_says nowhere
remove_manifest bad.yaml
wait_for "cell bad is gone" cell_is_gone bad
assert_untouched other "$other"

# ---- a conflist that cannot be isolated ----

# conflist BRIDGE: of space bad, as an earlier kukeond may have written it, or another hand.
conflist() {
	jq --arg bridge "$1" '.name = "default-bad" | .kukeon.space = "default/bad" | .plugins[0].bridge = $bridge |
		.plugins[0].ipam.ranges = [[{subnet: "10.122.0.0/16"}]]' "$(object space default | jq -r .status.conflist)"
}
conflist 'kuke" }; flush ruleset; #' >"$CNI_CONF/default-bad.conflist"
space_yaml "" | drop_manifest bad.yaml
wait_for "the conflist is refused" space_says_so "NetworkFailed"
assert_contains "$(space_says bad)" "default-bad.conflist names no bridge, or one that no link can be called" "the space"
SPACE=bad drop_cell cell root
drop_ready_cell third root # of the default space, whose rules are put into the kernel as ever
nft list set inet kukeon bridges | finds -F "$(object space default | jq -r .status.bridge)" || fail "no rules"
assert_ne Ready "$(cell_state cell --space bad)" "state of a cell of the space"
conflist kuke-default-ba >"$CNI_CONF/default-bad.conflist"
LIMIT=45 wait_for "the space comes up when its conflist is corrected" space_is_ready bad
wait_for_cell cell Ready --space bad
remove_manifest cell.yaml
wait_for "cell cell is gone" cell_is_gone cell --space bad
assert_untouched other "$other"

# ---- plugins ----

mode() {
	echo "$1" >"$T/new"
	mv "$T/new" "$T/mode"
}
peak_kib() { awk '/^VmHWM/ { print $2 }' "/proc/$DAEMON_PID/status"; }
victim_says() { [[ $(object cell victim --space bad | jq -r '.status | "\(.reason) \(.message)"') == *"$1"* ]]; }
host_ends() { ip -o link show type veth | wc -l; }

before_kib=$(peak_kib)
ends=$(host_ends)
while IFS='|' read -r mode words; do
	mode "$mode"
	[ "$mode" != missing ] || rm "$T/bin/bridge"
	SPACE=bad drop_cell victim root
	LIMIT=45 wait_for "a plugin that does: $mode" victim_says "NetworkFailed"
	assert_true "$mode: it says $words ($(object cell victim --space bad | jq -r .status.message))" victim_says "$words"
	assert_untouched other "$other"
	mode good
	[ "$mode" != missing ] || cp "$T/bridge" "$T/bin/bridge"
	LIMIT=45 wait_for "after $mode" cell_is victim Ready --space bad
	remove_manifest victim.yaml
	wait_for "cell victim is gone" cell_is_gone victim --space bad
	assert_eq "$ends" "$(host_ends)" "ends of cells on the host after: $mode"
done <<-'END'
	missing|plugin bridge is in none of
	dies|plugin bridge: exited with 2 and no CNI error: panic: oh no
	junk|plugin bridge: result is not a JSON object
	nothing|plugin bridge: result is not a JSON object
	flood|plugin bridge wrote more than 1 MiB to stdout
	stderr|plugin bridge: exited with 1 and no CNI error
	hang|plugin bridge did not end within 30000 ms
END
grown_kib=$(($(peak_kib) - before_kib))
echo "kukeond has grown by $grown_kib KiB"
# With AddressSanitizer what was freed counts too.
grep -q __asan_init "$KUKEON_BIN/kukeond" || [ $grown_kib -lt 16384 ] || fail "kukeond has grown by $grown_kib KiB"
remove_manifest bad.yaml
remove_manifest third.yaml
assert_untouched other "$other"

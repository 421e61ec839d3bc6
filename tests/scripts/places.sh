#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR/../../scripts
#
# What scripts/testhost, vm and vm-image remove is theirs: names and links that others put where they look touch nothing.
# /var/tmp is not the machine's; the place of the hosts is one of this test.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
in_private_mounts "$@"
for tool in containerd ctr runc ip jq; do
	command -v $tool >/dev/null || skip "$tool is missing"
done

LIMIT=30
LONG_AGO=202001010000

# ---- what is played ----

mount -t tmpfs tmpfs /var/tmp
export KUKEON_TEST_PLACE=$T/place

# A directory of somebody, and nothing of ours.
somebody_is_there() {
	rm -rf --one-file-system /var/tmp/* "${T:?}"/*
	mkdir "$T/home" "$T/home/precious"
	echo mine >"$T/home/precious/file"
	chown -R 65534:65534 "$T/home"
	cd "$T/home"
}

nothing_of_his_is_gone() { assert_eq mine "$(cat "$T/home/precious/file" 2>&1)" "the file of somebody"; }

testhost() { "$REPO/scripts/testhost" "$@" >"$T/out" 2>&1; }
a_host_runs() { testhost -- true || fail "no test host: $(cat "$T/out")"; }
is_refused() {
	local status=0
	testhost -- true || status=$?
	assert_eq 1 $status "exit code of testhost ($(cat "$T/out"))"
	assert_contains "$(cat "$T/out")" "$1" "the refusal"
	nothing_of_his_is_gone
}

# A tree of scripts in which nothing comes after what is tested.
stub_tree() {
	mkdir -p "$T/tree/tests/vm" "$T/tree/build" "$T/bin"
	cp -r "$REPO/scripts" "$T/tree/"
	: >"$T/tree/tests/vm/10-none.sh"
	for program in "$@"; do
		printf '#!/bin/sh\nexit 1\n' >"$program"
		chmod 755 "$program"
	done
}

# ---- test hosts ----

case_a_name_with_a_newline() {
	mkdir "/var/tmp/kukeon-test-x"$'\n'"precious" /var/tmp/kukeon-test-x
	touch -t $LONG_AGO /var/tmp/kukeon-test-x*
	a_host_runs
	nothing_of_his_is_gone
	assert_true "the name itself" test -d "/var/tmp/kukeon-test-x"$'\n'"precious"
	assert_true "the other name" test -d /var/tmp/kukeon-test-x
}

case_names_in_the_place() {
	local name
	mkdir -m 700 "$T/place"
	ln -s "$T/home/precious" "$T/place/host-ABCDEF"
	ln -s "$T/home" "$T/place/vm-ABCDEF"
	mkdir "$T/place/host-x"$'\n'"precious" "$T/place/host-abcdefg" "$T/place/host-.." "$T/place/vm-abcdef" "$T/place/host-abcdef"
	a_host_runs
	nothing_of_his_is_gone
	for name in host-ABCDEF vm-ABCDEF "host-x"$'\n'"precious" host-abcdefg host-.. vm-abcdef; do
		assert_true "$name stays" test -e "$T/place/$name"
	done
	assert_true "a host that nobody holds goes" test ! -e "$T/place/host-abcdef"
}

case_links_in_a_stale_host() {
	mkdir -m 700 "$T/place"
	mkdir -p "$T/place/host-abcdef/scratch"
	ln -s "$T/home" "$T/place/host-abcdef/scratch/home"
	a_host_runs
	nothing_of_his_is_gone
	assert_eq "" "$(ls "$T/place")" "what is left in the place"
}

case_the_place_is_a_link() {
	ln -s "$T/home" "$T/place"
	is_refused "must be a directory of root"
}

case_the_place_is_somebodys() {
	mkdir -m 700 "$T/place"
	chown 65534 "$T/place"
	is_refused "must be a directory of root"
}

case_the_place_is_open() {
	mkdir -m 777 "$T/place"
	chmod 777 "$T/place"
	is_refused "must be a directory of root"
}

case_the_way_is_somebodys() {
	local KUKEON_TEST_PLACE=$T/home/precious/place
	is_refused "others than root may change the way"
	assert_true "nothing is made there" test ! -e "$KUKEON_TEST_PLACE"
}

case_the_way_is_open() {
	mkdir "$T/open"
	chmod 777 "$T/open"
	KUKEON_TEST_PLACE=$T/open/place is_refused "others than root may change the way"
}

case_the_way_has_a_link() {
	mkdir "$T/other"
	ln -s "$T/other" "$T/link"
	KUKEON_TEST_PLACE=$T/link/place a_host_runs # it is root's, as /var may be one
	assert_true "the place is where the link leads" test -d "$T/other/place"
	chown -h 65534 "$T/link"
	KUKEON_TEST_PLACE=$T/link/place is_refused "others than root may change the way"
	ln -sfn "$T/home/precious" "$T/link"
	KUKEON_TEST_PLACE=$T/link/place is_refused "others than root may change the way"
}

case_the_place_is_spelled_oddly() {
	local place
	for place in "$T/place/" "$T//place" "$T/./place" "$T/home/../place" place; do
		KUKEON_TEST_PLACE=$place is_refused "is no absolute path"
	done
}

case_a_guard_is_for_hosts_only() {
	local path
	for path in "$T/home/precious" "$T/place/../home/precious" "$T/place/host-ABCDEF"; do
		# shellcheck disable=SC2174 # $T is there
		mkdir -p -m 700 "$T/place"
		ln -sfn "$T/home/precious" "$T/place/host-ABCDEF"
		! testhost --guard "$path" </dev/null || fail "it guards $path"
		nothing_of_his_is_gone
	done
}

host_is_up() { [ -e "$T/up" ]; }
host_is_down() { [ -z "$(ls "$T/place")" ]; }

case_a_running_host_stays_when_another_begins() {
	local first
	"$REPO/scripts/testhost" -- bash -c "touch $T/up; until [ -e $T/end ]; do sleep 0.05; done; touch $T/ended" >"$T/first" 2>&1 &
	first=$!
	poll_for $LIMIT host_is_up || fail "no first host: $(cat "$T/first")"
	a_host_runs
	touch "$T/end"
	wait $first || fail "the first host: $(cat "$T/first")"
	assert_true "the first came to its end" test -e "$T/ended"
	poll_for $LIMIT host_is_down || fail "left: $(ls "$T/place")"
}

case_a_host_whose_guard_was_killed() {
	local first base guard
	"$REPO/scripts/testhost" -- bash -c "touch $T/up; exec sleep 100" >"$T/first" 2>&1 &
	first=$!
	poll_for $LIMIT host_is_up || fail "no first host: $(cat "$T/first")"
	base=$(echo "$T"/place/host-*)
	guard=$(pgrep -f "testhost --guard $base")
	kill -KILL "$guard" $first
	wait $first 2>/dev/null || true
	poll_for $LIMIT process_gone "$guard" || fail "the guard does not end"
	a_host_runs
	assert_eq "" "$(ls "$T/place")" "what is left in the place"
	assert_eq "" "$(cgroup_directories | grep -F "kukeon-test-${base##*-}" || true)" "its cgroups"
}

# ---- the VM ----

case_vm_follows_no_link() {
	stub_tree "$T"/{kukeond,kuke} "$T/tree/scripts/vm-image"
	ln -s "$T/home/precious" /var/tmp/kukeon-vm-x
	mkdir -m 700 "$T/place"
	ln -s "$T/home/precious" "$T/place/vm-ABCDEF"
	mkdir "$T/place/vm-abcdef"
	! "$T/tree/scripts/vm" --bin "$T" >"$T/out" 2>&1 || fail "it went on"
	nothing_of_his_is_gone
	[[ "$(cat "$T/out")" != *skipped* ]] || return 0
	assert_true "what nobody holds goes: $(cat "$T/out")" test ! -e "$T/place/vm-abcdef"
}

case_vm_image_removes_its_own() {
	stub_tree "$T/bin/mmdebstrap"
	printf '#!/bin/sh\necho "deb http://example.org bookworm main"\n' >"$T/bin/apt-get"
	printf '#!/bin/sh\n' >"$T/bin/apt-cache"
	chmod 755 "$T"/bin/apt-*
	ln -s "$T/home" "$T/tree/build/vm"
	ln -s "$T/home/precious" "$T/home/0123456789abcdef"
	mkdir "$T/home/fedcba9876543210"
	! PATH=$T/bin:$PATH "$T/tree/scripts/vm-image" >"$T/out" 2>&1 || fail "it went on"
	nothing_of_his_is_gone
	assert_true "a link with the name of an image" test -L "$T/home/0123456789abcdef"
	assert_true "an old image goes: $(cat "$T/out")" test ! -e "$T/home/fedcba9876543210"
}

run_cases somebody_is_there

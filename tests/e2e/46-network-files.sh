# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The conflist and the reservations of addresses removed or changed by another hand: they come back as they were, and
# no cell notices.
# shellcheck source=lib-network.sh
. "$HERE/lib-network.sh"
drop_ready_cell web root sidecar
serve web
web=$(cell_processes web) ip=$(cell_ip web) conflist=$(space_conflist)
cp "$conflist" "$T/conflist"
reserved=$(reservation web)
cp "$reserved" "$T/reservation"

conflist_is_back() { cmp -s "$conflist" "$T/conflist"; }
reservation_is_back() { cmp -s "$reserved" "$T/reservation"; }

untouched() {
	wait_for_cell web Ready
	assert_untouched web "$web"
	assert_eq "$ip" "$(cell_ip web)" "address of cell web"
	assert_true "cell web answers" cell_answers web
}

rm "$conflist"
by_event "a conflist that was removed is back" conflist_is_back
jq '.plugins[0].ipam.ranges[0][0].subnet = "10.99.0.0/16"' "$T/conflist" >"$T/edited"
cp "$T/edited" "$conflist"
by_event "one that was edited is back" conflist_is_back
echo garbage >"$conflist"
by_event "one that was damaged is back" conflist_is_back
# Again the moment it is back: then the one who mended it may not have ended yet.
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	echo "garbage $i" >"$conflist"
	for _ in $(seq 300); do conflist_is_back && break; done
	by_event "damaged once more it is back, $i" conflist_is_back
done
untouched

rm "$reserved"
by_event "a reservation that was removed is back" reservation_is_back
: >"$reserved"
rm "$reserved"
by_event "and again" reservation_is_back
untouched

# Cut by its name, which closes nothing; and what was cut is nobody else's.
cut() { perl -e 'truncate($ARGV[0], $ARGV[1]) or die' "$@"; }
orphans() { kuke doctor -o json | jq -r '[.objects[]? | select(.orphan) | .name] | join(" ")'; }
cut "$conflist" 0
by_event "a conflist that was cut to nothing is back" conflist_is_back
cut "$conflist" 40
by_event "one that was cut in the middle is back" conflist_is_back
for bytes in 0 3 12; do
	cut "$reserved" $bytes
	by_event "a reservation that was cut to $bytes bytes is back" reservation_is_back
done
daemon_kill
cut "$reserved" 5
daemon_start
wait_for "one that was cut while nobody watched is back" reservation_is_back
assert_eq "" "$(orphans)" "orphans"
untouched

# One of a cell that is not is taken away some time after a start; what is not of a cell, and not ours, stays.
stray=$RUNTIME_DIR/ipam/default-default/10.88.200.200
printf 'default_default_default_ghost.99\r\neth0' >"$stray"
daemon_stop
daemon_start
LIMIT=45 wait_for "the reservation that is nobody's is taken away" test ! -e "$stray"
assert_true "that of cell web is there" reservation_is_back
untouched

# Nobody else gets the address.
drop_ready_cell other root
assert_ne "$ip" "$(cell_ip other)" "address of cell other"

# Another has it by now: the cell moves to an address that is its own.
daemon_kill
printf 'stranger\r\neth0' >"$reserved"
rm "$conflist"
daemon_start
moved() { [ -n "$(cell_ip web)" ] && [ "$(cell_ip web)" != "$ip" ] && cell_answers web; }
wait_for "cell web has another address" moved
wait_for_cell web Ready
assert_untouched web "$web"
assert_eq "stranger" "$(head -n 1 "$reserved" | tr -d '\r')" "whose reservation it is"
rm "$reserved"
wait_for "the conflist is back" conflist_is_back

# It is known also when there is nothing left to mend: what belonged to it goes with the space.
bridge=$(space_bridge)
daemon_kill
rm "$conflist"
remove_manifest web.yaml
daemon_start
wait_for "cell web is gone" cell_is_gone web # by itself: both at once would not be believed
remove_manifest other.yaml
wait_for "the bridge is gone" test ! -e "/proc/sys/net/ipv4/conf/$bridge"

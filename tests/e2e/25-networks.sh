# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A cell joins further spaces: at its start, and while it runs without any process noticing. Packets go where a join is and
# nowhere else, nothing is forwarded from one space to another, and what another hand takes away comes back.
# shellcheck source=lib-network.sh
. "$HERE/lib-network.sh"

# site_yaml SPACE CELL [NETWORKS]: a cell that serves its own name.
site_yaml() {
	cat <<-END
		apiVersion: v1beta1
		kind: Cell
		metadata: {name: $2}
		spec:
		  spaceId: $1
		  containers:
		    - id: root
		      image: $IMAGE
		      command: /bin/httpd
		      args: [-f, -p, "$PORT", -h, /etc]
		      stopGracePeriodSeconds: 0
		    - id: sidecar
		      image: $IMAGE
		      command: /bin/sleep
		      args: ["3600"]
		      stopGracePeriodSeconds: 0
		      networks: [${3:-}]
	END
}

drop_space() { printf 'apiVersion: v1beta1\nkind: Space\nmetadata: {name: %s}\n' "$1" | drop_manifest "space-$1.yaml"; }
drop_site() { site_yaml "$@" | drop_manifest "$2.yaml"; }

pid_of() { container_field "$1" root '.status.pid | select(. > 0)' --space "$2"; }
# inside CELL SPACE COMMAND...: in the cell's network namespace.
inside() { nsenter --target "$(pid_of "$1" "$2")" --net "${@:3}"; }
# joined_field CELL SPACE FIELD: of the cell's join of the space.
joined_field() { cell_field web ".status.joins[]? | select(.space == \"default/$1\") | .$2 // empty"; }
is_joined() { [ -n "$(joined_field "$1" ip)" ]; }
is_not_joined() { [ -z "$(joined_field "$1" ip)" ]; }
# page FROM_CELL FROM_SPACE ADDRESS: who answers there, with the host forwarding nothing: only what is on one bridge is near.
# Making an interface turns the host's forwarding on.
page() {
	echo 0 >/proc/sys/net/ipv4/ip_forward
	inside "$1" "$2" curl -s -m 1 "http://$3:$PORT/hostname"
}
reaches() { [ "$(page "$1" "$2" "$3")" = "$4" ]; }
fails_to_reach() { ! page "$1" "$2" "$3" >/dev/null; }
interfaces() { inside web default ip -o -4 addr show | awk '{ print $2, $4 }' | LC_ALL=C sort | paste -sd ' '; }
default_routes() { inside web default ip route show default | awk '{ print $3, $5 }'; }

drop_space db
drop_site default web
drop_site default near
drop_site db store
wait_for_cell web Ready
wait_for_cell near Ready
wait_for_cell store Ready --space db
web_ip=$(cell_ip web) store_ip=$(cell_ip store --space db) near_ip=$(cell_ip near)
web=$(cell_processes web) store=$(cell_processes store --space db)
assert_true "cells of one space reach each other" reaches web default "$near_ip" near
assert_true "without a join there is no way" fails_to_reach web default "$store_ip"

# A running cell joins: both ways, on the link, and its way out stays.
drop_site default web db
wait_for "web is in space db" is_joined db
wait_for_cell web Ready
db_ip=$(joined_field db ip)
assert_eq eth1 "$(joined_field db interface)" "interface in space db"
assert_eq "$(object space db | jq -r .status.bridge)" "$(joined_field db bridge)" "bridge of the join"
assert_true "web reaches what is in space db" reaches web default "$store_ip" store
assert_true "and is reached there" reaches store db "$db_ip" web
assert_true "what did not join does not" fails_to_reach near default "$store_ip"
assert_true "its address in its own space is not to be reached from space db" fails_to_reach store db "$web_ip"
assert_eq "eth0 $web_ip/16 eth1 $db_ip/16 lo 127.0.0.1/8" "$(interfaces)" "interfaces"
assert_eq "eth0" "$(default_routes | cut -d' ' -f2)" "the way out"
assert_eq "$web" "$(cell_processes web)" "processes of web"

# It is no way for others, though they try; that the try is good is shown by a web that forwards.
inside near default ip route add "$store_ip/32" via "$web_ip"
inside store db ip route add "$near_ip/32" via "$db_ip"
assert_eq 0 "$(inside web default cat /proc/sys/net/ipv4/ip_forward)" "forwarding in web"
assert_true "nothing is forwarded from space to space" fails_to_reach near default "$store_ip"
inside web default sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
assert_true "the try would have worked" reaches near default "$store_ip" store
inside web default sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'

# A space that nobody declares: said, nothing restarts; joined when it comes, with what is there untouched.
drop_site default web "db, cache"
wait_for "the missing space is named" cell_mentions web default/cache
assert_eq "Pending SpaceUnknown" "$(cell_field web '.status | "\(.state) \(.reason)"')" "state of web"
assert_true "space db is still joined" reaches web default "$store_ip" store
drop_space cache
by_event "web is in space cache" is_joined cache
wait_for_cell web Ready
assert_eq "eth1 eth2" "$(joined_field db interface) $(joined_field cache interface)" "interfaces"

# What stays keeps its number.
drop_site default web cache
wait_for "web has left space db" is_not_joined db
wait_for_cell web Ready
assert_eq eth2 "$(joined_field cache interface)" "interface in space cache"
assert_true "what was left is far again" fails_to_reach web default "$store_ip"
drop_site default web "cache, db"
wait_for "web is in space db again" is_joined db
wait_for_cell web Ready
assert_eq eth1 "$(joined_field db interface)" "interface in space db"
assert_eq "$web" "$(cell_processes web)" "processes of web"

# The link, the reservation, the bridge: taken away by another hand.
join_link() {
	local peer
	peer=$(inside web default ip -o link show eth1 2>/dev/null | sed -n 's/.*eth1@if\([0-9]*\):.*/\1/p')
	ip -o link | awk -F': ' -v n="$peer" '$1 == n { sub(/@.*/, "", $2); print $2 }'
}
db_ip=$(joined_field db ip)
joined_again() { [ "$(joined_field db ip)" = "$db_ip" ] && reaches web default "$store_ip" store; }
ip link delete "$(join_link)"
wait_for "the link of the join is made again" joined_again
rm "$RUNTIME_DIR/ipam/default-db/$db_ip"
wait_for "the reservation is written again" test -e "$RUNTIME_DIR/ipam/default-db/$db_ip"
ip link delete "$(object space db | jq -r .status.bridge)"
wait_for "the bridge is made again" joined_again
umount -l "$(cell_netns web)"
wait_for "the namespace is pinned again" is_pinned "$(cell_netns web)" "$(pid_of web default)"
wait_for_cell web Ready
assert_true "the join is what it was" joined_again
assert_eq "$web" "$(cell_processes web)" "processes of web"
assert_eq "$store" "$(cell_processes store --space db)" "processes of store"
assert_eq "[]" "$(kuke doctor -o json 2>/dev/null | jq -c '[.objects[]? | select(.orphan) | .name]')" "orphans"

# A daemon that dies in the middle, or was away: taken up, nothing done twice.
for _ in 1 2 3; do
	ip link delete "$(join_link)"
	daemon_kill
	daemon_start
	wait_for "the join is mended after a start" joined_again
done
daemon_stop
drop_site default web db
daemon_start
wait_for "web has left space cache" is_not_joined cache
wait_for_cell web Ready
assert_eq "$web" "$(cell_processes web)" "processes of web"

# A new incarnation asks for the address that it had; all of it is there before the root starts.
kill -KILL "$(pid_of web default)"
wait_for_new_pid web root "$(echo "$web" | awk '$1 == "root" { print $2 }')"
assert_eq "$db_ip" "$(joined_field db ip)" "address in space db"
assert_true "web reaches space db" reaches web default "$store_ip" store

# The space goes: it is left first, by force of nobody.
web=$(cell_processes web)
remove_manifest store.yaml
remove_manifest space-db.yaml
space_is_gone() { [ "$(object space db)" = null ]; }
wait_for "space db is gone" space_is_gone
wait_for "the missing space is named" cell_mentions web default/db
assert_eq "$web" "$(cell_processes web)" "processes of web"

# At a start it is waited for, and the daemon's API refuses what cannot be.
drop_site default late db
wait_for "the missing space is named" cell_mentions late default/db
assert_eq "" "$(container_pid late root)" "process of late"
site_yaml default asked nowhere >"$T/asked.yaml"
refusal=$(kuke apply -f "$T/asked.yaml" 2>&1) && fail "a cell that joins what does not exist was accepted"
assert_contains "$refusal" "default/nowhere" "refusal"
drop_space db
wait_for_cell late Ready
wait_for_cell web Ready

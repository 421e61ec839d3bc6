# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Spaces with IPv6, with real packets: cells of one space reach each other, cells of two do not; all of them the world
# outside, under the host's address; the world outside none of them; the host all. Names, further spaces and published
# ports know both families. It holds whatever happens to the daemon, the bridges and the rules.
# shellcheck source=lib-outside.sh
. "$HERE/lib-outside.sh"

SUBNET6=fd12:3456:789a:1::/64
CONF=/proc/sys/net/ipv6/conf
BRIDGED=/proc/sys/net/bridge/bridge-nf-call

outside_open
outside_open6

# The host has learned its way out from a router, which tells it for how many seconds that is good (RFC 4861, 4.2).
ADVERTISE='
import socket, struct, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
index = socket.if_nametoindex("below")
s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, int(sys.argv[1]), 0, 0), ("ff02::1", 0, 0, index))'
advertise() { ip netns exec router python3 -c "$ADVERTISE" "$1"; }
learned() { ip -6 route show default proto ra dev uplink | finds .; }
not_learned() { ! learned; }
advertised_and_learned() { advertise 600 && learned; }
echo 0 >$CONF/all/forwarding # as on a host that has not had such a space yet
ip -n router addr add fe80::1/64 dev below nodad
wait_for "the host has learned its way out" advertised_and_learned
assert_eq 1 "$(cat $CONF/uplink/accept_ra)" "accept_ra of the host's link, before"

space_yaml() { printf 'apiVersion: v1beta1\nkind: Space\nmetadata: {name: %s}\nspec: {%s}\n' "$1" "$2"; }
space_yaml dual "ipv6: true" | drop_manifest dual.yaml
space_yaml given "subnet6: \"$SUBNET6\"" | drop_manifest given.yaml
space_yaml plain "" | drop_manifest plain.yaml
SPACE=dual FIELDS='ports: ["8080:80", "[2001:db8:1::2]:8081:80", "5353:53/udp"]' cell_yaml one root | drop_manifest one.yaml
SPACE=dual FIELDS='networksAliases: [second]' cell_yaml two root | drop_manifest two.yaml
SPACE=given cell_yaml three root | drop_manifest three.yaml
SPACE=given FIELDS='networks: [dual]' cell_yaml guest root | drop_manifest guest.yaml
SPACE=plain cell_yaml four root | drop_manifest four.yaml

cells_are_ready() { kuke get cells -o json 2>/dev/null | jq -e 'map(select(.status.state == "Ready")) | length == 5' >/dev/null; }
field() { object cell "$1" --space "$2" | jq -r "$3 // empty"; }
ip6() { field "$1" "$2" .status.ip6; }
space_field() { object space "$1" | jq -r ".status.$2 // empty"; }
netns() { field "$1" "$2" .status.netns; }
in_cell() { nsenter --net="$(netns "$1" "$2")" "${@:3}"; }
joined_at() { field guest given '.status.joins[0].ip6'; }
has_joined() { [ -n "$(joined_at)" ]; }

LIMIT=60 wait_for "all cells are Ready" cells_are_ready
wait_for "guest is in the space dual" has_joined

# Ranges and addresses.
assert_contains "$(space_field dual subnet6)" "::/64" "the range that was chosen"
case $(space_field dual subnet6) in fd*) ;; *) fail "not a range of the host's own: $(space_field dual subnet6)" ;; esac
assert_eq $SUBNET6 "$(space_field given subnet6)" "the range that was asked for"
assert_eq "" "$(space_field plain subnet6)" "the range of a space without IPv6"
assert_eq "" "$(ip6 four plain)" "the address of a cell without IPv6"
assert_contains "$(ip6 three given)" "fd12:3456:789a:1::" "an address in that range"
kuke status cell one --space dual | finds -E "address6: +$(ip6 one dual)$" || fail "not described"

# Nobody waits for an address, and nobody believes a router that is none; the host goes on to learn from its own.
for cell in one:dual two:dual three:given guest:given; do
	assert_eq "" "$(in_cell "${cell%:*}" "${cell#*:}" ip -6 -o addr show tentative)" "tentative addresses in $cell"
	assert_eq 0 "$(in_cell "${cell%:*}" "${cell#*:}" cat $CONF/eth0/accept_ra)" "accept_ra in $cell"
done
for space in dual given; do
	bridge=$(space_field $space bridge)
	assert_eq "" "$(ip -6 -o addr show tentative dev "$bridge")" "tentative addresses of $bridge"
	assert_eq 0 "$(cat "$CONF/$bridge/accept_ra")" "accept_ra of $bridge"
done
assert_eq 1 "$(cat $CONF/all/forwarding)" "forwarding"
assert_eq 2 "$(cat $CONF/uplink/accept_ra)" "accept_ra of the host's link"
assert_true "the host still has the way out that it learned" learned
advertise 0
wait_for "it goes on to listen" not_learned

nodes() {
	local host=/proc/$$/ns/net outside=/run/netns/outside
	echo "host=$host=$HOST_ADDRESS host.6=$host=$HOST_ADDRESS6"
	echo "outside=$outside=$OUTSIDE_ADDRESS outside.6=$outside=$OUTSIDE_ADDRESS6"
	kuke get cells -o json | jq -r '.[] | .metadata.name as $name | .status.netns as $netns |
		"\($name)=\($netns)=\(.status.ip)", (.status.ip6 // empty | "\($name).6=\($netns)=\(.)"),
		(.status.joins[]? | "\($name)-joined=\($netns)=\(.ip)", "\($name)-joined.6=\($netns)=\(.ip6)")'
}

# What a node sends to the space of one of its interfaces leaves there, so that guest reaches dual too.
# shellcheck disable=SC2016 # awk's own variables
EXPECT='
BEGIN {
	split("one two guest-joined", dual); for (i in dual) space[dual[i]] = "dual"
	space["three"] = space["guest"] = "given"
	space["four"] = "plain"
}
function name(node) { sub(/\.6$/, "", node); return node }
function expected(from, to) {
	if (from ~ /^guest/ && to ~ /^guest/)
		return $4 # within one cell
	if (from == "host" || to == "host")
		return "yes"
	if (to == "outside")
		return $3 == "icmp" ? "yes" : "yes " ($1 ~ /6$/ ? HOST6 : HOST)
	if (from ~ /^guest/)
		return space[to] == "dual" || space[to] == "given" ? "yes" : "no"
	return space[from] == space[to] ? "yes" : "no"
}
{
	found = $4 (NF > 4 && name($2) == "outside" && name($1) != "host" && $3 != "icmp" ? " " $5 : "")
	if (found != expected(name($1), name($2)))
		print $0 ": expected " expected(name($1), name($2))
	n++
}
END { if (n != 294) print n " probes instead of 294" }'

holds() {
	local wrong
	if daemon_is_running; then
		nodes >"$T/nodes"
	fi
	xargs "$HERE/reach" <"$T/nodes" >"$T/reach"
	wrong=$(awk -v HOST=$HOST_ADDRESS -v HOST6=$HOST_ADDRESS6 "$EXPECT" "$T/reach")
	[ -z "$wrong" ] || fail "$1:"$'\n'"$wrong"$'\n'"$(nft list table inet kukeon)"
}

# Published ports. The page says whose it is.
in_container_of() { nsenter --target "$(field "$1" "$2" '.status.containers[0].pid')" --all -- "${@:3}"; }
in_container_of one dual sh -c 'mkdir -p /tmp/www; echo one >/tmp/www/name; httpd -p 80 -h /tmp/www'
UDP_SERVER='
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 53))
while True:
    s.sendto(b"one\n", s.recvfrom(100)[1])'
in_cell one dual python3 -c "$UDP_SERVER" </dev/null >/dev/null 2>&1 &
UDP_PID=$!
says_one() { [ "$("$@" 2>/dev/null)" = one ]; }
fetch() { curl -g -sf -m 1 "http://$1/name"; }
ask_udp() { timeout 1 bash -c 'exec 3<>"/dev/udp/$0/$1"; echo ? >&3; head -n 1 <&3' "$1" "$2"; }
gateway6() { ip -6 -o addr show dev "$(space_field dual bridge)" scope global | awk '{ sub(/\/.*/, "", $4); print $4 }'; }

published() {
	assert_true "from outside $1" says_one in_outside curl -g -sf -m 2 "http://[$HOST_ADDRESS6]:8080/name"
	assert_true "from outside, IPv4 $1" says_one in_outside curl -sf -m 2 "http://$HOST_ADDRESS:8080/name"
	assert_true "at one address $1" says_one in_outside curl -g -sf -m 2 "http://[$HOST_ADDRESS6]:8081/name"
	assert_true "over the host's address $1" says_one fetch "[$HOST_ADDRESS6]:8080"
	assert_true "over the bridge's address $1" says_one fetch "[$(gateway6)]:8080"
	assert_true "from a neighbour, through the host $1" says_one in_cell two dual curl -g -sf -m 1 "http://[$HOST_ADDRESS6]:8080/name"
	assert_true "from itself, through the host $1" says_one in_cell one dual curl -g -sf -m 1 "http://[$HOST_ADDRESS6]:8080/name"
	assert_true "by name, over loopback $1" says_one fetch localhost:8080
	assert_true "UDP $1" says_one ask_udp $HOST_ADDRESS6 5353
	assert_true "UDP, IPv4 $1" says_one ask_udp $HOST_ADDRESS 5353
	! in_outside curl -sf -m 1 "http://$HOST_ADDRESS:8081/name" || fail "a port of one IPv6 address is reached over IPv4 $1"
	! in_cell three given curl -g -sf -m 1 "http://[$HOST_ADDRESS6]:8080/name" ||
		fail "a port is reached from another space $1"
}

table_is_whole() { nft list table inet kukeon 2>/dev/null | finds 'hook postrouting'; }
answers_ping() { ping -c 1 -W 1 "$1" >/dev/null 2>&1; }
bridge_is_whole() { answers_ping "$(ip6 one dual)" && cells_are_ready; }
has_bridge_address() { ip -6 -o addr show dev "$1" scope global | finds -w "$2"; }
is_file() { [ -s "$1" ]; }

pids() { kuke get cells -o json | jq -r '.[].status.containers[].pid' | sort; }
before=$(pids)
for bridged in 0 1; do
	for family in ip ip6; do
		[ ! -e $BRIDGED-${family}tables ] || echo $bridged >$BRIDGED-${family}tables
	done
	holds "start, bridge-nf-call $bridged"
done
assert_eq "5353:53/udp 8080:80/tcp [2001:db8:1::2]:8081:80/tcp" \
	"$(field one dual '.status.ports | sort | join(" ")')" "its ports in status"
published "at the start"

daemon_kill
holds "the daemon is away"
daemon_start
wait_for "all cells are Ready" cells_are_ready
wait_for "guest is still in the space dual" has_joined
holds "the daemon came back"
published "after a start"

nft flush ruleset
poll_for 1 table_is_whole || fail "the table is not put back within a second"
holds "nft flush ruleset"
published "after a flush"

# Drift: the bridge, its address, a reservation.
bridge=$(space_field dual bridge) gateway=$(gateway6)
ip link delete "$bridge"
wait_for "the bridge is back" bridge_is_whole
assert_eq "" "$(ip -6 -o addr show tentative dev "$bridge")" "tentative addresses of a bridge that was mended"
assert_eq 0 "$(cat "$CONF/$bridge/accept_ra")" "accept_ra of a bridge that was mended"
holds "the bridge was deleted"
ip -6 addr del "$gateway/64" dev "$bridge"
poll_for 1 has_bridge_address "$bridge" "$gateway" || fail "the bridge's address is not put back within a second"
reservation=$RUNTIME_DIR/ipam/default-dual/$(ip6 one dual)
assert_true "the reservation" is_file "$reservation"
rm "$reservation"
poll_for 1 is_file "$reservation" || fail "the reservation is not put back within a second"
assert_eq "$before" "$(pids)" "pids after all that"

# Names, of both families, in the files of neighbours and guests.
knows() { in_container_of "$1" "$2" cat /etc/hosts | awk '{ for (i = 2; i <= NF; i++) print $1, $i }' | finds -xF "$3 $4"; }
for name in two two.default second; do
	wait_for "$name is known by its IPv6 address" knows one dual "$(ip6 two dual)" $name
	assert_true "$name is known by its IPv4 address" knows one dual "$(field two dual .status.ip)" $name
	assert_true "$name is known to a guest" knows guest given "$(ip6 two dual)" $name
done
assert_true "its own name" knows one dual "$(ip6 one dual)" one
assert_true "the guest's name" knows one dual "$(joined_at)" guest
in_container_of one dual ping -6 -c 1 -W 2 second >/dev/null || fail "a neighbour is not reached by name over IPv6"

# A cell that comes back has the addresses that it had.
address=$(ip6 one dual)
kuke stop cell one --space dual --wait
kuke start cell one --space dual --wait
wait_for "one is back" cells_are_ready
assert_eq "$address" "$(ip6 one dual)" "its IPv6 address after a stop and a start"
kill "$UDP_PID" 2>/dev/null || true
in_container_of one dual sh -c 'mkdir -p /tmp/www; echo one >/tmp/www/name; httpd -p 80 -h /tmp/www'
wait_for "its port" says_one fetch "[$HOST_ADDRESS6]:8080"
holds "a cell came back"

# Edited. A range moves only when nobody has an address in it.
space_is() { object space "$1" | jq -r '.status | "\(.state) \(.reason // "") \(.message // "")"' | finds -F -- "$2"; }
space_yaml given "subnet6: \"fd12:3456:789a:2::/64\"" | drop_manifest given.yaml
wait_for "it is said" space_is given "subnet6 is $SUBNET6 and cannot become fd12:3456:789a:2::/64 while cells are attached"
holds "a range that cannot move"
space_yaml given "subnet6: \"$(space_field dual subnet6)\"" | drop_manifest other.yaml
space_yaml clash "subnet6: \"$(space_field dual subnet6)\"" | drop_manifest other.yaml
wait_for "an overlap is said" space_is clash "overlaps space default/dual"
remove_manifest three.yaml
remove_manifest guest.yaml
wait_for "the range moves when nobody is attached" space_is given Ready
SPACE=given cell_yaml three root | drop_manifest three.yaml
wait_for_cell three Ready --space given
assert_contains "$(ip6 three given)" "fd12:3456:789a:2::" "an address in the new range"

# A port on an IPv6 address of a cell that has none; what cannot be right is refused where it stands.
SPACE=plain FIELDS='ports: ["[2001:db8:1::2]:8082:80"]' cell_yaml four root | drop_manifest four.yaml
four_says() { field four plain '.status | "\(.state) \(.reason) \(.message)"' | finds -F -- "$1"; }
wait_for "it is said" four_says "PortConflict port [2001:db8:1::2]:8082/tcp is not published: cells of space default/plain have no IPv6"
space_yaml bad "ipv6: false, subnet6: \"fd12:3456:789a:9::/64\"" | drop_manifest bad.yaml
wait_for "both" manifest_has_error bad.yaml "spec.ipv6: is false beside a subnet6"
space_yaml bad "subnet6: \"fe80::/64\"" | drop_manifest bad.yaml
wait_for "link-local" manifest_has_error bad.yaml 'spec.subnet6: "fe80::/64" is reserved'
space_yaml bad "subnet6: \"fd12::1/64\"" | drop_manifest bad.yaml
wait_for "an address" manifest_has_error bad.yaml 'did you mean "fd12::/64"?'
outside_close

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# What is published on one address is reached there alone: from the link neither over loopback addresses, whatever
# route_localnet says, nor over another address of the host, nor at the cell's own address. With real packets of a
# neighbour that leads loopback addresses to us.
# shellcheck source=lib-outside.sh
. "$HERE/lib-outside.sh"

outside_open
SECOND_ADDRESS=192.0.2.3
ip addr add $SECOND_ADDRESS/24 dev uplink
six=
if [ -e /proc/sys/net/ipv6 ]; then
	outside_open6
	six=y
fi

# The router is the neighbour: 127.0.0.0/8 and ::1 are no addresses of its own, and it takes answers from them.
neighbour_opens() {
	ip -n router addr del 127.0.0.1/8 dev lo
	ip netns exec router sysctl -qw net.ipv4.conf.all.route_localnet=1
	ip -n router route add 127.0.0.0/8 via $HOST_ADDRESS src 192.0.2.1
	ip -n router route add $CELLS_RANGE via $HOST_ADDRESS 2>/dev/null || true
	[ -z "$six" ] || ip -n router addr del ::1/128 dev lo
	[ -z "$six" ] || ip -n router route add ::1/128 via $HOST_ADDRESS6
}
neighbour_opens

drop_manifest web.yaml <<-END
	apiVersion: v1beta1
	kind: Cell
	metadata: {name: web}
	spec:
	  containers:
	    - id: root
	      image: $IMAGE
	      command: /bin/sh
	      args: ["-c", "mkdir -p /tmp/www; hostname >/tmp/www/name; exec httpd -f -p 80 -h /tmp/www"]
	      stopGracePeriodSeconds: 0
	      ports: ["8080:80", "127.0.0.1:8081:80", "$HOST_ADDRESS:8082:80", "127.0.0.9:8083:80"]
END
fetch() { curl -sf -m 1 "http://$1/name"; }
fetch_from_neighbour() { ip netns exec router curl -sf -m 1 "http://$1/name"; }
is_served() { [ "$(fetch "$1")" = web ]; }

# A plain program of the host, on loopback alone.
mkdir "$T/www"
echo web >"$T/www/name"
python3 -m http.server 8099 --bind 127.0.0.1 --directory "$T/www" >/dev/null 2>&1 &
server=$!
wait_for_cell web Ready
for there in 127.0.0.1:8080 127.0.0.1:8081 127.0.0.9:8083 $HOST_ADDRESS:8082 127.0.0.1:8099; do
	wait_for "the host reaches $there" is_served "$there"
done

only_as_published() {
	local bad=() tries=() there cell
	cell=$(cell_ip web)
	assert_eq web "$(fetch_from_neighbour $HOST_ADDRESS:8080)" "what is published everywhere, $1"
	assert_eq web "$(fetch_from_neighbour $HOST_ADDRESS:8082)" "what is published there, $1"
	bad=(127.0.0.1:8080 127.0.0.1:8081 127.0.0.9:8083 127.0.0.1:8082 127.0.0.1:8099 127.0.0.1:80)
	bad+=("$HOST_ADDRESS:8081" "$SECOND_ADDRESS:8081" "$SECOND_ADDRESS:8082" "$HOST_ADDRESS:8083" "$cell:80" "$cell:8080")
	[ -z "$six" ] || bad+=("[::1]:8080" "[::1]:8081")
	: >"$T/reached"
	for there in "${bad[@]}"; do
		{ fetch_from_neighbour "$there" >/dev/null && echo "$there" >>"$T/reached"; } &
		tries+=($!)
	done
	wait "${tries[@]}" || true
	assert_eq "" "$(cat "$T/reached")" "what the neighbour reaches, $1"
	# What the host publishes for itself still answers there.
	assert_true "the host reaches its own loopback, $1" is_served 127.0.0.1:8081
}

# leaks LINK: whether anything with a loopback address leaves by it when a program of the host tries.
SENDER='
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
for i in range(20):
    try:
        s.sendto(b"?", (sys.argv[1], 9999))
    except OSError:
        pass'
LISTENER='
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800))
s.bind(("below", 0))
s.settimeout(0.5)
n = 0
open(sys.argv[1], "w").write("ready")
try:
    while True:
        packet = s.recv(2000)
        n += 127 in (packet[12], packet[16])
except socket.timeout:
    print(n)'
nothing_leaves() {
	rm -f "$T/listens"
	ip netns exec router python3 -c "$LISTENER" "$T/listens" >"$T/heard" &
	local listener=$!
	wait_for "the neighbour listens" test -s "$T/listens"
	python3 -c "$SENDER" 192.0.2.1
	wait "$listener"
	assert_eq 0 "$(cat "$T/heard")" "packets with loopback addresses on the link, $1"
}

for localnet in 0 1; do
	echo $localnet >/proc/sys/net/ipv4/conf/all/route_localnet
	only_as_published "route_localnet $localnet"
	nothing_leaves "route_localnet $localnet"
	daemon_kill
	only_as_published "without a daemon, route_localnet $localnet"
	rules=$(nft list table inet kukeon)
	nft flush chain inet kukeon guard
	only_as_published "with guard empty, route_localnet $localnet"
	printf 'delete table inet kukeon\n%s\n' "$rules" | nft -f -
	daemon_start
	wait_for_cell web Ready
done
echo 0 >/proc/sys/net/ipv4/conf/all/route_localnet
kill "$server"
ip addr del $SECOND_ADDRESS/24 dev uplink
outside_close

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Published ports: reached from outside, over loopback, over the host's own addresses and from the cell itself; from no
# other space. Edited without a restart, followed when the cell moves, refused when somebody else has them.
# shellcheck source=lib-outside.sh
. "$HERE/lib-outside.sh"

BRIDGED=/proc/sys/net/bridge/bridge-nf-call-iptables

outside_open

# publish CELL PORTS: a cell that serves its name on port 80.
publish() {
	cat <<-END
		apiVersion: v1beta1
		kind: Cell
		metadata: {name: $1}
		spec:
		  spaceId: ${SPACE:-default}
		  containers:
		    - id: root
		      image: $IMAGE
		      command: /bin/sh
		      args: ["-c", "mkdir -p /tmp/www; hostname >/tmp/www/name; exec httpd -f -p 80 -h /tmp/www"]
		      stopGracePeriodSeconds: 0
		      ports: [$2]
	END
}

# busybox has no server for UDP: this one lives in the cell's network and says its name to whoever asks.
UDP_SERVER='
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 53))
while True:
    s.sendto(sys.argv[1].encode() + b"\n", s.recvfrom(100)[1])'
udp_servers=()
serve_udp() {
	nsenter --net="$(object cell "$1" | jq -r .status.netns)" python3 -c "$UDP_SERVER" "$1" </dev/null >/dev/null 2>&1 &
	udp_servers+=($!)
}

drop_published() { publish "$@" | drop_manifest "$1.yaml"; }

# says NAME COMMAND...: the page fetched by the command is that cell's.
says() { [ "$("${@:2}" 2>/dev/null)" = "$1" ]; }
fetch() { curl -sf -m 1 "http://$1/name"; }
fetch_inside() { nsenter --net="$(object cell "$1" | jq -r .status.netns)" curl -sf -m 1 "http://$2/name"; }
ask_udp() { timeout 1 bash -c 'exec 3<>"/dev/udp/$0/$1"; echo ? >&3; head -n 1 <&3' "$1" "$2"; }

published() { object cell "$1" | jq -r '.status.ports // [] | join(" ")'; }
publishes() { [ "$(published "$1")" = "$2" ]; }

drop_published web '"8080:80", "127.0.0.1:8081:80/tcp", "5353:53/udp"'
SPACE=other drop_published stranger ''
drop_published neighbour ''
wait_for_cell web Ready
wait_for_cell neighbour Ready
wait_for_cell stranger Ready --space other
bridge_address=$(ip -o -4 addr show dev "$(object space default | jq -r .status.bridge)" | awk '{ sub(/\/.*/, "", $4); print $4 }')
wait_for "its ports in status" publishes web "5353:53/udp 8080:80/tcp 127.0.0.1:8081:80/tcp"
wait_for "its page" says web fetch "$(cell_ip web)"
serve_udp web
wait_for "its answer" says web ask_udp "$(cell_ip web)" 53

reached_everywhere() {
	local before
	before=$(cell_processes web)
	assert_true "from outside $1" says web in_outside curl -sf -m 2 "http://$HOST_ADDRESS:8080/name"
	assert_true "over loopback $1" says web fetch 127.0.0.1:8080
	assert_true "over loopback, published there alone $1" says web fetch 127.0.0.1:8081
	assert_true "over the host's address $1" says web fetch $HOST_ADDRESS:8080
	assert_true "over the bridge's address $1" says web fetch "$bridge_address:8080"
	assert_true "from a neighbour, through the host $1" says web fetch_inside neighbour $HOST_ADDRESS:8080
	assert_true "from itself, through the host $1" says web fetch_inside web $HOST_ADDRESS:8080
	assert_true "UDP over loopback $1" says web ask_udp 127.0.0.1 5353
	if in_outside curl -sf -m 1 "http://$HOST_ADDRESS:8081/name"; then
		fail "a port of loopback is reached from outside $1"
	fi
	if nsenter --net="$(object cell stranger --space other | jq -r .status.netns)" \
		curl -sf -m 1 "http://$HOST_ADDRESS:8080/name"; then
		fail "a port is reached from another space $1"
	fi
	assert_untouched web "$before"
}

for bridged in 0 1; do
	[ ! -e $BRIDGED ] || echo $bridged >$BRIDGED
	reached_everywhere "with bridge-nf-call-iptables $bridged"
	nft flush ruleset
	wait_for "it is reached after a flush" says web fetch 127.0.0.1:8080
	reached_everywhere "after a flush"
	ip link delete "$(object space default | jq -r .status.bridge)"
	wait_for "it is reached after its bridge was deleted" says web fetch 127.0.0.1:8080
	reached_everywhere "after its bridge was deleted"
	daemon_kill
	assert_true "without a daemon" says web in_outside curl -sf -m 2 "http://$HOST_ADDRESS:8080/name"
	daemon_start
	wait_for_cell web Ready
	wait_for "its ports in status" publishes web "5353:53/udp 8080:80/tcp 127.0.0.1:8081:80/tcp"
	reached_everywhere "after a start"
done

# Edited: nothing is restarted.
before=$(cell_processes web)
drop_published web '"8090:80"'
wait_for "the new port" says web fetch 127.0.0.1:8090
wait_for "its ports in status" publishes web "8090:80/tcp"
assert_eq "" "$(fetch 127.0.0.1:8080 || true)" "the page at the port that is published no more"
assert_untouched web "$before"

# Another cell's: the one that was there keeps it, and is named.
drop_published late '"127.0.0.1:8090:80"'
wait_for "the conflict" cell_mentions late "PortConflict port 127.0.0.1:8090/tcp of the host is published by cell default/default/default/web"
assert_eq "" "$(container_pid late root)" "pid of a cell whose port is another's"
assert_true "the holder keeps it" says web fetch 127.0.0.1:8090
if refused=$(publish third '"8090:80"' | kuke apply -f - 2>&1); then
	fail "a port that is taken was accepted over the API: $refused"
fi
assert_contains "$refused" "is published by cell default/default/default/web" "the API's words"
remove_manifest web.yaml
wait_for "the port moves on" says late fetch 127.0.0.1:8090
wait_for_cell late Ready

# Another program's.
python3 -m http.server 8095 --bind 127.0.0.1 --directory "$T" >/dev/null 2>&1 &
server=$!
serves() { curl -sf -m 1 -o /dev/null http://127.0.0.1:8095/; }
wait_for "a program of the host" serves
drop_published late '"8095:80"'
wait_for "it is said" cell_mentions late "PortConflict port 8095/tcp is not published: another program"
assert_true "the program keeps its port" serves
kill "$server"
wait_for "the port when the program has ended" says late fetch 127.0.0.1:8095
wait_for_cell late Ready
if timeout 5 python3 -m http.server 8095 --bind 127.0.0.1 >"$T/second" 2>&1; then
	fail "a published port can be taken"
fi
assert_contains "$(cat "$T/second")" "Address already in use" "what a program is told"

# A client that never stops asking finds the cell at its new address.
drop_published late '"5454:53/udp"'
serve_udp late
wait_for "the answer" says late ask_udp 127.0.0.1 5454
exec 7<>/dev/udp/127.0.0.1/5454
asks_on() {
	echo '?' >&7
	[ "$(timeout 1 head -n 1 <&7)" = "$1" ]
}
wait_for "the client has its answer" asks_on late
address=$(cell_ip late)
remove_manifest late.yaml
wait_for "cell late is gone" cell_is_gone late
drop_published heir '"5454:53/udp"'
wait_for_cell heir Ready
assert_ne "$address" "$(cell_ip heir)" "address of the heir"
serve_udp heir
wait_for "the same client is answered by the heir" asks_on heir
exec 7>&-
kill "${udp_servers[@]}" 2>/dev/null || true
outside_close

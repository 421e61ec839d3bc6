# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Other managers of the packet filter beside us, the real ones (scripts/foreign-tools), and the flows that have to pass or
# not whatever they do. Sourced after lib.sh, by scenarios that begin with: foreign_open PROGRAM... || return 0
# shellcheck source=lib-outside.sh
. "$HERE/lib-outside.sh"

foreign_skip() {
	say "skipped: $*"
	return 1
}

# foreign_open PROGRAM...: puts the tools into the host's /usr and /etc. False, with the reason, where they cannot be had.
foreign_open() {
	local program
	[ -d "${KUKEON_TEST_FOREIGN:-}/usr" ] || foreign_skip "${KUKEON_TEST_FOREIGN#*: }" || return 1
	mount -t overlay -o "ro,lowerdir=$KUKEON_TEST_FOREIGN/usr:/usr" overlay /usr 2>"$T/overlay" ||
		foreign_skip "no overlay over /usr: $(<"$T/overlay")" || return 1
	foreign_forget # of a scenario before that failed
	cp -an "$KUKEON_TEST_FOREIGN/etc/." /etc/
	for program in "$@"; do
		command -v "$program" >/dev/null && continue
		foreign_close
		foreign_skip "there is no $program"
		return 1
	done
}

# Their files in /etc: podman's give its range away, also where nobody runs it.
foreign_forget() { rm -rf /etc/firewalld /etc/ufw /etc/docker /etc/containers; }

# What still runs a program of them keeps it until it ends.
foreign_close() {
	umount -l /usr
	foreign_forget
}

# has_iptables PROGRAM: it and this kernel go together.
has_iptables() { command -v "$1" >/dev/null && "$1" -w -L FORWARD >/dev/null 2>&1; }

# started NAME COMMAND...: in the background; its process is in NAME_PID.
started() {
	"${@:2}" </dev/null >>"$T/$1.log" 2>&1 &
	printf -v "${1}_PID" %s $!
}

ended() {
	local pid=${1}_PID
	[ -n "${!pid:-}" ] || return 0
	process_stop "${!pid}" "$LIMIT" || true
	wait "${!pid}" 2>/dev/null || true
	printf -v "$pid" ''
}

# ---- D-Bus and firewalld ----

# Everybody may do everything: there is nobody else, and no polkit that would be asked.
dbus_start() {
	mkdir -p /run/dbus
	cat >"$T/dbus.conf" <<-END
		<busconfig>
		  <type>system</type>
		  <listen>unix:path=/run/dbus/system_bus_socket</listen>
		  <auth>EXTERNAL</auth>
		  <policy context="default">
		    <allow send_destination="*" eavesdrop="true"/>
		    <allow eavesdrop="true"/>
		    <allow own="*"/>
		  </policy>
		</busconfig>
	END
	started dbus dbus-daemon --config-file="$T/dbus.conf" --nofork --nopidfile
	wait_for "the system's D-Bus" test -S /run/dbus/system_bus_socket
}

dbus_stop() {
	ended dbus
	rm -f /run/dbus/system_bus_socket
}

# ask_firewalld INTERFACE METHOD [SIGNATURE ARGUMENT...]: a tenth of the time that firewall-cmd takes.
ask_firewalld() {
	busctl --system call org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 \
		"org.fedoraproject.FirewallD1${1:+.$1}" "${@:2}" 2>/dev/null
}

firewalld_runs() { ask_firewalld '' getDefaultZone >/dev/null; }

zone_of() { ask_firewalld zone getZoneOfInterface s "$1" | cut -d '"' -f 2; }

firewalld_start() {
	started firewalld firewalld --nofork --nopid
	wait_for "firewalld" firewalld_runs
}

firewalld_stop() { ended firewalld; }

# Of the zone kukeon, as it is loaded, and in its file.
bridge_is_in_zone() { [ "$(zone_of "$1")" = kukeon ]; }
bridge_is_stored() { grep -qsF "\"$1\"" /etc/firewalld/zones/kukeon.xml; }
bridge_is_nowhere() { ! bridge_is_in_zone "$1" && ! bridge_is_stored "$1"; }
zone_is_whole() { bridge_is_in_zone "$web_bridge" && bridge_is_stored "$web_bridge"; }

# whole_again WHAT: the zone has our bridge, and everything passes.
whole_again() {
	wait_for "the zone after: $1" zone_is_whole
	wait_for "all is well after: $1" is_healthy
	all_flows "$1"
}

# ---- docker ----

docker_answers() { docker version >/dev/null 2>&1; }

# docker_start [OPTION...]
docker_start() {
	started docker dockerd --data-root "$T/docker" --exec-root /run/docker --group root "$@"
	LIMIT=40 wait_for "docker" docker_answers
}

docker_stop() { ended docker; }

# docker_rules nft|legacy: ours.
docker_rules() { "iptables-$1-save" -t filter | grep -e '^-A DOCKER-USER .*kukeon' || true; }
has_rules() { [ "$(docker_rules "$1" | grep -c .)" -ge 3 ]; }
has_no_rules() { [ -z "$(docker_rules "$1")" ]; }
use_iptables() {
	mkdir -p "$T/bin"
	ln -sf "$(command -v "iptables-$1")" "$T/bin/iptables"
	ln -sf "$(command -v "ip6tables-$1")" "$T/bin/ip6tables"
}
dockerd_start() { PATH=$T/bin:$PATH docker_start "$@"; }

docker_forget() {
	docker_stop
	"iptables-$1" -P FORWARD ACCEPT
	"iptables-$1" -F
	"iptables-$1" -X
	"iptables-$1" -t nat -F
	"iptables-$1" -t nat -X
}

# docker drops what is forwarded when it is the one that turns forwarding on.
docker_before_us() {
	daemon_stop
	sysctl -qw net.ipv4.ip_forward=0
	use_iptables "$1"
	dockerd_start
	daemon_start
}

# ---- podman ----

podman() {
	# the image's cgroups are the host's, which hands none down
	command podman --root "$T/podman" --runroot /run/podman --tmpdir /run/libpod --storage-driver vfs --cgroup-manager cgroupfs \
		--events-backend none --log-level error "$@"
}

podman_load() {
	podman pull -q "oci-archive:$("$REPO/scripts/busybox-image"):serves" >"$T/podman.image" 2>"$T/podman.log" ||
		fail "podman: $(<"$T/podman.log")"
}

# podman_run NAME OPTION...: it serves a page on port 80.
podman_run() {
	podman run -d --name "$1" --cgroups=disabled --security-opt seccomp=unconfined "${@:2}" "$(<"$T/podman.image")" \
		httpd -f -p 80 -h /www >/dev/null 2>"$T/podman.log" || fail "podman run: $(<"$T/podman.log")"
}

# ---- ufw ----

# As its package is set up.
ufw_prepare() {
	cp -n /usr/share/ufw/ufw.conf /usr/share/ufw/*.init /etc/ufw/
	cp -n /usr/share/ufw/iptables/*.rules /etc/ufw/
}

# ---- the flows ----

serve_yaml() {
	FIELDS="ports: [$2]" cell_yaml "$1" root |
		sed 's|args: .*|args: ["-c", "mkdir -p /tmp/www; hostname >/tmp/www/name; exec httpd -f -p 80 -h /tmp/www"]|'
}

# Cells web, whose port is published, and friend of the default space, stranger of another one; a host outside.
flows_open() {
	outside_open
	ip route add default via 192.0.2.1
	in_outside python3 -m http.server 8000 --bind $OUTSIDE_ADDRESS --directory /run/lock >/dev/null 2>&1 </dev/null &
	outside_server=$!
	serve_yaml web '"8080:80"' | drop_manifest web.yaml
	serve_yaml friend '' | drop_manifest friend.yaml
	SPACE=other serve_yaml stranger '' | drop_manifest stranger.yaml
	wait_for_cell web Ready
	wait_for_cell friend Ready
	wait_for_cell stranger Ready --space other
	flows_look
	all_flows "before any other tool"
}

# Where they are.
flows_look() {
	web_ip=$(cell_ip web) friend_ip=$(cell_ip friend) stranger_ip=$(cell_ip stranger --space other)
	web_net=$(cell_netns web) friend_net=$(cell_netns friend)
	stranger_net=${web_net/default_default_default_web/default_other_default_stranger}
	web_bridge=$(table_bridge default)
	gateway=$(ip -o -4 addr show dev "$web_bridge" | awk '{ sub(/\/.*/, "", $4); print $4; exit }')
}

table_bridge() { object space "$1" | jq -r '.status.bridge // empty'; }

cell_netns() { object cell "$1" | jq -r .status.netns; }

flows_close() {
	kill "$outside_server"
	wait "$outside_server" 2>/dev/null || true
	outside_close
}

# flow NAME COMMAND...: says whether it passes.
flow() {
	if timeout 2 "${@:2}" >/dev/null 2>&1; then
		echo "$1 yes"
	else
		echo "$1 no"
	fi >"$T/flows.d/$1"
}

page() { curl -sf -m 1 -o /dev/null "$@"; }
export -f page

from() { nsenter --net="$1" "${@:2}"; }
fetch_from() { nsenter --net="$1" curl -sf -m 1 -o /dev/null "http://$2"; }
export -f from fetch_from

# All at once: what does not pass takes a second.
flows() {
	local name pids=()
	rm -rf "$T/flows.d"
	mkdir "$T/flows.d"
	while read -r name command; do
		# shellcheck disable=SC2086 # words of a command
		flow "$name" $command &
		pids+=($!)
	done <<-END
		cell-out-icmp nsenter --net=$web_net ping -c 1 -W 1 $OUTSIDE_ADDRESS
		cell-out-tcp nsenter --net=$web_net curl -sf -m 1 http://$OUTSIDE_ADDRESS:8000/
		host-cell curl -sf -m 1 http://$web_ip/name
		outside-port ip netns exec outside curl -sf -m 1 http://$HOST_ADDRESS:8080/name
		loopback-port curl -sf -m 1 http://127.0.0.1:8080/name
		cell-cell nsenter --net=$friend_net curl -sf -m 1 http://$web_ip/name
		cell-own-port nsenter --net=$web_net curl -sf -m 1 http://$HOST_ADDRESS:8080/name
		cell-gateway nsenter --net=$web_net ping -c 1 -W 1 $gateway
		world-cell ip netns exec outside curl -sf -m 1 http://$friend_ip/name
		space-space nsenter --net=$stranger_net curl -sf -m 1 http://$friend_ip/name
		space-back nsenter --net=$friend_net curl -sf -m 1 http://$stranger_ip/name
	END
	wait "${pids[@]}"
	LC_ALL=C sort "$T"/flows.d/*
}

FLOWS_WANTED='cell-cell yes
cell-gateway yes
cell-out-icmp yes
cell-out-tcp yes
cell-own-port yes
host-cell yes
loopback-port yes
outside-port yes
space-back no
space-space no
world-cell no'

flows_pass() {
	FLOWS_FOUND=$(flows)
	[[ $FLOWS_FOUND != *"space-back yes"* && $FLOWS_FOUND != *"space-space yes"* && $FLOWS_FOUND != *"world-cell yes"* ]] ||
		fail "isolation: $FLOWS_FOUND"
	[ "$FLOWS_FOUND" = "$FLOWS_WANTED" ]
}

# all_flows WHEN: within some seconds what has to pass does, and at no look what may not.
all_flows() {
	poll_for "$LIMIT" flows_pass ||
		fail "$1: $(diff <(echo "$FLOWS_WANTED") <(echo "$FLOWS_FOUND") | grep '^>' | xargs)"
	say "all flows: $1"
}

# some_flow_fails WHEN: as it is with a tool that nobody has told of us.
some_flow_fails() {
	! flows_pass || fail "$1: nothing was blocked"
	say "blocked: $1: $({ diff <(echo "$FLOWS_WANTED") <(echo "$FLOWS_FOUND") || true; } | grep -c '^>') flows do not pass"
}

# space_blocked_by TOOL: the default space says so, and kuke status fails.
space_blocked_by() {
	[[ $(object space default | jq -r '.status | "\(.reason) \(.message)"') == "TrafficBlocked "*"$1"* ]] && is_unhealthy
}

# What is to be done, by the doctor.
remedies() {
	{ kuke doctor -o json || true; } | jq -r '.checks[] | select(.name == "traffic" and .result == "Failed") | .remedy'
}

doctor_says() { { kuke doctor || true; } | finds -F -- "$1"; }

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# What scenarios about networks share: a page in each cell, and the host's side of it. Sourced after lib.sh.

PORT=8080

# serve CELL: from now on its root answers on PORT, in a process of its own.
serve() { in_container "$1" root httpd -p $PORT -h /etc; }

answers_at() { [ -n "$1" ] && curl -sf -m 1 -o /dev/null "http://$1:$PORT/hostname"; }
cell_answers() { answers_at "$(cell_ip "$1")"; }

space_bridge() { object space default | jq -r '.status.bridge // empty'; }
space_conflist() { object space default | jq -r '.status.conflist // empty'; }

# The interface's end on the host: the link whose index is that of the peer inside.
cell_link() {
	local peer
	peer=$(nsenter --target "$(container_pid "$1" root)" --net ip -o link show eth0 2>/dev/null |
		sed -n 's/.*eth0@if\([0-9]*\):.*/\1/p') || return 0
	ip -o link | awk -F': ' -v n="$peer" '$1 == n { sub(/@.*/, "", $2); print $2 }'
}

link_mac() { ip -o link show "$1" | sed -n 's/.*link\/ether \([^ ]*\).*/\1/p'; }
link_is_on() { ip -o link show "$1" 2>/dev/null | finds "master $2 "; }
link_is_up() { ip -o link show "$1" up 2>/dev/null | finds .; }
has_address() { ip -o -4 addr show dev "$1" 2>/dev/null | finds -w "$2"; }

cell_netns() { echo "$RUNTIME_DIR/netns/default_default_default_$1"; }
namespace_of() { stat -Lc %i "$1" 2>/dev/null || true; }
is_pinned() { [ -n "$(namespace_of "$1")" ] && [ "$(namespace_of "$1")" = "$(namespace_of "/proc/$2/ns/net")" ]; }

# reservation CELL: host-local's file.
reservation() { echo "$RUNTIME_DIR/ipam/default-default/$(cell_ip "$1")"; }

# by_event "description" COMMAND...: what an event tells of is mended long before the next resync.
by_event() { poll_for 10 "${@:2}" || fail "not by an event: $1"; }

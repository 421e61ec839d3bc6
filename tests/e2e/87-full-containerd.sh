# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# containerd's own filesystem is full: a new cell waits and says what containerd says, the others are untouched and, as long
# as the kernel can mount, kept running; with space all comes up by itself.
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/lib-small.sh"
FIELDS='restartBackoffSeconds: 0'
SPACE_LIMIT=10 # seconds from having space to all being well

fill_bytes() { cat /dev/zero >"$ROOT/filler" 2>/dev/null || true; }
fill_inodes() {
	local i=0
	mkdir -p "$ROOT/inodes"
	while : 2>/dev/null >"$ROOT/inodes/$i"; do
		i=$((i + 1))
	done 2>/dev/null
}

small_begin 16384 2000
drop_ready_cell web root side
before=$(cell_processes web)

fill_bytes
assert_untouched web "$before"
for container in side root; do
	pid=$(container_pid web $container)
	kill -KILL "$pid"
	wait_for_new_pid web $container "$pid"
done

# Without an inode the kernel mounts no overlay: who ended waits, and says so; who runs beside it is not touched.
fill_inodes
before=$(cell_processes web)
drop_cell late a
wait_for "the new cell says what containerd says" cell_mentions late "no space left on device"
say "late: $(cell_field late .status.reason): $(cell_field late .status.message)"
assert_ne Ready "$(cell_state late)" "state of the new cell"
assert_untouched web "$before"
root=$(container_pid web root)
side=$(container_pid web side)
kill -KILL "$side"
wait_for "the one that ended says why" cell_mentions web "no space left on device"
say "web: $(cell_field web .status.reason): $(cell_field web .status.message)"
assert_eq "$root" "$(container_pid web root)" "the root's process"
assert_true "the root runs on" process_alive "$root"

rm -rf "$ROOT/filler" "$ROOT/inodes"
LIMIT=$SPACE_LIMIT wait_for_cell late Ready
LIMIT=$SPACE_LIMIT wait_for_new_pid web side "$side"
assert_eq "$root" "$(container_pid web root)" "the root's process"
small_end

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# What containerd has, on a small filesystem of its own.
ROOT=$KUKEON_TEST_BASE/containerd
SMALL=$T/containerd

# small_begin KIB INODES: so much room is left there.
small_begin() {
	local kib inodes
	containerd_stop
	kib=$(du -k -s "$ROOT" | cut -f 1)
	inodes=$(find "$ROOT" | wc -l)
	mkdir "$SMALL"
	mount -t tmpfs -o "size=$((kib + $1))k,nr_inodes=$((inodes + $2)),mode=711" tmpfs "$SMALL"
	cp -a "$ROOT/." "$SMALL"
	mount --move "$SMALL" "$ROOT"
	containerd_start
	wait_for "kukeond sees it" runtime_is_connected
}

small_grow() { mount -o "remount,size=$1" "$ROOT"; }

small_let_go() { umount "$ROOT" 2>/dev/null; } # the last of its containers are being taken down

# Back to the filesystem that the other scenarios have.
small_end() {
	remove_all_manifests
	wait_for "no cells" cells_are_gone
	containerd_stop
	wait_for "nobody to use the small filesystem" small_let_go
	containerd_start
	wait_for "kukeond sees it" runtime_is_connected
}

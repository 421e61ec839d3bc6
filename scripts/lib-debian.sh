# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A Debian of its own below the place of the tests, and the sources in it, for those who build there. The packages come from the
# Debian archive that apt uses here. Needs lib.sh and lib-place.sh. Sourced, never run.

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

skip() {
	say "skipped: $*"
	exit 77
}

remove_root() { rm -rf --one-file-system "$1"; }

# debian_open KIND: base, which is removed in the end, and root in it.
debian_open() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	command -v mmdebstrap >/dev/null || skip "no mmdebstrap (scripts/install-deps)"
	place_open
	place_sweep "$1" remove_root
	place_make "$1"
	root=$base/root
	# shellcheck disable=SC2064 # this base
	trap "rm -rf --one-file-system '$base'" EXIT
}

# The sources as they are in the work tree, without what is ignored.
copy_sources() {
	mkdir "$root/src"
	(cd "$REPO" && git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - 2>/dev/null) |
		tar -x -C "$root/src"
}

# debian_make SUITE VARIANT [PACKAGE...]
debian_make() {
	local suite=$1 variant=$2 uri packages
	shift 2
	uri=$(debian_archive)
	[ -n "$uri" ] || skip "apt knows no Debian archive here"
	packages=$(IFS=,; echo "$*")
	mmdebstrap --variant="$variant" --mode=root ${packages:+--include="$packages"} "$suite" "$root" \
		"deb [signed-by=$KEYRING] $uri $suite main" >"$base/log" 2>&1 || {
		tail -n 20 "$base/log" >&2
		skip "$suite cannot be had from the archive that apt uses here"
	}
	copy_sources
}

# inside [--network] COMMAND...: with mounts and processes of its own, and no network but loopback where none is asked for.
inside() {
	local net=(--net)
	[ "$1" != --network ] || {
		net=()
		shift
	}
	# shellcheck disable=SC2016 # the inner shell's
	unshare --mount --propagation private "${net[@]}" --ipc --uts --pid --fork --kill-child -- /bin/bash -c '
		root=$1; shift
		mount --rbind /dev "$root/dev" && mount -t proc proc "$root/proc" && mount -t sysfs -o ro sysfs "$root/sys" &&
		mount -t tmpfs tmpfs "$root/tmp" && ip link set lo up
		exec chroot "$root" env -i ${http_proxy:+"http_proxy=$http_proxy"} HOME=/root PATH='"$USUAL_PATH"' LANG=C.UTF-8 "$@"' bash "$root" "$@"
}

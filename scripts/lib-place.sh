# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The one place on the machine where what root makes for a test stands: directories with a lock each, removed by whoever
# finds them without their owner. Nobody but root may name anything in it, so a name found there is ours. Needs lib.sh.
# Sourced, never run.

# Root's, and nobody else may put a name into it.
is_roots_directory() {
	local mode
	mode=$(stat -c '%F %u %04a' "$1" 2>/dev/null) || return 1
	# Where others may write, the sticky bit (/tmp) keeps what is root's from them.
	[[ $mode =~ ^directory\ 0\ [0-7][0-7][0145][0145]$ || $mode =~ ^directory\ 0\ [1357] ]]
}

is_roots_link() { [ "$(stat -c '%F %u' "$1" 2>/dev/null)" = "symbolic link 0" ]; }

# Every directory on the way is root's, and every link: else somebody could exchange the place while we work in it.
way_is_roots() {
	local path=$1
	while path=$(dirname "$path"); do
		is_roots_directory "$path" || is_roots_link "$path" || return 1
		[ "$path" != / ] || return 0
	done
}

# Makes the place, and dies where it could be somebody else's.
place_open() {
	local real
	[[ $PLACE =~ ^(/[^/]+)+$ && $PLACE/ != */../* && $PLACE/ != */./* ]] || die "$PLACE is no absolute path"
	real=$(realpath -m "$(dirname "$PLACE")")/${PLACE##*/}
	way_is_roots "$PLACE" && way_is_roots "$real" ||
		die "others than root may change the way to $PLACE: nothing is done there"
	PLACE=$real
	mkdir -m 700 "$PLACE" 2>/dev/null || true
	[[ $(stat -c '%F %u %a' "$PLACE") =~ ^directory\ 0\ 2?700$ ]] ||
		die "$PLACE must be a directory of root with mode 700: it was not made by us, remove it"
}

# While it is held nothing is made or judged stale.
place_lock() {
	exec {place_fd}<"$PLACE"
	flock "$place_fd"
}

place_unlock() { exec {place_fd}<&-; }

# place_name_is KIND NAME: as place_make makes them, and nothing else.
place_name_is() { [[ $2 =~ ^"$1"-[A-Za-z0-9]{6}$ ]]; }

# place_holds KIND PATH: a directory that place_make made here.
place_holds() {
	[ "$2" = "$PLACE/${2##*/}" ] && place_name_is "$1" "${2##*/}" && [ ! -L "$2" ] && [ -d "$2" ] && [ -O "$2" ]
}

# place_make KIND: a new directory, in base; its lock, held, is the descriptor lock.
# shellcheck disable=SC2034 # for those who source this
place_make() {
	place_lock
	base=$(mktemp -d "$PLACE/$1-XXXXXX")
	exec {lock}<"$base"
	flock "$lock"
	place_unlock
}

# place_sweep KIND REMOVE: calls REMOVE for every directory of that kind whose lock nobody holds.
place_sweep() {
	local path lock
	for path in "$PLACE/$1"-*; do
		place_holds "$1" "$path" || continue
		place_lock
		if { exec {lock}<"$path"; } 2>/dev/null; then
			place_unlock
			if flock -n "$lock" && [ -d "$path" ]; then
				say "$(basename "$0"): removing what is left of ${path##*/}" >&2
				"$2" "$path"
			fi
			exec {lock}<&-
		else
			place_unlock # it went meanwhile
		fi
	done
}

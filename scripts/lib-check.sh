# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the checks that ask a tool share. Needs lib.sh. Sourced, never run.

# need_tool NAME: the check is skipped where scripts/install-deps has not been.
need_tool() {
	command -v "$1" >/dev/null || {
		say "skipped: $1 is missing (scripts/install-deps)"
		exit 77
	}
}

# our_files PATTERN...: what is in the tree and not ignored, new files too; without git all that is not built.
our_files() {
	if git rev-parse --git-dir >/dev/null 2>&1; then
		git ls-files --cached --others --exclude-standard -- "$@" | while IFS= read -r file; do
			[ ! -f "$file" ] || printf '%s\n' "$file"
		done
	else
		local pattern
		for pattern in "$@"; do
			find . -path ./build -prune -o -type f -path "./${pattern}" -print | sed 's|^\./||'
		done
	fi | LC_ALL=C sort -u
}

# Programs for a shell, by their first line or their name.
our_shell_files() {
	our_files scripts/* tests/* .ci/* | while IFS= read -r file; do
		case $file in
		*.sh) echo "$file" ;;
		*.*) ;;
		*) head -c 64 "$file" | tr -d '\0' | finds -E '^#!.*[/ ](ba)?sh\b' && echo "$file" ;;
		esac
	done || true
}

# Where results are kept, by the content that they are of.
CACHE=$REPO/build/checks

# key FILE...: a name for that content.
key() { cat -- "$@" | sha256sum | cut -c 1-40; }

# passed TOOL KEY: this content has been looked at before, and nothing was found.
passed() { [ -e "$CACHE/$1/$2" ]; }

remember() {
	mkdir -p "$CACHE/$1"
	: >"$CACHE/$1/$2"
}

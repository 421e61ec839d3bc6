# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A cell that goes before the store has written it, and one that a crash left unwritten, leave no files behind.
dir=$RUN_PATH/default/default/default
files_are_there() { [ -e "$dir/$1/etc/hosts" ]; }
files_are_gone() { [ ! -e "$RUN_PATH/default" ]; }

cell_yaml early a | drop_manifest early.yaml
wait_for "the cell's files" files_are_there early
remove_manifest early.yaml
wait_for "the cell's files to go" files_are_gone

mkdir -p "$dir/left/etc"
echo left >"$dir/left/etc/hosts"
daemon_kill
daemon_start
wait_for "what a crash left to go" files_are_gone

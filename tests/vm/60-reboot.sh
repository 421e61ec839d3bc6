# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A real reboot: what the old boot had attached is released before anything is attached, cells come up by themselves with
# their addresses, what was stopped stays stopped, what was undeclared meanwhile goes.

# shellcheck source=../e2e/lib-reboot.sh
. "$HERE/../e2e/lib-reboot.sh"

addresses() {
	local name
	for name in one two three; do
		cell_ip "$name"
	done
}

part_1() {
	local name
	for name in one two three stopped gone; do
		drop_cell "$name" root sidecar
	done
	drop_job
	for name in one two three stopped gone; do
		wait_for_cell "$name" Ready
	done
	wait_for_cell job Stopped
	kuke stop cell stopped --wait
	addresses >"$T/addresses"
	systemctl stop kukeond.socket kukeond.service
	remove_manifest gone.yaml
	reboot
}

part_2() {
	wait_for "kukeond's answer" daemon_answers
	is_back "$(cat "$T/addresses")"
}

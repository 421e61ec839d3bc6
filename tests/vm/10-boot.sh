# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
part_1() {
	drop_ready_cell web root sidecar
	kuke status
	echo ok
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# kuke uninstall leaves nothing of Kukeon on the host but the programs, its settings and the images.

part_1() {
	drop_ready_cell web root sidecar
	kuke uninstall --yes >"$T/out" 2>&1 || fail "uninstall: $(cat "$T/out")"
	assert_eq "" "$(leaks '')" "what is left behind"
	assert_eq inactive "$(systemctl is-active kukeond.service || true)" "the service"
	assert_true "the runtime directory is gone" test ! -e "$RUNTIME_DIR"
	assert_true "the store is gone" test ! -e "$RUN_PATH/default"
	kuke init >"$T/out" || fail "kuke init: $(cat "$T/out")"
	wait_for_cell web Ready
}

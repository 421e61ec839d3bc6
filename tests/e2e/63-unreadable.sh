# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A file that may not be read. Root may read everything, so kukeond runs without the capabilities that allow it.
daemon_stop
# shellcheck disable=SC2034 # daemon_start reads it
DAEMON_WRAPPER=(setpriv "--bounding-set=-dac_override,-dac_read_search" --)
daemon_start
drop_ready_cell other a
other=$(cell_processes other)

cell_yaml web root >"$T/new-manifest"
chmod 000 "$T/new-manifest"
mv "$T/new-manifest" "$MANIFESTS/web.yaml"
wait_for "the error" manifest_has_error web.yaml ermission
assert_true "kuke status exits 1" is_unhealthy
assert_untouched other "$other"

chmod 600 "$MANIFESTS/web.yaml"
wait_for_cell web Ready
assert_untouched other "$other"

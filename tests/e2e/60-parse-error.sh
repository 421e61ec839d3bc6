# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A file that does not parse keeps its last good objects and says why; mended, it is in force again.
drop_ready_cell other a
drop_ready_cell web root:1
before=$(cell_processes web)
other=$(cell_processes other)

cell_yaml web root:2 | sed 's/image:/imgae:/' | drop_manifest web.yaml
wait_for "the error" manifest_has_error web.yaml 'did you mean "image"'
status=0
report=$(kuke status) || status=$?
assert_eq 1 $status "exit code of kuke status"
line=$(grep -n imgae "$MANIFESTS/web.yaml" | cut -d : -f 1)
assert_contains "$report" "web.yaml:$line:7" "file, line and column"
stays 2 "cell web untouched" assert_untouched web "$before"

# Also when the daemon starts with the broken file.
daemon_stop
daemon_start
wait_for "the error" manifest_has_error web.yaml imgae
stays 2 "cell web untouched" assert_untouched web "$before"

drop_cell web root:2
wait_for_new_pid web root "$(awk '{ print $2 }' <<<"$before")"
wait_for "a healthy host" is_healthy
assert_untouched other "$other"

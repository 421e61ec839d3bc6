# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Labels, restart settings and comments change nothing that runs.
drop_ready_cell web root sidecar
before=$(cell_processes web)
label_is() { [ "$(cell_field web .metadata.labels.note)" = "$1" ]; }
policy_is() { [ "$(cell_field web '.spec.containers[0].restartPolicy')" = "$1" ]; }

LABEL=changed drop_cell web root sidecar
wait_for "the new label" label_is changed
assert_untouched web "$before"

LABEL=changed FIELDS="restartPolicy: on-failure" drop_cell web root sidecar
wait_for "the new restart policy" policy_is on-failure
assert_untouched web "$before"

{
	echo "# only a comment"
	LABEL=changed FIELDS="restartPolicy: on-failure" cell_yaml web root sidecar
} | drop_manifest web.yaml
stays 1 "cell web untouched" assert_untouched web "$before"

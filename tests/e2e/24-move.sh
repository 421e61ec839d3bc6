# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# An object that moves to another file is not touched.
drop_ready_cell web root
before=$(cell_processes web)
source_is() { [[ $(cell_field web .status.source) == *"$1" ]]; }

mv "$MANIFESTS/web.yaml" "$MANIFESTS/renamed.yaml"
wait_for "the new source" source_is renamed.yaml
stays 2 "cell web untouched" assert_untouched web "$before"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Ten cells dropped at once all become Ready, each with an address of its own.
for i in 0 1 2 3 4 5 6 7 8 9; do
	drop_cell "cell$i" a
done
for i in 0 1 2 3 4 5 6 7 8 9; do
	wait_for_cell "cell$i" Ready
done
addresses=$(kuke get cells -o json | jq -r '.[].status.ip' | sort -u | wc -l)
assert_eq 10 "$addresses" "different addresses"

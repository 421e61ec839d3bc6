# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# What of the store, or of the networks, cannot be read is not taken for gone: what runs is left alone, the cause is
# said, and everything goes on when it can be read again.
cell_yaml api root side | kuke apply -f - >/dev/null
wait_for_cell api Ready
drop_ready_cell web root
api=$(cell_processes api)
web=$(cell_processes web)

store_says() { daemon_answers && kuke_status | jq -r '.daemon.message // ""' | finds -F -- "$1"; }
all_is_well() { kuke_status | jq -e '.daemon.message == null' >/dev/null; }
untouched() { [ "$(cell_processes api)" = "$api" ] && [ "$(cell_processes web)" = "$web" ]; }
all_live() {
	local pid
	while read -r _ pid _; do process_alive "$pid" || return 1; done < <(printf '%s\n%s\n' "$api" "$web")
}

# In place of each is a file, or a link that leads to itself.
for place in "$RUN_PATH/default" "$RUN_PATH/default/default/default" "$RUN_PATH/default/default/default/api/cell.yaml"; do
	daemon_stop
	mv "$place" "$T/away"
	if [ -d "$T/away" ]; then
		echo "no directory" >"$place"
		cause="Not a directory"
	else
		ln -s "$place" "$place"
		cause="symbolic links"
	fi
	daemon_start
	wait_for "the cause: $cause" store_says "$cause"
	store_says "$place" || fail "it does not say $place"
	is_unhealthy || fail "it says that all is well"
	stays 3 "the processes live" all_live
	rm "$place"
	mv "$T/away" "$place"
	wait_for "all is read" all_is_well
	wait_for_cell api Ready
	wait_for_cell web Ready
	untouched || fail "a cell was touched"
	[ -z "$(find "$RUN_PATH" -name '*.damaged')" ] || fail "something was set aside"
done
kuke get cell api -o json | jq -e '.status.source == "api"' >/dev/null || fail "whose it is was forgotten"

# The directory of conflists is a file: the cells go on, and so does what can.
daemon_stop
mv "$CNI_CONF" "$T/away"
echo "no directory" >"$CNI_CONF"
daemon_start
wait_for "the cause" store_says "cannot list $CNI_CONF: Not a directory"
wait_for_cell web Ready
stays 3 "cells untouched" untouched
[ "$(grep -c "^<4>cannot list networks" "$DAEMON_LOG")" -le 2 ] || fail "it is said again and again"
space_says() { object space default | jq -r .status.message | finds -F -- "$1"; }
wait_for "the space says it" space_says "Not a directory"
rm "$CNI_CONF"
mv "$T/away" "$CNI_CONF"
wait_for "all is read" all_is_well
# And when it happens to a daemon that runs, what has ended is started again all the same.
mv "$CNI_CONF" "$T/away"
echo "no directory" >"$CNI_CONF"
kuke refresh >/dev/null 2>&1 &
wait_for "the cause" store_says "cannot list $CNI_CONF: Not a directory"
kill -KILL "$(container_pid api side)"
wait_for "its restart" restart_count_is api side 1
rm "$CNI_CONF"
mv "$T/away" "$CNI_CONF"
wait_for "all is read" all_is_well
wait_for_cell api Ready
api=$(cell_processes api)

# So many conflists of others that ours are not among those that are read.
daemon_stop
for i in {1..4200}; do
	printf '{"cniVersion":"1.0.0","name":"other%d","plugins":[{"type":"loopback"}]}\n' "$i" >"$CNI_CONF/a$i.conflist"
done
daemon_start
wait_for "the cause" store_says "more than 4096 conflists"
wait_for_cell web Ready
wait_for_cell api Ready
stays 3 "cells untouched" untouched
rm "$CNI_CONF"/a*.conflist
wait_for "all is read" all_is_well
kuke delete cell api --cascade >/dev/null
wait_for "api is gone" cell_is_gone api

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A cell's link deleted by another hand: the cell is attached anew with the address it had, its processes live on.
# shellcheck source=lib-network.sh
. "$HERE/lib-network.sh"
drop_ready_cell web root sidecar
drop_ready_cell other root
serve web
web=$(cell_processes web) ip=$(cell_ip web)
other=$(cell_processes other) other_link=$(cell_link other)

attached_anew() {
	local link
	link=$(cell_link web)
	[ -n "$link" ] && link_is_on "$link" "$(space_bridge)" && cell_answers web
}

for from in host cell; do
	link=$(cell_link web)
	case $from in
	host) ip link delete "$link" ;;
	cell) nsenter --target "$(container_pid web root)" --net ip link delete eth0 ;;
	esac
	wait_for "cell web is attached anew" attached_anew
	wait_for_cell web Ready
	assert_untouched web "$web"
	assert_eq "$ip" "$(cell_ip web)" "address of cell web"
	assert_untouched other "$other"
	assert_eq "$other_link" "$(cell_link other)" "link of cell other"
done

# One that is killed while it attaches a running cell anew picks it up.
for _ in 1 2 3; do
	ip link delete "$(cell_link web)"
	daemon_kill
	daemon_start
	wait_for "cell web is attached anew after a start" attached_anew
	wait_for_cell web Ready
	assert_untouched web "$web"
	assert_eq "$ip" "$(cell_ip web)" "address of cell web"
done

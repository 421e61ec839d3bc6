# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# The real dockerd with the older iptables: its chain DOCKER-USER is changed by that program, and rules that somebody
# flushed are put back at the next look.
# shellcheck source=lib-foreign.sh
. "$HERE/lib-foreign.sh"
foreign_open dockerd docker iptables-legacy iptables-legacy-restore || return 0
has_iptables iptables-legacy || {
	foreign_close
	say "skipped: this kernel has no iptables but that of nftables"
	return 0
}

flows_open
before=$(cell_processes web)
docker_before_us legacy
some_flow_fails "docker starts before us"
wait_for "kuke status says so" space_blocked_by "iptables-legacy"
assert_true "nobody has asked" has_no_rules legacy
kuke doctor --fix >"$T/doctor" || true
assert_contains "$(<"$T/doctor")" "docker: DOCKER-USER lets our bridges pass, and is kept so" "kuke doctor --fix"
assert_true "the rules" has_rules legacy
all_flows "kuke doctor --fix"
docker_stop
dockerd_start
wait_for "the rules after docker started again" has_rules legacy
all_flows "docker starts again"
iptables-legacy -F DOCKER-USER
kuke doctor >/dev/null || true
wait_for "the rules after they were flushed" has_rules legacy
all_flows "the rules were flushed"
assert_untouched web "$before"
docker_forget legacy
ip link delete docker0 2>/dev/null || true
flows_close
foreign_close

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Debian's docker-registry on this test host's loopback, for scenarios.

registry_missing() { ! command -v docker-registry >/dev/null || ! command -v openssl >/dev/null; }

# registry_start PORT [LINE...]: plain and open, or with these lines in its settings ("auth:..." or below http). What it holds
# stays from one start to the next. Its requests stand in $T/registry-PORT.log.
registry_start() {
	local port=$1
	{
		cat <<-END
			version: 0.1
			log: {level: info, accesslog: {disabled: false}}
			storage: {filesystem: {rootdirectory: "$T/registry-$port"}}
		END
		printf '%s\n' "${@:2}"
		[[ "${*:2}" == *"http:"* ]] || echo "http: {addr: \"127.0.0.1:$port\"}"
	} >"$T/registry-$port.yml"
	docker-registry serve "$T/registry-$port.yml" >>"$T/registry-$port.log" 2>&1 &
	declare -g "REGISTRY_$port=$!"
	wait_for "a registry on port $port" registry_listens "$port"
}

registry_listens() { (: >"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

registry_stop() {
	local name=REGISTRY_$1
	kill "${!name}"
	wait "${!name}" || true
}

# registry_push NAME IMAGE [OPTION...]: an image of containerd, under that name.
registry_push() { ctr -n kukeon-default images push "${@:3}" "$1" "$2" >/dev/null; }

# registry_count PORT TEXT: in how many requests the text stood.
registry_count() { grep -c -- "$2" "$T/registry-$1.log" || true; }

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# What scenarios about egress policies share: the space that denies, and a name server of our own. Sourced after lib.sh and
# lib-outside.sh.

# guarded_space RULE...: the manifest of the space that denies, with what it allows. SPACE_FIELDS: more of its spec.
guarded_space() {
	drop_manifest space.yaml <<-END
		apiVersion: v1beta1
		kind: Space
		metadata: {name: guarded}
		spec:
		  ${SPACE_FIELDS:-}
		  network:
		    egress:
		      default: deny
		      allow: [$(IFS=,; echo "$*")]
	END
}

# The host asks it from now on; what it knows stands in $T/zone.
names_open() {
	"$HERE/names-server" 127.0.0.1 "$T/zone" >"$T/asked" &
	NAMES_PID=$!
	wait_for "the name server" grep -q ready "$T/asked"
	echo "nameserver 127.0.0.1" >"$T/resolv.conf"
	mount --bind "$T/resolv.conf" /etc/resolv.conf
}

names_stop() {
	process_stop "$NAMES_PID" 5 || fail "the name server does not end"
	wait "$NAMES_PID" 2>/dev/null || true
}

names_close() { umount /etc/resolv.conf; }

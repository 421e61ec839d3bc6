# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Debian's docker-registry on this test host's loopback. Needs lib.sh, and from whoever sources it
#	T		a directory of its own
# Sourced, never run.

REGISTRY_LIMIT_SECONDS=20

# registry_missing: says what, when something is.
registry_missing() {
	local tool
	for tool in docker-registry openssl python3; do
		command -v $tool >/dev/null || { say "$tool is missing"; return 0; }
	done
	return 1
}

# ---- it runs ----

# registry_config PORT [LINE...]: its settings; "tls:..." stands below http.
registry_config() {
	local line tls=
	cat <<-END
		version: 0.1
		log: {level: error, accesslog: {disabled: false}}
		storage: {filesystem: {rootdirectory: "$T/registry-$1"}}
	END
	for line in "${@:2}"; do
		case $line in
		tls:*) tls=", $line" ;;
		*) echo "$line" ;;
		esac
	done
	echo "http: {addr: \"127.0.0.1:$1\"$tls}"
}

registry_listens() { (: >"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# registry_start PORT [LINE...]: plain and open, or with these lines in its settings. What it holds stays from one start to the
# next. Its requests stand in $T/registry-PORT.log.
registry_start() {
	registry_config "$@" >"$T/registry-$1.yml"
	docker-registry serve "$T/registry-$1.yml" >>"$T/registry-$1.log" 2>&1 &
	declare -g "REGISTRY_$1=$!"
	poll_for $REGISTRY_LIMIT_SECONDS registry_listens "$1" && return 0
	echo "no registry on port $1: $(tail -n 3 "$T/registry-$1.log")" >&2
	return 1
}

# registry_pid PORT
registry_pid() {
	local name=REGISTRY_$1
	echo "${!name}"
}

# registry_stop PORT [SIGNAL]
registry_stop() {
	local pid
	pid=$(registry_pid "$1")
	kill "-${2:-TERM}" "$pid"
	wait "$pid" 2>/dev/null || true
}

# registry_count PORT TEXT: in how many requests the text stood.
registry_count() { grep -c -- "$2" "$T/registry-$1.log" || true; }

# ---- what it has ----

# registry_push NAME IMAGE [OPTION...]: an image of containerd, under that name. ctr 2 takes some options only with --local.
registry_push() {
	local more=()
	[[ "${*:3}" != *--tlscacert* ]] || [[ "$(ctr images push --help)" != *--local* ]] || more=(--local)
	ctr -n "${NAMESPACE_OF_IMAGES:-kukeon-default}" images push "${more[@]}" "${@:3}" "$1" "$2" >/dev/null
}

# registry_push_archive NAME FILE: an image that the archive has under that name; nothing of it stays in containerd.
registry_push_archive() {
	ctr -n pushed images import --no-unpack "$2" >/dev/null
	NAMESPACE_OF_IMAGES=pushed registry_push "$1" "$1" --plain-http
	ctr -n pushed images rm --sync "$1" >/dev/null
}

# ---- who may come ----

# registry_ca NAME: $T/tls/NAME.crt
registry_ca() {
	mkdir -p "$T/tls"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$T/tls/$1.key" -out "$T/tls/$1.crt" 2>/dev/null
}

# registry_certificate NAME HOST CA: $T/tls/NAME.cert
registry_certificate() {
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout "$T/tls/$1.key" -out "$T/tls/$1.csr" 2>/dev/null
	openssl x509 -req -days 2 -in "$T/tls/$1.csr" -CA "$T/tls/$3.crt" -CAkey "$T/tls/$3.key" -CAcreateserial \
		-extfile <(echo "subjectAltName=DNS:$2") -out "$T/tls/$1.cert" 2>/dev/null
}

# registry_tls NAME [SETTING]: the line of a registry with that certificate.
registry_tls() { echo "tls: {certificate: $T/tls/$1.cert, key: $T/tls/$1.key${2:+, $2}}"; }

# registry_password USER PASSWORD: the line of a registry that lets nobody else in.
registry_password() {
	python3 - "$@" >"$T/htpasswd" <<-'END'
		import ctypes, sys
		crypt = ctypes.CDLL("libcrypt.so.1").crypt
		crypt.restype = ctypes.c_char_p
		print(sys.argv[1] + ":" + crypt(sys.argv[2].encode(), b"$2b$04$abcdefghijklmnopqrstuu").decode())
	END
	echo "auth: {htpasswd: {realm: test, path: $T/htpasswd}}"
}

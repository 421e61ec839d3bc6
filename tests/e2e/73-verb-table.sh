# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Every verb on every kind: an object that exists, one that does not, one that has children, and wrong usage.

# is CODE TEXT WORDS...: exit code of kuke, and a part of what it says on either stream.
is() {
	local status=0
	kuke "${@:3}" >"$T/said" 2>&1 || status=$?
	assert_eq "$1" $status "exit code of kuke ${*:3} ($(cat "$T/said"))"
	assert_contains "$(cat "$T/said")" "$2" "kuke ${*:3}"
}

KINDS=(realm space stack cell container)
PLURALS=(realms spaces stacks cells containers)
NAMES=(main lab front web a)
SCOPES=("" "--realm main" "--realm main --space lab" "--realm main --space lab --stack front"
	"--realm main --space lab --stack front --cell web")
FLAGS=("" "" "" "" "--image $IMAGE --command /bin/sleep --args 3600")

REALM=main SPACE=lab STACK=front cell_yaml web a >"$T/web.yaml"
kuke apply -f "$T/web.yaml" --wait >/dev/null

for i in 0 1 2 3 4; do
	kind=${KINDS[i]} name=${NAMES[i]}
	title="${kind^} \"$name\""
	read -ra scope <<<"${SCOPES[i]}"
	read -ra flags <<<"${FLAGS[i]}"

	# exists
	is 0 "$title: already existed" create "$kind" "$name" "${scope[@]}" "${flags[@]}"
	is 0 "$name" get "$kind" "$name" "${scope[@]}"
	is 0 "$name" get "${PLURALS[i]}" "${scope[@]}"
	is 0 "declared in:" status "$kind" "$name" "${scope[@]}"
	is 0 "$title: Ready" wait "$kind" "$name" "${scope[@]}" --for=Ready
	kuke get "$kind" "$name" "${scope[@]}" -o yaml >"$T/$kind.yaml"
	is 0 "$title: unchanged" apply -f "$T/$kind.yaml"

	# does not exist
	is 1 "$kind \"nobody\" not found" get "$kind" nobody "${scope[@]}"
	is 1 "$kind \"nobody\" not found" status "$kind" nobody "${scope[@]}"
	is 1 "it is not there" wait "$kind" nobody "${scope[@]}" --timeout 1
	is 0 "${kind^} \"nobody\": deleted" wait "$kind" nobody "${scope[@]}" --for=deleted
	is 1 "${kind^} \"nobody\": not found" delete "$kind" nobody "${scope[@]}"
	is 1 "${kind^} \"nobody\": not found" delete "$kind" nobody "${scope[@]}" --cascade
	sed "s/name: $name\$/name: nobody/; s/^  id: $name\$/  id: nobody/; s/^    ${kind}Id: $name/    ${kind}Id: nobody/" \
		"$T/$kind.yaml" >"$T/nobody.yaml"
	is 0 "${kind^} \"nobody\": not found" delete -f "$T/nobody.yaml"
	is 1 "${kind^} \"nobody\": conflict" apply -f "$T/nobody.yaml" # it is of the version of another one
	sed -i '/^  resourceVersion: /d' "$T/nobody.yaml"
	is 0 "${kind^} \"nobody\": created" apply -f "$T/nobody.yaml" --dry-run
	is 1 "${kind^} \"nobody\": not found" delete "$kind" nobody "${scope[@]}"

	# has children
	if [ $i -lt 4 ]; then
		is 1 "$title: failed" delete "$kind" "$name" "${scope[@]}"
		assert_contains "$(cat "$T/said")" "${NAMES[i + 1]}" "the children that kuke delete names"
		[ "$kind" = cell ] || is 1 "--cascade" delete -f "$T/$kind.yaml" # that file names its container
	fi

	# wrong usage
	for verb in create wait delete status; do
		is 2 "which $kind?" $verb "$kind"
		is 2 "is no path of a $kind" $verb "$kind" ../etc
		is 2 "is no name" $verb "$kind" ..
		[ $verb = delete ] || is 2 "one word too many" $verb "$kind" "$name" twice
		is 2 "unknown option" $verb "$kind" "$name" --nonsense
	done
	[ $i -eq 4 ] || is 2 "does not narrow" get "$kind" --"$kind" x
	is 2 "is no path of a $kind" get "$kind" ../etc
	is 2 "unknown option" get "$kind" --nonsense
	is 2 "knows table, wide, yaml, json, name" get "$kind" -o xml

	# start, stop, kill, restart
	for verb in stop start kill start restart; do
		if [ $i -lt 3 ]; then
			is 2 "works on cell or container, not on a $kind" $verb "$kind" "$name" "${scope[@]}"
		else
			is 0 "$title: " $verb "$kind" "$name" "${scope[@]}" --wait
			is 1 "${kind^} \"nobody\": not found" $verb "$kind" nobody "${scope[@]}"
			is 2 "which $kind?" $verb "$kind"
			is 2 "is no path of a $kind" $verb "$kind" ../etc
		fi
	done
done
for verb in create get wait delete start stop kill restart; do
	is 2 "needs a kind" $verb
	is 2 "unknown kind \"pod\"" $verb pod x
done
for verb in apply refresh version; do
	is 2 "takes no words" $verb cell
done

# From the bottom up, each without children now.
is 1 "failed" delete realm main
for i in 4 3 2 1 0; do
	read -ra scope <<<"${SCOPES[i]}"
	is 0 "${KINDS[i]^} \"${NAMES[i]}\": deleted" delete "${KINDS[i]}" "${NAMES[i]}" "${scope[@]}" --wait
	is 1 "not found" get "${KINDS[i]}" "${NAMES[i]}" "${scope[@]}"
done
# What does not exist is made.
for i in 0 1 2 3 4; do
	read -ra scope <<<"${SCOPES[i]}"
	read -ra flags <<<"${FLAGS[i]}"
	is 0 "${KINDS[i]^} \"${NAMES[i]}\": created" create "${KINDS[i]}" "${NAMES[i]}" "${scope[@]}" "${flags[@]}"
done
is 0 'Realm "main": deleted' delete realm main --cascade --wait

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Every verb on every kind: what exists, what is missing, what has children, and wrong usage. One line each:
#	exit code | a part of what is said | the command line without kuke
# Lines are played in order; what changes something comes after what only looks at it.
cat <<-END | kuke apply -f - >/dev/null
	apiVersion: v1beta1
	kind: Realm
	metadata: {name: r}
	spec: {namespace: kukeon-main} # where the image is
	---
	apiVersion: v1beta1
	kind: Cell
	metadata: {name: web, labels: {app: web}}
	spec:
	  realmId: r
	  spaceId: s
	  stackId: t
	  containers:
	  - {id: a, image: $IMAGE, command: sleep, args: ["3600"], stopGracePeriodSeconds: 0}
	  - {id: b, image: $IMAGE, command: sleep, args: ["3600"], stopGracePeriodSeconds: 0}
END
wait_for_cell web Ready --realm r --space s --stack t

# r/s/t/web: AT is where a cell is, IN where a container is.
AT="--realm r --space s --stack t"
IN="$AT --cell web"

play() {
	local code text command status line=0 out
	while IFS='|' read -r code text command; do
		line=$((line + 1))
		[ -n "$code" ] || continue
		read -r code <<<"$code"
		text=${text# }
		text=${text% }
		status=0
		# shellcheck disable=SC2086 # words of the table
		out=$(kuke $command 2>&1 </dev/null) || status=$?
		[ $status -eq "$code" ] || fail "row $line, kuke $command: exit $status instead of $code: $out"
		[[ $out == *"$text"* ]] || fail "row $line, kuke $command: '$text' is not in: $out"
	done
}

play <<-END
	0 | Ready | get realm r
	0 | Ready | get space s --realm r
	0 | Ready | get stack t --realm r --space s
	0 | Ready | get cell web $AT
	0 | Ready | get container a $IN
	1 | realm "no" not found | get realm no
	1 | space "no" not found in realm "r" | get space no --realm r
	1 | stack "no" not found in realm "r", space "s" | get stack no --realm r --space s
	1 | cell "no" not found | get cell no $AT
	1 | container "no" not found | get container no $IN
	0 | No cells found. | get cells --realm no
	2 | unknown kind | get nonsense
	2 | is no name | get cell no/name
	2 | does not narrow | get realms --cell web
	2 | knows | get cells -o nonsense
	2 | label | get cells -l =,
	2 | one word too many | get cell web again

	0 | Realm r | status realm r
	0 | conflist: | status space s --realm r
	0 | cgroup: | status stack t --realm r --space s
	0 | RESTARTS | status cell web $AT
	0 | pid: | status container b $IN
	1 | not found | status realm no
	1 | not found | status space no
	1 | not found | status stack no
	1 | not found | status cell no
	1 | not found | status container no $IN
	2 | which cell? | status cell

	0 | Ready | wait realm r
	0 | Ready | wait space s --realm r
	0 | Ready | wait stack t --realm r --space s
	0 | Ready | wait cell web $AT
	0 | Ready | wait container a $IN
	1 | no | wait cell no --timeout 1s
	0 | deleted | wait cell no --for=deleted
	2 | Ready, Stopped, Failed or deleted | wait cell web --for=nonsense
	2 | 30s | wait cell web --timeout soon

	0 | Realm "r": already existed | create realm r
	0 | Space "s": already existed | create space s --realm r
	0 | Stack "t": already existed | create stack t --realm r --space s
	0 | Cell "web": already existed | create cell web $AT
	0 | Container "a": already existed | create container a $IN --image $IMAGE
	0 | Realm "r2": created | create realm r2 --wait
	0 | Space "s2": created | create space s2 --realm r2 --wait
	0 | Stack "t2": created | create stack t2 --realm r2 --space s2 --wait
	0 | Cell "c2": created | create cell c2 --realm r2 --space s2 --stack t2
	0 | Container "c": created | create container c $IN --image $IMAGE --command sleep --args 3600 --wait
	2 | which realm? | create realm
	2 | is no name | create space no/name
	2 | unknown kind | create pod web
	2 | --image | create cell c3 --image $IMAGE
	2 | restart | create container c3 --cell web --restart-policy sometimes

	2 | start works on cell or container | start realm r
	2 | stop works on cell or container | stop space s --realm r
	2 | kill works on cell or container | kill stack t --realm r --space s
	2 | restart works on cell or container | restart realm r
	1 | not found | start cell no
	1 | not found | stop cell no
	1 | not found | kill cell no
	1 | not found | restart cell no
	1 | not found | start container no $IN
	1 | not found | stop container no $IN
	1 | not found | kill container no $IN
	1 | not found | restart container no $IN
	0 | already started | start cell web $AT
	0 | already started | start container b $IN
	0 | Container "b": stopped | stop container b $IN --wait
	0 | Container "b": already stopped | stop container b $IN
	0 | Container "b": already stopped | kill container b $IN
	0 | Container "b": started | start container b $IN --wait
	0 | Container "b": killed | kill container b $IN --wait
	0 | Container "b": restarted | restart container b $IN --wait
	0 | Cell "web": stopped | stop cell web $AT --wait
	0 | Cell "web": already stopped | stop cell web $AT
	1 | its cell is stopped | start container a $IN
	0 | Cell "web": started | start cell web $AT --wait
	0 | Cell "web": restarted | restart cell web $AT --wait
	0 | Cell "web": killed | kill cell web $AT --wait
	0 | Cell "web": restarted | restart cell web $AT --wait

	1 | it has 1 spaces: s | delete realm r
	1 | it has 1 stacks: t | delete space s --realm r
	1 | it has 1 cells: web | delete stack t --realm r --space s
	1 | it has 3 containers: a, b, c | delete cell web $AT
	1 | not found | delete realm no
	1 | not found | delete space no
	1 | not found | delete stack no
	1 | not found | delete cell no
	1 | not found | delete container no $IN
	0 | Container "c": deleted | delete container c $IN --wait
	0 | Cell "c2": deleted | delete cell c2 --realm r2 --space s2 --stack t2 --wait
	0 | Stack "t2": deleted | delete stack t2 --realm r2 --space s2 --wait
	0 | Space "s2": deleted | delete space s2 --realm r2 --wait
	0 | Realm "r2": deleted | delete realm r2 --wait
	0 | Cell "web": deleted | delete cell web $AT --cascade --wait
	0 | Space "s": deleted | delete realm r --cascade --wait
	2 | which stack? | delete stack
	2 | not both | delete cell web -f nonsense.yaml
	1 | nonsense.yaml | delete -f nonsense.yaml

	2 | -f | apply
	1 | nonsense.yaml | apply -f nonsense.yaml
	2 | did you mean | gett cells
	0 | Refreshed | refresh
	2 | takes no words | refresh everything
	2 | bash | completion tcsh
	0 | kukeond | version
	3 | cannot | --socket /nonexistent version
END

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Every command line of the pages that users were promised, as printed there, with the outcome that the page describes.
IN=(--realm main --space default --stack default)

for image in docker.io/library/nginx:alpine docker.io/library/debian:latest; do
	ctr -n kukeon-main images tag --force docker.io/library/busybox:serves $image >/dev/null
done

# says TEXT COMMAND...: it succeeds, and its output holds the text.
says() {
	local out
	out=$("${@:2}" 2>"$T/err") || fail "${*:2}: $out $(cat "$T/err")"
	assert_contains "$out" "$1" "${*:2}"
}

# ---- the page about cells

kuke create cell mycell --realm main --space default --stack default >"$T/created"
for kind_name in 'Realm "main"' 'Space "default"' 'Stack "default"' 'Cell "mycell"'; do
	assert_contains "$(cat "$T/created")" "$kind_name: created" "kuke create cell"
done
says 'Cell "mycell": already existed' kuke create cell mycell --realm main --space default --stack default
assert_eq Pending "$(cell_state mycell "${IN[@]}")" "a cell without containers"
assert_true "its metadata" test -f "$RUN_PATH/main/default/default/mycell/cell.yaml"
wait_for "its cgroup" test -d /sys/fs/cgroup/kukeon/main/default/default/mycell

cat >"$T/cell.yaml" <<-END
	apiVersion: v1beta1
	kind: Cell
	metadata:
	  name: web
	spec:
	  id: web
	  realmId: main
	  spaceId: default
	  stackId: default
	  containers:
	    - id: nginx
	      image: docker.io/library/nginx:alpine
	      root: true # owns the network namespace
	    - id: sidecar
	      image: docker.io/library/busybox:latest
	      command: /bin/sh
	      args: ["-c", "while true; do date; sleep 5; done"]
END
cd "$T"
says 'Cell "web": created' kuke apply -f cell.yaml
wait_for_cell web Ready "${IN[@]}"
says 'Cell "web": unchanged' kuke apply -f cell.yaml
says web kuke get cells --realm main --space default --stack default
says mycell kuke get cells --realm main --space default --stack default

# One namespace and one address for both; the veth hangs on the bridge of the space.
netns_of() { readlink "/proc/$(container_field web "$1" .status.pid "${IN[@]}")/ns/net"; }
assert_eq "$(netns_of nginx)" "$(netns_of sidecar)" "the network namespace"
ip=$(cell_ip web "${IN[@]}")
assert_true "an address of the first range" grep -q '^10\.88\.' <<<"$ip"
bridge=$(cell_field web .status.bridge "${IN[@]}")
assert_eq kuke-main-defau "$bridge" "the bridge"
assert_eq 1 "$(ip -o link show master "$bridge" | wc -l)" "veths of the bridge"
assert_true "the conflist" test -f "$CNI_CONF/main-default.conflist"
assert_true "the leaf of the root" test -d /sys/fs/cgroup/kukeon/main/default/default/web/web_root
assert_true "the leaf of the other" test -d /sys/fs/cgroup/kukeon/main/default/default/web/web_sidecar
wait_for "the container's metadata" test -f "$RUN_PATH/main/default/default/web/containers/sidecar.yaml"
says Hello curl -sf -m 2 "http://$ip/"

for cell in mycell web; do
	says "Cell \"$cell\": " kuke stop cell $cell --realm main --space default --stack default
	wait_for_cell $cell Stopped "${IN[@]}"
	says "Cell \"$cell\": " kuke start cell $cell --realm main --space default --stack default
done
wait_for_cell mycell Pending "${IN[@]}"
wait_for_cell web Ready "${IN[@]}"
assert_eq "$ip" "$(cell_ip web "${IN[@]}")" "the address after stop and start"
for cell in mycell web; do
	says "Cell \"$cell\": " kuke kill cell $cell --realm main --space default --stack default
	wait_for_cell $cell Stopped "${IN[@]}"
done
has_no_address() { [ -z "$(cell_ip web "${IN[@]}")" ]; }
wait_for "a stopped cell has no address" has_no_address
assert_eq 2 "$(ctr -n kukeon-main containers list -q | wc -l)" "containers of a stopped cell"
for cell in mycell web; do
	says "Cell \"$cell\": deletion asked for" kuke delete cell $cell --realm main --space default --stack default --cascade
	wait_for "$cell is gone" cell_is_gone $cell "${IN[@]}"
done
assert_true "its metadata is gone" test ! -e "$RUN_PATH/main/default/default/web"

# ---- the page about containers

cat >container.yaml <<-END
	apiVersion: v1beta1
	kind: Container
	metadata:
	  name: web
	spec:
	  id: web
	  realmId: main
	  spaceId: default
	  stackId: default
	  cellId: hello-world
	  root: true
	  image: docker.io/library/nginx:alpine
	  command: /bin/sh
	  args:
	    - -c
	    - "exec httpd -f -p 8080 -h /usr/share/nginx/html"
	  env:
	    - "NGINX_HOST=example.com"
	  ports: []
	  volumes:
	    - source: $T/html
	      target: /usr/share/nginx/html
	      readOnly: true
	  networks: []
	  networksAliases: []
	  privileged: false
	  restartPolicy: ""
END
mkdir -p "$T/html"
echo "from a volume" >"$T/html/index.html"
says 'Container "web": created' kuke apply -f container.yaml
wait_for_cell hello-world Ready "${IN[@]}"
says "from a volume" curl -sf -m 2 "http://$(cell_ip hello-world "${IN[@]}"):8080/"
says 'Container "web": unchanged' kuke apply -f container.yaml
root_pid=$(container_field hello-world web .status.pid "${IN[@]}")

says 'Container "side": created' kuke create container side --cell hello-world \
	--realm main --space default --stack default \
	--image docker.io/library/busybox:latest \
	--command /bin/sh --args "-c" --args "sleep 3600"
side_is() { [ "$(container_field hello-world side .status.state "${IN[@]}")" = "$1" ]; }
wait_for "side is Ready" side_is Ready
says 'Container "side": already' kuke start container side --cell hello-world \
	--realm main --space default --stack default
says 'Container "side": ' kuke stop container side --cell hello-world "${IN[@]}"
wait_for "side is Stopped" side_is Stopped
says 'Container "side": ' kuke start container side --cell hello-world "${IN[@]}"
wait_for "side is Ready again" side_is Ready
says 'Container "side": ' kuke kill container side --cell hello-world "${IN[@]}"
wait_for "side is Stopped" side_is Stopped
says 'Container "side": deletion asked for' kuke delete container side --cell hello-world \
	--realm main --space default --stack default
side_is_gone() { ! kuke get container side --cell hello-world "${IN[@]}" >/dev/null 2>&1; }
wait_for "side is gone" side_is_gone

# Without an image it is Debian's.
says 'Container "deb": created' kuke create container deb --cell hello-world "${IN[@]}"
assert_eq docker.io/library/debian:latest "$(container_field hello-world deb .spec.image "${IN[@]}")" "the image"
assert_eq "$root_pid" "$(container_field hello-world web .status.pid "${IN[@]}")" "the root's process all the time"
kuke kill cell hello-world "${IN[@]}" >/dev/null # it would take its grace to stop
kuke delete realm main --cascade >/dev/null || fail "kuke delete realm main"

# ---- the page about spaces

says 'Space "mySpace": created' kuke create space mySpace --realm main
says mySpace kuke get spaces --realm main
space_is_ready() { [ "$(table_field STATE space mySpace --realm main)" = Ready ]; }
wait_for "the space is Ready" space_is_ready
assert_true "the conflist" test -f "$CNI_CONF/main-mySpace.conflist"
assert_true "its plugins" jq -e '[.plugins[].type] | contains(["bridge"])' "$CNI_CONF/main-mySpace.conflist"
assert_true "the cgroup" test -d /sys/fs/cgroup/kukeon/main/mySpace
assert_true "the metadata" test -f "$RUN_PATH/main/mySpace/space.yaml"
bridge=$(object space mySpace --realm main | jq -r .status.bridge)
assert_true "a name that the kernel takes" test "${#bridge}" -le 15
assert_contains "$bridge" kuke-main-m "the bridge"
says 'Space "mySpace": deletion asked for' kuke delete space mySpace --realm main --cascade
space_is_gone() { ! kuke get space mySpace --realm main >/dev/null 2>&1; }
wait_for "the space is gone" space_is_gone
assert_true "its conflist is gone" test ! -e "$CNI_CONF/main-mySpace.conflist"
mkdir -p "$T/net.d"
cat >space.yaml <<-END
	apiVersion: v1beta1
	kind: Space
	metadata:
	  name: default
	spec:
	  realmId: main
	  cniConfigPath: $T/net.d # optional; defaults to system CNI dir
END
says 'Space "default": created' kuke apply -f space.yaml --wait
assert_true "the conflist where it was asked for" test -f "$T/net.d/main-default.conflist"
kuke delete realm main --cascade --wait >/dev/null || fail "kuke delete realm main"

# ---- the page about the cell manifest: what it shows of the status

cat >hello.yaml <<-END
	apiVersion: v1beta1
	kind: Cell
	metadata:
	  name: hello-world
	  labels: {}
	spec:
	  id: hello-world
	  realmId: default
	  spaceId: default
	  stackId: default
	  rootContainerId: web       # optional; defaults to the first container
	  containers:
	    - id: web
	      image: docker.io/library/busybox:latest
	      command: /bin/sh
	      args:
	        - -c
	        - "exec busybox httpd -f -v -p 8080 -h /www"
	status:
	  state: Ready
	  cgroupPath: /kukeon/default/default/default/hello-world
	  containers:
	    - id: web
	      state: Ready
END
says 'Cell "hello-world": created' kuke apply -f hello.yaml
wait_for_cell hello-world Ready
says Hello curl -sf -m 2 "http://$(cell_ip hello-world):8080/"
assert_eq /kukeon/default/default/default/hello-world "$(cell_field hello-world .status.cgroupPath)" cgroupPath
assert_eq true "$(cell_field hello-world .status.cgroupReady)" cgroupReady
assert_eq Ready "$(cell_field hello-world '.status.containers[0].state')" "the container's state"
for field in createdAt updatedAt readyAt; do
	assert_true "$field" grep -qE '^[0-9-]+T[0-9:.]+Z$' <<<"$(cell_field hello-world ".status.$field")"
done
first=$(cell_field hello-world '"\(.status.createdAt) \(.status.readyAt)"')
kuke kill cell hello-world --wait >/dev/null || fail "kuke kill"
kuke start cell hello-world --wait >/dev/null || fail "kuke start"
assert_eq "$first" "$(cell_field hello-world '"\(.status.createdAt) \(.status.readyAt)"')" "times that are set once"
kuke kill cell hello-world >/dev/null
kuke delete realm default --cascade >/dev/null || fail "kuke delete realm default"
cd /

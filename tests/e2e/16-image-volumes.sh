# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Volumes that an image declares: a fresh directory of the host with what the image has there, writable whatever the root
# filesystem is. Tasks come and go over it; it goes with the container, also when the daemon is killed in between.
VOLUMES=$RUN_PATH/.volumes

# busybox, saying more about itself.
make_image() {
	local dir=$T/image config
	mkdir "$dir"
	kuke image save busybox -f "$T/saved.tar"
	tar -C "$dir" -xf "$T/saved.tar"
	config=$dir/$(jq -r '.[0].Config' "$dir/manifest.json")
	jq -c '.config.Volumes = {"/www": {}, "/data": {}, "/proc/x": {}} | .config.ExposedPorts = {"80/tcp": {}}
		| .config.Healthcheck = {Test: ["CMD-SHELL", "test -e /www"], Interval: 30000000000}' "$config" >"$dir/config.json"
	jq -c '.[0].Config = "config.json" | .[0].RepoTags = ["volumes:1"]' "$dir/manifest.json" >"$T/manifest.json"
	mv "$T/manifest.json" "$dir/manifest.json"
	rm "$dir/oci-layout" "$dir/index.json"
	tar -C "$dir" -c . | kuke image load >/dev/null
}

volumes_cell() {
	drop_manifest volumes.yaml <<-END
		apiVersion: v1beta1
		kind: Cell
		metadata: {name: volumes}
		spec:
		  containers:
		    - id: main
		      image: volumes:1
		      command: sleep
		      args: ["3600"]
		      env: ["ROUND=$1"]
		      stopSignal: KILL
		      readOnlyRootFilesystem: true
		    - id: own
		      image: volumes:1
		      command: sleep
		      args: ["3600"]
		      stopSignal: KILL
		      volumes: [{source: $T/own, target: /www}]
		      tmpfs: [{target: /data}]
	END
}

inside() { in_container volumes "$@"; }
kept() { find "$VOLUMES" -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null | LC_ALL=C sort; }
none_is_kept() { [ -z "$(kept)" ]; }
some_are_kept() { [ -n "$(kept)" ]; }
# PATH in the container: where it comes from.
mounted_from() { inside "$1" cat /proc/self/mountinfo | cut -d ' ' -f 4,5 | sed -n "s| $2\$||p"; }
# shellcheck disable=SC2016 # the container's shell expands
made_anew() { [ "$(inside main sh -c 'echo "$ROUND"' 2>/dev/null)" = "$1" ]; }
doctor() { kuke doctor -o json "$@" || [ $? -eq 1 ]; }
orphans() { doctor "$@" | jq -r '.objects[]? | select(.orphan and .kind == "volumes").name'; }

drop_ready_cell other a # the images are there with the realm
make_image
assert_contains "$(kuke image inspect volumes:1)" "/data" "kuke image inspect"
assert_contains "$(kuke image inspect volumes:1)" "80/tcp" "kuke image inspect"
assert_contains "$(kuke image inspect volumes:1)" "CMD-SHELL test -e /www, every 30s" "kuke image inspect"
assert_true "no cell, no volume" none_is_kept

mkdir "$T/own"
echo mine >"$T/own/page"
volumes_cell 1
wait_for_cell volumes Ready
assert_eq "Hello from Kukeon" "$(inside main cat /www/index.html)" "what the image has there"
inside main sh -c 'echo written >/data/new && echo written >/www/new' || fail "a volume cannot be written"
inside main touch /new 2>/dev/null && fail "the root filesystem can be written"
assert_contains "$(mounted_from main /data)" "/.volumes/" "where /data comes from"
assert_eq 700 "$(stat -c %a "$VOLUMES")" "mode of the place"

# What the manifest mounts there is used.
assert_eq mine "$(inside own cat /www/page)" "a volume of the manifest"
assert_eq / "$(mounted_from own /data)" "a tmpfs of the manifest"
assert_eq 1 "$(kept | wc -l)" "containers with volumes of their own"
kuke doctor >/dev/null || fail "the doctor finds something: $(kuke doctor)"
doctor | jq -e '.objects[] | select(.kind == "volumes" and .owner == "default/default/default/volumes/main")' >/dev/null ||
	fail "the doctor does not know whose the volumes are"

# Tasks and daemons come and go.
killed=$(container_pid volumes main)
kill -KILL "$killed"
wait_for_new_pid volumes main "$killed"
assert_eq written "$(inside main cat /data/new)" "after a crash"
before=$(container_pid volumes main)
daemon_kill
daemon_start
wait_for_cell volumes Ready
assert_eq "$before" "$(container_pid volumes main)" "the process that runs"

# A container that is made anew has them as the image has.
volumes_cell 2
wait_for "the container is made anew" made_anew 2
assert_eq "Hello from Kukeon" "$(inside main cat /www/index.html)" "what the image has there"
inside main test ! -e /data/new -a ! -e /www/new || fail "the new container has what the old one wrote"
assert_eq 1 "$(kept | wc -l)" "containers with volumes of their own"

# What nobody owns is listed, and goes when it is asked for.
mkdir -p "$VOLUMES/kukeon-default+gone/0/dir"
assert_eq kukeon-default/gone "$(orphans)" "what the doctor lists"
doctor --fix >/dev/null
assert_eq "" "$(orphans)" "what the doctor has left"
assert_true "it is gone" [ ! -e "$VOLUMES/kukeon-default+gone" ]
wait_for_cell volumes Ready

remove_manifest volumes.yaml
wait_for "the volumes are gone" none_is_kept

# Killed when they are made, and when they go.
for _ in 1 2 3; do
	volumes_cell 3
	wait_for "volumes are made" some_are_kept
	daemon_kill
	daemon_start
	wait_for_cell volumes Ready
	remove_manifest volumes.yaml
	sleep "1.$((RANDOM % 9))" # anywhere after the grace
	daemon_kill
	daemon_start
	wait_for "the cell is gone" cell_is_gone volumes
	assert_true "the volumes are gone with it" none_is_kept
done

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A cell that asks for it gets the image that its tag comes to stand for, and goes back to the one before when it does not become
# Ready with it; that one is not tried again. kukeond is killed while it tries one. Who does not ask for it is left alone.
. "$REPO/scripts/lib-registry.sh"
missing=$(registry_missing) && { echo "skipped: $missing"; exit 0; }
APP=localhost:5000/team/app:1

digest_in_use() { container_field "$1" root .status.imageDigest; }
digest_is() { [ "$(digest_in_use "$1")" = "$2" ]; }
digest_is_not() { [ "$(digest_in_use "$1")" != "$2" ]; }
reason_is() { [ "$(cell_field "$1" .status.reason)" = "$2" ]; }
told() { kuke events cell web 2>/dev/null | grep -c -- "$1" || true; }
has_told() { [ "$(told "$1")" -ge "${2:-1}" ]; }
pushed() { registry_push $APP "$1" --plain-http; }
has_asked_since() { [ "$(registry_count 5000 "HEAD /v2/team/app/manifests/1")" -gt "$1" ]; }
asks_again() { wait_for "the next look" has_asked_since "$(registry_count 5000 "HEAD /v2/team/app/manifests/1")"; }

# An image that has no shell, so nothing that runs in the others runs in it.
make_empty() {
	mkdir -p "$T/empty/blobs/sha256"
	python3 - "$T/empty" $APP <<-'END'
		import hashlib, io, json, os, platform, sys, tarfile
		root, name = sys.argv[1:]
		def blob(data, kind):
		    digest = hashlib.sha256(data).hexdigest()
		    with open(f"{root}/blobs/sha256/{digest}", "wb") as out:
		        out.write(data)
		    return {"mediaType": kind, "digest": "sha256:" + digest, "size": len(data)}
		layer = io.BytesIO()
		with tarfile.open(fileobj=layer, mode="w") as tar:
		    tar.addfile(tarfile.TarInfo("nothing"))
		oci = "application/vnd.oci.image."
		layer = blob(layer.getvalue(), oci + "layer.v1.tar")
		arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
		config = {"architecture": arch, "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}
		config = blob(json.dumps(config).encode(), oci + "config.v1+json")
		manifest = {"schemaVersion": 2, "mediaType": oci + "manifest.v1+json", "config": config, "layers": [layer]}
		manifest = blob(json.dumps(manifest).encode(), oci + "manifest.v1+json")
		manifest["annotations"] = {"io.containerd.image.name": name + "-empty"}
		open(root + "/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
		open(root + "/index.json", "w").write(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
	END
	tar -C "$T/empty" -c . | ctr -n kukeon-default images import - >/dev/null
}

daemon_stop
export KUKEON_IMAGES_CHECK_EVERY=1 KUKEON_IMAGES_READY_WITHIN=10
daemon_start
registry_start 5000
make_empty
pushed $IMAGE
IMAGE=$APP drop_ready_cell still root
IMAGE=$APP cell_yaml web root | sed 's|^  labels:|  annotations: {kukeon.io/auto-update: registry}\n&|' | drop_manifest web.yaml
wait_for_cell web Ready
first=$(digest_in_use web)
still=$(cell_processes still)
asks_again
web=$(cell_processes web)
asks_again
assert_untouched web "$web"

# ---- the tag moves on ----

pushed $USERS_IMAGE
wait_for "the newer image" digest_is_not web "$first"
second=$(digest_in_use web)
wait_for "ImageUpdated" has_told ImageUpdated
assert_contains "$(kuke events cell web)" "ImageUpdateFound" "what is told"
wait_for_cell web Ready
web=$(cell_processes web)
asks_again
assert_untouched web "$web"

# ---- to one that does not run; kukeond dies while it is tried ----

pushed $APP-empty
wait_for "the next update" has_told ImageUpdateFound 2
daemon_kill
daemon_start
wait_for "ImageRolledBack" has_told ImageRolledBack
wait_for "the image of before" digest_is web "$second"
wait_for "ImageHeldBack" reason_is web ImageHeldBack
wait_for_cell web Ready
web=$(cell_processes web)
asks_again
asks_again
assert_untouched web "$web"
assert_eq 1 "$(told ImageRolledBack)" "how often it went back"

# ---- and to one that does again ----

pushed $IMAGE
wait_for "the image after" digest_is web "$first"
wait_for "it proves itself" has_told ImageUpdated 2
wait_for_cell web Ready
assert_untouched still "$still"

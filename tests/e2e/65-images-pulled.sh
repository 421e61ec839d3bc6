# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Images from a registry: a cell whose image nobody has gets it; what cannot be had is said by its reason and tried again; a
# realm's credentials open what is closed, and are shown nowhere; a newer image under the same name is taken when it is asked for.
. "$REPO/scripts/lib-registry.sh"
missing=$(registry_missing) && { echo "skipped: $missing"; exit 0; }
OPEN=localhost:5000 CLOSED=registry.test:5443 SECRET=correct-horse-battery

reason_is() { [ "$(cell_field "$1" .status.reason "${@:3}")" = "$2" ]; }
digest_in_use() { container_field "$1" root .status.imageDigest; }
digest_is_not() { [ "$(digest_in_use "$1")" != "$2" ]; }

# ---- from a registry without a password ----

registry_start 5000
registry_push $OPEN/team/app:1 $IMAGE --plain-http
first=$(ctr -n kukeon-default images ls | awk -v name=$IMAGE '$1 == name { print $3 }')
IMAGE=$OPEN/team/app:1 drop_ready_cell web root
assert_eq "$first" "$(digest_in_use web)" "the digest in use"
assert_contains "$(kuke image list)" "$OPEN/team/app" "the list of images"
web=$(cell_processes web)

# A second cell of it asks nobody; to pull what is there asks what the name stands for, and fetches nothing.
before=$(registry_count 5000 "GET /v2/")
IMAGE=$OPEN/team/app:1 drop_ready_cell more root
assert_eq "$before" "$(registry_count 5000 "GET /v2/")" "what a second cell of it asked for"
kuke image pull $OPEN/team/app:1 >"$T/pulled" || fail "what is there cannot be pulled again"
assert_contains "$(<"$T/pulled")" "$first" "what pull says"
assert_eq "$before" "$(registry_count 5000 "GET /v2/")" "what the pull of what is there fetched"

# ---- what is not there, and comes ----

IMAGE=$OPEN/team/app:2 drop_cell later root
wait_for "ImageNotFound" reason_is later ImageNotFound
assert_contains "$(cell_field later .status.message)" "credentials" "what may help"
kuke image pull $OPEN/team/app:2 2>"$T/why" && fail "an image that is not there was pulled"
assert_contains "$(<"$T/why")" "not there, or needs credentials" "why it was not"
registry_push $OPEN/team/app:2 $USERS_IMAGE --plain-http
kuke image pull $OPEN/team/app:2 >/dev/null # it would be asked for again by itself, in half a minute
wait_for_cell later Ready
assert_untouched web "$web"

# ---- nobody there ----

registry_stop 5000
IMAGE=$OPEN/team/away:1 drop_cell away root
wait_for "RegistryUnreachable" reason_is away RegistryUnreachable
registry_start 5000
registry_push $OPEN/team/away:1 $IMAGE --plain-http
wait_for_cell away Ready
assert_untouched web "$web"

# ---- what somebody has taken a part of is fetched again ----

rm "$MANIFESTS/away.yaml"
wait_for "cell away is gone" cell_is_gone away
config=$(kuke image inspect $OPEN/team/away:1 -o json | jq -r .configDigest)
ctr -n kukeon-default content rm "$config" >/dev/null
daemon_stop # which knew what stood there
daemon_start
IMAGE=$OPEN/team/away:1 drop_ready_cell away root

# ---- a newer one of the same name: only when it is asked for ----

registry_push $OPEN/team/app:1 $USERS_IMAGE --plain-http
kuke restart cell web --wait >/dev/null
assert_eq "$first" "$(digest_in_use web)" "the image after a restart"
kuke restart cell web --pull --wait >/dev/null
wait_for "the newer image" digest_is_not web "$first"
wait_for_cell web Ready
IMAGE=$OPEN/team/app:1 FIELDS='imagePullPolicy: Never' drop_ready_cell never root
IMAGE=$OPEN/team/none:1 FIELDS='imagePullPolicy: Never' drop_cell none root
wait_for "ImageNotPresent" reason_is none ImageNotPresent
rm "$MANIFESTS/none.yaml"

# ---- behind a password, with a certificate of a CA of its own ----

echo "127.0.0.1 registry.test" >>/etc/hosts
mkdir -p "/etc/containerd/certs.d/$CLOSED"
registry_ca ca
registry_certificate server registry.test ca
registry_start 5443 "$(registry_password alice $SECRET)" "$(registry_tls server)"
registry_push $CLOSED/secret/app:1 $IMAGE --tlscacert "$T/tls/ca.crt" --user "alice:$SECRET"

IMAGE=$CLOSED/secret/app:1 drop_cell closed root
wait_for "RegistryUnreachable" reason_is closed RegistryUnreachable # its CA is nobody we know
cp "$T/tls/ca.crt" "/etc/containerd/certs.d/$CLOSED/"
wait_for "Unauthorized" reason_is closed Unauthorized

realm() {
	cat <<-END
		apiVersion: v1beta1
		kind: Realm
		metadata: {name: default}
		spec: {registryCredentials: [{serverAddress: "$CLOSED", username: alice, $1}]}
	END
}
realm "password: $SECRET" | drop_manifest realm.yaml
wait_for_cell closed Ready
assert_untouched more "$(cell_processes more)"

# ---- what is secret is nowhere ----

kuke get realm default -o yaml >"$T/shown"
assert_contains "$(<"$T/shown")" "(hidden)" "what is shown of it"
{
	cat "$T/shown"
	kuke get realms -o json
	kuke get cells -o yaml
	kuke status -o json
	kuke events -o json
	kuke image list -o json
	kuke doctor -o json || true
	cat "$DAEMON_LOG"
	tr '\0' ' ' </proc/"$DAEMON_PID"/cmdline
} >"$T/all" 2>&1
grep -n -- "$SECRET" "$T/all" && fail "a password is shown"
readable=$(find "$RUNTIME_DIR" -type f -perm /044 -exec grep -l -- "$SECRET" {} + || true)
assert_eq "" "$readable" "files with it that others can read"

# From a file, read anew each time.
echo "$SECRET" >"$T/password"
realm "passwordFile: $T/password" | drop_manifest realm.yaml
registry_push $CLOSED/secret/app:2 $USERS_IMAGE --tlscacert "$T/tls/ca.crt" --user "alice:$SECRET"
IMAGE=$CLOSED/secret/app:2 drop_ready_cell file root

# ---- nothing is left ----

find "$MANIFESTS" -name '*.yaml' ! -name realm.yaml -delete
wait_for "all of them held" kuke prune --yes
for cell in web more later away never closed file; do
	wait_for "cell $cell is gone" cell_is_gone $cell
done
kuke image prune --yes >/dev/null 2>&1
[[ "$(ctr -n kukeon-default images ls -q)" != *localhost* ]] || fail "images that nobody uses are still there"
wait_for "no lease" test -z "$(ctr -n kukeon-default leases ls -q)"
rm "$MANIFESTS/realm.yaml"
registry_stop 5000
registry_stop 5443
sed -i '/registry.test/d' /etc/hosts

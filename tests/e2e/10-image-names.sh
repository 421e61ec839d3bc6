# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# An image by any name that people write for it: all mean the one that containerd has under its whole name. A wrong name is
# refused and says what is wrong; for one that is not there its registry is asked.
digest=$(ctr -n kukeon-default images ls | awk -v name="$IMAGE" '$1 == name { print $3 }')
names=(busybox busybox:latest library/busybox docker.io/busybox index.docker.io/library/busybox "busybox@$digest")
ctr -n kukeon-default images tag "$IMAGE" "${IMAGE%:*}@$digest" >/dev/null # as a pull by digest names it
for i in "${!names[@]}"; do
	IMAGE=${names[i]} cell_yaml "web$i" root | drop_manifest "web$i.yaml"
done
for i in "${!names[@]}"; do
	wait_for_cell "web$i" Ready
	assert_eq "${names[i]}" "$(container_field "web$i" root .spec.image)" "the image as declared"
	assert_eq "$digest" "$(container_field "web$i" root .status.imageDigest)" "the digest in use"
done

IMAGE=nginx:1.99 drop_cell absent root
says_that_it_pulls() { [[ $(cell_field absent .status.message) == *"cannot pull nginx:1.99"*registry-1.docker.io* ]]; }
wait_for "who was asked for it" says_that_it_pulls # nobody is there: no test reaches beyond the machine

IMAGE=BusyBox drop_cell wrong root
wait_for "the wrong name" manifest_has_error wrong.yaml 'upper-case letters'
rm "$MANIFESTS/absent.yaml" "$MANIFESTS/wrong.yaml"
wait_for "a healthy host" is_healthy
ctr -n kukeon-default images rm "${IMAGE%:*}@$digest" >/dev/null

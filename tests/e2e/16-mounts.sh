# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Volumes and tmpfs: directories and files of the host, read-only all the way down, memory with its size and mode.
mounts_cell() {
	drop_manifest mounts.yaml <<-END
		apiVersion: v1beta1
		kind: Cell
		metadata: {name: mounts}
		spec:
		  containers:
		    - id: main
		      image: $IMAGE
		      command: sleep
		      args: ["3600"]
		      stopSignal: KILL
		      readOnlyRootFilesystem: true
		      volumes:
		        - {source: $T/data, target: /data}
		        - {source: $T/shown, target: /shown, readOnly: true}
		        - {source: $T/one-file, target: /etc/one-file, readOnly: true}
		        - {kind: tmpfs, target: /scratch}
		        - {source: $T/late, target: /late}
		      tmpfs:
		        - {target: /small, size: 1m, mode: "0700"}
		        - {target: /plain}
	END
}

inside() { in_container mounts main "$@"; }
cannot() { ! inside "$@" 2>"$T/refused"; }
cannot_write() { cannot touch "$1" && grep -q "Read-only file system" "$T/refused"; }
size_of() { inside df -k "$1" | awk 'NR == 2 { print $2 }'; }

mkdir -p "$T/data" "$T/shown/below"
mount -t tmpfs below "$T/shown/below"
echo page >"$T/shown/below/page"
echo file >"$T/one-file"

# A source that is missing is told, not made; it is used as soon as it is there.
mounts_cell
wait_for "the missing source to be told" cell_mentions mounts \
	"volumes[4].source: $T/late is not there on the host: make the directory or file, or correct the path"
assert_eq CreateFailed "$(container_field mounts main .status.reason)" "reason"
assert_true "nothing is made in its place" [ ! -e "$T/late" ]
mkdir "$T/late"
wait_for_cell mounts Ready

inside sh -c 'echo written >/data/new'
assert_eq written "$(cat "$T/data/new")" "what the container wrote"
assert_eq page "$(inside cat /shown/below/page)" "a mount below the source"
assert_eq file "$(inside cat /etc/one-file)" "a file as a volume"
assert_true "a read-only volume" cannot_write /shown/new
assert_true "a mount below a read-only volume" cannot_write /shown/below/new
assert_true "a read-only file" cannot_write /etc/one-file
assert_true "the root filesystem" cannot_write /new
assert_true "its hosts file" cannot_write /etc/hosts

assert_eq 700 "$(inside stat -c %a /small)" "mode of a tmpfs"
assert_eq 1024 "$(size_of /small)" "size of a tmpfs in KiB"
assert_true "more than its size" cannot dd if=/dev/zero of=/small/fill bs=1024 count=1100
assert_eq 1777 "$(inside stat -c %a /plain)" "mode of a tmpfs that says none"
inside touch /plain/new /scratch/new
assert_eq tmpfs "$(inside cat /proc/mounts | awk '$2 == "/scratch" { print $3 }')" "a volume of kind tmpfs"

# A source that goes away is told at the next start.
rm -r "$T/late"
kill -KILL "$(container_pid mounts main)"
wait_for "the lost source to be told" cell_mentions mounts "$T/late"
mkdir "$T/late"
wait_for_cell mounts Ready

# A parent that is listed later hides nothing, whatever kinds the two are of, and a volume on /etc keeps the cell's own files.
# The mode of a tmpfs is that of the spec where the image has the directory, and at every start.
mkdir -p "$T/etc" "$T/shown-etc" "$T/outer" "$T/inner"
echo hidden >"$T/shown-etc/hostname"
echo own >"$T/etc/own"
echo inner >"$T/inner/page"
drop_manifest nested.yaml <<END
apiVersion: v1beta1
kind: Space
metadata: {name: nested}
spec: {defaults: {container: {volumes: [{source: $T/outer, target: /outer}]}}}
---
apiVersion: v1beta1
kind: Cell
metadata: {name: nested}
spec:
  spaceId: nested
  containers:
    - id: main
      image: $IMAGE
      command: sleep
      args: ["3600"]
      stopSignal: KILL
      volumes:
        - {source: $T/inner, target: /data/inner/}
        - {source: $T/inner, target: /outer/below}
        - {source: $T/outer, target: /data}
        - {source: $T/etc, target: /etc}
        - {kind: tmpfs, target: /usr}
        - {kind: tmpfs, target: /sbin, readOnly: true}
      tmpfs:
        - {target: /data/memory}
        - {target: /home, mode: "0700"}
        - {target: /new, mode: "2710"}
END
cell_yaml shown main | sed "s|image:|volumes: [{source: $T/shown-etc, target: /etc/, readOnly: true}]\n      image:|" | drop_manifest shown.yaml
wait_for_cell nested Ready --space nested
wait_for_cell shown Ready
assert_eq shown "$(in_container shown main cat /etc/hostname)" "the host name in a read-only volume on /etc"
assert_contains "$(in_container shown main cat /etc/hosts)" "$(cell_ip shown)" "the hosts file in a read-only volume on /etc"
assert_true "name servers in a read-only volume on /etc" in_container shown main grep -q nameserver /etc/resolv.conf
remove_manifest shown.yaml
nested_status() { object cell nested --space nested | jq -r ".status.containers[0].$1"; }
nested() { runc --root /run/containerd/runc/kukeon-default exec "$(nested_status containerdId)" "$@" </dev/null; }
nested_modes() { nested stat -c '%a %n' /data/memory /home /new /usr | tr '\n' ' '; }
nested_is_new() { [ "$(nested_status pid)" != "$1" ] && cell_is nested Ready --space nested; }
assert_eq own "$(nested cat /etc/own)" "a volume on /etc"
assert_eq nested "$(nested cat /etc/hostname)" "the host name in a volume on /etc"
assert_contains "$(nested cat /etc/hosts)" nested "the hosts file in a volume on /etc"
assert_true "name servers in a volume on /etc" nested grep -q nameserver /etc/resolv.conf
assert_eq inner "$(nested cat /data/inner/page)" "a volume in one that is listed later"
assert_eq inner "$(nested cat /outer/below/page)" "a volume in one of its space"
assert_eq tmpfs "$(nested cat /proc/mounts | awk '$2 == "/data/memory" { print $3 }')" "a tmpfs in a volume"
assert_eq "1777 /data/memory 700 /home 2710 /new 1777 /usr " "$(nested_modes)" "modes of tmpfs"
pid=$(nested_status pid)
kill -KILL "$pid"
wait_for "the next run" nested_is_new "$pid"
assert_eq "1777 /data/memory 700 /home 2710 /new 1777 /usr " "$(nested_modes)" "modes of tmpfs after a restart"
remove_manifest nested.yaml
wait_for "the cell to go" cell_is_gone nested --space nested

# One target twice is refused, whichever lists the two stand in.
drop_manifest twice.yaml <<END
apiVersion: v1beta1
kind: Cell
metadata: {name: twice}
spec:
  containers:
    - {id: main, image: $IMAGE, volumes: [{source: $T, target: /a}], tmpfs: [{target: /a/, size: many}]}
END
wait_for "the refusal" manifest_has_error twice.yaml 'spec.containers[0].tmpfs[0].target: "/a/" is the target of volumes[0] already'
assert_true "the size too" manifest_has_error twice.yaml '"many" is not a size'
remove_manifest mounts.yaml
wait_for "the cell to go" cell_is_gone mounts
umount "$T/shown/below"

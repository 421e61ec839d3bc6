# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# kuke doctor: everything has its owner; what is made by hand of every kind and is nobody's is listed, and taken away when
# asked for; a cell beside it is not touched, and what is others' is neither listed nor touched.
NAMESPACE=kukeon-default
CGROUPS=/sys/fs/cgroup/kukeon

doctor() { kuke doctor -o json "$@" || [ $? -eq 1 ]; }
listed() { jq -r "[.objects[]? | select($1) | \"\\(.kind) \\(.name)\"] | sort[]"; }
orphans() { doctor "$@" | listed .orphan; }

# little_endian NUMBER BYTES
little_endian() {
	local i n=$1
	for ((i = 0; i < $2; i++, n /= 256)); do
		# shellcheck disable=SC2059 # the format is the byte
		printf "\\x$(printf %02x $((n % 256)))"
	done
}

# journal_append KEY VALUE: a record as core/journal/journal_format.h says; the daemon must not run.
journal_append() {
	local body=$T/record length=$T/length
	{ little_endian 1 1 && little_endian ${#1} 2 && printf '%s%s' "$1" "$2"; } >"$body"
	little_endian "$(stat -c %s "$body")" 4 >"$length"
	{
		cat "$length"
		cat "$length" "$body" | sha256sum | head -c 16
		cat "$body"
	} >>"$RUN_PATH/journal"
}

# our_labels CELL: options for ctr.
our_labels() {
	local label
	for label in "instance=$RUN_PATH" realm=default space=default stack=default cell="$1" container=a role=root; do
		printf ' --label kukeon.io/%s' "$label"
	done
}

drop_ready_cell web root sidecar
before=$(cell_processes web)
bridge=$(cell_field web .status.bridge)

# ---- healthy: the doctor knows an owner of all that is found without it ----

healthy=$(doctor)
assert_eq "" "$(listed .orphan <<<"$healthy")" "orphans beside a healthy cell"
for kind in bridge cgroup conflist container ipam journal log-fifos mount netns shim snapshot task veth; do
	assert_ne "" "$(listed ".kind == \"$kind\" and .owner != null" <<<"$healthy")" "what has an owner of kind $kind"
done
leaves_nothing && fail "the leak check finds nothing of a cell that runs"
sed -E 's/^shim .* -id (\S+) .*/\1/; s/^(task|container|snapshot|lease) (\S+) /\2\//; s/@.*//; s/^[^\/]* //
	s/^\/sys\/fs\/cgroup//' "$T/leaks" | while read -r name; do
	jq -e --arg name "$name" 'any(.objects[]; (.name == $name or (.name | endswith("/" + $name))) and .owner)' \
		<<<"$healthy" >/dev/null || fail "kuke doctor does not know the owner of $name"
done
assert_contains "$(kuke doctor --all)" "default/default/default/web/sidecar" "the table"

# ---- what others have ----

ip link add br-other type bridge
ip link add vethother type veth peer name vethother2
ip link set vethother master br-other
mount -t tmpfs none /var/lib # the machine's own has no part in this
mkdir -p /var/lib/cni/networks/other /sys/fs/cgroup/other
printf 'their-container\r\neth0' >/var/lib/cni/networks/other/10.9.9.9
ctr -n $NAMESPACE containers create $IMAGE stranger
ctr -n $NAMESPACE leases create --id theirs >/dev/null
strangers() {
	ip -o link show br-other && ip -o link show vethother && cat /var/lib/cni/networks/other/10.9.9.9 &&
		ls -d /sys/fs/cgroup/other && ctr -n $NAMESPACE containers info stranger && ctr -n $NAMESPACE leases ls -q
}
strangers_before=$(strangers)
assert_eq "$(listed true <<<"$healthy")" "$(doctor | listed true)" "what is listed beside others' things"

# ---- one of each kind that is nobody's ----

# A journal is read at the start only.
daemon_stop
journal_append confdir/nowhere/lab "$CNI_CONF"
journal_append something/else value
daemon_start
wait_for_cell web Ready

expected=()
stray() { expected+=("$1 $2"); }
stray journal confdir/nowhere/lab
stray journal something/else

ip link add vethstray type veth peer name vethstray2
ip link set vethstray master "$bridge"
stray veth vethstray
ip link add kuke-stray type bridge
stray bridge kuke-stray
printf 'default_default_default_ghost.99\r\neth0' >$RUNTIME_DIR/ipam/default-default/10.88.200.200
stray ipam $RUNTIME_DIR/ipam/default-default/10.88.200.200
jq '.kukeon.space = "default/ghost" | .name = "default-ghost" | .plugins[0].bridge = "kuke-ghost"' \
	"$CNI_CONF/default-default.conflist" >"$CNI_CONF/default-ghost.conflist"
stray conflist "$CNI_CONF/default-ghost.conflist"
: >$RUNTIME_DIR/netns/default_default_default_ghost
stray netns $RUNTIME_DIR/netns/default_default_default_ghost
: >$RUNTIME_DIR/netns/no.cell
stray netns $RUNTIME_DIR/netns/no.cell
mkdir $RUNTIME_DIR/mount
mount -t tmpfs tmpfs $RUNTIME_DIR/mount
stray mount $RUNTIME_DIR/mount
mkdir $CGROUPS/default/default/default/group $CGROUPS/default/_group
stray cgroup /kukeon/default/default/default/group
stray cgroup /kukeon/default/_group
if nft add table inet kukeon-stray 2>/dev/null; then
	stray nft inet/kukeon-stray
fi
ctr -n $NAMESPACE leases create --id stray "kukeon.io/instance=$RUN_PATH" >/dev/null
stray lease $NAMESPACE/stray
mkfifo "$RUN_PATH/.log/$NAMESPACE+default_default_gone_root+1".{out,err}
stray log-fifos $NAMESPACE/default_default_gone_root/1
mkdir -p "$LOG_DIR/default/default/default/gone/main"
echo "of a cell that is gone" >"$LOG_DIR/default/default/default/gone/main/1.log"
stray log-files "$LOG_DIR/default/default/default/gone"
# shellcheck disable=SC2046 # words
ctr -n $NAMESPACE run -d --null-io --cpu-shares 0 --cgroup /kukeon/default/default/default/ghost/ghost_root $(our_labels ghost) \
	$IMAGE default_default_ghost_root /bin/sleep 3600
stray cgroup /kukeon/default/default/default/ghost
stray cgroup /kukeon/default/default/default/ghost/ghost_root
for kind in container task shim; do
	stray $kind $NAMESPACE/default_default_ghost_root
done
ctr -n $NAMESPACE snapshots prepare default_default_shot_root >/dev/null
# shellcheck disable=SC2046
ctr -n $NAMESPACE snapshots label default_default_shot_root $(our_labels shot | sed 's/--label//g')
stray snapshot $NAMESPACE/default_default_shot_root

expected=$(printf '%s\n' "${expected[@]}" | LC_ALL=C sort)
assert_eq "$expected" "$(orphans)" "what is nobody's"
assert_eq "$expected" "$(orphans)" "what is nobody's, after looking at it"
status=0
kuke doctor >"$T/said" || status=$?
assert_eq 1 $status "exit code of kuke doctor beside orphans"
assert_contains "$(cat "$T/said")" "kuke doctor --fix" "what kuke doctor says is to be done"
assert_contains "$(doctor | jq -r '.objects[] | select(.name == "confdir/nowhere/lab") | .message')" \
	"there is no Space nowhere/lab" "the reason of an orphan"

# ---- taken away ----

fixed=$(doctor --fix)
assert_eq "" "$(listed .orphan <<<"$fixed")" "what is left ($(jq -c '.objects[] | select(.orphan)' <<<"$fixed"))"
assert_eq "$expected" "$(listed .fixed <<<"$fixed")" "what was taken away"
assert_eq "" "$(orphans)" "orphans afterwards"
assert_untouched web "$before"
wait_for_cell web Ready
assert_eq "$strangers_before" "$(strangers)" "others' things"
assert_eq "$(listed true <<<"$healthy")" "$(doctor | listed true)" "what is listed afterwards"
is_nothing_to_do() { kuke doctor --fix | finds -F "each with its owner"; }
assert_true "a second time there is nothing to do" is_nothing_to_do

# ---- without containerd nothing is taken away; without kukeond the host is looked at ----

ip link add kuke-stray type bridge
containerd_stop
wait_for "status tells that containerd is away" runtime_is_away
assert_eq "bridge kuke-stray" "$(orphans --fix)" "orphans without containerd"
assert_contains "$(doctor | jq -r '.checks[] | select(.result == "Failed") | .name')" containerd "what failed"
containerd_start
wait_for "status tells that containerd is back" runtime_is_connected
fixes() { [ "$(doctor --fix | listed .fixed)" = "bridge kuke-stray" ]; }
wait_for "the bridge is taken away" fixes
assert_untouched web "$before"

daemon_stop
status=0
kuke doctor --containerd-socket "$CONTAINERD_ADDRESS" --run-path "$RUN_PATH" >"$T/said" 2>"$T/complaint" || status=$?
assert_eq 3 $status "exit code of kuke doctor without kukeond"
assert_contains "$(cat "$T/said")" "ok       containerd: " "the host without kukeond"
assert_contains "$(cat "$T/complaint")" kukeond "what kuke doctor complains about"
daemon_start

# A shim whose task never came to be, because the daemon died meanwhile: it goes by itself some time after a start.
lost_shim() { pgrep -f "containerd-shim-runc-v2 -namespace $NAMESPACE -id default_default_lost_root " || true; }
mkdir "$T/bundle"
echo '{}' >"$T/bundle/config.json"
mkfifo "$T/bundle/log"
cat "$T/bundle/log" >/dev/null &
(cd "$T/bundle" && TTRPC_ADDRESS=$CONTAINERD_ADDRESS.ttrpc containerd-shim-runc-v2 -namespace $NAMESPACE -id default_default_lost_root \
	-address "$CONTAINERD_ADDRESS" -publish-binary "$(command -v containerd)" start </dev/null >/dev/null)
assert_ne "" "$(lost_shim)" "a shim that serves nothing"
assert_eq "shim $NAMESPACE/default_default_lost_root" "$(orphans)" "a shim that serves nothing, found"
daemon_kill
daemon_start
shim_has_gone() { [ -z "$(lost_shim)" ]; }
LIMIT=60
wait_for "the shim to be taken away" shim_has_gone
assert_untouched web "$before"

# Others' things are theirs to take away.
ctr -n $NAMESPACE containers delete stranger
ctr -n $NAMESPACE leases delete theirs >/dev/null
ip link delete vethother
ip link delete br-other
umount /var/lib
rmdir /sys/fs/cgroup/other $RUNTIME_DIR/mount

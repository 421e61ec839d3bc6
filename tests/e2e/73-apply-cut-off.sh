# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# kukeond is killed in the midst of a long apply, early and late: what kuke says of each object is so when the daemon is
# back, and the same apply again makes all of it, once, and touches nothing that runs.
STACKS=400

seq "$STACKS" | sed 's/.*/apiVersion: v1beta1\nkind: Stack\nmetadata: {name: s&}/' >"$T/many.yaml"
cell_yaml web root | tee -a "$T/many.yaml" >"$T/web.yaml"
sed -i 's/^apiVersion: v1beta1$/---\n&/' "$T/many.yaml"
kuke apply -f "$T/web.yaml" --wait >/dev/null
before=$(cell_processes web)

# The stacks that kuke says so of, one a line.
said() { sed -n "s/^Stack \"\(s[0-9]*\)\": $1.*/\1/p" "$T/out" | LC_ALL=C sort; }
there() { kuke get stacks -o name | sed -n 's,.*/\(s[0-9]*\)$,\1,p'; }
stored() { find "$RUN_PATH" -path '*/s[0-9]*' -name '*.yaml' | wc -l; }

# cut_at N: the daemon is killed when N stacks are stored, or some more.
cut_at() {
	local status=0 apply
	kuke apply -f "$T/many.yaml" >"$T/out" 2>"$T/err" &
	apply=$!
	until [ "$(stored)" -ge "$1" ]; do
		process_alive $apply || fail "kuke apply came to its end: $(tail -n 3 "$T/out" "$T/err")"
	done
	daemon_kill
	wait $apply || status=$?
	assert_eq 3 $status "exit code of the apply that was cut off: $(cat "$T/err")"
	daemon_start
}

all_is_as_said() {
	local wrong
	there | LC_ALL=C sort >"$T/there"
	wrong=$(said created | LC_ALL=C comm -23 - "$T/there")
	assert_eq "" "$wrong" "said to be created, and not there"
	wrong=$(said 'not asked for' | LC_ALL=C comm -12 - "$T/there")
	assert_eq "" "$wrong" "said not to be asked for, and there"
	wrong=$({ said created && said unchanged && said 'not known' && said 'not asked for'; } | sort | uniq -d)
	assert_eq "" "$wrong" "said twice"
	wrong=$(LC_ALL=C comm -23 "$T/there" <(said '\(created\|unchanged\|not known\)'))
	assert_eq "" "$wrong" "there, and nothing said of it"
}

# Early: no answer came at all.
cut_at 1
all_is_as_said
assert_eq "" "$(said created)" "created, by an answer that never came"
assert_true "what was under way is not known" test -n "$(said 'not known')"

# Later: some answers came.
for enough in 60 220; do
	cut_at $enough
	all_is_as_said
	assert_true "answers came" test -n "$(said '\(created\|unchanged\)')"
	assert_true "not all was asked for: $(tail -n 1 "$T/out")" test -n "$(said 'not asked for')"
done
wait_for_cell web Ready
assert_untouched web "$before"

# Again, and to its end: it adds what is missing, and a third time nothing.
there | LC_ALL=C sort >"$T/there"
kuke apply -f "$T/many.yaml" --wait >"$T/out"
assert_eq "$(cat "$T/there")" "$(said unchanged)" "what was there is as it was"
assert_eq "$STACKS" "$({ said created && said unchanged; } | wc -l)" "objects that kuke speaks of"
assert_eq "$STACKS" "$(there | sort -u | wc -l)" "objects"
kuke apply -f "$T/many.yaml" >"$T/out"
assert_eq "$STACKS" "$(said unchanged | wc -l)" "objects that are as they were"
assert_untouched web "$before"
assert_true "everything is as declared" kuke status

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# A checkout with files for other programs: .kukeonignore names them, and status is content. What a file declared that is
# ignored from now on goes as if it had been removed; a file of patterns that is not understood changes nothing.
printf 'services: {web: {image: nginx}}\n' | drop_manifest docker-compose.yml
printf 'resources: [cell.yaml]\n' | drop_manifest kustomization.yaml
drop_ready_cell web a
web=$(cell_processes web)
assert_true "files for others are errors" is_unhealthy

printf '# of others\ndocker-compose.yml\n/kustomization.yaml\n' >"$MANIFESTS/.kukeonignore"
wait_for "they are ignored" is_healthy
assert_true "not even known" manifest_is_unknown docker-compose.yml

mkdir "$MANIFESTS/more"
for cell in one two three four; do
	cell_yaml $cell a >"$T/$cell.yaml"
	mv "$T/$cell.yaml" "$MANIFESTS/more/$cell.yaml"
done
for cell in one two three four; do
	wait_for_cell $cell Ready
done

printf '[\n' >>"$MANIFESTS/.kukeonignore"
has_problem() { kuke_status | finds -F "$1"; }
wait_for "the line that is wrong" has_problem '.kukeonignore:4: the '
assert_true "unhealthy" is_unhealthy
rm "$MANIFESTS/more/four.yaml"
stays 3 "nothing is deleted meanwhile" cell_is four Ready
assert_untouched web "$web"

printf 'docker-compose.yml\nkustomization.yaml\n/more/one.yaml\n' >"$MANIFESTS/.kukeonignore"
wait_for "the ignored cell is gone" cell_is_gone one
wait_for "the removed one, too" cell_is_gone four
wait_for_cell two Ready

# Nearly all at once is held, as if the files had been removed.
printf '*.yaml\n*.yml\n' >"$MANIFESTS/.kukeonignore"
wait_for "what is ignored is held" has_problem '"held"'
stays 3 "it runs on" cell_is web Ready
assert_untouched web "$web"
printf 'docker-compose.yml\nkustomization.yaml\n/more/one.yaml\n' >"$MANIFESTS/.kukeonignore"
wait_for "declared again" is_healthy
assert_untouched web "$web"

# Over the API the same patterns count.
printf '' | kuke apply -f "$MANIFESTS" --dry-run >"$T/out" 2>"$T/err" || fail "apply: $(cat "$T/err")"
assert_eq 3 "$(wc -l <"$T/out")" "what apply takes: $(cat "$T/out")"
rm "$MANIFESTS/.kukeonignore"

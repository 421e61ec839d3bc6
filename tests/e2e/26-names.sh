# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Cells of a space find each other by name, also after what was running then came, went and moved: in the file that they
# have had mounted from the start.
# shellcheck source=lib-network.sh
. "$HERE/lib-network.sh"

HOSTS=/etc/hosts

# aliased CELL ALIASES: the cell, with these further names.
aliased() { FIELDS="networksAliases: [$2]" drop_cell "$1" root; }

# told PID NAME: the addresses of a name in the file that the process sees, in their order.
told() { awk -v name="$2" '{ for (i = 2; i <= NF; i++) if ($i == name) print $1 }' "/proc/$1/root$HOSTS"; }

# leads PID NAME [ADDRESS...]: exactly there.
leads() { [ "$(told "$1" "$2" | paste -sd ' ')" = "${*:3}" ]; }

# resolved CELL NAME: where a program of the cell finds it.
resolved() { in_container "$1" root ping -c 1 -W 1 "$2" 2>/dev/null | sed -n '1s/^PING .* (\([0-9.]*\)).*/\1/p' || true; }
reaches() { in_container "$1" root ping -c 1 -W 1 "$2" >/dev/null 2>&1; }

inode_of() { stat -c %i "/proc/$1/root$HOSTS"; }

drop_ready_cell web root sidecar
web=$(container_pid web root) side=$(container_pid web sidecar) web_ip=$(cell_ip web)
before=$(cell_processes web) inode=$(inode_of "$web")
assert_eq "$web_ip" "$(resolved web web)" "its own name"
assert_true "its name with its stack" leads "$web" web.default "$web_ip" "$web_ip"
assert_eq "" "$(resolved web db)" "a cell that is not there yet"

# Another comes: by its name, with its stack, by its aliases.
aliased db "sql, store.internal"
wait_for_cell db Ready
db=$(container_pid db root) db_ip=$(cell_ip db)
by_event "the new cell is found" leads "$web" db "$db_ip"
by_event "and by every container" leads "$side" db.default "$db_ip"
for name in db db.default sql store.internal; do
	assert_eq "$db_ip" "$(resolved web $name)" "name $name"
done
assert_true "a packet goes there" reaches web sql
by_event "the new one finds the old one" leads "$db" web "$web_ip"

# An edit of the aliases restarts nothing.
db_before=$(cell_processes db)
aliased db "store"
wait_for "the new alias" leads "$web" store "$db_ip"
by_event "the old one is gone" leads "$web" sql
assert_untouched db "$db_before"

# A resolver knows no case: one that could not be told from another is refused, by file and by API.
drop_cell Db root
db_is_refused() { cell_mentions Db "cell default/default/default/db differ in case only"; }
wait_for "the other spelling is refused" db_is_refused
assert_true "its file says so" manifest_has_error Db.yaml "default/default/default/db differ in case only"
remove_manifest Db.yaml
wait_for "it is gone" cell_is_gone Db
status=0
cell_yaml DB root | kuke apply -f - >"$T/refused" 2>&1 || status=$?
assert_eq 1 "$status" "kuke apply of the other spelling"
grep -qF "default/default/default/db differ in case only" "$T/refused" || fail "it says: $(cat "$T/refused")"
assert_untouched db "$db_before"

# The own stack is nearer than another; the other space is not seen.
cell_yaml db root | STACK=other sed 's/stackId: default/stackId: other/' | drop_manifest other-db.yaml
SPACE=lab drop_cell hidden root
wait_for_cell db Ready --stack other
wait_for_cell hidden Ready --space lab
other=$(container_field db root .status.pid --stack other) other_ip=$(cell_ip db --stack other)
wait_for "the other stack's" leads "$web" db.other "$other_ip"
assert_true "of the own stack" leads "$web" db "$db_ip"
assert_true "there it is the other" leads "$other" db "$other_ip" "$other_ip"
assert_true "in another space" leads "$web" hidden
hidden=$(container_field hidden root .status.pid --space lab)
assert_true "and back" leads "$hidden" web

# Over a join they find each other, as long as it lasts.
processes=$(cell_processes web)
hidden_ip=$(cell_ip hidden --space lab)
joined_ip() { cell_field web '.status.joins[]?.ip // empty'; }
has_joined() { [ -n "$(joined_ip)" ]; }
FIELDS="networks: [lab]" drop_cell web root sidecar
wait_for "cell web joins space lab" has_joined
by_event "a cell of the joined space is found" leads "$web" hidden "$hidden_ip"
by_event "and finds the one that joined" leads "$hidden" web "$(joined_ip)"
assert_true "a packet goes there" reaches web hidden
assert_true "its own name is what it was" leads "$web" web.default "$web_ip" "$web_ip"
has_left() { ! has_joined; }
drop_cell web root sidecar
wait_for "cell web leaves space lab" has_left
by_event "it is not found any more" leads "$web" hidden
by_event "nor finds" leads "$hidden" web
wait_for_cell web Ready
assert_untouched web "$processes"

# One that goes is not found, one that comes back is found where it is then.
remove_manifest other-db.yaml
wait_for "cell db of the other stack to go" cell_is_gone db --stack other
by_event "it is not found any more" leads "$web" db.other
remove_manifest db.yaml
wait_for "cell db to go" cell_is_gone db
wait_for "its files go with it" [ ! -e "$RUN_PATH/default/default/default/db" ]
by_event "this one neither" leads "$web" db
drop_ready_cell squatter root
drop_ready_cell db root
assert_ne "$db_ip" "$(cell_ip db)" "address of the cell that came back"
db_ip=$(cell_ip db)
by_event "it is found where it is now" leads "$web" db "$db_ip"
assert_eq "$db_ip" "$(resolved web db)" "name of the cell that came back"

# A restart of the cell, and of the daemon.
old=$(container_pid db root)
kill -KILL "$old"
wait_for_new_pid db root "$old"
wait_for "it is found after its restart" leads "$web" db "$(cell_ip db)"
db=$(container_pid db root)
wait_for "and finds the others" leads "$db" web "$web_ip"
daemon_kill
drop_cell late root
remove_manifest squatter.yaml
assert_true "known while the daemon is away" leads "$web" squatter "$(told "$web" squatter)"
daemon_start
wait_for_cell late Ready
by_event "what came meanwhile" leads "$web" late "$(cell_ip late)"
wait_for "cell squatter to go" cell_is_gone squatter
by_event "what went meanwhile" leads "$web" squatter

# Its address is another's by now: it moves, running.
reserved=$(reservation db) db_ip=$(cell_ip db) db_before=$(cell_processes db)
daemon_kill
printf 'stranger\r\neth0' >"$reserved"
daemon_start
moved() { [ -n "$(cell_ip db)" ] && [ "$(cell_ip db)" != "$db_ip" ]; }
wait_for "cell db has another address" moved
by_event "it is found at the new one" leads "$web" db "$(cell_ip db)"
by_event "it knows itself" leads "$(container_pid db root)" db "$(cell_ip db)" "$(cell_ip db)"
assert_true "a packet goes there" reaches web db
assert_untouched db "$db_before"
rm "$reserved"

assert_eq "$inode" "$(inode_of "$web")" "the file of cell web"
assert_untouched web "$before"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=lib.sh
# Whatever is asked while kukeond stops is answered or refused; it ends with 0 all the same. The many files make
# the last reading of manifests long.
mkdir "$MANIFESTS/many"
for i in {1..2000}; do printf '# %d\n' "$i" >"$MANIFESTS/many/$i.yaml"; done

# Until kukeond has ended.
ask_while_it_lives() { while process_alive "$DAEMON_PID"; do kuke "$@" >/dev/null 2>&1 || true; done; }

for _ in {1..4}; do
	asking=()
	for verb in refresh refresh refresh status doctor; do
		ask_while_it_lives $verb &
		asking+=($!)
	done
	wait_for "an answer" daemon_answers
	{ kuke refresh >/dev/null 2>&1 || true; } &
	daemon_stop
	wait "${asking[@]}"
	daemon_start
done
rm -r "$MANIFESTS/many"

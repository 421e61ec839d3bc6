/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every order of what can happen: edits, stops, files coming and going, exits, listings, answers,
 * ends of the daemon, each at every turn of the loop after the one before. A model that knows
 * nothing of how the daemon decides knows which cells may be touched, and what must come of it
 * within seconds (tests/sim/orders_model.c).
 *
 * A script is a line of events (tests/sim/orders_events.c), each after so many turns of the loop
 * ("start-b@3") or so much time ("stop-b+200") behind the one before.
 *
 * KUKEON_SIM_SCRIPT="<script>" plays that one and says which rules it breaks. KUKEON_SIM_ROUNDS=<n>
 * plays n times as many pairs and random scripts, KUKEON_SIM_EVERY=<n> one in n of them,
 * KUKEON_SIM_SEED=<n> begins with that seed. KUKEON_SIM_RULES="<rule> ..." or "all" says which of
 * them must hold instead of those of the table. A script that breaks a rule is cut down to what is
 * needed; after KUKEON_SIM_BREACHES=<n> of them (10) no more are looked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "tests/sim/orders.h"

enum { SEED = 1 };

#define FOUND "found here, not mended yet"

static const struct {
	const char *name, *says;
	const char *off; /* why it need not hold yet; NULL: it must */
} rules[RULE_COUNT] = {
	[RULE_HEALTHY] = { "healthy", "what runs as wanted, or cannot be replaced, is not touched",
			   NULL },
	[RULE_APPLIED] = { "applied", "within seconds everything is as last wanted", NULL },
	[RULE_GRACEFUL] = { "graceful", "SIGKILL only after the stop signal and its grace", NULL },
	[RULE_POLICY] = { "policy", "what ends by itself is the restart policy's", NULL },
	[RULE_LATE_STOP] = { "late-stop", "what a withdrawn stop has ended all the same comes back",
			     NULL },
	[RULE_SEEN] = { "seen", "an end is seen within seconds", NULL },
	[RULE_KEPT] = { "kept", "nothing goes whose declaration may still be there", NULL },
	[RULE_DELETED] = { "deleted", "what is declared no more goes after the grace", NULL },
	[RULE_INTENTS] = { "intents", "orders follow their container, outlive the daemon, and end",
			   NULL },
	[RULE_OOM] = { "oom", "a kill for want of memory is told of its own run", NULL },
	[RULE_CALM] = { "calm", "at rest nothing is done", NULL },
	[RULE_ACTS] = { "acts", "the acts keep the rules of tests/fake/rules.h", NULL },
};

static bool must_hold(int rule)
{
	const char *only = getenv("KUKEON_SIM_RULES");

	if (!only)
		return !rules[rule].off;
	return str_equal(only, "all") || strstr(only, rules[rule].name);
}

static bool breaks(const struct script *script, uint64_t seed, int rule)
{
	struct play *play = xnew(struct play);
	bool broken;

	play_script(play, script, seed);
	broken = *play->broken[rule];
	play_fini(play);
	free(play);
	return broken;
}

/* ---- one script ---- */

static void without(const struct script *script, size_t i, struct script *ret_script)
{
	*ret_script = *script;
	ret_script->n--;
	for (; i < ret_script->n; i++)
		ret_script->steps[i] = script->steps[i + 1];
}

/* Leaves out what the breach does not need. */
static void cut_down(struct script *script, uint64_t seed, int rule)
{
	struct script shorter;

	for (size_t i = 0; i < script->n;) {
		without(script, i, &shorter);
		if (breaks(&shorter, seed, rule)) {
			*script = shorter;
			i = 0;
		} else {
			i++;
		}
	}
}

/* Returns how many of the rules that must hold it breaks, and tells of them. */
static unsigned play_one(const struct script *script, uint64_t seed, bool cut)
{
	struct play *play = xnew(struct play);
	unsigned n = 0;

	play_script(play, script, seed);
	for (int rule = 0; rule < RULE_COUNT; rule++) {
		struct script shorter = *script;
		AUTO_FREE char *text = NULL;

		if (!must_hold(rule) || !*play->broken[rule])
			continue;
		if (cut)
			cut_down(&shorter, seed, rule);
		text = script_text(&shorter);
		printf("seed %llu: %s: %s\n    KUKEON_SIM_SCRIPT=\"%s\"\n",
		       (unsigned long long)seed, rules[rule].name, play->broken[rule], text);
		fflush(stdout);
		n++;
	}
	play_fini(play);
	free(play);
	return n;
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void test_one(void **state UNUSED)
{
	struct script script;

	assert_true(script_parse(getenv("KUKEON_SIM_SCRIPT"), &script));
	assert_int_equal(play_one(&script, number("KUKEON_SIM_SEED", SEED), false), 0);
}

/* ---- the shortest script of each fault that there was ---- */

/* The last event comes at each turn from 0 to @turns behind the one before, or when it says. */
static const struct {
	const char *script;
	unsigned turns;
	const char *off; /* why it need not hold yet; NULL: it must */
} cases[] = {
	/* an act that began before an edit does not mark the edit as done */
	{ "slow-resolve image-b missing-b+100", 0, NULL },
	{ "slow-resolve image-a missing-a+100", 0, NULL },
	{ "slow-resolve root-b missing-b+100", 0, NULL },
	{ "image-b missing-b", 20, NULL },
	{ "slow-space subnet subnet+100", 0, NULL },
	{ "slow-space regenerate subnet+100", 0, NULL },
	{ "slow-space regenerate regenerate+100", 0, NULL },
	{ "slow-cgroup nested nested+100", 0, NULL },
	{ "daemon subnet", 30, NULL },
	/* nor does a daemon that ended before it was done */
	{ "nested daemon", 6, NULL },

	/* a stop is over when it is withdrawn */
	{ "deaf stop-b start-b+300 stop-b+60000", 0, NULL },
	{ "deaf stop start+300 stop+60000", 0, NULL },
	{ "deaf stop start+300 restart+60000", 0, NULL },
	{ "deaf stop start+300 image-b+60000", 0, NULL },
	{ "deaf stop start+300 gone+60000", 0, NULL },
	{ "deaf image-b back-b+300 image-b+60000", 0, NULL },
	{ "deaf gone valid+2500 start+100 stop+60000", 0, NULL },
	{ "deaf never stop start+300 exit-b+60000", 0, NULL },
	{ "deaf on-failure stop-b start-b+300 done-b+60000", 0, NULL },
	{ "never stop-b start-b", 12, NULL },
	/* also when the daemon that asked did not see the end */
	{ "never+5000 env-a@14 crash", 30, NULL },
	{ "on-failure+5000 env-a@14 daemon", 30, NULL },
	/* what ended for good is made anew with its new spec, at any time */
	{ "root-b@14 never@1 oom-late-b+9000 image-b", 60, NULL },

	/* last good wins, whatever its text has become */
	{ "gone syntax+200", 0, NULL },
	{ "gone typo+200", 0, NULL },
	{ "gone empty+200", 0, NULL },
	{ "gone unreadable+200", 0, NULL },
	{ "gone unreadable+200 unreadable+5000", 0, NULL },
	{ "moved-syntax", 0, NULL },
	{ "moved-typo", 0, NULL },
	{ "moved-typo daemon+500", 0, NULL },
	{ "crash moved-syntax+100", 0, NULL },
	{ "gone daemon+100", 0, NULL },
	{ "syntax daemon+500", 0, NULL },
	{ "unreadable crash+500 scan+5000", 0, NULL },
	{ "ill gone+100", 0, NULL },
	{ "gone ill+1000 valid+5000", 0, NULL },
	{ "crash gone+100 scan+100", 0, NULL },
	{ "gone valid+1500", 0, NULL },

	/* an end that comes with a listing is seen, and a listing brings nothing back */
	{ "look-runtime exit-b", 12, NULL },
	{ "look-runtime exit-a", 12, NULL },
	{ "late-list look-runtime exit-b", 12, NULL },
	{ "late-list late-hints look-runtime exit-b", 30, NULL },
	{ "bounce exit-b", 12, NULL },
	{ "daemon exit-b", 30, NULL },
	{ "regenerate exit-b", 30, NULL },
	{ "late-list drop-b look-runtime", 16, NULL },
	{ "late-list look-runtime drop-b", 16, NULL },
	{ "late-list bounce root-b", 16, NULL },
	{ "late-list drop-b daemon", 20, NULL }, /* the hint finds nobody yet */
	{ "late-list drop-b crash", 20, NULL },
	{ "late-networks look-network restart", 30, NULL },
	{ "late-cgroups look-cgroups gone", 12, NULL },
	{ "late-cgroup-inspect gone cgroup-hint", 30, NULL },

	/* orders are for a container by its id, at once, and outlive the daemon */
	{ "stop-b root-b+1000", 0, NULL },
	{ "stop-a root-b+1000", 0, NULL },
	{ "kill-a root-b", 20, NULL },
	{ "root-b stop-b+5000 drop-b+1000", 0, NULL },
	{ "restart kill-b+29 crash", 30, NULL },
	{ "restart stop-a@20 crash", 6, NULL },
	{ "missing-a stop+35000", 0, NULL },
	{ "missing-b kill-b+35000", 0, NULL },
	{ "never restart daemon", 30, NULL },
	{ "down@6 restart-b@2 daemon+2212 restart-b+185", 0, NULL },
	{ "stop-b crash+1000 scan+5000", 0, NULL },
	{ "stop daemon", 30, NULL },

	/* what is told late of one run is not the next one's */
	{ "oom-late-b oom-hint-b+100 exit-b+3600000", 0, NULL },
	{ "oom-b exit-b+3600000", 0, NULL },
	{ "oom-late-b", 0, NULL },
};

/* Prints what it breaks. */
static bool case_breaks(const struct script *script, bool off)
{
	struct play *play = xnew(struct play);
	AUTO_FREE char *text = script_text(script);
	bool broken;

	play_script(play, script, SEED);
	broken = play->is_broken;
	for (int rule = 0; rule < RULE_COUNT; rule++)
		if (*play->broken[rule])
			printf("%s: %s: %s\n    KUKEON_SIM_SCRIPT=\"%s\"\n",
			       off ? "not yet" : "BROKEN", rules[rule].name, play->broken[rule],
			       text);
	play_fini(play);
	free(play);
	return broken;
}

static bool play_case(size_t i)
{
	bool broken = false;
	struct script script;

	assert_true(script_parse(cases[i].script, &script));
	for (unsigned turn = 0; turn <= cases[i].turns && !broken; turn++) {
		if (cases[i].turns)
			script.steps[script.n - 1].turns = turn;
		broken = case_breaks(&script, cases[i].off);
	}
	if (!broken && cases[i].off)
		printf("holds by now: %s (%s)\n", cases[i].script, cases[i].off);
	return broken;
}

static void test_cases(void **state UNUSED)
{
	unsigned broken = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		broken += play_case(i) && (!cases[i].off || getenv("KUKEON_SIM_RULES"));
	assert_int_equal(broken, 0);
}

/* ---- pairs ---- */

enum { PAIRS_STEP = 40, RANDOM_PLAYS = 2500, BREACHES_MAX = 10 };

/* How the host is while two things happen: everything at its usual pace, what is asked slowly, what
 * is told late. */
static const char *const manners[] = {
	"",
	"slow-resolve slow-space slow-cgroup",
	"late-list late-networks late-cgroups late-inspect late-cgroup-inspect",
	"late late-hints",
	"deaf",
	"never+5000",
};

/* Behind the turns of the first: while a stop waits, a file is missed, both are over. */
static const uint64_t pauses_ms[] = { 300, 1200, 2600 };

static bool is_pace(const struct happening *event)
{
	return str_starts_with(event->name, "slow") || str_starts_with(event->name, "late");
}

struct pairs {
	uint64_t step, next, n, plays; /* about one in so many is played */
	unsigned broken;
};

static void play_pair(struct pairs *pairs, struct script *script, unsigned turns, uint64_t ms)
{
	if (pairs->n++ < pairs->next ||
	    pairs->broken >= number("KUKEON_SIM_BREACHES", BREACHES_MAX))
		return;
	pairs->next = pairs->n + (pairs->n * 2654435761U >> 7) % (2 * pairs->step - 1);
	script->steps[script->n - 1].turns = turns;
	script->steps[script->n - 1].ms = ms;
	pairs->plays++;
	pairs->broken += play_one(script, SEED, true) > 0;
}

/* @script has the first; the second comes at every turn until there is a lull, and later. */
static void play_seconds(struct pairs *pairs, struct script *script)
{
	unsigned turns = play_count_turns(script, SEED);

	script->n++;
	for (size_t i = 0; i < n_happenings; i++) {
		if (is_pace(&happenings[i]))
			continue;
		script->steps[script->n - 1].event = &happenings[i];
		for (unsigned turn = 0; turn <= turns; turn++)
			play_pair(pairs, script, turn, 0);
		for (size_t k = 0; k < ARRAY_SIZE(pauses_ms); k++)
			play_pair(pairs, script, 0, pauses_ms[k]);
	}
}

static void test_pairs(void **state UNUSED)
{
	uint64_t step = PAIRS_STEP * number("KUKEON_SIM_EVERY", 1);
	uint64_t rounds = number("KUKEON_SIM_ROUNDS", 1);
	struct pairs pairs = { .step = rounds < step ? step / rounds : 1 };
	struct script script;

	pairs.next = number("KUKEON_SIM_SEED", SEED) % PAIRS_STEP;
	for (size_t m = 0; m < ARRAY_SIZE(manners); m++)
		for (size_t i = 0; i < n_happenings; i++) {
			if (is_pace(&happenings[i]))
				continue;
			script_parse(manners[m], &script);
			script.steps[script.n++] = (struct step){ .event = &happenings[i] };
			play_seconds(&pairs, &script);
		}
	printf("%llu of %llu pairs\n", (unsigned long long)pairs.plays,
	       (unsigned long long)pairs.n);
	assert_int_equal(pairs.broken, 0);
}

/* ---- longer ones at random ---- */

static uint64_t random_next(uint64_t *state, uint64_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (*state >> 11) % n;
}

static void random_wait(uint64_t *state, struct step *step)
{
	uint64_t kind = random_next(state, 100);

	if (kind < 55)
		step->turns = (unsigned)random_next(state, 30);
	else if (kind < 75)
		step->ms = 1 + random_next(state, 300);
	else if (kind < 92)
		step->ms = 300 + random_next(state, 3000);
	else
		step->ms = 4000 + random_next(state, 80 * 1000);
}

static void random_script(uint64_t seed, struct script *ret_script)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15U + 1;
	size_t n = 3 + random_next(&state, 7);

	script_parse(manners[random_next(&state, ARRAY_SIZE(manners))], ret_script);
	n += ret_script->n;
	while (ret_script->n < n) {
		struct step *step = &ret_script->steps[ret_script->n++];

		*step = (struct step){ .event = &happenings[random_next(&state, n_happenings)] };
		random_wait(&state, step);
	}
}

static void test_random(void **state UNUSED)
{
	uint64_t first = number("KUKEON_SIM_SEED", SEED);
	uint64_t n = RANDOM_PLAYS * number("KUKEON_SIM_ROUNDS", 1) / number("KUKEON_SIM_EVERY", 1);
	uint64_t breaches = number("KUKEON_SIM_BREACHES", BREACHES_MAX);
	unsigned broken = 0;
	struct script script;

	for (uint64_t seed = first; seed < first + n && broken < breaches; seed++) {
		random_script(seed, &script);
		broken += play_one(&script, seed, true) > 0;
	}
	assert_int_equal(broken, 0);
}

int main(void)
{
	const struct CMUnitTest one[] = { cmocka_unit_test(test_one) };
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_random),
	};

	log_set_level(getenv("KUKEON_SIM_LOG") ? LOG_DEBUG : LOG_ERROR);
	if (getenv("KUKEON_SIM_SCRIPT"))
		return cmocka_run_group_tests(one, NULL, NULL);
	return cmocka_run_group_tests(all, NULL, NULL);
}

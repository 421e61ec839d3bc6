/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_acts FILE: judges the log of kukeond_faults (faults.h) by the rules of tests/fake/rules.h,
 * from a host without anything of ours to one without anything of ours. Acts are named by the line
 * of the log in which they begin. Exit 1 and the last lines before it when a rule is broken.
 */
#include <errno.h>
#include <stdio.h>

#include "core/base/str.h"
#include "core/model/names.h"
#include "tests/fake/rules.h"

enum { WORDS_MAX = 8 };

/* An act of the daemon that is alive, by its number. */
struct begun {
	uint64_t line, since;
	enum rules_kind looks_at; /* of one that looks: */
	bool looks, lists, plugin;
	char id[RULES_ID_MAX_BYTES];
};

struct checker {
	struct rules rules;
	struct begun *begun;
	size_t n_begun;
	char pid[16];
	uint64_t line;
	uint64_t acts, daemons;
};

/* ---- what an act is about ---- */

/* Methods on one container. */
static const struct method {
	const char *name;
	bool looks;
	enum rules_verb verb;
	enum rules_kind kind;
} methods[] = {
	{ "Tasks/Create", false, RULES_MAKE, RULES_TASK },
	{ "Tasks/Start", false, RULES_USE, RULES_TASK },
	{ "Tasks/Kill", false, RULES_USE, RULES_TASK },
	{ "Tasks/Delete", false, RULES_REMOVE, RULES_TASK },
	{ "Tasks/Get", true, RULES_USE, RULES_TASK },
	{ "Containers/Create", false, RULES_MAKE, RULES_RECORD },
	{ "Containers/Delete", false, RULES_REMOVE, RULES_RECORD },
	{ "Containers/Get", true, RULES_USE, RULES_RECORD },
	{ "Snapshots/Prepare", false, RULES_MAKE, RULES_SNAPSHOT },
	{ "Snapshots/Remove", false, RULES_REMOVE, RULES_SNAPSHOT },
	{ "Snapshots/Stat", true, RULES_USE, RULES_SNAPSHOT },
};

static void begin(struct checker *checker, enum rules_verb verb, enum rules_kind kind,
		  const char *cell, const char *id)
{
	rules_begin(
		&checker->rules,
		&(struct rules_act){
			.n = checker->line, .verb = verb, .kind = kind, .cell = cell, .id = id });
}

/* The cell of a container is told when its snapshot and its record are made; of its task from
 * then on. */
static const char *cell_of_container(struct checker *checker, const char *id, const char *said)
{
	static const enum rules_kind told[] = { RULES_RECORD, RULES_SNAPSHOT };
	const char *cell = said && str_starts_with(said, "cell=") ? strchr(said, '=') + 1 : NULL;

	for (size_t i = 0; !cell && i < ARRAY_SIZE(told); i++)
		cell = rules_cell_of(&checker->rules, told[i], id);
	return cell;
}

static void begin_rpc(struct checker *checker, struct begun *begun, char *words[])
{
	AUTO_FREE char *id = xasprintf("%s/%s", words[2], words[3]);

	begun->lists = strcmp(words[1], "Tasks/List") == 0;
	if (begun->lists)
		snprintf(begun->id, sizeof(begun->id), "%s/", words[2]);
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		const struct method *method = &methods[i];

		if (strcmp(words[1], method->name) != 0)
			continue;
		if (!method->looks)
			return begin(checker, method->verb, method->kind,
				     cell_of_container(checker, id, words[4]), id);
		begun->looks = true;
		begun->looks_at = method->kind;
		snprintf(begun->id, sizeof(begun->id), "%s", id);
	}
}

/* "plugin <name> <command> <incarnation> <netns> <interface>", an incarnation is "<cell id>.<n>" */
static void begin_plugin(struct checker *checker, struct begun *begun, char *words[])
{
	bool first = !words[5] || strcmp(words[5], "eth0") == 0;
	AUTO_FREE char *id =
		xasprintf("%s#%s%s%s", words[3], words[1], first ? "" : "@", first ? "" : words[5]);
	AUTO_FREE char *cell_id = xstrndup(words[3], strcspn(words[3], "."));
	AUTO_FREE char *cell = name_cell_key(cell_id);

	begun->plugin = true;
	if (cell)
		begin(checker, strcmp(words[2], "ADD") == 0 ? RULES_MAKE : RULES_REMOVE,
		      RULES_ATTACHMENT, cell, id);
}

static void begin_pin(struct checker *checker, char *words[])
{
	const char *name = strstr(words[1], "/netns/");
	AUTO_FREE char *cell = name ? name_cell_key(name + strlen("/netns/")) : NULL;

	if (cell)
		begin(checker, strcmp(words[0], "mount") == 0 ? RULES_MAKE : RULES_REMOVE,
		      RULES_PIN, cell, cell);
}

static void begin_cgroup(struct checker *checker, char *words[])
{
	static const char root[] = "/sys/fs/cgroup/kukeon/";
	const char *key = words[1] + strlen(root);

	struct key_parts parts;

	if (str_starts_with(words[1], root) && key_split(key, &parts) && parts.kind == KIND_CELL)
		begin(checker, strcmp(words[0], "mkdirat") == 0 ? RULES_MAKE : RULES_REMOVE,
		      RULES_CGROUP, key, key);
}

/* ---- lines ---- */

static struct begun *begun_of(struct checker *checker, const char *number, bool begins)
{
	size_t n = strtoull(number, NULL, 10);

	if (n >= checker->n_begun && begins) {
		checker->begun = xrealloc(checker->begun, (n + 1) * 2 * sizeof(*checker->begun));
		memset(checker->begun + checker->n_begun, 0,
		       ((n + 1) * 2 - checker->n_begun) * sizeof(*checker->begun));
		checker->n_begun = (n + 1) * 2;
	}
	return n < checker->n_begun ? &checker->begun[n] : NULL;
}

static void line_begin(struct checker *checker, const char *number, char *words[])
{
	struct begun *begun = begun_of(checker, number, true);

	*begun = (struct begun){ .line = checker->line, .since = checker->rules.now };
	checker->acts++;
	if (strcmp(words[0], "rpc") == 0 && words[3])
		begin_rpc(checker, begun, words);
	else if (strcmp(words[0], "plugin") == 0 && words[4])
		begin_plugin(checker, begun, words);
	else if ((strcmp(words[0], "mount") == 0 || strcmp(words[0], "umount2") == 0) && words[1])
		begin_pin(checker, words);
	else if ((strcmp(words[0], "mkdirat") == 0 || strcmp(words[0], "unlinkat") == 0) &&
		 words[1])
		begin_cgroup(checker, words);
}

/* What is there already has been made, what is not there has been removed; a plugin that could not
 * be started has done nothing. */
static enum rules_outcome outcome_of(const struct checker *checker, const struct begun *begun,
				     const char *how)
{
	enum rules_verb verb = rules_verb_of(&checker->rules, begun->line);

	if (strcmp(how, "ok") == 0)
		return RULES_DONE;
	if (begun->plugin)
		return str_starts_with(how, "exit:") ? RULES_UNKNOWN : RULES_NOT_DONE;
	if ((strcmp(how, "EEXIST") == 0 && verb == RULES_MAKE) ||
	    (strcmp(how, "ENOENT") == 0 && verb == RULES_REMOVE))
		return RULES_DONE;
	return RULES_UNKNOWN;
}

static bool is_listed(const char *id, void *ctx)
{
	for (char **word = ctx; *word; word++)
		if (strcmp(*word, id) == 0)
			return true;
	return false;
}

static void line_end(struct checker *checker, const char *number, const char *how, char *rest)
{
	struct begun *begun = begun_of(checker, number, false);
	AUTO(strv_fini) struct strv seen = { 0 };
	bool ok = strcmp(how, "ok") == 0;

	if (!begun || !begun->line)
		return;
	if (begun->looks && (ok || strcmp(how, "ENOENT") == 0))
		rules_seen(&checker->rules, &(struct rules_sight){ .kind = begun->looks_at,
								   .id = begun->id,
								   .there = ok,
								   .since = begun->since });
	if (begun->lists && ok) {
		for (char *word; (word = strsep(&rest, " "));)
			strv_add(&seen, word);
		seen.items = xrealloc(seen.items, (seen.n + 1) * sizeof(*seen.items));
		seen.items[seen.n] = NULL;
		rules_seen_tasks(&checker->rules, begun->id, is_listed, seen.items, begun->since);
	}
	rules_end(&checker->rules, begun->line, outcome_of(checker, begun, how));
	begun->line = 0;
}

static void line_hand(struct checker *checker, const char *kind, const char *id)
{
	static const struct {
		const char *name;
		enum rules_kind kind;
	} kinds[] = { { "task", RULES_TASK },
		      { "pin", RULES_PIN },
		      { "attachment", RULES_ATTACHMENT } };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kind, kinds[i].name) == 0)
			rules_doubt(&checker->rules, kinds[i].kind, id);
}

static void new_daemon(struct checker *checker, const char *pid)
{
	rules_died(&checker->rules);
	snprintf(checker->pid, sizeof(checker->pid), "%s", pid);
	if (checker->n_begun)
		memset(checker->begun, 0, checker->n_begun * sizeof(*checker->begun));
	checker->daemons++;
}

/* A line that cannot be read would be an act that is not judged. */
static int read_line(struct checker *checker, char *line)
{
	char *words[WORDS_MAX + 1] = { 0 }, *rest = line, *pid, *number, *verb;

	checker->line++;
	line[strcspn(line, "\n")] = '\0';
	pid = strsep(&rest, " ");
	number = strsep(&rest, " ");
	verb = strsep(&rest, " ");
	if (strcmp(pid, "hand") == 0 && verb)
		return line_hand(checker, number, verb), 0;
	if (number && strcmp(number, "daemon") == 0)
		return new_daemon(checker, pid), 0;
	if (!verb || !rest || strcmp(pid, checker->pid) != 0)
		return -EINVAL;
	if (strcmp(verb, "end") == 0) {
		char *how = strsep(&rest, " ");

		return line_end(checker, number, how, rest), 0;
	}
	for (int i = 0; i < WORDS_MAX && rest; i++)
		words[i] = strsep(&rest, " ");
	return strcmp(verb, "begin") == 0 ? (line_begin(checker, number, words), 0) : -EINVAL;
}

/* ---- the whole ---- */

static int check_file(struct checker *checker, FILE *file)
{
	AUTO_FREE char *line = NULL;
	size_t capacity = 0;

	while (getline(&line, &capacity, file) >= 0 && !checker->rules.violations)
		if (read_line(checker, line) < 0)
			return fprintf(stderr, "line %llu is not understood: %s\n",
				       (unsigned long long)checker->line, line),
			       -EINVAL;
	if (!checker->rules.violations)
		rules_finish(&checker->rules);
	if (!checker->acts)
		return fprintf(stderr, "the log has no acts\n"), -EINVAL;
	return checker->rules.violations ? -EPROTO : 0;
}

int main(int argc, char *argv[])
{
	struct checker checker = { 0 };
	FILE *file = argc == 2 ? fopen(argv[1], "re") : NULL;
	int r;

	if (!file) {
		fprintf(stderr, "usage: check_acts FILE: %s\n",
			argc == 2 ? strerror(errno) : "one file");
		return 2;
	}
	rules_init(&checker.rules);
	r = check_file(&checker, file);
	if (r == -EPROTO) {
		AUTO_FREE char *recent = rules_tell_recent(&checker.rules);

		fprintf(stderr, "%s\n%s", checker.rules.violation, recent);
	} else if (r == 0) {
		printf("%llu acts of %llu daemons: no rule broken\n",
		       (unsigned long long)checker.acts, (unsigned long long)checker.daemons);
	}
	fclose(file);
	rules_fini(&checker.rules);
	free(checker.begun);
	return r < 0;
}

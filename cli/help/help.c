/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help/help.h"

#include "cli/args/foreign.h"
#include "cli/args/host_args.h"
#include "core/base/buf.h"

enum {
	LINE_COLUMNS = 79, /* a terminal of 80 goes on with the next line after its last column */
	OPTION_COLUMNS = 27,
	VERB_COLUMNS = 14,
};

/* ---- text in lines ---- */

/* From column @at on; further lines begin at @indent. */
static void print_folded(const char *text, size_t at, size_t indent, FILE *out)
{
	while (*text) {
		size_t len = strcspn(text, " \n");

		if (at > indent && at + 1 + len > LINE_COLUMNS) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		}
		fprintf(out, "%s%.*s", at > indent ? " " : "", (int)len, text);
		at += len + (at > indent);
		text += len;
		text += strspn(text, " \n");
	}
	fputc('\n', out);
}

/* Lines that are indented stand as they are: what is typed is not folded. */
static void print_paragraphs(const char *text, FILE *out)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		AUTO_FREE char *line = xstrndup(text, len);

		if (*line == ' ')
			fprintf(out, "%s\n", line);
		else
			print_folded(line, 0, 0, out);
		text += len + (text[len] == '\n');
	}
}

/* ---- options in groups ---- */

static const char *group_title(const struct argp *group)
{
	if (group == &args_common)
		return "Options of every verb";
	if (group == &args_scope)
		return "Where to look";
	return group == &host_args_settings ? "Settings of kukeond" : "Options";
}

static void print_help_of(const struct argp_option *option, FILE *out)
{
	AUTO_BUF struct buf left = { 0 };

	if (option->key > ' ' && option->key < 0x7f)
		buf_printf(&left, "  -%c, ", option->key);
	else
		buf_add_str(&left, "      ");
	buf_printf(&left, "--%s%s%s", option->name, option->arg ? "=" : "",
		   option->arg ? option->arg : "");
	if (left.len < OPTION_COLUMNS)
		fprintf(out, "%-*s", OPTION_COLUMNS, left.data);
	else
		fprintf(out, "%s\n%*s", left.data, OPTION_COLUMNS, "");
	print_folded(option->doc, OPTION_COLUMNS, OPTION_COLUMNS, out);
}

static void print_group(const char *title, const struct argp_option *own,
			const struct argp_child *children, FILE *out)
{
	const struct argp_option *options[ARGS_OPTIONS_MAX];
	size_t n = args_collect(own, children, options);

	if (n)
		fprintf(out, "\n%s:\n", title);
	for (size_t i = 0; i < n; i++)
		print_help_of(options[i], out);
}

/* The groups of a verb that have this title, as one. */
static void print_titled(const char *title, const struct argp_child *children, FILE *out)
{
	struct argp_child some[ARGS_OPTIONS_MAX] = { 0 };
	size_t n = 0;

	for (; children->argp; children++) {
		check(n < ARGS_OPTIONS_MAX - 1);
		if (str_equal(group_title(children->argp), title))
			some[n++] = *children;
	}
	print_group(title, NULL, some, out);
}

void help_print_verb(const struct verb *verb, FILE *out)
{
	static const char *const titles[] = { "Options", "Where to look", "Settings of kukeond",
					      "Options of every verb" };
	AUTO_BUF struct buf outputs = { 0 };

	fprintf(out, "Usage: kuke %s [OPTION...]%s%s\n", verb->name, *verb->usage ? " " : "",
		verb->usage);
	fprintf(out, "%s.\n", verb->summary);
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		print_titled(titles[i], verb->options, out);
	fprintf(out, "\nExamples:\n");
	print_paragraphs(verb->examples, out);
	args_add_outputs(verb, &outputs);
	if (outputs.len)
		fprintf(out, "\nFormats of -o: %s.\n", outputs.data);
}

/* ---- the overview ---- */

enum { GROUP_VERBS_MAX = 10 };

/* A verb that is in none of them stands under the last title. */
static const struct verb_group {
	const char *title;
	const char *verbs[GROUP_VERBS_MAX];
} verb_groups[] = {
	{ "Declare", { "apply", "create", "delete", "validate", "prune" } },
	{ "Look", { "get", "status", "log", "events", "wait", "doctor" } },
	{ "Run", { "start", "stop", "kill", "restart", "exec" } },
	{ "Images", { "image" } },
	{ "The host", { "init", "refresh", "uninstall" } },
	{ "Further", { NULL } },
};

static bool group_has(const struct verb_group *group, const char *verb)
{
	for (size_t i = 0; i < GROUP_VERBS_MAX && group->verbs[i]; i++)
		if (str_equal(group->verbs[i], verb))
			return true;
	return false;
}

static const struct verb_group *group_of(const struct verb *verb)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(verb_groups) - 1 && !group_has(&verb_groups[i], verb->name))
		i++;
	return &verb_groups[i];
}

static void print_verbs_of(const struct verb_group *group, FILE *out)
{
	fprintf(out, "\n%s:\n", group->title);
	for (size_t i = 0; i < n_verbs; i++) {
		if (verbs[i]->hidden || group_of(verbs[i]) != group)
			continue;
		fprintf(out, "  %-*s", VERB_COLUMNS - 2, verbs[i]->name);
		print_folded(verbs[i]->summary, VERB_COLUMNS, VERB_COLUMNS, out);
	}
}

void help_print_overview(FILE *out)
{
	fprintf(out, "Usage: kuke VERB [WORDS] [OPTION...]\n"
		     "The client of kukeond, which keeps the cells that you declare "
		     "running.\n");
	for (size_t i = 0; i < ARRAY_SIZE(verb_groups); i++)
		print_verbs_of(&verb_groups[i], out);
	print_group("Options of every verb", args_front.options, args_front.children, out);
	fprintf(out, "\n'kuke VERB --help' has the options and examples of a verb.\n"
		     "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 kukeond cannot be reached.\n");
}

/* ---- Markdown ---- */

/* Text of a table's cell. */
static void print_escaped(const char *text, FILE *out)
{
	for (const char *c = text; *c; c++)
		fprintf(out, "%s%c", *c == '|' ? "\\" : "", *c);
}

static void print_option(const struct argp_option *option, FILE *out)
{
	fputs("| `", out);
	if (option->key > ' ' && option->key < 0x7f)
		fprintf(out, "-%c`, `", option->key);
	fprintf(out, "--%s", option->name);
	if (option->arg) {
		fputc('=', out);
		print_escaped(option->arg, out);
	}
	fputs("` | ", out);
	print_escaped(option->doc, out);
	fputs(" |\n", out);
}

static void print_options(const struct argp_option *own, const struct argp_child *children,
			  FILE *out)
{
	const struct argp_option *options[ARGS_OPTIONS_MAX];
	size_t n = args_collect(own, children, options);

	fputs("| option | meaning |\n|---|---|\n", out);
	for (size_t i = 0; i < n; i++)
		print_option(options[i], out);
}

/* The examples are indented by two; in Markdown they stand in a block of their own. */
static void print_examples(const char *examples, FILE *out)
{
	bool inside = false;

	for (const char *line = examples; *line;) {
		size_t len = strcspn(line, "\n");
		bool command = str_starts_with(line, "  ");

		if (command != inside && (command || len))
			fputs(command ? "\n```sh\n" : "```\n\n", out);
		inside = len ? command : inside;
		if (len)
			fprintf(out, "%.*s\n", (int)(command ? len - 2 : len),
				command ? line + 2 : line);
		line += len + (line[len] == '\n');
	}
	if (inside)
		fputs("```\n", out);
}

/* The options of every verb stand once, in front: only the others here. */
static void print_verb(const struct verb *verb, FILE *out)
{
	const struct argp_child *child = verb->options;
	struct argp_child own[ARGS_OPTIONS_MAX] = { 0 };
	AUTO_BUF struct buf outputs = { 0 };
	size_t n = 0;

	fprintf(out, "\n## kuke %s\n\n    kuke %s%s%s [OPTION...]\n\n%s.\n", verb->name, verb->name,
		*verb->usage ? " " : "", verb->usage, verb->summary);
	for (; child->argp; child++) {
		check(n < ARGS_OPTIONS_MAX - 1);
		if (child->argp != &args_common)
			own[n++] = *child;
	}
	if (n) {
		fputc('\n', out);
		print_options(NULL, own, out);
	}
	args_add_outputs(verb, &outputs);
	if (outputs.len)
		fprintf(out, "\nFormats of `-o`: %s.\n", outputs.data);
	print_examples(verb->examples, out);
}

void help_print_markdown(FILE *out)
{
	fprintf(out, "<!-- Made by `kuke help --markdown`. Do not edit. -->\n"
		     "# kuke\n\n"
		     "The client of kukeond, which keeps the cells that you declare running.\n\n"
		     "    kuke VERB [WORDS] [OPTION...]\n\n"
		     "| verb | what it does |\n|---|---|\n");
	for (size_t i = 0; i < n_verbs; i++) {
		if (!verbs[i]->hidden)
			fprintf(out, "| [`%s`](#kuke-%s) | %s |\n", verbs[i]->name, verbs[i]->name,
				verbs[i]->summary);
	}
	fprintf(out,
		"\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 kukeond cannot be reached. "
		"Data goes to standard output, talk to standard error.\n\n"
		"A change (apply, create, delete, start, stop, kill, restart) that kukeond has "
		"not begun to store when kuke gives up waiting for its answer, or is "
		"interrupted, is withdrawn: it does not happen later. When no answer came, look "
		"with `kuke get`, or ask again, which is always safe. `--timeout` is how long "
		"`--wait` waits for what has been accepted already: that goes on when the time "
		"is over. Ready is what is so half a second after the last start of its containers: what "
		"falls back three times before that is not waited for any longer, and what was stopped "
		"by request not at all.\n\n"
		"Options of every verb:\n\n");
	print_options(args_front.options, args_front.children, out);
	fprintf(out, "\nWho comes from kubectl, podman, docker or systemctl:\n\n");
	foreign_print(out);
	for (size_t i = 0; i < n_verbs; i++) {
		if (!verbs[i]->hidden)
			print_verb(verbs[i], out);
	}
}

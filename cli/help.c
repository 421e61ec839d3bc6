/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include "cli/foreign.h"
#include "core/base/buf.h"

void help_print_verb(const struct verb *verb, FILE *out)
{
	AUTO_FREE char *name = xasprintf("kuke %s", verb->name);
	AUTO_BUF struct buf doc = { 0 }, outputs = { 0 };
	struct argp argp = { .children = verb->options };

	args_add_outputs(verb, &outputs);
	buf_printf(&doc, "%s.\n\vExamples:\n%s", verb->summary, verb->examples);
	if (outputs.len)
		buf_printf(&doc, "\nFormats of -o: %s.\n", outputs.data);
	argp.doc = doc.data;
	argp.args_doc = *verb->usage ? verb->usage : NULL;
	/* Without argp's note on short options, which everybody knows. */
	setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
	argp_help(&argp, out, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC, name);
}

static void print_front(FILE *out)
{
	char name[] = "kuke";

	argp_help(&args_front, out, ARGP_HELP_LONG, name);
}

void help_print_overview(FILE *out)
{
	fprintf(out, "Usage: kuke VERB [WORDS] [OPTION...]\n"
		     "The client of kukeond, which keeps the cells that you declare "
		     "running.\n\nVerbs:\n");
	for (size_t i = 0; i < n_verbs; i++) {
		if (!verbs[i]->hidden)
			fprintf(out, "  %-11s %s\n", verbs[i]->name, verbs[i]->summary);
	}
	fprintf(out, "\nOptions of every verb:\n");
	print_front(out);
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

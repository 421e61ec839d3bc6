/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shells' scripts know nothing; they ask here. The words before the last are read with more
 * patience than argp has: what makes no sense is passed over.
 */
#include "cli/help/complete.h"

#include "cli/args/args_target.h"
#include "cli/args/kinds.h"
#include "cli/client/client.h"
#include "cli/show/object.h"

#define DEFAULT_SCOPE "default"

struct complete {
	const struct verb *verb; /* NULL: in front of it */
	struct args args;        /* scope and socket, as far as they are given */
	const char *kind;        /* the first word after the verb */
	size_t n_words;          /* after the verb, without the last */
	const char *current;     /* the beginning of what is looked for */
	const char *before;      /* stands in front of every candidate: "--realm=", or "" */
	size_t before_len;
	struct strv given; /* candidates so far */
	struct buf *out;
};

/* ---- candidates ---- */

static void give(struct complete *complete, const char *word, const char *meaning)
{
	if (!str_starts_with(word, complete->current))
		return;
	for (size_t i = 0; i < complete->given.n; i++) {
		if (str_equal(complete->given.items[i], word))
			return;
	}
	strv_add(&complete->given, word);
	buf_add(complete->out, complete->before, complete->before_len);
	buf_printf(complete->out, "%s%s%.*s\n", word, meaning ? "\t" : "",
		   meaning ? (int)strcspn(meaning, ";") : 0, meaning ? meaning : "");
}

/* Each word of "a|b|c" or "a, b, c"; what stands in brackets is none. */
static void give_each(struct complete *complete, const char *list)
{
	while (*list && *list != '[') {
		size_t len = strcspn(list, "|, ");
		AUTO_FREE char *word = xstrndup(list, len);

		if (len)
			give(complete, word, NULL);
		list += len + (list[len] != '\0');
	}
}

static void give_verbs(struct complete *complete)
{
	for (size_t i = 0; i < n_verbs; i++) {
		if (!verbs[i]->hidden)
			give(complete, verbs[i]->name, verbs[i]->summary);
	}
}

static void give_kinds(struct complete *complete)
{
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		if (complete->verb->kinds & (1U << kind))
			give(complete,
			     complete->verb->lists ? kinds_plural((enum kind)kind)
						   : kinds_singular((enum kind)kind),
			     NULL);
	}
}

/* With @whole an object's scope is default where it is not given, as for a verb. */
static void give_names(struct complete *complete, enum kind kind, bool whole)
{
	struct target target = { .kind = kind };
	AUTO_REPLY Api__GetResponse *reply = NULL;
	struct error err = { 0 };
	Api__Selector selector;

	for (int above = 0; above < (int)kind; above++) {
		target.scope[above] = complete->args.scope[above];
		if (whole && !target.scope[above])
			target.scope[above] = DEFAULT_SCOPE;
	}
	selector = target_selector(&target);
	complete->args.err = &err;
	if (args_find_socket(&complete->args) < 0 ||
	    client_get(client_new(complete->args.socket), &selector, &reply, &err) < 0)
		return;
	for (size_t i = 0; i < reply->n_objects; i++) {
		struct object object;

		if (object_read(reply->objects[i], &object) && object.name)
			give(complete, object.name, NULL);
	}
}

/* ---- options ---- */

static size_t options_of(const struct complete *complete,
			 const struct argp_option *ret_options[ARGS_OPTIONS_MAX])
{
	if (complete->verb)
		return args_collect(NULL, complete->verb->options, ret_options);
	return args_collect(args_front.options, args_front.children, ret_options);
}

static const struct argp_option *find_long(const struct complete *complete, const char *name,
					   size_t len)
{
	const struct argp_option *options[ARGS_OPTIONS_MAX];
	size_t n = options_of(complete, options);

	for (size_t i = 0; i < n; i++) {
		if (strlen(options[i]->name) == len && strncmp(options[i]->name, name, len) == 0)
			return options[i];
	}
	return NULL;
}

static const struct argp_option *find_letter(const struct complete *complete, int letter)
{
	const struct argp_option *options[ARGS_OPTIONS_MAX];
	size_t n = options_of(complete, options);

	for (size_t i = 0; i < n; i++) {
		if (options[i]->key == letter)
			return options[i];
	}
	return NULL;
}

static void give_options(struct complete *complete)
{
	const struct argp_option *options[ARGS_OPTIONS_MAX];
	size_t n = options_of(complete, options);

	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *word = xasprintf("--%s", options[i]->name);

		give(complete, word, options[i]->doc);
	}
}

static void give_values(struct complete *complete, const struct argp_option *option)
{
	AUTO_BUF struct buf outputs = { 0 };
	enum kind kind;

	if (str_equal(option->arg, "FILE") || str_equal(option->arg, "DIR")) {
		buf_add_str(complete->out, COMPLETE_FILES "\n");
	} else if (str_equal(option->arg, "FORMAT") && complete->verb) {
		args_add_outputs(complete->verb, &outputs);
		give_each(complete, outputs.len ? outputs.data : "");
	} else if (str_equal(option->arg, "NAME") && kinds_parse(option->name, &kind)) {
		give_names(complete, kind, false);
	} else if (strchr(option->arg, '|')) {
		give_each(complete, option->arg);
	}
}

/* What names of objects depend on. */
static void take_value(struct complete *complete, const struct argp_option *option,
		       const char *value)
{
	enum kind kind;

	if (str_equal(option->name, "socket"))
		complete->args.socket = value;
	else if (str_equal(option->name, "host") && str_starts_with(value, "unix://"))
		complete->args.socket = value + strlen("unix://");
	else if (str_equal(option->arg, "NAME") && kinds_parse(option->name, &kind) &&
		 kind < KIND_CONTAINER)
		complete->args.scope[kind] = value;
}

/* The option that @word is, and its value when that is part of the word (else NULL). */
static const struct argp_option *read_option(const struct complete *complete, const char *word,
					     const char **ret_value)
{
	const struct argp_option *option;
	size_t len;

	*ret_value = NULL;
	if (word[0] != '-' || !word[1])
		return NULL;
	if (word[1] == '-') {
		len = strcspn(word + 2, "=");
		option = find_long(complete, word + 2, len);
		*ret_value = word[2 + len] ? word + 2 + len + 1 : NULL;
		return option;
	}
	option = find_letter(complete, (unsigned char)word[1]);
	*ret_value = option && option->arg && word[2] ? word + 2 : NULL;
	return option;
}

/* ---- words ---- */

static void take_word(struct complete *complete, const char *word)
{
	if (!complete->verb) {
		complete->verb = verb_find(word);
		return;
	}
	if (complete->n_words++ == 0)
		complete->kind = word;
}

/* Reads what stands before the last word. The option whose value the last word is, or NULL. */
static const struct argp_option *read_words(struct complete *complete, const char *const *words,
					    size_t n)
{
	for (size_t i = 0; i + 1 < n; i++) {
		const char *value;
		const struct argp_option *option = read_option(complete, words[i], &value);

		if (!option && words[i][0] != '-')
			take_word(complete, words[i]);
		if (!option || !option->arg)
			continue;
		if (!value && ++i + 1 == n)
			return option;
		take_value(complete, option, value ? value : words[i]);
	}
	return NULL;
}

static void give_first(struct complete *complete)
{
	give_kinds(complete);
	if (complete->verb->cell_alone)
		give_names(complete, KIND_CELL, true);
}

static void give_word(struct complete *complete)
{
	const struct verb *verb = complete->verb;
	enum kind kind;

	if (!verb)
		give_verbs(complete);
	else if (verb->kinds && complete->n_words == 0)
		give_first(complete);
	else if (verb->kinds && complete->n_words >= 1 && complete->n_words < verb->max_words &&
		 !verb->names_new && kinds_parse(complete->kind, &kind))
		give_names(complete, kind, true);
	else if (!verb->kinds && complete->n_words == 0 && str_equal(verb->usage, "[VERB]"))
		give_verbs(complete);
	else if (!verb->kinds && complete->n_words == 0 && strchr(verb->usage, '|'))
		give_each(complete, verb->usage);
}

/* "--realm=ma": the value of an option in the last word itself. */
static void give_inline(struct complete *complete, const char *word)
{
	const char *value;
	const struct argp_option *option = read_option(complete, word, &value);

	if (!option || !option->arg || !value) {
		give_options(complete);
		return;
	}
	complete->before = word;
	complete->before_len = (size_t)(value - word);
	complete->current = value;
	give_values(complete, option);
}

void complete_words(const char *const *words, size_t n, struct buf *out)
{
	struct complete complete = { .before = "", .out = out };
	const struct argp_option *option;

	if (n == 0)
		return;
	complete.current = words[n - 1];
	option = read_words(&complete, words, n);
	if (option)
		give_values(&complete, option);
	else if (complete.current[0] == '-')
		give_inline(&complete, complete.current);
	else
		give_word(&complete);
	strv_fini(&complete.given);
}

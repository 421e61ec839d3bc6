/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/selector.h"

#include <errno.h>

#include "core/base/str.h"

enum selector_op { SELECTOR_IN, SELECTOR_NOT_IN, SELECTOR_EXISTS, SELECTOR_MISSING };

struct condition {
	enum selector_op op;
	char *key;
	struct strv values; /* one for "=" and "!=", none for the last two */
};

struct selector {
	struct condition conditions[SELECTOR_MAX_CONDITIONS];
	size_t n;
};

struct reader {
	const char *text, *p;
	struct error *err;
};

static void skip_spaces(struct reader *r)
{
	r->p += strspn(r->p, " \t\r\n");
}

/* The first bytes of what stands here, for a message. */
static int expected(struct reader *r, const char *what)
{
	size_t shown = strcspn(r->p, " \t\r\n");

	if (!*r->p)
		return error_set(r->err, -EINVAL, "label selector: at its end: expected %s", what);
	return error_set(r->err, -EINVAL, "label selector: at byte %zu, \"%.*s\": expected %s",
			 (size_t)(r->p - r->text) + 1, (int)(shown && shown < 40 ? shown : 40),
			 r->p, what);
}

static bool take(struct reader *r, const char *token)
{
	if (!str_starts_with(r->p, token))
		return false;
	r->p += strlen(token);
	skip_spaces(r);
	return true;
}

/* A run of bytes up to one of @ends; NULL when there is none. Free with free(). */
static char *take_run(struct reader *r, const char *ends)
{
	size_t len = strcspn(r->p, ends);
	char *run = len ? xstrndup(r->p, len) : NULL;

	r->p += len;
	skip_spaces(r);
	return run;
}

static void take_value(struct reader *r, struct condition *condition)
{
	AUTO_FREE char *value = take_run(r, " \t\r\n,()");

	strv_add(&condition->values, value ? value : "");
}

static int parse_set(struct reader *r, struct condition *condition)
{
	if (!take(r, "("))
		return expected(r, "\"(\" and the values, e.g. key in (a,b)");
	do {
		take_value(r, condition);
	} while (take(r, ","));
	return take(r, ")") ? 0 : expected(r, "\",\" and one more value, or \")\"");
}

static int parse_one_value(struct reader *r, struct condition *condition)
{
	if (*r->p == '=' || *r->p == '!')
		return expected(r, "a value");
	take_value(r, condition);
	return 0;
}

/* "in" and "notin" are operators only as whole words behind a key. */
static bool take_word(struct reader *r, const char *word)
{
	size_t len = strcspn(r->p, " \t\r\n,()=!");

	return len == strlen(word) && take(r, word);
}

static int parse_operator(struct reader *r, struct condition *condition)
{
	condition->op = SELECTOR_IN;
	if (take(r, "==") || take(r, "="))
		return parse_one_value(r, condition);
	if (take_word(r, "in"))
		return parse_set(r, condition);
	condition->op = SELECTOR_NOT_IN;
	if (take(r, "!="))
		return parse_one_value(r, condition);
	if (take_word(r, "notin"))
		return parse_set(r, condition);
	condition->op = SELECTOR_EXISTS;
	return 0;
}

static int parse_condition(struct reader *r, struct condition *condition)
{
	bool missing = take(r, "!");

	condition->key = take_run(r, " \t\r\n,()=!<>");
	if (!condition->key)
		return expected(r, "a label's key");
	if (*r->p == '<' || *r->p == '>')
		return expected(r, "=, !=, in or notin: labels have no order");
	condition->op = SELECTOR_MISSING;
	return missing ? 0 : parse_operator(r, condition);
}

static int parse_conditions(struct reader *r, struct selector *selector)
{
	do {
		int n;

		if (selector->n == SELECTOR_MAX_CONDITIONS)
			return error_set(r->err, -EINVAL,
					 "label selector: at byte %zu: at most %d conditions are "
					 "allowed",
					 (size_t)(r->p - r->text) + 1, SELECTOR_MAX_CONDITIONS);
		n = parse_condition(r, &selector->conditions[selector->n++]);
		if (n < 0)
			return n;
	} while (take(r, ","));
	return *r->p ? expected(r, "\",\" and the next condition, or the end") : 0;
}

int selector_parse(const char *text, struct selector **ret, struct error *err)
{
	struct reader r = { .text = text ? text : "", .p = text ? text : "", .err = err };
	struct selector *selector;
	int n = 0;

	if (strnlen(r.text, SELECTOR_MAX_BYTES + 1) > SELECTOR_MAX_BYTES)
		return error_set(err, -EINVAL, "label selector: longer than %d bytes",
				 SELECTOR_MAX_BYTES);
	selector = xnew(struct selector);
	skip_spaces(&r);
	if (*r.p)
		n = parse_conditions(&r, selector);
	if (n < 0)
		selector_free(selector);
	else
		*ret = selector;
	return n;
}

/* The label's value ("" when it has none), NULL when the object does not have it. */
static const char *label_of(const Api__Metadata *metadata, const char *key)
{
	for (size_t i = 0; metadata && i < metadata->n_labels; i++)
		if (str_equal(metadata->labels[i]->key, key))
			return metadata->labels[i]->value ? metadata->labels[i]->value : "";
	return NULL;
}

static bool one_of(const struct strv *values, const char *value)
{
	for (size_t i = 0; i < values->n; i++)
		if (str_equal(values->items[i], value))
			return true;
	return false;
}

static bool condition_holds(const struct condition *condition, const char *value)
{
	switch (condition->op) {
	case SELECTOR_IN:
		return value && one_of(&condition->values, value);
	case SELECTOR_NOT_IN:
		return !value || !one_of(&condition->values, value);
	case SELECTOR_EXISTS:
		return value;
	case SELECTOR_MISSING:
		return !value;
	}
	return false;
}

bool selector_matches(const struct selector *selector, const Api__Metadata *metadata)
{
	for (size_t i = 0; selector && i < selector->n; i++) {
		const struct condition *condition = &selector->conditions[i];

		if (!condition_holds(condition, label_of(metadata, condition->key)))
			return false;
	}
	return true;
}

void selector_free(struct selector *selector)
{
	if (!selector)
		return;
	for (size_t i = 0; i < selector->n; i++) {
		free(selector->conditions[i].key);
		strv_fini(&selector->conditions[i].values);
	}
	free(selector);
}

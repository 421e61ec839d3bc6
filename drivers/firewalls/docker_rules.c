/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/firewalls/docker_rules.h"

#include <jansson.h>

#define CHAIN "DOCKER-USER"
#define PUBLISHED "DOCKER" /* docker jumps there for what goes to a bridge of its own */
#define OUR_NAMES "kuke-"
#define OURS OUR_NAMES "*"
#define COMMENT "kukeon"

enum { BRIDGES_MAX = 1000, WORDS_MAX = 64 };

static void rule_fini(struct docker_rule *rule)
{
	free(rule->in);
	free(rule->out);
}

void docker_view_fini(struct docker_view *view)
{
	for (size_t i = 0; i < view->n_rules; i++)
		rule_fini(&view->rules[i]);
	free(view->rules);
	strv_fini(&view->bridges);
	*view = (struct docker_view){ 0 };
}

/* ---- what is to stand there ---- */

static void add_rule(struct docker_view *view, const struct docker_rule *rule)
{
	view->rules = xrealloc(view->rules, (view->n_rules + 1) * sizeof(*view->rules));
	view->rules[view->n_rules++] = *rule;
	view->somebodys |= !rule->ours && !rule->returns &&
			   ((rule->in && str_starts_with(rule->in, OUR_NAMES)) ||
			    (rule->out && str_starts_with(rule->out, OUR_NAMES)));
}

static void wish(const struct docker_view *view, struct docker_view *ret)
{
	for (size_t i = 0; i < view->bridges.n; i++)
		add_rule(ret, &(struct docker_rule){ .in = xstrdup(OURS),
						     .out = xstrdup(view->bridges.items[i]),
						     .returns = true });
	add_rule(ret, &(struct docker_rule){ .in = xstrdup(OURS) });
	add_rule(ret, &(struct docker_rule){ .out = xstrdup(OURS) });
}

static bool same(const struct docker_rule *a, const struct docker_rule *b)
{
	return str_equal(a->in, b->in) && str_equal(a->out, b->out) && a->returns == b->returns;
}

/* Ours and nothing else of that kind, before whatever another rule of the chain drops. */
bool docker_view_is_right(const struct docker_view *view)
{
	AUTO(docker_view_fini) struct docker_view wanted = { 0 };
	size_t n = 0;

	wish(view, &wanted);
	for (size_t i = 0; i < view->n_rules; i++) {
		if (!view->rules[i].ours)
			continue;
		if (n == wanted.n_rules || !same(&view->rules[i], &wanted.rules[n]))
			return false;
		n++;
	}
	return n == wanted.n_rules;
}

bool docker_view_has_ours(const struct docker_view *view)
{
	for (size_t i = 0; i < view->n_rules; i++)
		if (view->rules[i].ours)
			return true;
	return false;
}

static void add_bridge(struct docker_view *view, const char *name)
{
	/* it stands in commands */
	if (!*name || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-_.") != strlen(name))
		return;
	if (view->bridges.n < BRIDGES_MAX && !strv_has(&view->bridges, name))
		strv_add(&view->bridges, name);
}

/* ---- nftables ---- */

/* {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "kuke-*"}} */
static const char *link_of(const json_t *expr, const char *key)
{
	const json_t *match, *left;
	size_t i;
	json_t *item;

	json_array_foreach((json_t *)expr, i, item) {
		match = json_object_get(item, "match");
		left = json_object_get(json_object_get(match, "left"), "meta");
		if (str_equal(json_string_value(json_object_get(left, "key")), key) &&
		    str_equal(json_string_value(json_object_get(match, "op")), "=="))
			return json_string_value(json_object_get(match, "right"));
	}
	return NULL;
}

static const json_t *statement(const json_t *expr, const char *name)
{
	size_t i;
	json_t *item;

	json_array_foreach((json_t *)expr, i, item)
		if (json_object_get(item, name))
			return json_object_get(item, name);
	return NULL;
}

static void read_rule(const json_t *rule, struct docker_view *view)
{
	const json_t *expr = json_object_get(rule, "expr"), *jump = statement(expr, "jump");
	const char *chain = json_string_value(json_object_get(rule, "chain")),
		   *in = link_of(expr, "iifname"), *out = link_of(expr, "oifname");

	if (str_equal(json_string_value(json_object_get(jump, "target")), PUBLISHED) && out && !in)
		add_bridge(view, out);
	if (!str_equal(chain, CHAIN) || !(statement(expr, "accept") || statement(expr, "return")))
		return;
	add_rule(view,
		 &(struct docker_rule){
			 .in = xstrdup_maybe(in),
			 .out = xstrdup_maybe(out),
			 .returns = statement(expr, "return") != NULL,
			 .ours = str_equal(json_string_value(json_object_get(rule, "comment")),
					   COMMENT),
			 .handle = (uint64_t)json_integer_value(json_object_get(rule, "handle")),
		 });
}

static void read_chain(const char *name, const char *policy, struct docker_view *view)
{
	view->there |= str_equal(name, CHAIN);
	view->drops |= str_equal(name, "FORWARD") && str_equal(policy, "drop");
}

void docker_view_read_nft(const char *text, struct docker_view *ret)
{
	json_t *answer = json_loads(text, 0, NULL), *item;
	size_t i;

	json_array_foreach(json_object_get(answer, "nftables"), i, item) {
		const json_t *chain = json_object_get(item, "chain"),
			     *rule = json_object_get(item, "rule");

		read_chain(json_string_value(json_object_get(chain, "name")),
			   json_string_value(json_object_get(chain, "policy")), ret);
		if (rule)
			read_rule(rule, ret);
	}
	json_decref(answer);
}

static void print_nft(const struct docker_rule *rule, const char *family, struct buf *ret)
{
	buf_printf(ret, "insert rule %s filter " CHAIN, family);
	if (rule->in)
		buf_printf(ret, " iifname \"%s\"", rule->in);
	if (rule->out)
		buf_printf(ret, " oifname \"%s\"", rule->out);
	buf_printf(ret, " counter %s comment \"" COMMENT "\"\n",
		   rule->returns ? "return" : "accept");
}

/* Each is put before all others, so the last one is put first. */
void docker_rules_to_nft(const struct docker_view *view, const char *family, bool leave,
			 struct buf *ret)
{
	AUTO(docker_view_fini) struct docker_view wanted = { 0 };

	for (size_t i = 0; i < view->n_rules; i++)
		if (view->rules[i].ours)
			buf_printf(ret, "delete rule %s filter " CHAIN " handle %llu\n", family,
				   (unsigned long long)view->rules[i].handle);
	wish(view, &wanted);
	for (size_t i = wanted.n_rules; !leave && i > 0; i--)
		print_nft(&wanted.rules[i - 1], family, ret);
}

/* ---- iptables without nftables ---- */

/* "kuke-+" is "kuke-*" here. */
static char *from_wildcard(const char *word)
{
	size_t len = strlen(word);

	return len && word[len - 1] == '+' ? xasprintf("%.*s*", (int)len - 1, word) : xstrdup(word);
}

static char *to_wildcard(const char *link)
{
	size_t len = strlen(link);

	return len && link[len - 1] == '*' ? xasprintf("%.*s+", (int)len - 1, link) : xstrdup(link);
}

/* "-A DOCKER-USER -i kuke-+ -m comment --comment kukeon -j ACCEPT", word by word. */
static void read_words(char *words[], size_t n, struct docker_view *view)
{
	struct docker_rule rule = { 0 };
	const char *chain = n > 1 ? words[1] : "", *target = "";

	for (size_t i = 2; i + 1 < n; i++) {
		if (str_equal(words[i], "-i") && !rule.in)
			rule.in = from_wildcard(words[i + 1]);
		else if (str_equal(words[i], "-o") && !rule.out)
			rule.out = from_wildcard(words[i + 1]);
		else if (str_equal(words[i], "-j"))
			target = words[i + 1];
		else if (str_equal(words[i], "--comment"))
			rule.ours = str_equal(words[i + 1], COMMENT);
	}
	if (str_equal(target, PUBLISHED) && rule.out && !rule.in)
		add_bridge(view, rule.out);
	rule.returns = str_equal(target, "RETURN");
	if (str_equal(chain, CHAIN) && (rule.returns || str_equal(target, "ACCEPT")))
		add_rule(view, &rule);
	else
		rule_fini(&rule);
}

static void read_line(char *line, struct docker_view *view)
{
	char *words[WORDS_MAX], *rest = NULL;
	size_t n = 0;

	for (char *word = strtok_r(line, " ", &rest); word && n < WORDS_MAX;
	     word = strtok_r(NULL, " ", &rest))
		words[n++] = word;
	if (n > 1 && *words[0] == ':')
		read_chain(words[0] + 1, str_equal(words[1], "DROP") ? "drop" : NULL, view);
	else if (n && str_equal(words[0], "-A"))
		read_words(words, n, view);
}

void docker_view_read_save(const char *text, struct docker_view *ret)
{
	AUTO_FREE char *copy = xstrdup(text);
	char *rest = NULL;

	for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		read_line(line, ret);
}

static void print_restore(const struct docker_rule *rule, const char *how, struct buf *ret)
{
	AUTO_FREE char *in = rule->in ? to_wildcard(rule->in) : NULL;
	AUTO_FREE char *out = rule->out ? to_wildcard(rule->out) : NULL;

	buf_printf(ret, "%s", how);
	if (in)
		buf_printf(ret, " -i %s", in);
	if (out)
		buf_printf(ret, " -o %s", out);
	buf_printf(ret, " -m comment --comment " COMMENT " -j %s\n",
		   rule->returns ? "RETURN" : "ACCEPT");
}

void docker_rules_to_restore(const struct docker_view *view, bool leave, struct buf *ret)
{
	AUTO(docker_view_fini) struct docker_view wanted = { 0 };

	buf_printf(ret, "*filter\n");
	for (size_t i = 0; i < view->n_rules; i++)
		if (view->rules[i].ours)
			print_restore(&view->rules[i], "-D " CHAIN, ret);
	wish(view, &wanted);
	for (size_t i = wanted.n_rules; !leave && i > 0; i--)
		print_restore(&wanted.rules[i - 1], "-I " CHAIN " 1", ret);
	buf_printf(ret, "COMMIT\n");
}

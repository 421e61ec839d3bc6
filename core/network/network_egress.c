/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network/network_egress.h"

#include <errno.h>

#include "core/base/buf.h"
#include "core/journal/journal.h"
#include "core/model/egress.h"
#include "core/network/egress_allow.h"
#include "core/network/egress_ask.h"
#include "core/network/filter.h"
#include "core/state/engine.h"

enum {
	PATIENCE_MS = 2 * 1000, /* for the first answers, before the filter is written without */
	SETTLE_MS = 100,        /* as long as further answers are awaited */
};

/* What a name stood for last, as egress_addresses_format() writes it. */
#define NOTE_PREFIX "egress/"

static const Api__Egress *policy_of(const struct object *space)
{
	const Api__SpaceSpec *spec = space->spec ? ((const Api__Space *)space->spec)->spec : NULL;
	const Api__Egress *egress = spec && spec->network ? spec->network->egress : NULL;

	return model_egress_denies(egress) ? egress : NULL;
}

static struct egress_host *find_host(const struct engine *engine, const char *name)
{
	return map_entry(map_find(&engine->egress->hosts, name), struct egress_host, node);
}

/* ---- what spaces say of their hosts ---- */

const char *egress_host_problem(const struct egress_host *host)
{
	if (!host->v4.problem || !host->v6.problem)
		return NULL; /* one family is enough */
	/* That there is no IPv4 address says less than that nobody answers. */
	return host->v4.status == -ENOENT ? host->v6.problem : host->v4.problem;
}

/* "api.example.com: no name server answers", all of them. NULL: nothing is wrong. */
static char *problems_of(const struct engine *engine, const Api__Egress *policy,
			 bool *ret_unresolved)
{
	AUTO_BUF struct buf text = { 0 };

	*ret_unresolved = false;
	for (size_t i = 0; policy && i < policy->n_allow; i++) {
		const struct egress_host *host =
			str_empty(policy->allow[i]->host)
				? NULL
				: find_host(engine, policy->allow[i]->host);
		const char *problem = host ? egress_host_problem(host) : NULL;

		if (!problem)
			continue;
		buf_printf(&text, "%s%s: %s%s", text.len ? "; " : "", host->name, problem,
			   host->addresses.n ? " (what it stood for last stays allowed)" : "");
		*ret_unresolved |= !host->addresses.n;
	}
	return text.len ? buf_take(&text) : NULL;
}

static void say_problems(struct engine *engine)
{
	struct object *object;

	map_for_each(object, &engine->spaces, space_node) {
		AUTO_FREE char *text = NULL;
		bool unresolved;

		text = problems_of(engine, policy_of(object), &unresolved);
		if (str_equal(text, object->backing.egress_problem) &&
		    unresolved == object->backing.egress_unresolved)
			continue;
		free(object->backing.egress_problem);
		object->backing.egress_problem = take_ptr(text);
		object->backing.egress_unresolved = unresolved;
		engine_enqueue(engine, object);
	}
}

/* ---- what the next daemon is to know ---- */

static char *note_key(const char *name)
{
	return xasprintf(NOTE_PREFIX "%s", name);
}

static void note(struct engine *engine, struct egress_host *host)
{
	AUTO_FREE char *key = note_key(host->name);
	AUTO_BUF struct buf text = { 0 };

	host->changed = false;
	if (!engine->journal)
		return;
	egress_addresses_format(&host->addresses, &text);
	journal_put(engine->journal, key, text.data, text.len, false,
		    journal_errand(engine->journal));
}

static void recall(struct engine *engine, struct egress_host *host)
{
	AUTO_FREE char *key = note_key(host->name);
	const struct journal_record *record =
		engine->journal ? journal_find(engine->journal, key) : NULL;

	if (record)
		egress_addresses_parse(record->value, record->value_len, &host->addresses);
}

static void forget_note(struct engine *engine, const char *key)
{
	if (engine->journal && journal_find(engine->journal, key))
		journal_remove(engine->journal, key, false, journal_errand(engine->journal));
}

/* Notes of names that went while no daemon ran. */
static void tidy_notes(struct engine *engine)
{
	const struct journal_record *record =
		engine->journal ? journal_first(engine->journal, NOTE_PREFIX) : NULL;
	struct strv unknown = { 0 };

	for (; record; record = journal_next(record, NOTE_PREFIX))
		if (!find_host(engine, record->key + strlen(NOTE_PREFIX)))
			strv_add(&unknown, record->key);
	for (size_t i = 0; i < unknown.n; i++)
		forget_note(engine, unknown.items[i]);
	strv_fini(&unknown);
}

/* ---- what was answered ---- */

static void on_settled(struct timer *timer)
{
	struct engine *engine = container_of(timer, struct egress, settle)->engine;
	struct egress_host *host;

	map_for_each(host, &engine->egress->hosts, node)
		if (host->changed)
			note(engine, host);
	say_problems(engine);
	filter_mark_stale(engine);
}

void egress_news(struct engine *engine)
{
	struct egress *egress = engine->egress;
	bool more = egress->v4.under_way || !list_empty(&egress->v4.waiting);

	if (!more || !timer_active(&egress->settle))
		timer_start(engine->loop, &egress->settle, more ? SETTLE_MS : 0, on_settled);
}

/* ---- which names ---- */

static void host_free(struct egress *egress, struct egress_host *host)
{
	map_remove(&egress->hosts, &host->node);
	egress_ask_forget(host);
	free(host->name);
	free(host);
}

static void want_host(struct engine *engine, const char *name)
{
	struct egress_host *host = find_host(engine, name);

	if (!host) {
		host = xnew(struct egress_host);
		host->name = xstrdup(name);
		map_insert(&engine->egress->hosts, &host->node, host->name);
		recall(engine, host);
		egress_ask_first(engine, host);
	}
	host->wanted = true;
}

static void want_hosts(struct engine *engine, const Api__Egress *policy)
{
	for (size_t i = 0; i < policy->n_allow; i++)
		if (!str_empty(policy->allow[i]->host))
			want_host(engine, policy->allow[i]->host);
}

static void forget_unwanted(struct engine *engine)
{
	struct egress_host *host;

	map_for_each(host, &engine->egress->hosts, node) {
		AUTO_FREE char *key = host->wanted ? NULL : note_key(host->name);

		if (host->wanted)
			continue;
		forget_note(engine, key);
		host_free(engine->egress, host);
	}
}

static void on_impatient(struct timer *timer)
{
	struct engine *engine = container_of(timer, struct egress, patience)->engine;

	engine->egress->impatient = true;
	filter_mark_stale(engine);
}

void egress_update(struct engine *engine)
{
	struct egress *egress = engine->egress;
	bool had = egress->hosts.count;
	struct egress_host *host;
	struct object *object;

	map_for_each(host, &egress->hosts, node)
		host->wanted = false;
	map_for_each(object, &engine->spaces, space_node)
		if (policy_of(object))
			want_hosts(engine, policy_of(object));
	forget_unwanted(engine);
	if (!egress->tidied && engine->desired.complete) {
		egress->tidied = true;
		tidy_notes(engine);
	}
	if (had || egress->hosts.count)
		say_problems(engine);
	if (!had && egress->hosts.count && !egress->impatient)
		timer_start(engine->loop, &egress->patience, PATIENCE_MS, on_impatient);
}

/* A name server that never answers for IPv6 is not waited for, unless there is nothing else. */
static bool host_is_known(const struct egress_host *host)
{
	return host->addresses.n || (host->v4.asked && host->v6.asked);
}

bool egress_is_known(const struct engine *engine)
{
	const struct egress_host *host;

	if (engine->egress->impatient)
		return true;
	map_for_each(host, &engine->egress->hosts, node)
		if (!host_is_known(host))
			return false;
	return true;
}

/* ---- what is allowed ---- */

struct list_of_allow {
	struct filter_allow *items;
	size_t n;
};

static void add_allow(struct list_of_allow *list, const Api__EgressRule *rule,
		      const struct egress_range *range)
{
	size_t n = rule->n_ports ? rule->n_ports : 1;

	list->items = xrealloc(list->items, (list->n + n) * sizeof(*list->items));
	if (!rule->n_ports)
		list->items[list->n++] = (struct filter_allow){
			range->first, range->last, range->v6, ALLOW_ALL, 0, 0
		};
	for (size_t i = 0; i < rule->n_ports; i++) {
		struct egress_ports ports;

		if (egress_ports_parse(rule->ports[i], &ports, NULL) == 0)
			list->items[list->n++] = (struct filter_allow){
				range->first, range->last,
				range->v6,    ports.udp ? ALLOW_UDP : ALLOW_TCP,
				ports.first,  ports.last
			};
	}
}

static void add_rule(const struct engine *engine, struct list_of_allow *list,
		     const Api__EgressRule *rule)
{
	const struct egress_host *host =
		str_empty(rule->host) ? NULL : find_host(engine, rule->host);
	struct egress_range range;

	if (!str_empty(rule->cidr) && egress_range_parse(rule->cidr, &range, NULL) == 0)
		add_allow(list, rule, &range);
	for (size_t i = 0; host && i < host->addresses.n; i++) {
		const struct ip *ip = &host->addresses.items[i].address;

		range = (struct egress_range){ *ip, *ip, !ip_is_v4(ip) };
		add_allow(list, rule, &range);
	}
}

void egress_fill(const struct engine *engine, const struct object *space,
		 struct filter_space *ret_space)
{
	const Api__Egress *policy = policy_of(space);
	struct list_of_allow list = { 0 };

	ret_space->denies = true;
	for (size_t i = 0; policy && i < policy->n_allow; i++)
		add_rule(engine, &list, policy->allow[i]);
	egress_allow_settle(list.items, list.n, &ret_space->allow, &ret_space->n_allow);
	free(list.items);
}

/* ---- life ---- */

void egress_init(struct engine *engine)
{
	engine->egress = xnew(struct egress);
	engine->egress->engine = engine;
	list_init(&engine->egress->v4.waiting);
	list_init(&engine->egress->v6.waiting);
}

void egress_stop(struct engine *engine)
{
	timer_stop(&engine->egress->later);
	timer_stop(&engine->egress->settle);
	timer_stop(&engine->egress->patience);
}

void egress_fini(struct engine *engine)
{
	struct egress_host *host;

	egress_stop(engine);
	map_for_each(host, &engine->egress->hosts, node)
		host_free(engine->egress, host);
	free(take_ptr(engine->egress));
}

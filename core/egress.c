/* SPDX-License-Identifier: Apache-2.0 */
#include "core/egress.h"

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/egress_allow.h"
#include "core/engine.h"
#include "core/model/egress.h"
#include "core/reconcile.h"

enum {
	PATIENCE_MS = 2 * 1000,
	TTL_MIN_MS = 5 * 1000,
	TTL_MAX_MS = 60 * 60 * 1000,
	GRACE_MS = 5 * 60 * 1000,
	RETRY_FIRST_MS = 1000,
	RETRY_LAST_MS = 60 * 1000,
};

static const Api__Egress *policy_of(const struct object *space)
{
	const Api__SpaceSpec *spec = space->spec ? ((const Api__Space *)space->spec)->spec : NULL;
	const Api__Egress *egress = spec && spec->network ? spec->network->egress : NULL;

	return model_egress_denies(egress) ? egress : NULL;
}

static struct egress_host *find_host(const struct engine *engine, const char *name)
{
	return map_entry(map_find(&engine->egress.hosts, name), struct egress_host, node);
}

/* ---- what spaces say of their hosts ---- */

/* "api.example.com: no name server answers", all of them. NULL: nothing is wrong. */
static char *problems_of(const struct engine *engine, const Api__Egress *policy)
{
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < policy->n_allow; i++) {
		const struct egress_host *host =
			str_empty(policy->allow[i]->host)
				? NULL
				: find_host(engine, policy->allow[i]->host);

		if (host && host->problem)
			buf_printf(&text, "%s%s: %s", text.len ? "; " : "", host->name,
				   host->problem);
	}
	return text.len ? buf_take(&text) : NULL;
}

static void say_problems(struct engine *engine)
{
	struct object *object;

	map_for_each(object, &engine->objects, node) {
		const Api__Egress *policy = object->kind == KIND_SPACE ? policy_of(object) : NULL;
		AUTO_FREE char *text = policy ? problems_of(engine, policy) : NULL;

		if (object->kind != KIND_SPACE || str_equal(text, object->own.egress_problem))
			continue;
		free(object->own.egress_problem);
		object->own.egress_problem = take_ptr(text);
		engine_touch(engine, object);
	}
}

/* ---- answers ---- */

static struct egress_address *find_address(struct egress_host *host, const struct ip *address)
{
	for (size_t i = 0; i < host->n; i++)
		if (ip_compare(&host->addresses[i].address, address) == 0)
			return &host->addresses[i];
	return NULL;
}

/* The place of the address that was seen longest ago. */
static struct egress_address *oldest(struct egress_host *host)
{
	struct egress_address *found = &host->addresses[0];

	for (size_t i = 1; i < host->n; i++)
		if (host->addresses[i].until_ms < found->until_ms)
			found = &host->addresses[i];
	return found;
}

static bool drop_aged(struct egress_host *host, uint64_t now_ms)
{
	size_t kept = 0, had = host->n;

	for (size_t i = 0; i < had; i++)
		if (host->addresses[i].until_ms > now_ms)
			host->addresses[kept++] = host->addresses[i];
	host->n = kept;
	return kept != had;
}

/* True when something else is allowed now. */
static bool take_answer(struct egress_host *host, const struct resolved *answer, uint64_t now_ms)
{
	uint64_t ttl_ms = answer->ttl_ms < TTL_MIN_MS   ? TTL_MIN_MS
			  : answer->ttl_ms > TTL_MAX_MS ? TTL_MAX_MS
							: answer->ttl_ms;
	bool changed = drop_aged(host, now_ms);

	for (size_t i = 0; i < answer->n; i++) {
		struct egress_address *place = find_address(host, &answer->addresses[i]);

		changed |= !place;
		if (!place)
			place = host->n < EGRESS_ADDRESSES_MAX ? &host->addresses[host->n++]
							       : oldest(host);
		*place =
			(struct egress_address){ answer->addresses[i], now_ms + ttl_ms + GRACE_MS };
	}
	host->due_ms = now_ms + ttl_ms;
	host->failures = 0;
	return changed;
}

static void take_failure(struct egress_host *host, uint64_t now_ms)
{
	uint64_t pause_ms = RETRY_FIRST_MS;

	for (unsigned i = 0; i < host->failures && pause_ms < RETRY_LAST_MS; i++)
		pause_ms *= 2;
	host->failures++;
	host->due_ms = now_ms + (pause_ms < RETRY_LAST_MS ? pause_ms : RETRY_LAST_MS);
}

static void set_problem(struct engine *engine, struct egress_host *host, const struct error *err)
{
	if (str_equal(host->problem, err ? err->msg : NULL))
		return;
	if (err)
		log_warning("egress: %s: %s", host->name, err->msg);
	else
		log_info("egress: %s is found again", host->name);
	free(host->problem);
	host->problem = err ? xstrdup(err->msg) : NULL;
	say_problems(engine);
}

/* ---- asking ---- */

static void ask_next(struct engine *engine);

static void on_resolved(struct call *call)
{
	struct engine *engine = container_of(call, struct engine, egress.call);
	struct egress *egress = &engine->egress;
	AUTO_FREE char *name = take_ptr(egress->asking);
	struct egress_host *host = find_host(engine, name);
	uint64_t now_ms = loop_now_ms(engine->loop);
	bool changed;

	egress->busy = false;
	if (engine->closing) {
		reconcile_check_closed(engine);
		return;
	}
	if (host) { /* somebody still names it */
		changed = !host->asked;
		host->asked = true;
		if (call->status < 0)
			take_failure(host, now_ms);
		else
			changed |= take_answer(host, &egress->answer, now_ms);
		set_problem(engine, host, call->status < 0 ? &call->err : NULL);
		if (changed)
			filter_doubt(engine);
	}
	ask_next(engine);
}

static void on_later(struct timer *timer)
{
	ask_next(container_of(timer, struct engine, egress.later));
}

/* The one that is due first; those that were never asked for before all others. */
static void ask_next(struct engine *engine)
{
	struct egress *egress = &engine->egress;
	struct egress_host *host, *first = NULL;

	if (egress->busy || engine->closing)
		return;
	map_for_each(host, &egress->hosts, node)
		if (!first || host->due_ms < first->due_ms)
			first = host;
	timer_stop(&egress->later);
	if (!first)
		return;
	if (first->due_ms > loop_now_ms(engine->loop)) {
		timer_start_at(engine->loop, &egress->later, first->due_ms, on_later);
		return;
	}
	egress->busy = true;
	egress->asking = xstrdup(first->name);
	egress->answer = (struct resolved){ 0 };
	call_init(&egress->call, engine->loop, on_resolved);
	engine->network->ops->resolve(engine->network, egress->asking, &egress->answer,
				      &egress->call);
}

/* ---- which names ---- */

static void host_free(struct egress *egress, struct egress_host *host)
{
	map_remove(&egress->hosts, &host->node);
	free(host->name);
	free(host->problem);
	free(host);
}

static void want_host(struct engine *engine, const char *name)
{
	struct egress_host *host = find_host(engine, name);

	if (!host) {
		host = xnew(struct egress_host);
		host->name = xstrdup(name);
		map_insert(&engine->egress.hosts, &host->node, host->name);
	}
	host->wanted = true;
}

static void want_hosts(struct engine *engine, const Api__Egress *policy)
{
	for (size_t i = 0; i < policy->n_allow; i++)
		if (!str_empty(policy->allow[i]->host))
			want_host(engine, policy->allow[i]->host);
}

static void on_impatient(struct timer *timer)
{
	struct engine *engine = container_of(timer, struct engine, egress.patience);

	engine->egress.impatient = true;
	filter_doubt(engine);
}

void egress_update(struct engine *engine)
{
	struct egress *egress = &engine->egress;
	bool had = egress->hosts.count;
	struct egress_host *host;
	struct object *object;

	map_for_each(host, &egress->hosts, node)
		host->wanted = false;
	map_for_each(object, &engine->objects, node)
		if (object->kind == KIND_SPACE && policy_of(object))
			want_hosts(engine, policy_of(object));
	map_for_each(host, &egress->hosts, node)
		if (!host->wanted)
			host_free(egress, host);
	if (had || egress->hosts.count)
		say_problems(engine);
	if (!had && egress->hosts.count && !egress->impatient)
		timer_start(engine->loop, &egress->patience, PATIENCE_MS, on_impatient);
	ask_next(engine);
}

bool egress_is_known(const struct engine *engine)
{
	const struct egress_host *host;

	if (engine->egress.impatient)
		return true;
	map_for_each(host, &engine->egress.hosts, node)
		if (!host->asked)
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
	for (size_t i = 0; host && i < host->n; i++) {
		const struct ip *ip = &host->addresses[i].address;

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
	engine->egress = (struct egress){ 0 };
}

void egress_stop(struct engine *engine)
{
	timer_stop(&engine->egress.later);
	timer_stop(&engine->egress.patience);
}

void egress_fini(struct engine *engine)
{
	struct egress_host *host;

	check(!engine->egress.busy);
	egress_stop(engine);
	map_for_each(host, &engine->egress.hosts, node)
		host_free(&engine->egress, host);
}

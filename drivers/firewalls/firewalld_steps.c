/* SPDX-License-Identifier: Apache-2.0 */
/* What a round asks firewalld for: to keep our bridges in our zone, or to leave. */
#include <errno.h>

#include "core/base/log.h"
#include "drivers/firewalls/firewalld_private.h"

#define NAME FIREWALLD_NAME
#define PATH FIREWALLD_PATH
#define CONFIG_PATH PATH "/config"
#define ZONE FIREWALLD_ZONE
#define POLICY FIREWALLD_POLICY

enum { RELOADS_MAX = 3 }; /* for a zone that it does not come to know by that */

/* "INVALID_ZONE: kukeon" and the like. */
static bool is_error(const char *error, const char *code)
{
	return error && str_starts_with(error, code);
}

/* ---- messages ---- */

static sd_bus_message *method(struct firewalld *firewalld, const char *path, const char *interface,
			      const char *member)
{
	sd_bus_message *message;
	int r = sd_bus_message_new_method_call(firewalld->connection, &message, NAME, path,
					       interface, member);

	return r < 0 ? NULL : message;
}

/* With one or two words. */
static sd_bus_message *ask(struct firewalld *firewalld, const char *path, const char *interface,
			   const char *member, const char *first, const char *second)
{
	sd_bus_message *message = method(firewalld, path, interface, member);

	if (message && first)
		sd_bus_message_append_basic(message, 's', first);
	if (message && second)
		sd_bus_message_append_basic(message, 's', second);
	return message;
}

static int read_words(sd_bus_message *reply, struct strset *ret)
{
	AUTO_FREE char **words = NULL;
	int r = sd_bus_message_read_strv(reply, &words);

	strset_fini(ret);
	for (size_t i = 0; r >= 0 && words && words[i]; i++) {
		strset_add(ret, words[i]);
		free(words[i]);
	}
	return r < 0 ? r : 0;
}

static void append_words(sd_bus_message *message, const struct strset *words)
{
	sd_bus_message_open_container(message, 'a', "s");
	for (size_t i = 0; i < words->n; i++)
		sd_bus_message_append_basic(message, 's', words->items[i]);
	sd_bus_message_close_container(message);
}

static int read_path(sd_bus_message *reply, char **ret)
{
	const char *path;
	int r = sd_bus_message_read_basic(reply, 'o', &path);

	if (r >= 0)
		str_replace(ret, path);
	return r < 0 ? r : 0;
}

/* ---- the zone as it is loaded ---- */

static sd_bus_message *begin_list(struct firewalld *firewalld)
{
	struct round *round = &firewalld->round;

	if (strset_has(&round->tried, "list"))
		return NULL;
	strset_add(&round->tried, "list");
	return ask(firewalld, PATH, NAME ".zone", "getInterfaces", ZONE, NULL);
}

static int on_listed(struct firewalld *firewalld, sd_bus_message *reply, const char *error)
{
	firewalld->round.unknown = is_error(error, "INVALID_ZONE");
	if (error)
		return firewalld->round.unknown ? 0 : -EIO;
	return read_words(reply, &firewalld->round.held);
}

static bool is_to_be_made(const struct firewalld *firewalld)
{
	return firewalld->round.unknown && firewalld->wanted.n;
}

static sd_bus_message *begin_make_zone(struct firewalld *firewalld)
{
	sd_bus_message *message;

	if (!is_to_be_made(firewalld) || strset_has(&firewalld->round.tried, "zone"))
		return NULL;
	strset_add(&firewalld->round.tried, "zone");
	message = method(firewalld, CONFIG_PATH, NAME ".config", "addZone2");
	if (message)
		sd_bus_message_append(message, "sa{sv}", ZONE, 3, "short", "s", "Kukeon",
				      "description", "s",
				      "Bridges of Kukeon's spaces. What may reach whom is said by "
				      "Kukeon's own table of nftables.",
				      "target", "s", "ACCEPT");
	return message;
}

/* It may be there: made by us, and not loaded since. */
static int on_made(struct firewalld *firewalld, sd_bus_message *reply UNUSED, const char *error)
{
	firewalld->round.made = true;
	return !error || is_error(error, "NAME_CONFLICT") ? 0 : -EIO;
}

static sd_bus_message *begin_make_policy(struct firewalld *firewalld)
{
	sd_bus_message *message;

	if (!is_to_be_made(firewalld) || strset_has(&firewalld->round.tried, "policy"))
		return NULL;
	strset_add(&firewalld->round.tried, "policy");
	message = method(firewalld, CONFIG_PATH, NAME ".config", "addPolicy");
	if (message)
		sd_bus_message_append(message, "sa{sv}", POLICY, 5, "short", "s", "Kukeon",
				      "description", "s",
				      "Published ports of Kukeon's cells. Whatever is not "
				      "published is dropped by Kukeon's own table of nftables.",
				      "ingress_zones", "as", 1, "ANY", "egress_zones", "as", 1,
				      ZONE, "target", "s", "ACCEPT");
	return message;
}

/* Versions before 0.9 know no policies, and let translated packets pass. */
static int on_policy_made(struct firewalld *firewalld UNUSED, sd_bus_message *reply,
			  const char *error)
{
	if (!error || is_error(error, "NAME_CONFLICT") ||
	    sd_bus_message_is_method_error(reply, SD_BUS_ERROR_UNKNOWN_METHOD))
		return 0;
	return -EIO;
}

static sd_bus_message *begin_reload(struct firewalld *firewalld)
{
	if (!firewalld->round.made || firewalld->round.reloaded ||
	    firewalld->reloads == RELOADS_MAX)
		return NULL;
	firewalld->round.reloaded = true;
	firewalld->reloads++;
	log_info("firewalld: zone " ZONE " is new to it; it loads its rules anew");
	return ask(firewalld, PATH, NAME, "reload", NULL, NULL);
}

static int on_reloaded(struct firewalld *firewalld UNUSED, sd_bus_message *reply UNUSED,
		       const char *error)
{
	return error ? -EIO : 0;
}

/* ---- bridges ---- */

static sd_bus_message *begin_bridge(struct firewalld *firewalld, const char *bridge,
				    const char *member)
{
	if (!bridge || firewalld->round.unknown)
		return NULL;
	strset_add(&firewalld->round.tried, bridge);
	return ask(firewalld, PATH, NAME ".zone", member, ZONE, bridge);
}

static sd_bus_message *begin_add(struct firewalld *firewalld)
{
	return begin_bridge(firewalld, firewalld_first_missing(firewalld), "addInterface");
}

static const char *last_tried(const struct firewalld *firewalld)
{
	return firewalld->round.tried.items[firewalld->round.tried.n - 1];
}

static int on_added(struct firewalld *firewalld, sd_bus_message *reply UNUSED, const char *error)
{
	struct round *round = &firewalld->round;
	const char *bridge = last_tried(firewalld);

	if (is_error(error, "ZONE_CONFLICT"))
		strset_add(&round->elsewhere, bridge);
	else if (!error || is_error(error, "ALREADY_ENABLED") ||
		 is_error(error, "ZONE_ALREADY_SET"))
		strset_add(&round->held, bridge);
	else
		return -EIO;
	return 0;
}

static sd_bus_message *begin_remove(struct firewalld *firewalld)
{
	return begin_bridge(firewalld, firewalld_first_to_go(firewalld), "removeInterface");
}

/* Gone already is as well. */
static int on_removed(struct firewalld *firewalld UNUSED, sd_bus_message *reply UNUSED,
		      const char *error UNUSED)
{
	return 0;
}

/* ---- the zone in its files ---- */

static sd_bus_message *begin_find(struct firewalld *firewalld, const char *member, const char *name)
{
	if (strset_has(&firewalld->round.tried, member))
		return NULL;
	strset_add(&firewalld->round.tried, member);
	return ask(firewalld, CONFIG_PATH, NAME ".config", member, name, NULL);
}

static sd_bus_message *begin_find_zone(struct firewalld *firewalld)
{
	return firewalld->round.reloaded ? NULL : begin_find(firewalld, "getZoneByName", ZONE);
}

static int on_found(struct firewalld *firewalld, sd_bus_message *reply, const char *error)
{
	return error ? 0 : read_path(reply, &firewalld->round.path);
}

static sd_bus_message *begin_stored(struct firewalld *firewalld)
{
	struct round *round = &firewalld->round;

	if (!round->path || round->stored_known)
		return NULL;
	round->stored_known = true;
	return ask(firewalld, round->path, NAME ".config.zone", "getInterfaces", NULL, NULL);
}

static int on_stored(struct firewalld *firewalld, sd_bus_message *reply, const char *error)
{
	return error ? -EIO : read_words(reply, &firewalld->round.stored);
}

static sd_bus_message *begin_store(struct firewalld *firewalld)
{
	struct round *round = &firewalld->round;
	AUTO(strset_fini) struct strset words = { 0 };
	sd_bus_message *message;

	if (!round->path || strset_has(&round->tried, "store") ||
	    !firewalld_find_to_store(firewalld, &words))
		return NULL;
	strset_add(&round->tried, "store");
	message = method(firewalld, round->path, NAME ".config.zone", "setInterfaces");
	if (message)
		append_words(message, &words);
	return message;
}

static int on_done(struct firewalld *firewalld UNUSED, sd_bus_message *reply UNUSED,
		   const char *error)
{
	return error ? -EIO : 0;
}

const struct round_step firewalld_keep_steps[] = {
	{ begin_list, on_listed },
	{ begin_make_zone, on_made },
	{ begin_make_policy, on_policy_made },
	{ begin_reload, on_reloaded },
	{ begin_add, on_added },
	{ begin_remove, on_removed },
	{ begin_find_zone, on_found },
	{ begin_stored, on_stored },
	{ begin_store, on_done },
	{ 0 },
};

/* ---- leaving ---- */

static sd_bus_message *begin_find_policy(struct firewalld *firewalld)
{
	return firewalld_is_shared(firewalld) ? NULL
					      : begin_find(firewalld, "getPolicyByName", POLICY);
}

static sd_bus_message *begin_forget(struct firewalld *firewalld, const char *interface)
{
	AUTO_FREE char *path =
		firewalld_is_shared(firewalld) ? NULL : take_ptr(firewalld->round.path);

	if (!path)
		return NULL;
	firewalld->round.made = true;
	return ask(firewalld, path, interface, "remove", NULL, NULL);
}

static sd_bus_message *begin_forget_policy(struct firewalld *firewalld)
{
	return begin_forget(firewalld, NAME ".config.policy");
}

static sd_bus_message *begin_forget_zone(struct firewalld *firewalld)
{
	return begin_forget(firewalld, NAME ".config.zone");
}

static sd_bus_message *begin_last_reload(struct firewalld *firewalld)
{
	struct round *round = &firewalld->round;

	if (!round->made || strset_has(&round->tried, "reload"))
		return NULL;
	strset_add(&round->tried, "reload");
	return ask(firewalld, PATH, NAME, "reload", NULL, NULL);
}

const struct round_step firewalld_leave_steps[] = {
	{ begin_list, on_listed },          { begin_remove, on_removed },
	{ begin_find_policy, on_found },    { begin_forget_policy, on_done },
	{ begin_find_zone, on_found },      { begin_forget_zone, on_done },
	{ begin_stored, on_stored },        { begin_store, on_done },
	{ begin_last_reload, on_reloaded }, { 0 },
};

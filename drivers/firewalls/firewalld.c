/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/firewalls/firewalld.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "drivers/firewalls/firewalld_private.h"

#define NAME FIREWALLD_NAME
#define PATH FIREWALLD_PATH
#define ZONE FIREWALLD_ZONE
#define RECORD JOURNAL_OWN_PREFIX "firewalld"

enum {
	RETRY_MS = 10 * 1000, /* after a round that failed */
	FILE_MAX_BYTES = 1024 * 1024,
};

/* ---- what is ours ---- */

/* Names, each with a NUL behind. */
static void write_ours(struct firewalld *firewalld)
{
	AUTO_BUF struct buf value = { 0 };

	for (size_t i = 0; i < firewalld->ours.n; i++)
		buf_add(&value, firewalld->ours.items[i], strlen(firewalld->ours.items[i]) + 1);
	if (value.len)
		journal_put(firewalld->journal, RECORD, value.data, value.len, false,
			    journal_errand(firewalld->journal));
	else
		journal_remove(firewalld->journal, RECORD, false,
			       journal_errand(firewalld->journal));
}

static void read_ours(struct firewalld *firewalld)
{
	const struct journal_record *record = journal_find(firewalld->journal, RECORD);
	AUTO_FREE char *text = record ? xcalloc(record->value_len + 1, 1) : NULL;

	if (!record)
		return;
	memcpy(text, record->value, record->value_len);
	for (size_t at = 0; at < record->value_len; at += strlen(text + at) + 1)
		if (text[at])
			strset_add(&firewalld->ours, text + at);
}

/* ---- rounds ---- */

static void tell_if_resting(const struct firewalld *firewalld)
{
	if (!firewalld_is_busy(firewalld))
		firewalld->rests(firewalld->rests_ctx);
}

static void on_retry(struct timer *timer)
{
	firewalld_doubt(container_of(timer, struct firewalld, again));
}

void firewalld_round_ended(struct firewalld *firewalld, int status, const char *why)
{
	firewalld->busy = false;
	if (status < 0) {
		if (!str_equal(firewalld->problem.msg, why))
			log_warning("firewalld: %s", why);
		error_set(&firewalld->problem, status, "%s", why);
		timer_start(firewalld->loop, &firewalld->again, RETRY_MS, on_retry);
	} else {
		firewalld->problem = (struct error){ 0 };
		firewalld->doubted |= firewalld->round.reloaded;
		/* What was to go has gone, unless that changed while the round was under way. */
		if (!firewalld->doubted && firewalld_forget_gone(firewalld))
			write_ours(firewalld);
	}
	if (firewalld->doubted)
		firewalld_doubt(firewalld);
	tell_if_resting(firewalld);
}

/* ---- when ---- */

static void begin_round(struct firewalld *firewalld)
{
	if (firewalld->busy || !firewalld->doubted || !firewalld->there)
		return;
	firewalld->doubted = false;
	firewalld->busy = true;
	if (firewalld_note_ours(firewalld))
		write_ours(firewalld);
	timer_stop(&firewalld->again);
	firewalld_round_begin(firewalld);
	bus_send(firewalld->bus);
}

static void on_soon(struct deferred *deferred)
{
	begin_round(container_of(deferred, struct firewalld, soon));
}

void firewalld_doubt(struct firewalld *firewalld)
{
	if (!firewalld->there || (!firewalld->known && !firewalld->leaving))
		return;
	firewalld->doubted = true;
	if (!firewalld->busy)
		loop_defer(firewalld->loop, &firewalld->soon, on_soon);
}

static void set_there(struct firewalld *firewalld, bool there)
{
	firewalld->there = there;
	firewalld->busy = firewalld->doubted = false;
	firewalld->slot = sd_bus_slot_unref(firewalld->slot); /* answered no more */
	firewalld->reloads = 0;
	firewalld->problem = (struct error){ 0 };
	timer_stop(&firewalld->again);
	firewalld_round_fini(&firewalld->round);
	firewalld_doubt(firewalld);
	tell_if_resting(firewalld);
}

static int on_owner_changed(sd_bus_message *message, void *ctx, sd_bus_error *error UNUSED)
{
	const char *name, *before, *now;

	if (sd_bus_message_read(message, "sss", &name, &before, &now) >= 0)
		set_there(ctx, *now != '\0');
	return 0;
}

static int on_loaded_anew(sd_bus_message *message UNUSED, void *ctx, sd_bus_error *error UNUSED)
{
	firewalld_doubt(ctx);
	return 0;
}

static int on_owner(sd_bus_message *reply, void *ctx, sd_bus_error *error UNUSED)
{
	struct firewalld *firewalld = ctx;
	int has = false;

	if (!sd_bus_message_is_method_error(reply, NULL))
		sd_bus_message_read_basic(reply, 'b', &has);
	firewalld->asking = false;
	if (has && !firewalld->there)
		set_there(firewalld, true);
	else
		tell_if_resting(firewalld);
	return 0;
}

/* Subscribes first, then asks. */
static void on_up(void *ctx, sd_bus *connection)
{
	struct firewalld *firewalld = ctx;

	firewalld->connection = connection;
	sd_bus_add_match_async(connection, NULL,
			       "type='signal',sender='org.freedesktop.DBus',"
			       "path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
			       "member='NameOwnerChanged',arg0='" NAME "'",
			       on_owner_changed, NULL, firewalld);
	sd_bus_match_signal_async(connection, NULL, NAME, PATH, NAME, "Reloaded", on_loaded_anew,
				  NULL, firewalld);
	firewalld->asking =
		sd_bus_call_method_async(connection, NULL, "org.freedesktop.DBus",
					 "/org/freedesktop/DBus", "org.freedesktop.DBus",
					 "NameHasOwner", on_owner, firewalld, "s", NAME) >= 0;
}

static void on_down(void *ctx)
{
	struct firewalld *firewalld = ctx;

	firewalld->connection = NULL;
	firewalld->asking = false;
	set_there(firewalld, false);
}

static bool same(const struct strset *a, const struct strset *b)
{
	bool equal = a->n == b->n;

	for (size_t i = 0; equal && i < a->n; i++)
		equal = str_equal(a->items[i], b->items[i]);
	return equal;
}

void firewalld_set_bridges(struct firewalld *firewalld, const struct strv *bridges)
{
	struct strset wanted = { 0 };

	for (size_t i = 0; i < bridges->n; i++)
		strset_add(&wanted, bridges->items[i]);
	if (firewalld->leaving || (firewalld->known && same(&firewalld->wanted, &wanted))) {
		strset_fini(&wanted);
		return;
	}
	firewalld->known = true;
	strset_fini(&firewalld->wanted);
	firewalld->wanted = wanted;
	firewalld_doubt(firewalld);
}

void firewalld_leave(struct firewalld *firewalld)
{
	strset_fini(&firewalld->wanted);
	firewalld->leaving = true;
	firewalld_doubt(firewalld);
}

bool firewalld_is_busy(const struct firewalld *firewalld)
{
	return firewalld->asking || (firewalld->there && (firewalld->busy || firewalld->doubted));
}

/* ---- one that does not run ---- */

/* Whether a bridge stands in the zone's file that is none of @ours. */
static bool file_is_shared(const char *text, const struct strset *ours)
{
	static const char mark[] = "<interface name=\"";

	for (const char *at = text; (at = strstr(at, mark)); at++) {
		const char *name = at + strlen(mark);
		AUTO_FREE char *bridge = xstrndup(name, strcspn(name, "\""));

		if (!strset_has(ours, bridge))
			return true;
	}
	return false;
}

void firewalld_forget_files(const struct strv *ours)
{
	static const char zone[] = "/etc/firewalld/zones/" ZONE ".xml";
	static const char *const files[] = {
		zone,
		"/etc/firewalld/zones/" ZONE ".xml.old",
		"/etc/firewalld/policies/" FIREWALLD_POLICY ".xml",
		"/etc/firewalld/policies/" FIREWALLD_POLICY ".xml.old",
	};
	AUTO(strset_fini) struct strset names = { 0 };
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < ours->n; i++)
		strset_add(&names, ours->items[i]);
	if (fs_read_file(AT_FDCWD, zone, FILE_MAX_BYTES, &text, NULL) == 0 && text.len &&
	    file_is_shared(text.data, &names))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (unlink(files[i]) < 0 && errno != ENOENT && errno != ENOTDIR)
			log_debug("%s: %s", files[i], strerror(errno));
}

bool firewalld_is_there(const struct firewalld *firewalld)
{
	return firewalld->there;
}

void firewalld_get_ours(const struct firewalld *firewalld, struct strv *ret)
{
	for (size_t i = 0; i < firewalld->ours.n; i++)
		strv_add(ret, firewalld->ours.items[i]);
}

/* ---- words ---- */

static void describe_elsewhere(const char *bridge, struct manager_notes *notes)
{
	AUTO_FREE char *remedy =
		xasprintf("firewall-cmd --permanent --zone=" ZONE " --change-interface=%s && "
			  "firewall-cmd --reload",
			  bridge);

	manager_notes_add(notes, "firewalld",
			  xasprintf("somebody has put %s into a zone other than " ZONE
				    ": what passes is that zone's to say",
				    bridge),
			  remedy);
}

void firewalld_describe(const struct firewalld *firewalld, struct manager_notes *notes)
{
	const struct round *round = &firewalld->round;

	if (!firewalld->there)
		return;
	if (firewalld->problem.code || round->unknown)
		manager_notes_add(notes, "firewalld",
				  xasprintf("zone " ZONE " does not hold our bridges: %s",
					    firewalld->problem.code ? firewalld->problem.msg
								    : "it is not loaded"),
				  "see what firewalld says: journalctl -u firewalld");
	for (size_t i = 0; i < round->elsewhere.n; i++)
		describe_elsewhere(round->elsewhere.items[i], notes);
	if (!firewalld->problem.code && !round->unknown && !round->elsewhere.n)
		manager_notes_add(notes, "firewalld", xstrdup("zone " ZONE " holds our bridges"),
				  NULL);
}

/* ---- life ---- */

struct firewalld *firewalld_open(struct loop *loop, struct journal *journal,
				 void (*rests)(void *ctx), void *ctx)
{
	struct firewalld *firewalld = xnew(struct firewalld);
	const struct bus_listener listener = { .ctx = firewalld,
					       .on_up = on_up,
					       .on_down = on_down };
	struct error err;

	firewalld->loop = loop;
	firewalld->journal = journal;
	firewalld->rests = rests;
	firewalld->rests_ctx = ctx;
	read_ours(firewalld);
	if (bus_open(&firewalld->bus, loop, &listener, &err) == 0)
		return firewalld;
	log_warning("%s", err.msg);
	strset_fini(&firewalld->ours);
	free(firewalld);
	return NULL;
}

void firewalld_close(struct firewalld *firewalld, void (*closed)(void *ctx), void *ctx)
{
	deferred_cancel(&firewalld->soon);
	timer_stop(&firewalld->again);
	sd_bus_slot_unref(firewalld->slot);
	bus_close(firewalld->bus, closed, ctx);
	strset_fini(&firewalld->wanted);
	strset_fini(&firewalld->ours);
	firewalld_round_fini(&firewalld->round);
	free(firewalld);
}

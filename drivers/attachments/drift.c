/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/attachments/drift.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "drivers/attachments/inside.h"
#include "drivers/attachments/reservation.h"
#include "drivers/netns/netns.h"

/* ---- reservations ---- */

static char *reservation_text(const struct attachment *attachment)
{
	return xasprintf("%s\r\n%s", attachment->container_id, attachment->interface);
}

/* "<container id>\r\n<interface>". An empty one is what a crash of the plugin leaves: nobody's. So
 * is one that was cut; an older plugin writes no more than the id. */
static enum drift look_at_reservation(const struct attachment *attachment, const char *ip)
{
	AUTO_FREE char *path = reservation_path(&attachment->list, ip);
	AUTO_FREE char *whole = NULL;
	AUTO_BUF struct buf text = { 0 };
	size_t len = strlen(attachment->container_id);
	int r;

	if (!path)
		return DRIFT_NONE;
	r = fs_read_file(AT_FDCWD, path, RESERVATION_MAX_BYTES, &text, NULL);
	if (r == -EIO || r == -EACCES || r == -EMFILE || r == -ENFILE || r == -ENOMEM)
		return DRIFT_NONE; /* what cannot be read is not gone */
	whole = reservation_text(attachment);
	if (r < 0 || text.len == 0 ||
	    (text.len != len && text.len < strlen(whole) &&
	     memcmp(text.data, whole, text.len) == 0))
		return DRIFT_RESERVATION;
	if (text.len < len || memcmp(text.data, attachment->container_id, len) != 0 ||
	    (text.len > len && text.data[len] != '\r' && text.data[len] != '\n'))
		return DRIFT_TAKEN;
	return DRIFT_NONE;
}

bool drift_wish_is_taken(const struct attachment *attachment)
{
	return (attachment->wanted_ip &&
		look_at_reservation(attachment, attachment->wanted_ip) == DRIFT_TAKEN) ||
	       (attachment->wanted_ip6 &&
		look_at_reservation(attachment, attachment->wanted_ip6) == DRIFT_TAKEN);
}

static int write_reservation(const struct attachment *attachment, const char *path,
			     struct error *err)
{
	AUTO_FREE char *text = reservation_text(attachment);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return error_set(err, -errno, "cannot write %s: %m", path);
	return 0;
}

/* Under the lock. */
static int reserve_one(const struct attachment *attachment, const char *ip, struct error *err)
{
	AUTO_FREE char *path = reservation_path(&attachment->list, ip);

	switch (look_at_reservation(attachment, ip)) {
	case DRIFT_NONE:
		return 0;
	case DRIFT_RESERVATION:
		return write_reservation(attachment, path, err);
	default:
		return error_set(err, -EEXIST, "%s is reserved for another container", path);
	}
}

int drift_reserve(const struct attachment *attachment, struct error *err)
{
	AUTO_FREE char *dir = conflist_reservations(&attachment->list);
	AUTO_FREE char *lock_path = dir ? xasprintf("%s/lock", dir) : NULL;
	AUTO_CLOSE int lock = -1;
	int r;

	if (!dir)
		return 0;
	r = fs_make_dirs(dir, 0755, err);
	if (r < 0)
		return r;
	lock = open(lock_path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		return error_set(err, -errno, "cannot open %s: %m", lock_path);
	if (flock(lock, LOCK_EX | LOCK_NB) < 0) /* a plugin is at work: soon again */
		return error_set(err, -EAGAIN, "cannot lock %s: %m", lock_path);
	r = reserve_one(attachment, attachment->result.ip, err);
	return r < 0 ? r : reserve_one(attachment, attachment->result.ip6, err);
}

/* ---- the whole ---- */

static bool link_is_gone(const struct attachment *attachment, const struct hostlinks *links)
{
	return attachment->result.link && !hostlinks_find(links, attachment->result.link);
}

static bool is_pinned(const struct attachment *attachment)
{
	uint64_t inode = netns_inode(attachment->netns);

	return inode && (!attachment->netns_inode || inode == attachment->netns_inode);
}

static bool is_whole_inside(const struct attachment *attachment)
{
	AUTO_FREE char *drift = inside_drift(attachment);

	return !drift;
}

enum drift drift_look(const struct attachment *attachment, const char *boot_id,
		      const struct hostlinks *links)
{
	enum drift reservation, reservation6;

	if (!attachment->result.root || !str_equal(attachment->boot_id, boot_id))
		return DRIFT_UNKNOWN;
	reservation = look_at_reservation(attachment, attachment->result.ip);
	reservation6 = look_at_reservation(attachment, attachment->result.ip6);
	if (reservation6 > reservation)
		reservation = reservation6;
	if (reservation == DRIFT_TAKEN)
		return DRIFT_TAKEN;
	if (link_is_gone(attachment, links))
		return DRIFT_LINK;
	if (!is_pinned(attachment))
		return DRIFT_PIN;
	return reservation == DRIFT_NONE && !is_whole_inside(attachment) ? DRIFT_INSIDE
									 : reservation;
}

/* Both that can be put back: one hides the other. */
int drift_mend(const struct attachment *attachment, enum drift *drift, struct error *err)
{
	int r;

	if (*drift != DRIFT_RESERVATION && *drift != DRIFT_INSIDE)
		return 0;
	r = drift_reserve(attachment, err);
	if (r == 0)
		r = inside_mend(attachment, err);
	if (r == -EEXIST || r == -ENODEV)
		*drift = r == -EEXIST ? DRIFT_TAKEN : DRIFT_LINK;
	else if (r < 0)
		return r;
	else
		*drift = DRIFT_NONE;
	return 0;
}

char *drift_words(enum drift drift, const struct attachment *attachment)
{
	static const char *const words[DRIFT_COUNT] = {
		[DRIFT_RESERVATION] = "a reservation of its addresses is gone: ",
		[DRIFT_INSIDE] = "inside its network namespace ",
		[DRIFT_PIN] = "its network namespace is not pinned any more: ",
		[DRIFT_LINK] = "the host's end of its interface is gone: ",
		[DRIFT_TAKEN] = "one of its addresses is reserved for another: ",
		[DRIFT_UNKNOWN] = "how it was attached is not on record",
	};
	AUTO_FREE char *inside = drift == DRIFT_INSIDE ? inside_drift(attachment) : NULL;
	const char *name = drift == DRIFT_PIN      ? attachment->netns
			   : drift == DRIFT_INSIDE ? inside
			   : drift == DRIFT_LINK   ? attachment->result.link
						   : attachment->result.ip;

	if (drift == DRIFT_NONE)
		return NULL;
	return xasprintf("%s%s", words[drift], drift == DRIFT_UNKNOWN || !name ? "" : name);
}

void drift_fill_fact(struct attachment_fact *fact, const struct attachment *attachment,
		     enum drift drift)
{
	const struct cni_result *result = &attachment->result;
	struct attachment_fact filled = { .cell_key = take_ptr(fact->cell_key),
					  .pinned = fact->pinned,
					  .intent = true,
					  .attached = drift == DRIFT_NONE,
					  .netns_inode = attachment->netns_inode,
					  .link = xstrdup_maybe(result->link),
					  .reservation =
						  reservation_path(&attachment->list, result->ip),
					  .reservation6 =
						  reservation_path(&attachment->list, result->ip6),
					  .drift = drift_words(drift, attachment),
					  .joins = take_ptr(fact->joins),
					  .n_joins = fact->n_joins };

	if (filled.attached) {
		filled.ip = xstrdup_maybe(result->ip);
		filled.ip6 = xstrdup_maybe(result->ip6);
		filled.bridge = xstrdup_maybe(result->bridge);
	}
	fact->n_joins = 0;
	attachment_fact_fini(fact);
	*fact = filled;
}

void drift_fill_join(struct join_fact *fact, const char *space_key,
		     const struct attachment *attachment, enum drift drift)
{
	const struct cni_result *result = &attachment->result;
	bool attached = drift == DRIFT_NONE;

	*fact = (struct join_fact){ .space_key = xstrdup(space_key),
				    .interface = xstrdup_maybe(attachment->interface),
				    .attached = attached,
				    .ip = attached ? xstrdup_maybe(result->ip) : NULL,
				    .ip6 = attached ? xstrdup_maybe(result->ip6) : NULL,
				    .bridge = attached ? xstrdup_maybe(result->bridge) : NULL,
				    .link = xstrdup_maybe(result->link),
				    .reservation = reservation_path(&attachment->list, result->ip),
				    .reservation6 =
					    reservation_path(&attachment->list, result->ip6),
				    .drift = drift_words(drift, attachment) };
}

void drift_add_wish(struct bridge_wish *wish, const struct attachment *attachment)
{
	const struct cni_result *result = &attachment->result;

	if (!result->bridge || !result->link)
		return;
	if (!wish->name) {
		wish->name = xstrdup(result->bridge);
		wish->address = xstrdup_maybe(result->gateway);
		wish->address6 = xstrdup_maybe(result->gateway6);
		wish->mac = xstrdup_maybe(result->bridge_mac);
	}
	if (str_equal(wish->name, result->bridge))
		strv_add(&wish->ports, result->link);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that is still being written must not be read: half a manifest may well parse, and what it
 * lacks would be deleted. Events do not tell (they may be lost, and do not exist when polling or
 * starting), but the kernel does: a read lease is granted only when nobody has the file open for
 * writing, and while we hold it, nobody opens it so. Where a filesystem has no leases, a file
 * counts as being written until its times have been still for a moment.
 */
#include "watchers/manifests/manifests_read.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

#include "core/base/fs.h"
#include "core/manifest/manifest.h"
#include "watchers/path/path_owner.h"

enum {
	STILL_MS = 200,  /* without leases: no write for so long */
	TRUST_MS = 2000, /* coarser than any filesystem's clock */
};

static int64_t to_ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static void set_identity(struct manifests_identity *identity, const struct stat *st)
{
	*identity = (struct manifests_identity){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = st->st_size,
		.mtime_ns = to_ns(&st->st_mtim),
		.ctime_ns = to_ns(&st->st_ctim),
	};
}

static bool same_identity(const struct manifests_identity *a, const struct manifests_identity *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* Whether the file was last touched at least @ms ago. Wall clock, because that is what files are
 * stamped with: a clock that jumps costs a read or a moment, never a wrong answer. */
static bool older_than(const struct manifests_identity *identity, int64_t ms)
{
	int64_t last_ns =
		identity->mtime_ns > identity->ctime_ns ? identity->mtime_ns : identity->ctime_ns;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return to_ns(&now) - last_ns >= ms * 1000000;
}

/* 0 with the lease held in *ret_leased, or -EAGAIN when a writer has the file open. */
static int lease(int fd, bool *ret_leased)
{
	/*
	 * A writer that comes now waits for us and we get a signal: the default SIGIO would end us,
	 * SIGURG does nothing.
	 */
	if (fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		*ret_leased = true;
		return 0;
	}
	return errno == EAGAIN ? -EAGAIN : 0;
}

static int refuse(const struct stat *st, const struct manifests_read_options *options,
		  struct error *err)
{
	if (S_ISDIR(st->st_mode))
		return error_set(err, -EISDIR, "%s is a directory, expected a file",
				 options->shown);
	if (!S_ISREG(st->st_mode))
		return error_set(err, -EINVAL, "%s is not a regular file", options->shown);
	if (st->st_size > MANIFEST_MAX_BYTES)
		return error_set(err, -EFBIG, "%s has %lld bytes, at most %d are allowed: split it",
				 options->shown, (long long)st->st_size, MANIFEST_MAX_BYTES);
	return options->only_root_writes ? path_check_owner(st, options->shown, err) : 0;
}

static int stat_open_file(int fd, const struct manifests_read_options *options,
			  struct manifests_found *found)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set(&found->err, -errno, "cannot stat %s: %m", options->shown);
	set_identity(&found->identity, &st);
	return refuse(&st, options, &found->err);
}

/* Reads the open file; its outcome and identity. */
static void read_open_file(int fd, const struct manifests_read_options *options,
			   struct manifests_found *found)
{
	const struct manifests_file *known = options->known;
	bool leased = false;
	int r = stat_open_file(fd, options, found);

	found->outcome = r < 0 ? MANIFESTS_ERROR : MANIFESTS_UNCHANGED;
	if (r < 0 || (known && known->trusted && !known->error &&
		      same_identity(&known->identity, &found->identity)))
		return;
	found->outcome = MANIFESTS_HELD;
	if (lease(fd, &leased) < 0)
		return;
	found->outcome = MANIFESTS_ERROR;
	if (stat_open_file(fd, options, found) <
	    0) /* again: a writer may have been at it until the lease */
		return;
	if (!leased && !older_than(&found->identity, STILL_MS)) {
		found->outcome = MANIFESTS_HELD;
		return;
	}
	r = fs_read_rest(fd, MANIFEST_MAX_BYTES, &found->content);
	if (r < 0) {
		error_set(&found->err, r, "cannot read %s: %s", options->shown, strerror(-r));
		return;
	}
	found->trusted = older_than(&found->identity, TRUST_MS);
	sha256_hex(found->content.data, found->content.len, found->hash);
	found->outcome = MANIFESTS_CONTENT;
}

int manifests_read(int dirfd, const char *name, const struct manifests_read_options *options,
		   struct manifests_found *found)
{
	/* Closing it gives a lease back. */
	AUTO_CLOSE int fd = -1;
	struct stat st;

	/* Asked before it is opened, because opening a device or a fifo does things. */
	found->outcome = MANIFESTS_ERROR;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT || errno == ESTALE)
			return -ENOENT;
		error_set(&found->err, -errno, "cannot stat %s: %m", options->shown);
		return 0;
	}
	if (refuse(&st, options, &found->err) < 0)
		return 0;
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ESTALE))
		return -ENOENT; /* gone, or a link in its place: look again */
	if (fd < 0)
		error_set(&found->err, -errno, "cannot open %s: %m", options->shown);
	else
		read_open_file(fd, options, found);
	return 0;
}
